/** What a topic's own retention takes is given out to nobody any more, by whatever way it is asked for, over restarts too. */
import { cpSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { openData } from '../../engine/data/open-data.js';
import { lockDataDir } from '../../engine/disk/lock-file.js';
import { resolveEngineOptions } from '../../engine/options.js';
import type { Client } from '../../native-free/client/index.js';
import { mapLog } from '../faults/log-map.js';
import {
  makeDirectory,
  readSome,
  removeDirectory,
  SMALL,
  sendNumbers,
  withBroker,
} from '../faults/small-broker.js';
import { findAll } from '../find/keyed-broker.js';
import { ask, stored, until } from '../replica/nodes.js';
import { RepairPair, type Side, spoil } from '../replica/repair-pair.js';

const HOUR_MS = 3_600_000;
let dataDir: string;
beforeEach(() => {
  dataDir = makeDirectory();
});
afterEach(() => removeDirectory(dataDir));

async function firstOffset(client: Client, topic: string): Promise<number | undefined> {
  return (await client.admin().describeTopic(topic)).queueStates[0]?.minOffset;
}

it('readers, groups, finds and lag begin behind it; other topics keep theirs', async () => {
  const old: string[] = [];
  await withBroker(dataDir, async ({ client }) => {
    const admin = client.admin();
    for (const topic of ['t', 'other']) {
      await admin.createTopic({ topic, queues: 1 });
      await sendNumbers(client, topic, 0, 5);
    }
    const { messageId } = await client.producer().send({ topic: 't', body: 'old', keys: ['k'] });
    old.push(messageId);
    expect(await readSome(client, 't', 2, 'billing')).toHaveLength(2);
    expect((await admin.findMessages({ id: messageId })).messages).toHaveLength(1);
    expect(await admin.setTopicRetention({ topic: 't', retentionMs: 1_000 })).toMatchObject({
      retentionMs: 1_000,
    });
    await expect.poll(() => firstOffset(client, 't'), { timeout: 60_000 }).toBe(6);
    // From here on nothing grows old while it is looked at.
    await admin.setTopicRetention({ topic: 't', retentionMs: null });
    await client.producer().send({ topic: 't', body: 'new', keys: ['k'] });
    expect(await firstOffset(client, 'other')).toBe(0);
    expect((await admin.findMessages({ id: messageId })).messages).toEqual([]);
    for (const search of [{ key: 'k' }, {}]) {
      const messages = (await findAll(client, { topic: 't', ...search })).flatMap((page) => page.messages);
      expect(messages.map(({ offset }) => offset)).toEqual([6]);
    }
    const { queues } = await admin.describeGroup('billing');
    expect(queues[0]).toMatchObject({ lag: 1 });
    expect((await readSome(client, 't', 1, 'billing'))[0]?.text()).toBe('new');
    expect((await admin.describeGroup('billing')).queues[0]).toMatchObject({ lag: 0, expired: 4 });
    await admin.setTopicRetention({ topic: 't', retentionMs: HOUR_MS });
  });
  await withBroker(dataDir, async ({ client }) => {
    expect(await client.admin().describeTopic('t')).toMatchObject({
      retentionMs: HOUR_MS,
      queueStates: [{ minOffset: 6, maxOffset: 7 }],
    });
    expect((await client.admin().findMessages({ id: old[0] })).messages).toEqual([]);
    expect((await readSome(client, 't', 1))[0]?.text()).toBe('new');
    expect(await client.admin().growTopic({ topic: 't', queues: 2 })).toMatchObject({ retentionMs: HOUR_MS });
  });
});

it('what was taken from a log that nobody writes any more is not given out again after a crash', async () => {
  const copy = `${dataDir}/copy`;
  await withBroker(`${dataDir}/broker`, async ({ client }) => {
    const admin = client.admin();
    await admin.createTopic({ topic: 't', queues: 1 });
    await client.producer().send({ topic: 't', body: 'old' });
    await admin.setTopicRetention({ topic: 't', retentionMs: 1_000 });
    await expect.poll(() => firstOffset(client, 't'), { timeout: 60_000 }).toBe(1);
    cpSync(`${dataDir}/broker`, copy, { recursive: true, filter: (path) => !path.endsWith('LOCK') });
  });
  const lock = await lockDataDir(copy);
  try {
    const { catalog, table } = openData(resolveEngineOptions({ ...SMALL, dataDir: copy }), lock.dir);
    const [slot] = catalog.require('t').slots;
    expect(table.minOffset(slot as number)).toBe(1);
  } finally {
    lock.release();
  }
});

it.each(['first', 'middle', 'first half'])('damage does not keep what lies with it: %s', async (where) => {
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: 't', queues: 1 });
    await sendNumbers(client, 't', 0, 300);
  });
  // Read from files alone: the ring is empty after an opening.
  const { batches } = mapLog(dataDir);
  const all = batches.filter(({ count, topicId }) => count > 0 && topicId > 0);
  const half = Math.floor(all.length / 2);
  const harmed =
    where === 'first' ? all.slice(0, 1) : where === 'middle' ? all.slice(half, half + 1) : all.slice(0, half);
  for (const { position } of harmed) {
    spoil({ dataDir, segmentBytes: SMALL.segmentBytes }, position, 'header');
  }
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().setTopicRetention({ topic: 't', retentionMs: 1_000 });
    await expect.poll(() => firstOffset(client, 't'), { timeout: 60_000 }).toBe(300);
  });
});

it('a set begins where its master said: its slave, also a new one, whoever is promoted, and over a restart', async () => {
  const pair = new RepairPair();
  onTestFinished(() => pair.remove());
  const begins = (side: Side): Promise<number | undefined> =>
    firstOffset(pair.client(side), 't').catch(() => undefined);
  const client = await pair.open(pair.a);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  await pair.open(pair.s);
  await sendNumbers(client, 't', 0, 5);
  await client.admin().setTopicRetention({ topic: 't', retentionMs: 1_000 });
  for (const side of [pair.a, pair.s]) {
    await expect.poll(() => begins(side), { timeout: 60_000 }).toBe(5);
  }
  await client.admin().setTopicRetention({ topic: 't', retentionMs: null });
  await sendNumbers(client, 't', 5, 8);
  const late = pair.another('late');
  await pair.open(late);
  await until(async () => (await stored(pair.client(late), 't').catch(() => 0)) === 8);
  await expect.poll(() => begins(late), { timeout: 60_000 }).toBe(5);
  await pair.close(pair.a);
  await ask(`ws://127.0.0.1:${late.port}`, 'promote');
  expect(await begins(late)).toBe(5);
  expect((await readSome(pair.client(late), 't', 1))[0]?.offset).toBe(5);
  await pair.close(late);
  await pair.open(late);
  expect(await begins(late)).toBe(5);
});
