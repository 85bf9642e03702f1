/** `run` with several handlers at work: what stays in order, and that one that is stuck holds up no other. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Client } from '../../broker/index.js';
import { Deferred } from '../../native-free/client/abort.js';
import { describeEach, EACH_AND_CLUSTER, numbers } from './rig.js';

const QUEUES = 4;
const COUNT = 60;

async function fill(client: Client, topic: string, keys: number): Promise<void> {
  const producer = client.producer({ batchRecords: 16 });
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    await producer.sendBatch(
      numbers(COUNT).map((body, i) => ({ topic, body, shardingKey: `${queueId}-${i % keys}` })),
      { queueId },
    );
  }
}

describeEach('handlers side by side', EACH_AND_CLUSTER, (rig) => {
  test.each([
    ['queue', 1],
    ['key', 3],
  ] as const)('keep the order of a %s, and are as many as there is to do', async (order, keys) => {
    const { client, topic } = await rig.topic({ queues: QUEUES });
    await fill(client, topic, keys);
    const consumer = client.consumer({ group: rig.name('g'), topic });
    const atWork = new Set<string>();
    const seen = new Map<string, number[]>();
    const lines = Math.min(16, QUEUES * keys);
    // However late the messages of one line come: the others are at work until it is.
    const together = new Deferred<void>();
    let handled = 0;
    await consumer.run(
      async ({ queueId, shardingKey, offset }) => {
        const line = order === 'queue' ? String(queueId) : String(shardingKey);
        expect(atWork.has(line)).toBe(false);
        atWork.add(line);
        expect(atWork.size).toBeLessThanOrEqual(lines);
        if (atWork.size === lines) {
          together.resolve();
        }
        await together.promise;
        seen.set(line, [...(seen.get(line) ?? []), offset]);
        await delay(offset % 3);
        atWork.delete(line);
        if (++handled === QUEUES * COUNT) {
          await consumer.close();
        }
      },
      { concurrency: 16, order },
    );
    expect(seen.size).toBe(QUEUES * keys);
    for (const offsets of seen.values()) {
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(offsets).toHaveLength(COUNT / keys);
    }
  });

  test.each([
    ['queue', '0-0'],
    ['key', '2-1'],
  ] as const)('one that is stuck holds up its %s alone', async (order, stuckKey) => {
    const { client, topic } = await rig.topic({ queues: QUEUES });
    await fill(client, topic, 3);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic, revokeGraceMs: 0 });
    const handled = new Map<string, number>();
    let all = 0;
    const expected = order === 'queue' ? (QUEUES - 1) * COUNT : QUEUES * COUNT - COUNT / 3;
    let letGo = () => {};
    const stuck = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const run = consumer.run(
      async ({ shardingKey }) => {
        if (shardingKey === stuckKey) {
          await stuck;
          return;
        }
        handled.set(String(shardingKey), (handled.get(String(shardingKey)) ?? 0) + 1);
        if (++all === expected) {
          // All else is done: nothing but the stuck one is left.
          void consumer.close();
          letGo();
        }
      },
      { concurrency: 8, order },
    );
    await run;
    expect(all).toBe(expected);
  });

  test('a throw ends the run with it, after the others at work', async () => {
    const { client, topic } = await rig.topic({ queues: QUEUES });
    await fill(client, topic, 1);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic });
    let atWork = 0;
    const run = consumer.run(
      async ({ queueId, offset }) => {
        atWork++;
        await delay(1);
        atWork--;
        if (queueId === 2 && offset === 7) {
          throw new Error('enough');
        }
      },
      { concurrency: 4, order: 'queue' },
    );
    await expect(run).rejects.toThrow('enough');
    expect(atWork).toBe(0);
    const { queues } = await client.admin().describeGroup(group);
    expect(queues[2]?.committedOffset).toBe(7);
    await expect(consumer.run(() => {}, { order: 'by key' as never })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
  });
});
