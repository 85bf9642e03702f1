/** Several threads of one process on one broker: memory topics from thread to thread, and threads that are terminated. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Broker,
  type BrokerEvents,
  type BrokerHandle,
  type Client,
  type OpenBrokerOptions,
  openBroker,
  type Producer,
} from '../../broker/index.js';
import { Ring, SeatTable } from '../../engine/ring/index.js';
import { until } from '../replica/nodes.js';
import { startJob } from './job-thread.js';
import { numbers, take } from './rig.js';

const KIB = 1024;
let dataDir: string;
let broker: Broker;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-threads-'));
});

afterEach(async () => {
  await broker.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(options: OpenBrokerOptions & BrokerEvents): Promise<void> {
  broker = await openBroker({ dataDir, maxQueues: 1024, ...options });
}

describe('memory topics from thread to thread', () => {
  // A ring that the messages go round many times: whoever does not wait for the reader loses some.
  const tiny = {
    spanBytes: 16 * KIB,
    memoryRingBytes: 128 * KIB,
    ringBytes: 128 * KIB,
    segmentBytes: 256 * KIB,
  };

  test.for([
    { producers: 1, consumers: 1, count: 60_000 },
    { producers: 3, consumers: 2, count: 20_000 },
  ])('nothing is lost: $producers to $consumers', async ({ producers, consumers, count }) => {
    await open(tiny);
    await broker.client().admin().createTopic({ topic: 'm', queues: 1, memory: true });
    const handle = broker.handle();
    const readers = Array.from({ length: consumers }, (_, i) =>
      startJob(handle, {
        type: 'consume',
        topic: 'm',
        group: `g${i}`,
        count: producers * count,
        window: 64 * KIB,
      }),
    );
    await Promise.all(readers.map((reader) => Promise.race([reader.ready, reader.done])));
    const writers = Array.from({ length: producers }, (_, i) =>
      startJob(handle, { type: 'produce', topic: 'm', tag: `p${i}`, count, bytes: 100 }),
    );
    expect(await Promise.all(writers.map((writer) => writer.done))).toEqual(writers.map(() => count));
    expect(await Promise.all(readers.map((reader) => reader.done))).toEqual(
      readers.map(() => producers * count),
    );
    await Promise.all([...readers, ...writers].map((job) => job.exited));
  });

  test('a producer waits for a consumer that pauses, and goes on with it', async () => {
    await open(tiny);
    const client = broker.client();
    await client.admin().createTopic({ topic: 'm', queues: 1, memory: true });
    const consumer = client.consumer({ group: 'g', topic: 'm', windowBytes: 64 * KIB });
    const loop = consumer[Symbol.asyncIterator]();
    const first = loop.next();
    await consumer.assigned;
    const writer = startJob(broker.handle(), {
      type: 'produce',
      topic: 'm',
      tag: 'p',
      count: 10_000,
      bytes: 100,
    });
    expect((await first).value?.offset).toBe(0);
    // Read a little, then let others run for a while: the ring is an eighth of what is to come.
    let expected = 1;
    for (let pause = 0; pause < 20; pause++) {
      for (let i = 0; i < 50; i++) {
        expect((await loop.next()).value?.offset).toBe(expected++);
      }
      const before = (await client.admin().describeTopic('m')).queueStates[0]?.maxOffset as number;
      expect(before - expected).toBeLessThan(4000);
    }
    while (expected < 10_000) {
      expect((await loop.next()).value?.offset).toBe(expected++);
    }
    expect(await writer.done).toBe(10_000);
    await writer.exited;
    await loop.return?.();
  });
});

/** Sends to topic `t` until it is stopped, which resolves with how much was acked. */
function sendOn(producer: Producer): { stop(): Promise<number> } {
  let goOn = true;
  let acked = 0;
  const running = (async () => {
    while (goOn) {
      await producer.sendBatch(
        numbers(10, acked).map((body) => ({ topic: 't', tag: 'own', body, shardingKey: 'own' })),
      );
      acked += 10;
      // Nobody reads meanwhile: at full speed it would fill a memory topic's part of the ring, and wait for
      // those who do not read.
      await delay(1);
    }
  })();
  return {
    stop: async () => {
      goOn = false;
      await running;
      return acked;
    },
  };
}

