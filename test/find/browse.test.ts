/** Messages looked at where something is in the way: damage, retention, a topic that goes, thousands of queues. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EngineOptions } from '../../engine/options.js';
import type { Client, FoundMessage, TopicDescription } from '../../native-free/client/index.js';
import {
  findAll,
  type KeyedBroker,
  makeDirectory,
  openKeyed,
  removeDirectory,
  textsOf,
} from './keyed-broker.js';

const TOPIC = 'orders';

let directory: string;
let broker: KeyedBroker | null = null;
beforeEach(() => {
  directory = makeDirectory();
});
afterEach(async () => {
  await close();
  removeDirectory(directory);
});

async function open(options: EngineOptions = {}): Promise<KeyedBroker> {
  broker = await openKeyed(directory, options);
  return broker;
}

async function close(): Promise<void> {
  await broker?.close();
  broker = null;
}

/** Each as a batch of its own. */
async function send({ client }: KeyedBroker, from: number, to: number, queues = 1): Promise<void> {
  const producer = client.producer();
  for (let n = from; n < to; n++) {
    await producer.send({ topic: TOPIC, body: `m${n}!`, keys: ['k'] }, { queueId: n % queues });
  }
  await producer.close();
}

/** Flips a byte of what a search string stands before in the log. */
function damage(text: string): void {
  for (const name of readdirSync(`${directory}/log`)) {
    const path = `${directory}/log/${name}`;
    const bytes = readFileSync(path);
    const at = bytes.indexOf(text);
    if (at >= 0) {
      bytes[at] = (bytes[at] as number) ^ 1;
      writeFileSync(path, bytes);
      return;
    }
  }
  throw new Error(`there is no ${text} in the log`);
}

/** A segment goes first, and its queues begin later soon after: they are waited for. */
async function settledQueues(client: Client): Promise<TopicDescription['queueStates']> {
  for (;;) {
    const { queueStates } = await client.admin().describeTopic(TOPIC);
    const found = (await findAll(client, { topic: TOPIC })).flatMap(({ messages }) => messages);
    const first = (id: number): number | undefined => found.find(({ queueId }) => queueId === id)?.offset;
    if (queueStates.every(({ queueId, minOffset }) => first(queueId) === minOffset)) {
      return queueStates;
    }
  }
}

it('a damaged batch is told and passed over, by place, by key and by id', async () => {
  let opened = await open();
  await opened.client.admin().createTopic({ topic: TOPIC, queues: 1 });
  await send(opened, 0, 6);
  const [, , third] = (await findAll(opened.client, { topic: TOPIC })).flatMap(({ messages }) => messages);
  await close();
  damage('m2!');
  opened = await open();
  const { client } = opened;
  const told = [{ queueId: 0, offset: 2, message: expect.stringContaining('log position') }];
  const rest = ['m0!', 'm1!', 'm3!', 'm4!', 'm5!'];
  for (const limit of [1, 100]) {
    const pages = await findAll(client, { topic: TOPIC, limit });
    expect(pages.flatMap(({ messages }) => messages.map(({ offset }) => offset))).toEqual([0, 1, 3, 4, 5]);
    expect(pages.flatMap((page) => page.damage)).toEqual(told);
  }
  const id = third?.messageId;
  expect(await client.admin().findMessages({ id })).toMatchObject({ messages: [], damage: told });
  expect(await textsOf(client, { topic: TOPIC, key: 'k' })).toEqual(rest);
  await opened.indexed();
  const byKey = await findAll(client, { topic: TOPIC, key: 'k', limit: 2 });
  expect(byKey.flatMap(({ messages }) => messages.map(({ offset }) => offset))).toEqual([0, 1, 3, 4, 5]);
  // The index cannot have what could not be read, and says so.
  expect(byKey.flatMap((page) => page.damage).length).toBeGreaterThan(0);
});

