/** A topic grows again and again while many send to it and read from it. */
import { expect, test } from 'vitest';
import type { Client, Producer } from '../../broker/index.js';
import { describeEach, EACH_AND_CLUSTER } from './rig.js';

const STEPS = [5, 8, 9, 16, 33, 64];
const LAST = 64;
/** A producer sends at least so many. */
const SENT = 300;

interface Stored {
  producer: number;
  number: number;
  key: string | null;
  queueId: number;
  offset: number;
}

/** Sends until it has stored something in every one of the queues there are in the end. */
async function sendOn(producer: Producer, id: number, topic: string): Promise<Stored[]> {
  const stored: Stored[] = [];
  const queues = new Set<number>();
  for (let number = 0; number < SENT || queues.size < LAST; ) {
    const sent: Promise<Stored>[] = [];
    for (let i = 0; i < 8; i++, number++) {
      const key = number % 3 === 0 ? `key-${number % 17}` : null;
      const of = { producer: id, number, key };
      const shardingKey = key ?? undefined;
      const message = {
        topic,
        body: JSON.stringify(of),
        ...(shardingKey === undefined ? {} : { shardingKey }),
      };
      sent.push(producer.send(message).then(({ queueId, offset }) => ({ ...of, queueId, offset })));
    }
    for (const each of await Promise.all(sent)) {
      stored.push(each);
      queues.add(each.queueId);
    }
  }
  return stored;
}

const placeOf = ({ queueId, offset }: { queueId: number; offset: number }) => `${queueId}/${offset}`;

describeEach('growth in a storm', EACH_AND_CLUSTER, (rig) => {
  test('nothing is lost, nothing comes twice, each queue is in order', async () => {
    const { client, topic } = await rig.topic({ queues: 4 });
    const others: Client[] = [await rig.client(), await rig.client()];
    const group = rig.name('g');
    const consumers = others.map((each) => each.consumer({ group, topic }));
    await Promise.all(consumers.map((consumer) => consumer.assigned));
    const found: (Stored & { by: number })[] = [];
    let expected = Number.POSITIVE_INFINITY;
    const closeAtEnd = (): void => {
      if (found.length >= expected) {
        for (const consumer of consumers) {
          void consumer.close();
        }
      }
    };
    const reading = consumers.map(async (consumer, by) => {
      for await (const message of consumer) {
        found.push({ ...JSON.parse(message.text()), queueId: message.queueId, offset: message.offset, by });
        await message.ack();
        closeAtEnd();
      }
    });
    const sending = [client, ...others].map((each, id) => sendOn(each.producer(), id, topic));
    const own = others[0]?.producer() as Producer;
    const between: Stored[] = [];
    for (const queues of STEPS) {
      await client.admin().growTopic({ topic, queues });
      for (let i = 0; i < 5; i++) {
        const of = { producer: 9, number: between.length, key: null };
        const { queueId, offset } = await own.send({ topic, body: JSON.stringify(of) });
        between.push({ ...of, queueId, offset });
      }
    }
    const stored = [...(await Promise.all(sending)).flat(), ...between];
    expected = stored.length;
    closeAtEnd();
    await Promise.all(reading);

    expect(found.map(placeOf).sort()).toEqual(stored.map(placeOf).sort());
    const last = new Map<string, number>();
    for (const { producer, number, key, queueId, offset } of found) {
      const rises = (what: string, value: number): void => {
        expect(value, `${what} ${queueId}/${offset}`).toBeGreaterThan(last.get(what) ?? -1);
        last.set(what, value);
      };
      rises(`queue ${queueId}`, offset);
      if (key !== null) {
        rises(`${producer} ${key} ${queueId}`, number);
      }
    }
    const { queues } = await client.admin().describeGroup(group);
    expect(queues.map(({ lag }) => lag)).toEqual(queues.map(() => 0));
    expect(queues).toHaveLength(LAST);
  });
});
