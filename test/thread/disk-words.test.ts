/** What a thread makes of the words about the disk that another one has left. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Engine } from '../../engine/engine.js';
import type { AppendSink, TopicEntry } from '../../engine/engine-thread.js';
import { APPEND } from '../../engine/engine-thread.js';
import { FULL } from '../../engine/log/index.js';
import { Ring, SeatTable, WORD, wake } from '../../engine/ring/index.js';
import { PERSIST_SEAT } from '../../engine/term/shared-words.js';
import { BATCH_ATTRIBUTE, DURABILITY, ERRORS } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import { makeBatch } from '../transport/make-batch.js';

const LIMIT_MS = 110_000;

let dataDir: string;
let engine: Engine;
let topic: TopicEntry;
let ring: Ring;

beforeEach(async () => {
  dataDir = makeDirectory();
  engine = await Engine.open(
    { ...SMALL, dataDir, flush: 'sync' },
    { onWarning: () => {}, onFatal: () => {} },
  );
  const { topicId } = await engine.thread.call('createTopic', { topic: 'orders', queues: 1, memory: false });
  topic = (await engine.thread.resolveTopicById(topicId)) as TopicEntry;
  ring = new Ring(engine.handle.log.ring);
});
afterEach(async () => {
  await engine.close();
  removeDirectory(dataDir);
});

interface Told {
  status: number;
  durability: number;
}

/** Appends one batch. `told` is empty until its ack. */
function append(attributes = 0): { outcome: number; told: Told[] } {
  const told: Told[] = [];
  const sink: AppendSink = {
    hasTravelled: false,
    onAppended: (_id, status, durability) => told.push({ status, durability }),
  };
  const outcome = engine.thread.append(
    sink,
    1,
    makeBatch([{ body: 'x' }], { topicId: topic.topicId, attributes }),
    topic,
  );
  return { outcome, told };
}

async function until(holds: () => boolean): Promise<boolean> {
  const end = Date.now() + LIMIT_MS;
  while (!holds() && Date.now() < end) {
    await delay(1);
  }
  return holds();
}

function isFull(): boolean {
  return (Atomics.load(ring.control, WORD.full) & FULL.index) !== 0;
}

test('a refusal for want of an index block is taken back by the first thread that tries again', async () => {
  // As a thread leaves it that could not store a block and has ended since.
  Atomics.or(ring.control, WORD.full, FULL.index);
  expect(append().outcome).toBe(ERRORS.DISK_FULL.wire);
  expect(await until(() => append().outcome === APPEND.ok)).toBe(true);
});

test('and by the sweep after a thread that has ended, without anybody trying', async () => {
  const seats = new SeatTable(engine.handle.seats);
  const tag = 987_654;
  seats.take(tag);
  Atomics.or(ring.control, WORD.full, FULL.index);
  seats.markGone(tag);
  expect(await until(() => !isFull())).toBe(true);
});

test('what is on the disk when it fails is acked as that', async () => {
  const { outcome, told } = append();
  expect(outcome).toBe(APPEND.ok);
  // The persist worker does it meanwhile; this thread has no turn.
  const seats = new SeatTable(engine.handle.seats);
  const end = ring.indexed();
  const last = Date.now() + LIMIT_MS;
  while (((ring.flushed() - end) | 0) < 0 && Date.now() < last) {
    wake(seats.control, seats.parkedWord(PERSIST_SEAT));
  }
  expect(ring.flushed()).toBe(end);
  Atomics.store(ring.control, WORD.fatal, 5);
  expect(await until(() => told.length > 0)).toBe(true);
  expect(told).toEqual([{ status: 0, durability: DURABILITY.disk }]);
});

test('the persist worker is told who does not wait for the disk under sync flush', () => {
  const wanted = (): number => Atomics.load(ring.control, WORD.writtenWanted);
  const before = wanted();
  append();
  expect(wanted()).toBe(before);
  append(BATCH_ATTRIBUTE.asyncFlush);
  expect(wanted()).toBe(ring.head());
  append();
  expect((wanted() - ring.head()) | 0).toBeLessThan(0);
});
