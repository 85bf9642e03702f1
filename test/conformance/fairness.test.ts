/** One queue of a consumer does not hold up another. */
import { expect, test } from 'vitest';
import { until } from '../replica/nodes.js';
import { describeEach, EACH_AND_CLUSTER, numbers } from './rig.js';

const QUEUES = 4;
const COUNT = 100;

describeEach('queues of one consumer', EACH_AND_CLUSTER, (rig) => {
  test('a message whose handler always throws starves no other queue, over restarts', async () => {
    for (const poisoned of [0, 1]) {
      for (const batchRecords of [COUNT, 1]) {
        const { client, topic } = await rig.topic({ queues: QUEUES });
        const producer = client.producer({ batchRecords });
        await Promise.all(
          Array.from({ length: QUEUES }, (_, queueId) =>
            producer.sendBatch(
              numbers(COUNT).map((body) => ({ topic, body })),
              { queueId },
            ),
          ),
        );
        const handled = Array.from({ length: QUEUES }, () => new Set<number>());
        const group = rig.name('g');
        const isDone = () => handled.every((set, queueId) => queueId === poisoned || set.size === COUNT);
        // Each start begins at a queue by chance: bounded, and far beyond any bad luck.
        for (let start = 0; start < 200 && !isDone(); start++) {
          const consumer = client.consumer({ group, topic, commitIntervalMs: 1 });
          const run = consumer.run((message) => {
            if (message.queueId === poisoned) {
              throw new Error('cannot be handled');
            }
            handled[message.queueId]?.add(message.offset);
            if (isDone()) {
              void consumer.close();
            }
          });
          await run.catch((error: Error) => expect(error.message).toBe('cannot be handled'));
          await consumer.close();
        }
        expect(handled.map((set) => set.size)).toEqual(
          Array.from({ length: QUEUES }, (_, queueId) => (queueId === poisoned ? 0 : COUNT)),
        );
      }
    }
  });

  test('queues that all have something are handed out in turn', async () => {
    const { client, topic } = await rig.topic({ queues: QUEUES });
    const producer = client.producer({ batchRecords: 1 });
    const body = new Uint8Array(20_000);
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      await producer.sendBatch(
        numbers(COUNT).map(() => ({ topic, body })),
        { queueId },
      );
    }
    const consumer = client.consumer({ group: rig.name('g'), topic, windowBytes: 16 * 1024 * 1024 });
    const loop = consumer.batches();
    const first = loop.next();
    // All of it has arrived before the second batch is taken.
    await until(() => consumer.bufferedBytes > QUEUES * (COUNT - 1) * body.length);
    const seen = new Array<number>(QUEUES).fill(0);
    let inAll = 0;
    for (let next = await first; next.done !== true; next = await loop.next()) {
      seen[next.value.queueId] = (seen[next.value.queueId] as number) + 1;
      await next.value.ack();
      // The first may have been the only one there; from then on a turn is four of these batches.
      if (++inAll > 5) {
        expect(Math.max(...seen) - Math.min(...seen)).toBeLessThanOrEqual(5);
      }
      if (inAll === QUEUES * COUNT) {
        break;
      }
    }
    await consumer.close();
  });
});
