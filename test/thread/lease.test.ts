/** A master on a controller's lease: what it takes and acks follows the monotonic clock, whatever its timers and the wall clock do. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { Engine } from '../../engine/engine.js';
import { APPEND, type AppendSink, type TopicEntry } from '../../engine/engine-thread.js';
import type { EngineOptions } from '../../engine/options.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { ERRORS } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import { makeBatch } from '../transport/make-batch.js';

const LONG_MS = 600_000;
/** Nobody speaks to it here: the test is the controller. */
const controller = 'etcd://127.0.0.1:1';

let dataDir: string;
let engine: Engine;
let topic: TopicEntry;

beforeEach(async () => {
  dataDir = makeDirectory();
  engine = await open();
  await engine.replication.promotion.lead(1);
  engine.mastership.setLease(monotonicMs() + LONG_MS);
  const { topicId } = await engine.thread.call('createTopic', { topic: 't', queues: 1, memory: false });
  topic = (await engine.thread.resolveTopicById(topicId)) as TopicEntry;
});
afterEach(async () => {
  vi.useRealTimers();
  await engine.close();
  removeDirectory(dataDir);
});

function open(options: EngineOptions = {}): Promise<Engine> {
  return Engine.open(
    { ...SMALL, dataDir, flush: 'async', controller, ...options },
    { onWarning: () => {}, onFatal: () => {} },
  );
}

/** Appends one batch; `acks` is empty until it is acked. */
function append(): { outcome: number; acks: number[] } {
  const acks: number[] = [];
  const sink: AppendSink = { hasTravelled: false, onAppended: (_id, status) => acks.push(status) };
  const batch = makeBatch([{ body: 'x' }], { topicId: topic.topicId });
  return { outcome: engine.thread.append(sink, 1, batch, topic), acks };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) {
    await delay(1);
  }
}

/** As a process that is stopped: no timer runs, and nothing of this thread, while the clock goes on. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('what was taken before it stood still for longer than the lease is not acked when it goes on, and is once the lease is renewed', async () => {
  const { outcome, acks } = append();
  expect(outcome).toBe(APPEND.ok);
  engine.mastership.setLease(monotonicMs() + 100);
  standStill(150);
  await delay(50);
  expect(acks).toEqual([]);
  expect(append().outcome).toBe(ERRORS.NOT_MASTER.wire);
  await expect(
    engine.thread.call('createTopic', { topic: 'u', queues: 1, memory: false }),
  ).rejects.toMatchObject({ code: 'NOT_MASTER' });
  engine.mastership.setLease(monotonicMs() + LONG_MS);
  await until(() => acks.length > 0);
  expect(acks).toEqual([0]);
  expect(append().outcome).toBe(APPEND.ok);
});

test('a lease that is given up ends at once', () => {
  engine.mastership.setLease(Number.NEGATIVE_INFINITY);
  expect(append().outcome).toBe(ERRORS.NOT_MASTER.wire);
});

test('the wall clock does not matter', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() + 10 * LONG_MS);
  const { acks } = append();
  await until(() => acks.length > 0);
  engine.mastership.setLease(monotonicMs() + 50);
  vi.setSystemTime(Date.now() - 20 * LONG_MS);
  standStill(100);
  expect(append().outcome).toBe(ERRORS.NOT_MASTER.wire);
});

test('an opening is nobody’s master before the controller has said so, whatever it was', async () => {
  await engine.close();
  engine = await open();
  expect(engine.mastership.leads).toBeNull();
  expect(append().outcome).toBe(ERRORS.NOT_MASTER.wire);
  // Its epochs go on above those that it has had.
  await expect(engine.replication.promotion.lead(1)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  await expect(engine.replication.promotion.promote(0, false)).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
  });
  await engine.replication.promotion.lead(2);
  expect(engine.mastership.leads).toBe(2);
});

test('all that a master took over counts as acked: who lacks some of it does not come into the set', async () => {
  await engine.close();
  engine = await open({ replication: 'sync', minInSync: 1 });
  // Of the term that begins here nothing can be acked: there is no slave.
  await engine.replication.promotion.lead(2);
  await engine.close();
  engine = await open({ replication: 'sync', minInSync: 1 });
  const { position } = engine.replication.standing.end;
  await engine.replication.promotion.lead(3);
  expect(engine.replication.standing.ackedPosition).toBe(position);
});

test.each([
  [{ role: 'master' as const }, /`role`/],
  [{ role: 'slave' as const, brokerSet: 'a', master: 'ws://127.0.0.1:1' }, /`master`/],
])('what a controller decides cannot be said beside it: %j', async (options, said) => {
  await expect(openBroker({ dataDir, controller, ...options })).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: expect.stringMatching(said),
  });
});
