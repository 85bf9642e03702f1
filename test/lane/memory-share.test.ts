/** A reader of one memory topic that stands still or is slow harms that topic, and no other. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Engine } from '../../engine/engine.js';
import type { AppendSink, QueueReader, TopicEntry } from '../../engine/engine-thread.js';
import { APPEND, READ } from '../../engine/engine-thread.js';
import { BATCH, readUint32, readUint64, slotAligned } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import { makeBatch } from '../transport/make-batch.js';

const RING_BYTES = SMALL.memoryRingBytes;
const BATCH_BODY = 'x'.repeat(900);
const BATCH_SLOT_BYTES = 1024;
const RING_BATCHES = RING_BYTES / BATCH_SLOT_BYTES;
const TARGET = new Uint8Array(64 * 1024);

let dataDir: string;
let engine: Engine;
let stuck: TopicEntry;
let lively: TopicEntry;

async function open(name: string): Promise<TopicEntry> {
  const { topicId } = await engine.thread.call('createTopic', { topic: name, queues: 1, memory: true });
  return (await engine.thread.resolveTopicById(topicId)) as TopicEntry;
}

beforeEach(async () => {
  dataDir = makeDirectory();
  // A hold that time alone would not end within the test.
  engine = await Engine.open(
    { ...SMALL, dataDir, memoryHoldMs: 600_000 },
    { onWarning: () => {}, onFatal: () => {} },
  );
  stuck = await open('stuck');
  lively = await open('lively');
});
afterEach(async () => {
  await engine.close();
  removeDirectory(dataDir);
});

const SINK: AppendSink = { hasTravelled: false, onAppended: () => {} };

function append(topic: TopicEntry): number {
  return engine.thread.append(SINK, 0, makeBatch([{ body: BATCH_BODY }], { topicId: topic.topicId }), topic);
}

function room(): Promise<void> {
  return new Promise((resolve) => engine.thread.onRoom(resolve));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Appends `count` batches, waiting for room where there is none. */
async function appendAll(topic: TopicEntry, count: number): Promise<void> {
  for (let done = 0; done < count; ) {
    const outcome = append(topic);
    if (outcome === APPEND.full) {
      await room();
    } else {
      expect(outcome).toBe(APPEND.ok);
      done++;
      await turn();
    }
  }
}

/** Appends until there is no room; how many were taken. */
async function appendTillFull(topic: TopicEntry): Promise<number> {
  for (let taken = 0; ; taken++) {
    if (append(topic) === APPEND.full) {
      return taken;
    }
    await turn();
  }
}

/** Reads what there is: base offsets, and how often the reader was set forward. */
function drain(reader: QueueReader): { offsets: number[]; moves: number } {
  const offsets: number[] = [];
  let moves = 0;
  for (;;) {
    const result = reader.read(TARGET, 0, TARGET.length, -1, -1);
    if (result === READ.none) {
      return { offsets, moves };
    }
    if (result === READ.skipped) {
      moves++;
      continue;
    }
    expect(result).toBe(READ.some);
    for (let at = 0; at < reader.bytes; at += slotAligned(readUint32(TARGET, at))) {
      offsets.push(readUint64(TARGET, at + BATCH.baseOffset));
    }
  }
}

describe('a reader that stands still', () => {
  test('does not hold up another topic, whose own reader gets everything', async () => {
    const still = engine.thread.openReader(stuck, 0, 0);
    const reader = engine.thread.openReader(lively, 0, 0);
    await appendAll(stuck, 3);
    const count = 4 * RING_BATCHES;
    const offsets: number[] = [];
    for (let i = 0; i < count; i++) {
      await appendAll(lively, 1);
      offsets.push(...drain(reader).offsets);
    }
    expect(offsets).toEqual(Array.from({ length: count }, (_x, i) => i));
    still.close();
    reader.close();
  });

  test('is set forward in one step to what the ring still has', async () => {
    const still = engine.thread.openReader(stuck, 0, 0);
    await appendAll(stuck, RING_BATCHES / 4);
    await appendAll(lively, 2 * RING_BATCHES);
    expect(drain(still)).toEqual({ offsets: [], moves: 1 });
    expect(still.offset).toBe(RING_BATCHES / 4);
    await turn();
    await appendAll(stuck, 2);
    expect(drain(still)).toEqual({ offsets: [RING_BATCHES / 4, RING_BATCHES / 4 + 1], moves: 0 });
    still.close();
  });

  test('holds up its own topic, and loses nothing by that', async () => {
    const still = engine.thread.openReader(stuck, 0, 0);
    await appendAll(stuck, 1);
    await turn();
    const taken = 1 + (await appendTillFull(stuck));
    expect(taken).toBeGreaterThan(RING_BATCHES / 4);
    expect(taken).toBeLessThan(RING_BATCHES);
    await turn();
    expect(append(stuck)).toBe(APPEND.full);
    // Others still have half a ring, and more once it is needed.
    await appendAll(lively, RING_BATCHES / 4);
    const waiting = room();
    const first = drain(still);
    expect(first).toEqual({ offsets: Array.from({ length: taken }, (_x, i) => i), moves: 0 });
    await waiting;
    expect(append(stuck)).toBe(APPEND.ok);
    await turn();
    expect(drain(still)).toEqual({ offsets: [taken], moves: 0 });
    still.close();
  });
});

test('a slow reader that moves on and on does not hold up another topic either', async () => {
  const slow = engine.thread.openReader(stuck, 0, 0);
  const reader = engine.thread.openReader(lively, 0, 0);
  let got = 0;
  for (let round = 0; round < 8 * RING_BATCHES; round++) {
    await appendAll(lively, 1);
    got += drain(reader).offsets.length;
    if (round % 16 === 0) {
      append(stuck);
      // One batch of all that waits.
      slow.read(TARGET, 0, BATCH_SLOT_BYTES, -1, -1);
    }
  }
  expect(got).toBe(8 * RING_BATCHES);
  slow.close();
  reader.close();
});
