/** A master that is there and refuses what it is sent, for reasons of its own: others take what need not go to it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client, Producer, Receipt } from '../../../native-free/client/index.js';
import { shardingHash } from '../../../native-free/client/internal.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { Cluster, Master, until } from './cluster.js';

const AT_A = { queueId: 0, brokerSet: 'a' };
const cluster = new Cluster();
const slave = new Master('a-slave', () => cluster.url);
slave.options = { role: 'slave' };
/** A key whose queue, of one queue in each set, is of the set a. */
const keyOfA = Array.from({ length: 64 }, (_, i) => `k-${i}`).find((key) => shardingHash(key) % 2 === 0);

beforeAll(async () => {
  await cluster.open(['a', 'b']);
  const master = cluster.master('a');
  await master.stop();
  master.options = { replication: 'sync' };
  await master.start();
});
beforeEach(() => takesAgain());
afterEach(() => cluster.closeClients());
afterAll(async () => {
  await slave.stop();
  await cluster.close();
});

async function client(): Promise<Client> {
  const made = await cluster.client({ onWarning: () => {} });
  await until(() => made.broker.brokerSets?.length === 2);
  return made;
}

/** A topic of one queue in each set. */
async function topicOf(made: Client): Promise<string> {
  const topic = cluster.name('topic');
  await until(async () => {
    const info = await made
      .admin()
      .createTopic({ topic, queues: 1, ifNotExists: true })
      .catch(() => null);
    return info?.parts?.length === 2;
  });
  const producer = made.producer();
  for (const brokerSet of ['a', 'b']) {
    await producer.send({ topic, body: 'first' }, { queueId: 0, brokerSet });
  }
  await producer.close();
  return topic;
}

async function takesAgain(): Promise<void> {
  if (!slave.isUp) {
    await slave.start();
  }
}

/** From here on the master of the set a refuses. */
async function refuse(made: Client, topic: string): Promise<void> {
  await slave.stop();
  const producer = made.producer({ sendTimeoutMs: 250 });
  await until(() =>
    producer.send({ topic, body: 'x' }, AT_A).then(
      () => false,
      ({ code }) => code === 'NOT_ENOUGH_REPLICAS',
    ),
  );
  await producer.close();
}

async function storedIn(made: Client, topic: string, brokerSet: string): Promise<number> {
  const { queueStates } = await made.admin().describeTopic(topic);
  return queueStates.find((state) => state.brokerSet === brokerSet)?.maxOffset ?? 0;
}

/** One message after the other, each once the one before is stored. */
async function sendInTurn(producer: Producer, topic: string, count: number): Promise<[Receipt[], number]> {
  const receipts: Receipt[] = [];
  let longestMs = 0;
  for (let i = 0; i < count; i++) {
    const start = monotonicMs();
    receipts.push(await producer.send({ topic, body: String(i) }));
    longestMs = Math.max(longestMs, monotonicMs() - start);
  }
  return [receipts, longestMs];
}

describe('a master that has too few slaves', () => {
  it('has its share of messages without a key taken by the other, each stored once, and gets it again when it takes them', async () => {
    const made = await client();
    const topic = await topicOf(made);
    await refuse(made, topic);
    const before = await storedIn(made, topic, 'b');
    const producers = Array.from({ length: 8 }, () => made.producer());
    const results = await Promise.all(producers.map((producer) => sendInTurn(producer, topic, 50)));
    const receipts = results.flatMap(([each]) => each);
    expect(new Set(receipts.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['b']));
    // The machine may be busy; who waited for the master would wait 30 s.
    expect(Math.max(...results.map(([, longestMs]) => longestMs))).toBeLessThan(25_000);
    expect(await storedIn(made, topic, 'b')).toBe(before + receipts.length);
    await takesAgain();
    const [producer] = producers as [Producer];
    await until(async () => (await producer.send({ topic, body: 'again' })).brokerSet === 'a');
    const [last] = await sendInTurn(producer, topic, 4);
    expect(new Set(last.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['a', 'b']));
  });

  it.each(['wait', 'move'] as const)(
    "has messages with a key or a queue wait for it, in their order, with onMasterLost: '%s'",
    async (onMasterLost) => {
      const made = await client();
      const topic = await topicOf(made);
      await refuse(made, topic);
      const atA = await storedIn(made, topic, 'a');
      const producer = made.producer({ onMasterLost });
      const keyed = [0, 1, 2].map((i) =>
        producer.send({ topic, body: `${i}`, shardingKey: keyOfA as string }),
      );
      const named = producer.send({ topic, body: 'named' }, AT_A);
      const [free] = await sendInTurn(producer, topic, 20);
      expect(new Set(free.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['b']));
      await takesAgain();
      const receipts = await Promise.all(keyed);
      expect(receipts.map(({ brokerSet }) => brokerSet)).toEqual(['a', 'a', 'a']);
      const offsets = receipts.map(({ offset }) => offset);
      expect(offsets).toEqual([...offsets].sort((one, other) => one - other));
      expect(await named).toMatchObject({ brokerSet: 'a' });
      expect(await storedIn(made, topic, 'a')).toBe(atA + 4);
      // It gets its share of the others again.
      const [again] = await sendInTurn(producer, topic, 4);
      expect(new Set(again.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['a', 'b']));
    },
  );

  it('is what a message without a key waits for, as one broker, where no other takes it', async () => {
    const made = await client();
    const topic = await topicOf(made);
    await refuse(made, topic);
    await cluster.master('b').stop();
    const impatient = made.producer({ sendTimeoutMs: 2_000 });
    const sends = Promise.allSettled([1, 2, 3].map(() => sendInTurn(impatient, topic, 1)));
    const failures = (await sends).map((result) =>
      result.status === 'rejected' ? result.reason.code : null,
    );
    // Which of the two it waits for last says why.
    expect(failures.every((code) => code === 'NOT_ENOUGH_REPLICAS' || code === 'TIMEOUT')).toBe(true);
    const patient = made.producer();
    const send = patient.send({ topic, body: 'x' });
    await takesAgain();
    expect(await send).toMatchObject({ brokerSet: 'a' });
    await cluster.master('b').start();
  });

  it('has a memory topic as before, which its slaves have nothing to do with', async () => {
    const made = await client();
    const topic = await topicOf(made);
    const memory = cluster.name('memory');
    await made.admin().createTopic({ topic: memory, queues: 1, memory: true });
    await refuse(made, topic);
    const producer = made.producer();
    const [free] = await sendInTurn(producer, topic, 10);
    expect(new Set(free.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['b']));
    const [receipts] = await sendInTurn(producer, memory, 10);
    expect(new Set(receipts.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['a', 'b']));
  });
});

describe('a master whose disk is full', () => {
  it('has its share of messages without a key taken by the other', async () => {
    const made = await client();
    const topic = await topicOf(made);
    const master = cluster.master('b');
    await master.stop();
    master.options = { minFreeBytes: Number.MAX_SAFE_INTEGER };
    await master.start();
    const producer = made.producer();
    await until(
      async () =>
        (await made
          .producer({ sendTimeoutMs: 250 })
          .send({ topic, body: 'x' }, { queueId: 0, brokerSet: 'b' })
          .then(
            () => null,
            ({ code }) => code,
          )) === 'DISK_FULL',
    );
    const [receipts, longestMs] = await sendInTurn(producer, topic, 20);
    expect(new Set(receipts.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['a']));
    expect(longestMs).toBeLessThan(25_000);
    await master.stop();
    master.options = {};
    await master.start();
  });
});
