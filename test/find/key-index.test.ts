/** The key index: made beside the log, used, lost, and made again. Whatever becomes of it, what is found is right. */
import {
  closeSync,
  copyFileSync,
  cpSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeHeader } from '../../engine/find/keys/key-file-layout.js';
import type { EngineOptions } from '../../engine/options.js';
import type { Client } from '../../native-free/client/index.js';
import { batches, type LogPlace, logBytes, patch, spoil } from '../replica/repair-pair.js';
import {
  findAll,
  indexFiles,
  type KeyedBroker,
  makeDirectory,
  openKeyed,
  removeDirectory,
  textsOf,
} from './keyed-broker.js';

const TOPIC = 'orders';
/** Some 300 KiB of log: five segments. */
const COUNT = 300;

/** A log of two pieces in one segment. */
const MIB = 1024 * 1024;
const ROOMY = {
  segmentBytes: 64 * MIB,
  ringBytes: 4 * MIB,
  memoryRingBytes: 4 * MIB,
  spanBytes: MIB,
} satisfies EngineOptions;

let directory: string;
/** One with five segments of messages and a whole index, to be copied. */
let original: string;
const opened: KeyedBroker[] = [];
beforeAll(async () => {
  original = makeDirectory();
  await fill(original, 0);
});
afterAll(() => removeDirectory(original));
beforeEach(() => {
  directory = makeDirectory();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((broker) => broker.close()));
  removeDirectory(directory);
});

async function open(dataDir = directory, options: EngineOptions = {}): Promise<KeyedBroker> {
  const broker = await openKeyed(dataDir, options);
  opened.push(broker);
  return broker;
}

/** Message number n has the keys `o-n` and `c-(n mod 10)`, and its number as its body. */
async function sendKeyed(client: Client, from: number, to: number, topic = TOPIC): Promise<void> {
  const producer = client.producer({ batchBytes: 4 * 1024 });
  for (let n = from; n < to; n++) {
    const keys = [`o-${n}`, `c-${n % 10}`];
    if (!producer.write({ topic, body: `${n}`.padEnd(1_000), keys }, { queueId: n % 2 })) {
      await producer.ready();
    }
  }
  await producer.close();
}

async function expectFound(client: Client, count = COUNT): Promise<void> {
  for (const n of [0, 1, 77, count / 2, count - 1]) {
    expect(await textsOf(client, { topic: TOPIC, key: `o-${n}` })).toEqual([`${n}`]);
  }
  const ofThree = await textsOf(client, { topic: TOPIC, key: 'c-3', limit: 7 });
  expect(ofThree.map(Number).sort((a, b) => a - b)).toEqual(
    Array.from({ length: count / 10 }, (_, i) => i * 10 + 3),
  );
  expect(await textsOf(client, { topic: TOPIC, key: 'o-x' })).toEqual([]);
}

/** Five segments of messages and a whole index, of a broker that is closed again. */
async function fill(dataDir: string, from: number): Promise<void> {
  const broker = await openKeyed(dataDir);
  await broker.client.admin().createTopic({ topic: TOPIC, queues: 2 });
  await sendKeyed(broker.client, from, from + COUNT);
  await broker.indexed();
  await broker.close();
}

function filled(): void {
  cpSync(original, directory, { recursive: true });
}

/** Index files of whole segments are named after them. */
const segmentOf = (name: string): number => Number.parseInt(name.slice(0, 16), 16);