it('goes on where the queue now begins, when retention takes what the next page has', async () => {
  const opened = await open({ retentionBytes: 3 * 65_536 });
  const { client, engine } = opened;
  await client.admin().createTopic({ topic: TOPIC, queues: 2 });
  const producer = client.producer({ batchBytes: 4 * 1024 });
  const sendMany = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      if (!producer.write({ topic: TOPIC, body: `m${n}!`.padEnd(1_000) }, { queueId: n % 2 })) {
        await producer.ready();
      }
    }
    await producer.flush();
  };
  await sendMany(0, 100);
  // A page also ends when its time is over.
  const first = await client.admin().findMessages({ topic: TOPIC, limit: 10 });
  await sendMany(100, 600);
  while (engine.thread.logReader.oldestPosition === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const messages: FoundMessage[] = [];
  for (let { cursor } = first; cursor !== null; ) {
    const next = await client.admin().findMessages({ topic: TOPIC, limit: 1_000, cursor });
    expect(next.damage).toEqual([]);
    messages.push(...next.messages);
    cursor = next.cursor;
  }
  for (const { queueId, minOffset } of await settledQueues(client)) {
    const offsets = messages.filter((message) => message.queueId === queueId).map(({ offset }) => offset);
    // Retention goes on meanwhile, and may take all that was found: nothing is missing of what it has left.
    const there = offsets.filter((offset) => offset >= minOffset);
    expect(offsets.length).toBeGreaterThan(0);
    expect(there).toEqual(there.map((_, i) => minOffset + i));
    expect(offsets[0]).toBeGreaterThan(5);
    expect(minOffset).toBeGreaterThan(5);
  }
});

it('a topic that is deleted meanwhile is not found any more, nor is one of its messages', async () => {
  const { client } = await open();
  await client.admin().createTopic({ topic: TOPIC, queues: 1 });
  const { messageId } = await client.producer().send({ topic: TOPIC, body: 'one' });
  await client.admin().deleteTopic(TOPIC);
  await expect(client.admin().findMessages({ topic: TOPIC })).rejects.toMatchObject({
    code: 'TOPIC_NOT_FOUND',
  });
  expect((await client.admin().findMessages({ id: messageId })).messages).toEqual([]);
});

it('a topic of more queues than are gone through together is gone through queue by queue', async () => {
  const opened = await open({ maxQueues: 4_096 });
  const { client } = opened;
  await client.admin().createTopic({ topic: TOPIC, queues: 1_500 });
  const producer = client.producer();
  for (const [n, queueId] of [1_499, 3, 700, 3, 1_499, 0].entries()) {
    await producer.send({ topic: TOPIC, body: `m${n}` }, { queueId });
  }
  for (const limit of [1, 2, 100]) {
    expect(await textsOf(client, { topic: TOPIC, limit })).toEqual(['m5', 'm1', 'm3', 'm2', 'm0', 'm4']);
  }
  expect(await textsOf(client, { topic: TOPIC, queueId: 1_499, limit: 1 })).toEqual(['m0', 'm4']);
  // Who has used a part of a page goes on behind that.
  const [, , third] = (await findAll(client, { topic: TOPIC })).flatMap(({ messages }) => messages);
  const cursor = `${third?.queueId}/${third?.messageId}`;
  const rest = (await findAll(client, { topic: TOPIC, cursor })).flatMap(({ messages }) => messages);
  expect(rest.map(({ offset, queueId }) => `${queueId}/${offset}`)).toEqual(['700/0', '1499/0', '1499/1']);
});

it('what looks like a batch and stands in a body is none', async () => {
  const { client } = await open();
  await client.admin().createTopic({ topic: TOPIC, queues: 1 });
  const { messageId } = await client.producer().send({ topic: TOPIC, body: 'x'.repeat(1_000) });
  const [found] = (await client.admin().findMessages({ id: messageId })).messages;
  expect(found?.messageId).toBe(messageId);
  // One slot further there is the body.
  const position = Number.parseInt(messageId.slice(16, 30), 16) + 128;
  const inside = messageId.slice(0, 16) + position.toString(16).padStart(14, '0') + messageId.slice(30);
  expect((await client.admin().findMessages({ id: inside })).messages).toEqual([]);
});
