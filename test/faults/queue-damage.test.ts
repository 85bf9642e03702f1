/** Damage stays where it is: it ends the reading of its queue, is told with its place, and can be passed over. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Engine } from '../../engine/engine.js';
import type { QueueReader, TopicEntry } from '../../engine/engine-thread.js';
import { READ } from '../../engine/engine-thread.js';
import { BATCH, readUint32, readUint64, slotAligned } from '../../native-free/wire/index.js';
import { flipBit, garble, indexFiles, mapLog, type StoredBatch } from './log-map.js';
import {
  makeDirectory,
  removeDirectory,
  SMALL,
  sendNumbers,
  type Warning,
  withBroker,
} from './small-broker.js';

const TOPIC = 'orders';
const QUEUES = 3;
/** Messages in each queue: some segments, so that the ring does not have the first of them. */
const COUNT = 200;
const TARGET = new Uint8Array(256 * 1024);

let dataDir: string;
beforeEach(async () => {
  dataDir = makeDirectory();
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: TOPIC, queues: QUEUES });
    for (let at = 0; at < COUNT; at += 50) {
      for (let queueId = 0; queueId < QUEUES; queueId++) {
        await sendNumbers(client, TOPIC, at, at + 50, queueId);
      }
    }
  });
});
afterEach(() => removeDirectory(dataDir));

/** Opens the engine, and gives the warnings it has said. */
async function withEngine(
  work: (engine: Engine, topic: TopicEntry, warnings: Warning[]) => Promise<void>,
): Promise<void> {
  const warnings: Warning[] = [];
  const engine = await Engine.open(
    { ...SMALL, dataDir },
    {
      // How long a turn took is of the machine.
      onWarning: (message, details) =>
        void (message.includes(' held its thread for ') || warnings.push({ message, details })),
      onFatal: () => {},
    },
  );
  try {
    const { topicId } = await engine.thread.call('topicMetadata', { topic: TOPIC });
    await work(engine, (await engine.thread.resolveTopicById(topicId)) as TopicEntry, warnings);
  } finally {
    await engine.close();
  }
}

function batchesOf(queueId: number): StoredBatch[] {
  return mapLog(dataDir).batches.filter((batch) => batch.queueId === queueId);
}

/** Offsets of the messages a reader gives until it says something else than "there may be more", and what it says. */
function read(reader: QueueReader): { offsets: number[]; result: number } {
  const offsets: number[] = [];
  for (;;) {
    const result = reader.read(TARGET, 0, TARGET.length, -1, -1);
    if (result !== READ.some) {
      return { offsets, result };
    }
    for (let at = 0; at < reader.bytes; at += slotAligned(readUint32(TARGET, at))) {
      const base = readUint64(TARGET, at + BATCH.baseOffset);
      for (let i = 0; i < readUint32(TARGET, at + BATCH.recordCount); i++) {
        offsets.push(base + i);
      }
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_x, i) => from + i);
}

async function expectOthersWhole(engine: Engine, topic: TopicEntry): Promise<void> {
  for (const queueId of [0, 2]) {
    const reader = engine.thread.openReader(topic, queueId, 0);
    expect(read(reader)).toEqual({ offsets: range(0, COUNT), result: READ.none });
    reader.close();
  }
}

test('damaged headers of a queue: the queue stops there, the others do not, and reading goes on behind', async () => {
  await withEngine(async (engine, topic, warnings) => {
    // While the broker runs, so that recovery has not seen it.
    const batches = batchesOf(1);
    const from = batches[3] as StoredBatch;
    const behind = batches[6] as StoredBatch;
    for (const batch of batches.slice(3, 6)) {
      flipBit(dataDir, batch.position + BATCH.baseOffset);
    }
    await expectOthersWhole(engine, topic);
    const reader = engine.thread.openReader(topic, 1, 0);
    expect(read(reader)).toEqual({ offsets: range(0, from.baseOffset), result: READ.damaged });
    expect(reader.offset).toBe(from.baseOffset);
    expect(reader.damagePosition).toBe(from.position);
    expect(read(reader)).toEqual({ offsets: [], result: READ.damaged });
    reader.skipDamage();
    expect(reader.offset).toBe(behind.baseOffset);
    expect(read(reader)).toEqual({ offsets: range(behind.baseOffset, COUNT), result: READ.none });
    reader.close();

    const described = await engine.thread.call('describeTopic', { topic: TOPIC });
    const damage = [
      expect.objectContaining({ offset: from.baseOffset, position: from.position, code: 'LOG_CORRUPT' }),
    ];
    expect(described.queueStates.map((queue) => queue.damage)).toEqual([undefined, damage, undefined]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({
      message: expect.stringContaining(`queue 1 of ${TOPIC} cannot be read at offset ${from.baseOffset}`),
      details: { topic: TOPIC, queueId: 1, offset: from.baseOffset, position: from.position },
    });
  });
});

test('a stretch that recovery found damaged is a gap of its queues, which can be passed over', async () => {
  const batches = batchesOf(1);
  const lost = batches[2] as StoredBatch;
  const behind = batches[3] as StoredBatch;
  flipBit(dataDir, lost.position + BATCH.baseOffset);
  garble(`${dataDir}/queues/tables`);
  await withEngine(async (engine, topic) => {
    await expectOthersWhole(engine, topic);
    const reader = engine.thread.openReader(topic, 1, 0);
    expect(read(reader)).toEqual({ offsets: range(0, lost.baseOffset), result: READ.damaged });
    reader.skipDamage();
    expect(reader.offset).toBe(behind.baseOffset);
    expect(read(reader)).toEqual({ offsets: range(behind.baseOffset, COUNT), result: READ.none });
    reader.close();
  });
});

test('behind an index block that cannot be read, reading goes on where the index does', async () => {
  garble(indexFiles(dataDir)[0] as string, 512 + 100);
  await withEngine(async (engine, topic) => {
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      const reader = engine.thread.openReader(topic, queueId, 0);
      const first = read(reader);
      if (first.result === READ.damaged) {
        reader.skipDamage();
        const { offset } = reader;
        expect(offset).toBeGreaterThan(first.offsets.length);
        expect(read(reader)).toEqual({ offsets: range(offset, COUNT), result: READ.none });
      } else {
        expect(first.offsets).toEqual(range(0, COUNT));
      }
      reader.close();
    }
    const { queueStates } = await engine.thread.call('describeTopic', { topic: TOPIC });
    expect(queueStates.filter(({ damage }) => damage !== undefined)).toHaveLength(1);
  });
});