describe('the key index', () => {
  it('finds what is in it, what is not in it yet, and both together', async () => {
    const broker = await open();
    const { client } = broker;
    await client.admin().createTopic({ topic: TOPIC, queues: 2 });
    await sendKeyed(client, 0, 200);
    await expectFound(client, 200);
    await broker.indexed();
    await expectFound(client, 200);
    await sendKeyed(client, 200, 400);
    await expectFound(client, 400);
    // What was indexed while its segment went on is put together with the rest of it.
    await broker.indexed();
    await expectFound(client, 400);
    const files = indexFiles(directory);
    const whole = files
      .map((name) => Math.floor(segmentOf(name) / 65_536))
      .filter((n, _, all) => n < (all.at(-1) ?? 0));
    expect(new Set(whole).size).toBe(whole.length);
    expect(broker.warnings).toEqual([]);
  });

  it('has no work where there is neither much log nor a file, and has to look at what files there are', async () => {
    const broker = await open();
    await broker.client.admin().createTopic({ topic: TOPIC, queues: 2 });
    expect(broker.engine.find.keys?.isDue()).toBe(false);
    await broker.client.producer().send({ topic: TOPIC, body: 'one', keys: ['a key'] });
    expect(broker.engine.find.keys?.isDue()).toBe(false);
    await broker.indexed();
    await broker.close();
    const again = await open();
    expect(again.engine.find.keys?.isDue()).toBe(true);
  });

  it('has no work for a thread in much log without keys, behind some with', async () => {
    const { client, engine } = await open(directory, ROOMY);
    await client.admin().createTopic({ topic: TOPIC, queues: 2 });
    const producer = client.producer();
    await producer.send({ topic: TOPIC, body: 'one', keys: ['a key'] });
    expect(engine.find.keys?.keylessFrom()).toBeGreaterThan(0);
    const body = Buffer.alloc(16 * 1024);
    // Two pieces of log with keys, for which it would have.
    for (let n = 0; n < 2_048; n++) {
      if (!producer.write({ topic: TOPIC, body })) {
        await producer.ready();
      }
    }
    await producer.flush();
    expect(engine.find.keys?.isDue()).toBe(false);
    await producer.send({ topic: TOPIC, body: 'two', keys: ['a key'] });
    expect(await textsOf(client, { topic: TOPIC, key: 'a key' })).toEqual(['one', 'two']);
  });

  it('narrows down by queue, offset, tag and time', async () => {
    const broker = await open();
    const { client } = broker;
    await client.admin().createTopic({ topic: TOPIC, queues: 2 });
    await sendKeyed(client, 0, 100);
    await client.producer().send({ topic: TOPIC, body: 'tagged', keys: ['c-3'], tag: 'late' });
    await broker.indexed();
    const search = { topic: TOPIC, key: 'c-3' };
    expect(await textsOf(client, { ...search, tag: 'late' })).toEqual(['tagged']);
    expect(await textsOf(client, { ...search, queueId: 0 })).not.toContain('3');
    const [first] = (await findAll(client, { ...search, queueId: 1, offset: 20 })).flatMap((p) => p.messages);
    expect(first?.offset).toBe(21);
    expect(await textsOf(client, { ...search, time: Date.now() + 60_000 })).toEqual([]);
  });

  it('is there after a restart, and is used as it is', async () => {
    filled();
    const files = indexFiles(directory);
    const made = files.map((name) => statSync(`${directory}/index/${name}`).ino);
    const broker = await open();
    await expectFound(broker.client);
    await broker.indexed();
    await expectFound(broker.client);
    const now = indexFiles(directory);
    expect(now).toEqual(expect.arrayContaining(files.slice(0, -1)));
    expect(now.map((name) => statSync(`${directory}/index/${name}`).ino)).toEqual(
      expect.arrayContaining(made.slice(0, -1)),
    );
  });

  const losses: [string, (path: string) => void][] = [
    ['that is missing', (path) => rmSync(path)],
    ['that is empty', (path) => truncateSync(path, 0)],
    ['that is cut short', (path) => truncateSync(path, statSync(path).size - 1_000)],
    ['of which a byte of the header has flipped', (path) => flip(path, 40)],
    ['of which a topic has flipped away', (path) => flip(path, firstTopicByte(path))],
    ['of which a byte of an entry has flipped', (path) => flip(path, 4_096 + 20)],
    ['that is rubbish', (path) => writeFileSync(path, Buffer.alloc(20_000, 0x5a))],
  ];
  for (const [what, lose] of losses) {
    it(`a file ${what} is passed over, and made again`, async () => {
      filled();
      const before = indexFiles(directory).map((name) => readFileSync(`${directory}/index/${name}`));
      const names = indexFiles(directory);
      for (const name of names) {
        lose(`${directory}/index/${name}`);
      }
      writeFileSync(`${directory}/index/${names[0]}.new`, 'half of it');
      const broker = await open();
      await expectFound(broker.client);
      await broker.indexed();
      await expectFound(broker.client);
      expect(indexFiles(directory).some((name) => name.endsWith('.new'))).toBe(false);
      expect(readFileSync(`${directory}/index/${names[0]}`).equals(before[0] as Buffer)).toBe(true);
      expect(broker.warnings).toEqual([]);
    });
  }

  it('lacks what was damaged when it was made, says so, and has it once that is repaired', async () => {
    filled();
    rmSync(`${directory}/index`, { recursive: true });
    const log: LogPlace = { dataDir: directory, segmentBytes: 64 * 1024 };
    const { position } = batches(log)[10] as { position: number };
    const sound = logBytes(log).subarray(position, position + 512);
    spoil(log, position, 'body');
    const broker = await open();
    const damaged = async (): Promise<number> => {
      const pages = await findAll(broker.client, { topic: TOPIC, key: 'c-3' });
      return pages.flatMap(({ damage }) => damage).length;
    };
    await broker.indexed();
    expect(await damaged()).toBe(1);
    patch(log, position, sound);
    await broker.indexed();
    // Nobody has told the index, which looks by itself later.
    expect(await damaged()).toBe(1);
    broker.engine.find.keys?.repaired();
    await broker.indexed();
    expect(await damaged()).toBe(0);
    await expectFound(broker.client);
  });

  it('of another log, under the same names, is told from its own', async () => {
    filled();
    const other = `${directory}-other`;
    try {
      await fill(other, COUNT);
      for (const name of indexFiles(other)) {
        copyFileSync(`${other}/index/${name}`, `${directory}/index/${name}`);
      }
      const own = await open();
      await expectFound(own.client);
      await own.indexed();
      await expectFound(own.client);
    } finally {
      removeDirectory(other);
    }
  });

  it('loses what retention takes, and nothing else', async () => {
    const broker = await open(directory, { retentionBytes: 3 * 65_536 });
    const { client, engine } = broker;
    await client.admin().createTopic({ topic: TOPIC, queues: 2 });
    await sendKeyed(client, 0, COUNT);
    await broker.indexed();
    const kept = async (): Promise<number[]> => {
      const found = await textsOf(client, { topic: TOPIC, key: 'c-3', limit: 3 });
      return found.map(Number);
    };
    while (indexFiles(directory).length > 4) {
      // Searches go on while segments and files go.
      expect((await kept()).at(-1)).toBe(COUNT - 7);
      await engine.find.keys?.whole();
    }
    // Retention may go on meanwhile: files follow with the next turn of the index.
    const isGone = (name: string): boolean =>
      Number.parseInt(name.slice(17, 33), 16) <= engine.thread.logReader.oldestPosition;
    while (indexFiles(directory).some(isGone)) {
      await engine.find.keys?.whole();
    }
    expect(engine.thread.logReader.oldestPosition).toBeGreaterThan(0);
    const { queueStates } = await client.admin().describeTopic(TOPIC);
    const first = Math.min(...queueStates.map(({ queueId, minOffset }) => minOffset * 2 + queueId));
    expect((await kept()).every((n) => n >= first - 2)).toBe(true);
  });

  it('of a topic that was deleted is not that of one of the same name', async () => {
    const broker = await open();
    const { client } = broker;
    await client.admin().createTopic({ topic: TOPIC, queues: 2 });
    await sendKeyed(client, 0, 20);
    await client.admin().deleteTopic(TOPIC);
    await client.admin().createTopic({ topic: TOPIC, queues: 2 });
    await sendKeyed(client, 10, 30);
    await broker.indexed();
    expect(await textsOf(client, { topic: TOPIC, key: 'o-5' })).toEqual([]);
    expect(await textsOf(client, { topic: TOPIC, key: 'o-15' })).toEqual(['15']);
  });

  it('has keys of every size, and as many as a message may have', async () => {
    const broker = await open();
    const { client } = broker;
    await client.admin().createTopic({ topic: TOPIC, queues: 1 });
    const keys = Array.from({ length: 32 }, (_, i) => `${i}`.padEnd(255, 'é').slice(0, 120).padEnd(135, 'x'));
    await client.producer().sendBatch([
      { topic: TOPIC, body: 'long', keys },
      { topic: TOPIC, body: 'short', keys: ['k', 'k', '1'] },
      { topic: TOPIC, body: 'none', shardingKey: 'k', properties: { k: 'k' } },
    ]);
    await broker.indexed();
    for (const key of keys) {
      expect(await textsOf(client, { topic: TOPIC, key })).toEqual(['long']);
    }
    expect(await textsOf(client, { topic: TOPIC, key: 'k' })).toEqual(['short']);
    expect(await textsOf(client, { topic: TOPIC, key: '1' })).toEqual(['short']);
  });

  it('costs messages without keys nothing but a page for each segment', async () => {
    const broker = await open();
    const { client } = broker;
    await client.admin().createTopic({ topic: TOPIC, queues: 1 });
    const producer = client.producer({ batchBytes: 4 * 1024 });
    for (let n = 0; n < 300; n++) {
      producer.write({ topic: TOPIC, body: `${n}`.padEnd(1_000), properties: { n }, shardingKey: 'k' });
    }
    await producer.flush();
    await broker.indexed();
    for (const name of indexFiles(directory)) {
      const bytes = readFileSync(`${directory}/index/${name}`);
      expect(bytes.length).toBe(4_096);
      expect(decodeHeader(bytes)).toMatchObject({ entries: 0, flags: 0 });
    }
    // What comes with keys behind them is found.
    await client.producer().send({ topic: TOPIC, body: 'keyed', keys: ['k'] });
    expect(await textsOf(client, { topic: TOPIC, key: 'k' })).toEqual(['keyed']);
    await broker.indexed();
    expect(await textsOf(client, { topic: TOPIC, key: 'k' })).toEqual(['keyed']);
  });

  it('may be switched off: keys are found by reading', async () => {
    const broker = await open(directory, { keyIndex: 'off' });
    await broker.client.admin().createTopic({ topic: TOPIC, queues: 2 });
    await sendKeyed(broker.client, 0, 100);
    await expectFound(broker.client, 100);
    expect(broker.engine.find.keys).toBeNull();
  });
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  if (at >= bytes.length) {
    return;
  }
  const fd = openSync(path, 'r+');
  writeSync(fd, Uint8Array.of((bytes[at] as number) ^ 0x10), 0, 1, at);
  closeSync(fd);
}

function firstTopicByte(path: string): number {
  const bytes = readFileSync(path);
  for (let at = 64; at < 320; at++) {
    if (bytes[at] !== 0) {
      return at;
    }
  }
  return 64;
}
