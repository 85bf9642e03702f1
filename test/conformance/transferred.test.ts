/** A body that is transferred to another thread takes none of the other messages with it. */
import { expect, test } from 'vitest';
import type { ConsumedMessage, Consumer } from '../../broker/index.js';
import { describeEach, EACH, numbers, sendNumbers } from './rig.js';

const COUNT = 60;

/** What a program does that gives bodies to a pool of threads. Node refuses it, or copies, where the bytes are not the body's alone. */
function transfer({ body }: ConsumedMessage): void {
  try {
    structuredClone(body, { transfer: [body?.buffer as ArrayBuffer] });
  } catch (error) {
    expect((error as Error).name).toBe('DataCloneError');
  }
}

/** Reads all there is in one way, and transfers each body before the next message is looked at. */
const READERS: Record<
  string,
  (consumer: Consumer, take: (message: ConsumedMessage) => void) => Promise<void>
> = {
  'for await': async (consumer, take) => {
    for await (const message of consumer) {
      take(message);
      await message.ack();
      if (message.offset === COUNT - 1) {
        break;
      }
    }
  },
  poll: async (consumer, take) => {
    for (let count = 0; count < COUNT; ) {
      for (const message of await consumer.poll({ max: 7, waitMs: 100_000 })) {
        take(message);
        await message.ack();
        count++;
      }
    }
    await consumer.close();
  },
  run: (consumer, take) =>
    consumer.run((message) => {
      take(message);
      if (message.offset === COUNT - 1) {
        void consumer.close();
      }
    }),
  batches: async (consumer, take) => {
    for await (const batch of consumer.batches()) {
      let last = 0;
      for (const message of batch) {
        take(message);
        last = message.offset;
      }
      await batch.ack();
      if (last === COUNT - 1) {
        break;
      }
    }
  },
};

describeEach('bodies that are transferred', EACH, (rig) => {
  test.each(Object.entries(READERS))('%s goes on, and has every message whole', async (_name, read) => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, COUNT);
    const texts: string[] = [];
    await read(client.consumer({ group: rig.name('g'), topic }), (message) => {
      texts.push(message.text());
      transfer(message);
    });
    expect(texts).toEqual(numbers(COUNT));
  });
});
