/** What a session relies on in a reader of a queue, over the broker's own and over the one that the sessions' tests stand on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine } from '../../engine/engine.js';
import type { AppendSink, QueueReader, TopicEntry } from '../../engine/engine-thread.js';
import { APPEND, READ } from '../../engine/engine-thread.js';
import { BATCH, readUint32, readUint64, slotAligned, tagFilterBloom } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import { FakeEngine } from '../transport/fake-engine.js';
import { makeBatch } from '../transport/make-batch.js';

interface Source {
  /** Stores batches of one record each, one for each tag, and resolves when they may be read. */
  store(topic: TopicEntry, tags: readonly string[]): Promise<void>;
  topic(): Promise<TopicEntry>;
  open(topic: TopicEntry, offset: number): QueueReader;
  remove(topic: TopicEntry): Promise<void>;
  close(): Promise<void>;
}

function fakeSource(): Source {
  const engine = new FakeEngine();
  let topics = 0;
  return {
    topic: async () => engine.addTopic(++topics, 1),
    store: async (topic, tags) => {
      for (const tag of tags) {
        engine.store(makeBatch([{ tag, body: tag }], { topicId: topic.topicId }));
      }
      engine.progress();
    },
    open: (topic, offset) => engine.openReader(topic, 0, offset),
    remove: async (topic) => engine.changeTopic(topic),
    close: () => engine.close(),
  };
}

async function engineSource(memory: boolean): Promise<Source> {
  const dataDir = makeDirectory();
  const engine = await Engine.open(
    { ...SMALL, memoryRingBytes: 4 * 1024 * 1024, flush: 'async', dataDir },
    { onWarning: () => {}, onFatal: () => {} },
  );
  const { thread } = engine;
  let topics = 0;
  return {
    topic: async () => {
      const name = `topic-${++topics}`;
      const { topicId } = await thread.call('createTopic', { topic: name, queues: 1, memory });
      return (await thread.resolveTopicById(topicId)) as TopicEntry;
    },
    store: (topic, tags) => appendAll(engine, topic, tags),
    open: (topic, offset) => thread.openReader(topic, 0, offset),
    remove: async (topic) => void (await thread.call('deleteTopic', { topic: topic.topic })),
    close: async () => {
      await engine.close();
      removeDirectory(dataDir);
    },
  };
}

/** Resolves when all are acked. */
function appendAll({ thread }: Engine, topic: TopicEntry, tags: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let told = 0;
    let next = 0;
    const sink: AppendSink = {
      hasTravelled: false,
      onAppended: (_id, status) => {
        if (status !== 0) {
          reject(new Error(`batch refused with ${status}`));
        } else if (++told === tags.length) {
          resolve();
        }
      },
    };
    const step = (): void => {
      for (; next < tags.length; next++) {
        const tag = tags[next] as string;
        const batch = makeBatch([{ tag, body: tag }], { topicId: topic.topicId });
        const outcome = thread.append(sink, next, batch, topic);
        if (outcome === APPEND.full) {
          thread.onRoom(step);
          return;
        }
        if (outcome !== APPEND.ok) {
          reject(new Error(`batch refused with ${outcome}`));
          return;
        }
      }
    };
    step();
  });
}

const TARGET = new Uint8Array(256 * 1024);
const ALL: [number, number] = [-1, -1];

function bloomOf(tag: string): [number, number] {
  const { low, high } = tagFilterBloom([Buffer.from(tag)]);
  return [low, high];
}

/** Base offsets of the batches that the last read has copied. */
function offsetsIn(bytes: number): number[] {
  const offsets: number[] = [];
  for (let at = 0; at < bytes; at += slotAligned(readUint32(TARGET, at + BATCH.length))) {
    offsets.push(readUint64(TARGET, at + BATCH.baseOffset));
  }
  return offsets;
}

function readable(reader: QueueReader): Promise<QueueReader> {
  return new Promise((resolve) => reader.watch(resolve));
}

/** Reads to the end, and returns what it found and how many reads gave nothing. */
function readToEnd(
  reader: QueueReader,
  bloom: [number, number],
): { offsets: number[]; emptyReads: number; longest: number } {
  const offsets: number[] = [];
  let emptyReads = 0;
  let longest = 0;
  for (;;) {
    const before = reader.offset;
    const result = reader.read(TARGET, 0, TARGET.length, ...bloom);
    longest = Math.max(longest, reader.offset - before);
    if (result === READ.none) {
      return { offsets, emptyReads, longest };
    }
    expect(result).toBe(READ.some);
    expect(reader.offset).toBeGreaterThan(before);
    expect(reader.costBytes).toBeGreaterThanOrEqual(reader.bytes);
    offsets.push(...offsetsIn(reader.bytes));
    emptyReads += reader.bytes === 0 ? 1 : 0;
  }
}

describe.each([
  ['the fake of the sessions', async () => fakeSource()],
  ['a log topic', () => engineSource(false)],
  ['a memory topic', () => engineSource(true)],
])('reader contract: %s', (_name, make) => {
  let source: Source;
  beforeAll(async () => {
    source = await make();
  });
  afterAll(() => source.close());

  test('gives every batch once, in order, then none', async () => {
    const topic = await source.topic();
    await source.store(topic, ['a', 'b', 'c']);
    const reader = source.open(topic, 0);
    expect(readToEnd(reader, ALL).offsets).toEqual([0, 1, 2]);
    expect(reader.offset).toBe(3);
    expect(reader.read(TARGET, 0, TARGET.length, ...ALL)).toBe(READ.none);
    reader.close();
  });

  test('a watcher is called when there is more', async () => {
    const topic = await source.topic();
    const reader = source.open(topic, 0);
    expect(reader.read(TARGET, 0, TARGET.length, ...ALL)).toBe(READ.none);
    const told = readable(reader);
    await source.store(topic, ['a']);
    expect(await told).toBe(reader);
    expect(readToEnd(reader, ALL).offsets).toEqual([0]);
    reader.close();
  });

  test('a long backlog that the filter does not want is passed over in bounded reads', async () => {
    const topic = await source.topic();
    const count = 12_000;
    await source.store(topic, [...new Array<string>(count).fill('other'), 'wanted']);
    const reader = source.open(topic, 0);
    const { offsets, emptyReads, longest } = readToEnd(reader, bloomOf('wanted'));
    expect(offsets).toEqual([count]);
    expect(emptyReads).toBeGreaterThan(1);
    expect(longest).toBeLessThan(count / 2);
    expect(reader.offset).toBe(count + 1);
    reader.close();
  });

  test('a batch that does not fit says what it needs, and is not passed over', async () => {
    const topic = await source.topic();
    await source.store(topic, ['a']);
    const reader = source.open(topic, 0);
    expect(reader.read(TARGET, 0, 64, ...ALL)).toBe(READ.tooSmall);
    expect(reader.neededBytes).toBeGreaterThan(64);
    expect(reader.offset).toBe(0);
    expect(reader.read(TARGET, 0, slotAligned(reader.neededBytes), ...ALL)).toBe(READ.some);
    reader.close();
  });

  test('a deleted topic is dead, and the watcher is called for it', async () => {
    const topic = await source.topic();
    const reader = source.open(topic, 0);
    expect(reader.read(TARGET, 0, TARGET.length, ...ALL)).toBe(READ.none);
    const told = readable(reader);
    await source.remove(topic);
    await told;
    expect(reader.read(TARGET, 0, TARGET.length, ...ALL)).toBe(READ.dead);
    reader.close();
  });
});
