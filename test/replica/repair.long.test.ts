/** Damage in one broker's files is made good from the other's, whichever finds it, and said; afterwards both logs are whole and the same. */
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { segmentName } from '../../engine/log/index.js';
import { BATCH_TYPE } from '../../native-free/wire/index.js';
import { readSome, sendNumbers } from '../faults/small-broker.js';
import { until } from './nodes.js';
import {
  batches,
  COUNT,
  forgetTables,
  logBytes,
  patch,
  place,
  RepairPair,
  repaired,
  spoil,
} from './repair-pair.js';

let pair: RepairPair;
beforeEach(() => {
  pair = new RepairPair();
});
afterEach(() => pair.remove());

it('what a recovery meets, of messages and of topics, in headers and bodies, on both sides at once', async () => {
  await pair.fill();
  for (const each of [pair.s, pair.a]) {
    await pair.close(each);
  }
  const control = batches(pair.a, BATCH_TYPE.control).map(({ position }) => position);
  // The first begins the term; the second makes the topic.
  spoil(pair.a, control[1] as number, 'body');
  spoil(pair.a, place(pair.a, 10), 'header');
  spoil(pair.a, place(pair.a, 11), 'body');
  spoil(pair.s, place(pair.s, 20), 'body');
  spoil(pair.s, place(pair.s, 40), 'header');
  forgetTables(pair.a);
  forgetTables(pair.s);
  await pair.open(pair.a);
  await pair.open(pair.s);
  await until(() => repaired(pair.a) >= 2 && repaired(pair.s) >= 2);
  // Said once there is nothing more to be had from the slave.
  await until(() => pair.a.events.includes('rebuild'));
  // A slave does it by itself; a master does not end its connections for it, and has all again at its next start.
  await pair.close(pair.a);
  const client = await pair.open(pair.a);
  expect(await readSome(client, 't', COUNT)).toHaveLength(COUNT);
  const { queues } = await client.admin().describeGroup('billing');
  expect(queues.map(({ committedOffset }) => committedOffset)).toEqual([7]);
  await until(async () => (await readSome(pair.client(pair.s), 't', COUNT).catch(() => [])).length === COUNT);
  await pair.expectSame();
});

it('what a reader meets in a header, of the master and of the slave, while more is sent', async () => {
  await pair.fill();
  const client = pair.client(pair.a);
  for (const each of [pair.a, pair.s]) {
    spoil(each, place(each, 10), 'header');
    const sending = sendNumbers(client, 't', COUNT, 2 * COUNT);
    await pair.meet(each);
    await until(() => repaired(each) > 0);
    expect(await readSome(pair.client(each), 't', COUNT)).toHaveLength(COUNT);
    await until(async () => {
      const { queueStates } = await pair.client(each).admin().describeTopic('t');
      return (queueStates[0]?.damage ?? []).length === 0;
    });
    await sending;
  }
  await pair.expectSame();
});

it('a body that a consumer finds damaged is looked at by the broker that sent it, and repaired', async () => {
  await pair.fill();
  for (const each of [pair.a, pair.s]) {
    const at = place(each, 10);
    spoil(each, at, 'body');
    await pair.meet(each);
    await until(() => repaired(each) === 1);
    expect(each.warnings.map(({ message }) => message)).toContainEqual(
      expect.stringContaining(`log position ${at}: the batch does not match its checksums`),
    );
    expect(await readSome(pair.client(each), 't', COUNT)).toHaveLength(COUNT);
  }
  await pair.expectSame();
});

it('the key index, which was made while a body was damaged, has its keys soon after the repair', async () => {
  const client = await pair.open(pair.a);
  await client.admin().createTopic({ topic: 'k', queues: 1 });
  const producer = client.producer({ batchBytes: 4 * 1024 });
  for (let number = 0; number < 100; number++) {
    if (!producer.write({ topic: 'k', body: `${number}`.padEnd(1_000), keys: [`key-${number}`] })) {
      await producer.ready();
    }
  }
  await producer.close();
  await pair.open(pair.s);
  await pair.settled();
  spoil(pair.a, place(pair.a, 2), 'body');
  const lacking = async (): Promise<number> => {
    const { messages, damage } = await pair
      .client(pair.a)
      .admin()
      .findMessages({ topic: 'k', key: 'key-7', maxBodyBytes: 0 });
    return messages.length === 1 ? damage.length : -1;
  };
  await until(
    () =>
      existsSync(join(pair.a.dataDir, 'index')) &&
      readdirSync(join(pair.a.dataDir, 'index')).some((name) => name.endsWith('.keys')),
  );
  await until(async () => (await lacking()) !== 0);
  const reader = pair
    .client(pair.a)
    .consumer({ topic: 'k', group: 'g', from: 'earliest', onWarning: () => {} });
  await expect(
    (async () => {
      for await (const _ of reader) {
        // Up to there.
      }
    })(),
  ).rejects.toThrow();
  await reader.close();
  await until(() => repaired(pair.a) === 1);
  await until(async () => (await lacking()) === 0);
});

it('two places of one segment, a file that is cut short and one that is gone, and the newest batch', async () => {
  await pair.fill();
  const { a, s } = pair;
  const [first, second] = [place(a, 2), place(a, 6)];
  expect(Math.floor(first / a.segmentBytes)).toBe(Math.floor(second / a.segmentBytes));
  spoil(a, first, 'header');
  spoil(a, second, 'header');
  // Both have it in memory still: only who opens them reads it from the file.
  const newest = (batches(a).at(-1) as { position: number }).position;
  await pair.close(s);
  await pair.close(a);
  spoil(a, newest, 'body');
  truncateSync(join(a.dataDir, 'log', segmentName(a.segmentBytes)), 20_000);
  rmSync(join(s.dataDir, 'log', segmentName(s.segmentBytes)));
  forgetTables(a);
  forgetTables(s);
  await pair.open(a);
  await pair.open(s);
  await until(() => a.events.includes('rebuild'));
  await until(() => repaired(s) >= 1);
  await pair.close(a);
  const client = await pair.open(a);
  expect(await readSome(client, 't', COUNT)).toHaveLength(COUNT);
  await until(() => pair.has(s));
  await pair.expectSame();
});

it('an end of the broker in the middle of a repair leaves it to be done again', async () => {
  await pair.fill();
  const { a } = pair;
  const at = place(a, 10);
  const log = logBytes(a);
  const { length } = batches(a)[10] as { length: number };
  await pair.close(a);
  spoil(a, at, 'header');
  // As a kill leaves it that comes between the note of what is damaged and the end of the write.
  patch(a, at, log.subarray(at, at + (length >> 1)));
  patch(a, at + (length >> 1), new Uint8Array(length >> 2));
  const slots = Math.ceil(length / 64) * 64;
  writeFileSync(join(a.dataDir, 'repair'), JSON.stringify({ ranges: [[at, slots, 0]] }));
  const client = await pair.open(a);
  await until(() => repaired(a) === 1);
  expect(await readSome(client, 't', COUNT)).toHaveLength(COUNT);
  await pair.expectSame();
});