/** A thread that sends to topic `t`, and reads it, until it is terminated: how much was acked to it. */
async function hammer(handle: BrokerHandle, tag: string): Promise<number> {
  const count = new Int32Array(new SharedArrayBuffer(4));
  const job = startJob(handle, { type: 'hammer', topic: 't', tag, group: 'g', acked: count.buffer });
  // At least one batch is through; where it is cut off then is anyone's guess.
  const seen = Atomics.waitAsync(count, 0, 0);
  await Promise.race([seen.value, job.done]);
  await new Promise((resolve) => setImmediate(resolve));
  await job.worker.terminate();
  return Atomics.load(count, 0);
}

/** What topic `t` has, by tag. */
async function storedNumbers(client: Client): Promise<Map<string, number[]>> {
  const { queueStates } = await client.admin().describeTopic('t');
  const total = queueStates.reduce((sum, queue) => sum + queue.maxOffset, 0);
  const bodies = new Map<string, number[]>();
  for (const message of await take(client.consumer({ group: 'check', topic: 't' }), total)) {
    const tag = message.tag as string;
    const list = bodies.get(tag) ?? [];
    list.push(Number(message.text()));
    bodies.set(tag, list);
  }
  return bodies;
}

describe('attached threads that are terminated', () => {
  test.for([
    { flush: 'sync', memory: false, rounds: 10 },
    { flush: 'async', memory: true, rounds: 4 },
  ] as const)(
    'leave nothing wedged: $flush flush, memory topic $memory',
    async ({ flush, memory, rounds }) => {
      // Fewer seats than threads that come and go: each must be free again.
      const warnings: string[] = [];
      const openedAt = performance.now();
      await open({
        flush,
        maxThreads: 8,
        ringBytes: 32 * 1024 * KIB,
        onWarning: (message) => warnings.push(message),
      });
      const client = broker.client();
      await client.admin().createTopic({ topic: 't', queues: 2, memory });
      const handle = broker.handle();
      const survivor = sendOn(client.producer());
      const acked = new Map<string, number>();
      for (let round = 0; round < rounds; round++) {
        const tags = ['a', 'b'].map((name) => `${name}${round}`);
        await Promise.all(tags.map(async (tag) => acked.set(tag, await hammer(handle, tag))));
      }
      acked.set('own', await survivor.stop());
      // All terminated members have left: another one gets all the queues.
      const heir = client.consumer({ group: 'g', topic: 't' });
      const queues = heir.batches();
      void queues.next();
      await until(() => heir.queues.length === 2);
      expect((await client.admin().describeGroup('g')).members).toBe(1);
      await queues.return?.();
      // Told, and once a minute at most.
      const told = warnings.filter((line) => /^thread .+ ended without closing/.test(line)).length;
      expect(told).toBeGreaterThan(0);
      expect(told).toBeLessThanOrEqual(1 + Math.floor((performance.now() - openedAt) / 60_000));

      const bodies = await storedNumbers(client);
      for (const [tag, count] of acked) {
        const stored = (bodies.get(tag) ?? []).sort((a, b) => a - b);
        expect(new Set(stored).size, tag).toBe(stored.length);
        expect(stored.slice(0, count), tag).toEqual(Array.from({ length: count }, (_, i) => i));
      }
    },
  );

  test.for(['sync', 'async'] as const)(
    'do not keep the broker from closing when they held the persist role: %s flush',
    async (flush) => {
      await open({ flush });
      const client = broker.client();
      await client.admin().createTopic({ topic: 't', queues: 1 });
      await client.producer().send({ topic: 't', body: 'x' });
      const handle = broker.handle();
      const seats = new SeatTable(handle.seats);
      const { persistRole } = new Ring(handle.log.ring);
      const tag = 1_000_000;
      const seat = seats.take(tag);
      while (!persistRole.tryTake(seat)) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      // Dead from here on, and not swept: nobody was told, and the next sweep by the clock is too late.
      seats.markGone(tag);
      await broker.close();
      expect(persistRole.holder()).toBe(-1);
      broker = await openBroker({ dataDir, maxQueues: 1024 });
      expect(await take(broker.client().consumer({ group: 'g', topic: 't' }), 1)).toHaveLength(1);
    },
  );
});
