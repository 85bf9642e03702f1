/** The queue index, and the state, are made again from a log that has been repaired, or that is still damaged in places. */
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { segmentName } from '../../engine/log/index.js';
import type { ControlRecord } from '../../engine/meta/control-records.js';
import { decodeRecords } from '../../engine/meta/record-codec.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  readUint32,
  readUint64,
} from '../../native-free/wire/index.js';
import { makeDirectory, readSome, removeDirectory, sendNumbers, withBroker } from '../faults/small-broker.js';

const REBUILD_FILE = 'rebuild';
/** No MessagePack begins with it. */
const SPOILT = 0xc1;
let dataDir: string;
beforeEach(() => {
  dataDir = makeDirectory();
});
afterEach(() => removeDirectory(dataDir));

const logFile = (): string => join(dataDir, 'log', segmentName(0));

/** Spoils the body of the last control batch that has such a record, or puts it back. */
function spoil(isWanted: (record: ControlRecord) => boolean): () => void {
  const log = readFileSync(logFile());
  let found = -1;
  for (let at = 0; at + BATCH_HEADER_BYTES <= log.length; at += 64) {
    if (readUint64(log, at + BATCH.position) !== at || log[at + BATCH.type] !== BATCH_TYPE.control) {
      continue;
    }
    const from = at + BATCH_HEADER_BYTES;
    const body = log.subarray(from, at + readUint32(log, at + BATCH.length));
    const isSpoilt = log[from] === SPOILT;
    found = !isSpoilt && decodeRecords(body, null).some(isWanted) ? from : found;
  }
  expect(found).toBeGreaterThan(0);
  const write = (bytes: Uint8Array): void => {
    const fd = openSync(logFile(), 'r+');
    writeSync(fd, bytes, 0, bytes.length, found);
    closeSync(fd);
  };
  write(new Uint8Array(8).fill(SPOILT));
  return () => write(log.subarray(found, found + 8));
}

function markForRebuild(): void {
  writeFileSync(join(dataDir, REBUILD_FILE), '');
}

const isCreationOf =
  (topic: string) =>
  (record: ControlRecord): boolean =>
    record.type === 'topicCreated' && record.topic === topic;

/** Where the group is, in a topic's queue 0. */
async function committed(client: Parameters<typeof readSome>[0], topic: string): Promise<number | null> {
  const { queues } = await client.admin().describeGroup('billing');
  return queues.find((queue) => queue.topic === topic)?.committedOffset ?? null;
}

it('keeps topics, groups and offsets whose control batches are damaged, and is done once', async () => {
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: 't', queues: 1 });
    await sendNumbers(client, 't', 0, 10);
    await readSome(client, 't', 4, 'billing');
    await readSome(client, 't', 3, 'billing');
  });
  spoil(isCreationOf('t'));
  // The state has where the group is now; what the log says of it is older.
  spoil((record) => record.type === 'offsets');
  markForRebuild();
  await withBroker(dataDir, async ({ client }) => {
    expect(existsSync(join(dataDir, REBUILD_FILE))).toBe(false);
    expect(await committed(client, 't')).toBe(7);
    expect(await readSome(client, 't', 10)).toHaveLength(10);
    await sendNumbers(client, 't', 10, 12);
  });
  await withBroker(dataDir, async ({ client }) => {
    expect(await committed(client, 't')).toBe(7);
    expect(await readSome(client, 't', 12)).toHaveLength(12);
  });
});

it('a topic that was deleted and created again stays the newer one, though its creation is damaged', async () => {
  await withBroker(dataDir, async ({ client }) => {
    const admin = client.admin();
    // The broker has no room for two of them at a time.
    await admin.createTopic({ topic: 't', queues: 40 });
    await sendNumbers(client, 't', 0, 5);
    await admin.deleteTopic('t');
    await admin.createTopic({ topic: 't', queues: 41 });
    await sendNumbers(client, 't', 5, 8);
    await admin.createTopic({ topic: 'short', queues: 20 });
    await admin.deleteTopic('short');
    await admin.createTopic({ topic: 'other', queues: 21 });
  });
  spoil((record) => record.type === 'topicCreated' && record.queues === 41);
  markForRebuild();
  await withBroker(dataDir, async ({ client }) => {
    const topics = await client.admin().listTopics();
    expect(topics.map(({ topic, queues }) => [topic, queues])).toEqual([
      ['other', 21],
      ['t', 41],
    ]);
    expect(await readSome(client, 't', 3)).toHaveLength(3);
  });
});

it('what an opening could not read of the log, and the log has again, is in the state afterwards', async () => {
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: 't', queues: 1 });
    await sendNumbers(client, 't', 0, 10);
    await readSome(client, 't', 4, 'billing');
  });
  const putBack = spoil(isCreationOf('t'));
  for (const file of ['meta/state', 'queues/tables']) {
    rmSync(join(dataDir, file));
  }
  await withBroker(dataDir, async ({ client }) => {
    expect(await client.admin().listTopics()).toEqual([]);
    await client.admin().createTopic({ topic: 'later', queues: 1 });
    await client.admin().createGroup({ group: 'later' });
  });
  putBack();
  markForRebuild();
  await withBroker(dataDir, async ({ client }) => {
    expect((await client.admin().listTopics()).map(({ topic }) => topic)).toEqual(['later', 't']);
    expect(await committed(client, 't')).toBe(4);
    expect((await client.admin().describeGroup('later')).group).toBe('later');
    expect(await readSome(client, 't', 10)).toHaveLength(10);
  });
});

it('queues that a topic got are there by their messages, where what the log says of them is damaged', async () => {
  await withBroker(dataDir, async ({ client }) => {
    const admin = client.admin();
    await admin.createTopic({ topic: 't', queues: 1 });
    await sendNumbers(client, 't', 0, 5);
    await readSome(client, 't', 5, 'billing');
    await admin.growTopic({ topic: 't', queues: 4 });
    for (const queueId of [1, 2]) {
      await client.producer().send({ topic: 't', body: `${5 + queueId}` }, { queueId });
    }
  });
  spoil((record) => record.type === 'topicCreated' && record.queues === 4);
  // The state is made again from the log.
  rmSync(join(dataDir, 'meta', 'state'));
  markForRebuild();
  await withBroker(dataDir, async ({ client, warnings }) => {
    const admin = client.admin();
    const { queueStates } = await admin.describeTopic('t');
    expect(queueStates.map(({ maxOffset }) => maxOffset)).toEqual([5, 1, 1]);
    expect(await readSome(client, 't', 2, 'billing')).toHaveLength(2);
    expect(await admin.growTopic({ topic: 't', queues: 4 })).toMatchObject({ before: 3, queues: 4 });
    expect(warnings.map(({ message }) => message).join('\n')).toContain('topics t got more queues');
  });
  await withBroker(dataDir, async ({ client }) => {
    expect((await client.admin().describeTopic('t')).queueStates).toHaveLength(4);
  });
});
