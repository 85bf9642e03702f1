/** Neighbours that do little, and want it done: each measures one thing it does, again and again. */
import type { Place } from './place.js';

export interface GoodNeighbour {
  readonly name: string;
  /** Ready to do its thing once: the returned function does it, and resolves when it is done. */
  start(place: Place): Promise<() => Promise<void>>;
}

/** Enough that a ring is gone round within a second. */
const BODY_BYTES = 8_192;

/** Sends a message and has it come back. */
function roundTrip(name: string, memory: boolean): GoodNeighbour {
  return {
    name,
    start: async (place) => {
      const [sender, receiver] = await Promise.all([place.client(), place.client()]);
      const topic = memory ? 'good-memory' : 'good-durable';
      await sender.admin().createTopic({ topic, queues: 1, memory });
      const producer = sender.producer();
      const consumer = receiver.consumer({ group: 'good', topic });
      // A memory topic keeps the first message for nobody who has not got the queue yet.
      await consumer.assigned;
      const messages = consumer[Symbol.asyncIterator]();
      let number = 0;
      return async () => {
        const body = `${number++}`.padEnd(BODY_BYTES, ' ');
        const next = messages.next();
        await producer.send({ topic, body });
        const { value, done } = await next;
        if (done === true || value.text() !== body) {
          throw new Error(`message ${body.trim()} was not the next to come`);
        }
        await value.ack();
      };
    },
  };
}

export const GOOD_NEIGHBOURS: readonly GoodNeighbour[] = [
  roundTrip('a durable topic, there and back', false),
  roundTrip('a memory topic, there and back', true),
  {
    name: 'a small request',
    start: async (place) => {
      const client = await place.client();
      await client.admin().createTopic({ topic: 'good-requests', queues: 1 });
      return async () => void (await client.admin().describeTopic('good-requests'));
    },
  },
];
