/** What a broker says of itself: counters that are right, and who held a thread. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';
import {
  bucketEndMs,
  countSync,
  createStatsMemory,
  SeatMeter,
  syncBuckets,
} from '../../engine/stats/index.js';
import { connect } from '../../native-free/client/index.js';
import { monotonicMs } from '../../native-free/time/index.js';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

async function open(): Promise<Broker> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ringmq-stats-'));
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const broker = await openBroker({ dataDir, name: 'counted' });
  cleanups.push(() => broker.close());
  return broker;
}

describe('stats', () => {
  it('count what went in and out, by thread and in all', async () => {
    const broker = await open();
    const listener = await broker.listen({ port: 0, threads: 2 });
    const client = await connect(listener.url);
    cleanups.push(() => client.close());
    await client.admin().createTopic({ topic: 'orders', queues: 2 });
    await client
      .producer()
      .sendBatch(Array.from({ length: 100 }, (_, n) => ({ topic: 'orders', body: `order ${n}` })));
    await broker.client().producer().send({ topic: 'orders', body: 'from this thread' });
    const consumer = client.consumer({ group: 'billing', topic: 'orders' });
    let read = 0;
    for await (const message of consumer) {
      await message.ack();
      if (++read === 101) {
        break;
      }
    }
    await consumer.close();
    // It is counted at most once a second, and may have been a moment ago.
    await expect.poll(async () => (await client.admin().stats()).backlog, { timeout: 100_000 }).toBe(0);
    const stats = await client.admin().stats();
    expect(stats).toMatchObject({
      brokerName: 'counted',
      messagesIn: 101,
      messagesOut: 101,
      refusedBatches: 0,
      topics: 1,
      queues: 2,
      groups: 1,
      members: 0,
      backlog: 0,
      disk: 'ok',
      // The remote one, and the embedded one.
      connections: 2,
    });
    expect(stats.bytesIn).toBeGreaterThan(101 * 8);
    expect(stats.log.flushedPosition).toBe(stats.log.endPosition);
    expect(stats.log.syncs.count).toBeGreaterThan(0);
    expect(stats.log.syncs.p99Ms).toBeGreaterThanOrEqual(stats.log.syncs.p50Ms as number);
    const threads = new Map(stats.threads.map((thread) => [thread.name, thread]));
    expect(threads.get('main')).toMatchObject({ messagesIn: 1, connections: 1 });
    const listeners = stats.threads.filter((thread) => thread.name.startsWith('ringmq-listener-'));
    expect(listeners.map((thread) => thread.messagesIn).reduce((sum, n) => sum + n, 0)).toBe(100);
    expect(new Set(listeners.map((thread) => thread.name)).size).toBe(listener.threads);
    // Read from shared memory on the broker's own thread: the same.
    expect(broker.stats()).toMatchObject({ messagesIn: 101, messagesOut: 101, openingId: stats.openingId });
  });

  it('keep what a thread counted that has gone', async () => {
    const broker = await open();
    await broker.client().admin().createTopic({ topic: 'orders', queues: 1 });
    const worker = new Worker(
      `import { workerData } from 'node:worker_threads';
       const { attach } = await import(workerData.entry);
       const client = await attach(workerData.handle);
       await client.producer().send({ topic: 'orders', body: 'x' });
       await client.close();`,
      {
        eval: true,
        workerData: {
          handle: broker.handle(),
          entry: new URL('../../broker/index.js', import.meta.url).href,
        },
      },
    );
    await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    expect(broker.stats()).toMatchObject({ messagesIn: 1, connections: 1, connectionsOpened: 2 });
  });

  it('say how long a group has still to read', async () => {
    const broker = await open();
    const client = broker.client();
    await client.admin().createTopic({ topic: 'orders', queues: 1 });
    const producer = client.producer();
    for (let n = 0; n < 5; n++) {
      await producer.send({ topic: 'orders', body: `${n}` });
    }
    const consumer = client.consumer({ group: 'billing', topic: 'orders' });
    for await (const message of consumer) {
      await message.ack();
      break;
    }
    await consumer.close();
    // It is counted at most once a second, and may have been a moment ago.
    while (broker.stats().backlog !== 4) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(broker.stats()).toMatchObject({ groups: 1, backlog: 4 });
  });
});

/** What is told of a turn without work, once there was one in which nobody else held this thread. */
function toldOfNothing(newMeter: () => SeatMeter, told: string[]): string[] {
  for (;;) {
    const meter = newMeter();
    const begun = meter.begin();
    meter.end(begun, 'nothing', { label: '' });
    const said = told.splice(0);
    if (monotonicMs() - begun < 100) {
      return said;
    }
  }
}

describe('a thread', () => {
  it('that was held for long says by whom, and not again for a while', () => {
    const told: string[] = [];
    const memory = createStatsMemory(4);
    const newMeter = () => new SeatMeter(memory, 1, (message) => told.push(message));
    const meter = newMeter();
    const hold = (whose: string): void => {
      const begun = meter.begin();
      while (monotonicMs() - begun < 120) {
        // Held.
      }
      meter.end(begun, 'a request', { label: whose });
    };
    expect(toldOfNothing(newMeter, told)).toEqual([]);
    hold('connection 127.0.0.1 (billing)');
    hold('another');
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^a request of connection 127\.0\.0\.1 \(billing\) held its thread for \d+ ms$/);
    expect(meter.longestTurnMs).toBeGreaterThanOrEqual(120);
  });

  it("goes on with its seat's counts, but for what is of now", () => {
    const memory = createStatsMemory(4);
    const first = new SeatMeter(memory, 2, () => undefined);
    first.messagesIn = 7;
    first.connections = 3;
    first.longestTurnMs = 50;
    first.close();
    const second = new SeatMeter(memory, 2, () => undefined);
    expect([second.messagesIn, second.connections, second.longestTurnMs]).toEqual([7, 0, 0]);
  });
});

it('syncs are counted by how long they took, within a third of an octave', () => {
  const buckets = syncBuckets(createStatsMemory(4));
  for (const micros of [0.5, 1, 130, 1_000, 5_000_000_000]) {
    countSync(buckets, micros);
  }
  expect([...buckets].reduce((sum, n) => sum + n, 0)).toBe(5);
  const bucket = [...buckets].findIndex((n, at) => n > 0 && at > 0);
  expect(bucketEndMs(bucket)).toBeGreaterThan(0.13);
  expect(bucketEndMs(bucket)).toBeLessThan(0.13 * 1.26);
});
