/** A master of a cluster goes away, and comes back: who sends and who reads goes on meanwhile. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Client, ConsumedMessage, Consumer, Receipt } from '../../../native-free/client/index.js';
import { shardingHash } from '../../../native-free/client/internal.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { Cluster, until } from './cluster.js';

const cluster = new Cluster();
beforeAll(async () => {
  await cluster.open(['a', 'b']);
});
afterEach(async () => {
  await cluster.closeClients();
  for (const master of cluster.masters) {
    if (!master.isUp) {
      await master.start();
    }
  }
});
afterAll(() => cluster.close());

/** Clients of before may not have heard yet that all are back. */
async function clientOfAll(): Promise<Client> {
  const client = await cluster.client();
  await until(async () => {
    const topics = await client
      .admin()
      .listTopics()
      .catch(() => []);
    const isKnown = topics.length >= 0 && client.broker.brokerSets?.length === 2;
    return isKnown && bothAnswer(client).catch(() => false);
  });
  return client;
}

async function bothAnswer(client: Client): Promise<boolean> {
  const topic = cluster.name('probe');
  const info = await client.admin().createTopic({ topic, queues: 1 });
  await client.admin().deleteTopic(topic);
  return info.parts?.length === 2;
}

/** Reads until `isDone`, acks all. */
async function read(consumer: Consumer, isDone: (messages: ConsumedMessage[]) => boolean) {
  const messages: ConsumedMessage[] = [];
  if (isDone(messages)) {
    return messages;
  }
  for await (const message of consumer) {
    messages.push(message);
    await message.ack();
    if (isDone(messages)) {
      break;
    }
  }
  return messages;
}

describe('a master that is lost under load', () => {
  it('has its share of messages without a key taken over by the other within a second, and nobody is told of an error', async () => {
    const client = await clientOfAll();
    const topic = await cluster.topic(client, 2);
    const failures: unknown[] = [];
    const producer = client.producer({
      onError: (failure) => failures.push(failure),
      bufferBytes: 64 * 1024,
    });
    const body = new Uint8Array(200);
    const receipts: Receipt[] = [];
    const waits: number[] = [];
    let stopAt = Number.POSITIVE_INFINITY;
    const stopped = cluster.master('a').stop.bind(cluster.master('a'));
    let stopping: Promise<void> | null = null;
    /** How many rounds there were before it was gone. */
    let before = Number.POSITIVE_INFINITY;
    let written = 0;
    for (let round = 0; monotonicMs() < stopAt || round < before + 10; round++) {
      if (round === 30) {
        stopping = stopped().then(() => {
          before = receipts.length + 1;
        });
        stopAt = monotonicMs() + 2_000;
      }
      for (let i = 0; i < 20; i++) {
        written++;
        if (!producer.write({ topic, body })) {
          await producer.ready();
        }
      }
      const start = monotonicMs();
      receipts.push(await producer.send({ topic, body }));
      waits.push(monotonicMs() - start);
      written++;
    }
    await producer.flush();
    await stopping;
    expect(failures).toEqual([]);
    expect(new Set(receipts.slice(0, 30).map(({ brokerSet }) => brokerSet))).toEqual(new Set(['a', 'b']));
    expect(new Set(receipts.slice(-10).map(({ brokerSet }) => brokerSet))).toEqual(new Set(['b']));
    // The machine may be busy; without a failover it would be 30 s.
    expect(Math.max(...waits)).toBeLessThan(20_000);
    await producer.close();
    // Back again, all is there: each message once at least, twice only what was under way.
    await cluster.master('a').start();
    const reader = client.consumer({ group: cluster.name('group'), topic });
    const messages = await read(reader, (all) => all.length >= written);
    expect(new Set(messages.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['a', 'b']));
  });

  it('has its keyed messages wait for it, in their order, while those of the other go on', async () => {
    const client = await clientOfAll();
    const topic = await cluster.topic(client, 1);
    const producer = client.producer();
    const keys = ['k-0', 'k-1', 'k-2', 'k-3', 'k-4', 'k-5', 'k-6', 'k-7'];
    const placeOf = new Map<string, string>();
    for (const key of keys) {
      const { brokerSet } = await producer.send({ topic, body: `${key} 0`, shardingKey: key });
      placeOf.set(key, brokerSet as string);
    }
    expect(new Set(placeOf.values()).size).toBe(2);
    await cluster.master('a').stop();
    const sends: Promise<Receipt>[] = [];
    const settled = new Set<string>();
    for (let i = 1; i <= 5; i++) {
      for (const key of keys) {
        const send = producer.send({ topic, body: `${key} ${i}`, shardingKey: key });
        send.then(() => settled.add(`${key} ${i}`)).catch(() => {});
        sends.push(send);
      }
    }
    const ofB = keys.filter((key) => placeOf.get(key) === 'b');
    await until(() => ofB.every((key) => settled.has(`${key} 5`)));
    expect([...settled].every((body) => ofB.includes(body.split(' ')[0] as string))).toBe(true);
    await cluster.master('a').start();
    for (const { brokerSet, messageId } of await Promise.all(sends)) {
      expect(messageId).not.toBe('');
      expect(['a', 'b']).toContain(brokerSet);
    }
    const consumer = client.consumer({ group: cluster.name('group'), topic });
    const messages = await read(consumer, (all) => all.length === keys.length * 6);
    for (const key of keys) {
      const of = messages.filter((message) => message.shardingKey === key);
      expect(of.map((message) => message.text())).toEqual([0, 1, 2, 3, 4, 5].map((i) => `${key} ${i}`));
      expect(new Set(of.map(({ brokerSet }) => brokerSet))).toEqual(new Set([placeOf.get(key)]));
    }
  });

  it("has its keyed messages go to the other where onMasterLost is 'move', each key's to one queue", async () => {
    const client = await clientOfAll();
    const topic = await cluster.topic(client, 3);
    const producer = client.producer({ onMasterLost: 'move' });
    await producer.send({ topic, body: 'x', shardingKey: 'k' });
    await cluster.master('a').stop();
    const keys = Array.from({ length: 30 }, (_, i) => `k-${i}`);
    const places = new Map<string, Set<string>>();
    for (let i = 0; i < 3; i++) {
      const receipts = await producer.sendBatch(
        keys.map((key) => ({ topic, body: String(i), shardingKey: key })),
      );
      for (const [at, { brokerSet, queueId }] of receipts.entries()) {
        const key = keys[at] as string;
        expect(brokerSet).toBe('b');
        places.set(key, (places.get(key) ?? new Set()).add(`${brokerSet}/${queueId}`));
      }
    }
    expect([...places.values()].every((of) => of.size === 1)).toBe(true);
  });

  it('has each key keep its order at the master that stands in for it, with what was under way first', async () => {
    const client = await clientOfAll();
    const topic = await cluster.topic(client, 1);
    const key = Array.from({ length: 64 }, (_, i) => `k-${i}`).find((each) => shardingHash(each) % 2 === 1);
    const producer = client.producer({ onMasterLost: 'move' });
    let written = 0;
    let lostAt = 0;
    let stopping: Promise<void> | null = null;
    // Until well behind the time after which what waits for the lost one goes to the other.
    while (lostAt === 0 || monotonicMs() - lostAt < 1_200) {
      for (let i = 0; i < 4; i++) {
        producer.write({ topic, body: String(written++), shardingKey: key as string });
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (written === 400) {
        stopping = cluster.master('b').stop();
        void stopping.then(() => {
          lostAt = monotonicMs();
        });
      }
      await producer.ready();
    }
    // Whatever the last one of before came to, this one finds it gone.
    producer.write({ topic, body: String(written++), shardingKey: key as string });
    await producer.flush();
    await stopping;
    const numbers: number[] = [];
    const consumer = client.consumer({ group: cluster.name('group'), topic });
    await read(consumer, (messages) =>
      messages.some((message) => Number(message.text()) === written - 1),
    ).then((messages) => numbers.push(...messages.map((message) => Number(message.text()))));
    await consumer.close();
    expect(numbers.filter((number, i) => i > 0 && number <= (numbers[i - 1] as number))).toEqual([]);
    expect(numbers.at(-1)).toBe(written - 1);
  });

  it('has a message to a named queue wait for it', async () => {
    const client = await clientOfAll();
    const topic = await cluster.topic(client, 1);
    const producer = client.producer({ onMasterLost: 'move' });
    await producer.send({ topic, body: 'x' }, { queueId: 0, brokerSet: 'a' });
    await cluster.master('a').stop();
    const named = producer.send({ topic, body: 'named' }, { queueId: 0, brokerSet: 'a' });
    expect(await producer.send({ topic, body: 'free' })).toMatchObject({ brokerSet: 'b' });
    await cluster.master('a').start();
    expect(await named).toMatchObject({ brokerSet: 'a', queueId: 0, offset: 1 });
  });

  it('is read from again when it is back: what it has waits, and nothing that was acked comes twice', async () => {
    const client = await clientOfAll();
    const topic = await cluster.topic(client, 1);
    const producer = client.producer();
    const sendTo = (brokerSet: string, bodies: string[]) =>
      Promise.all(bodies.map((body) => producer.send({ topic, body }, { queueId: 0, brokerSet })));
    await sendTo('a', ['a1', 'a2', 'a3', 'a4']);
    await sendTo('b', ['b1', 'b2']);
    const consumer = client.consumer({ group: cluster.name('group'), topic });
    const seen: string[] = [];
    const ended = consumer.run(async (message) => {
      seen.push(message.text());
    });
    await until(() => seen.length === 6);
    await consumer.commit();
    await sendTo('a', ['a5']).then(() => cluster.master('a').stop());
    await sendTo('b', ['b3']);
    await until(() => seen.includes('b3'));
    await cluster.master('a').start();
    await sendTo('a', ['a6']);
    await until(() => seen.includes('a6'));
    expect(seen).toContain('a5');
    // What was acked and could not be committed before it went may come again, nothing else.
    const twice = seen.filter((body, at) => seen.indexOf(body) !== at);
    expect(twice.filter((body) => body !== 'a5')).toEqual([]);
    await consumer.close();
    await ended;
  });
});

describe('administration while a master is away', () => {
  it('makes topics and deletes them, answers from the others, and says where a change failed', async () => {
    const warnings: string[] = [];
    const client = await cluster.client({ onWarning: (message) => warnings.push(message) });
    await until(() => bothAnswer(client).catch(() => false));
    const admin = client.admin();
    const topic = await cluster.topic(client, 1);
    const gone = await cluster.topic(client, 1);
    const group = cluster.name('group');
    await admin.createGroup({ group });
    await cluster.master('a').stop();
    const late = cluster.name('topic');
    expect(
      (await admin.createTopic({ topic: late, queues: 2 })).parts?.map(({ brokerSet }) => brokerSet),
    ).toEqual(['b']);
    await admin.deleteTopic(gone);
    const { queueStates } = await admin.describeTopic(topic);
    expect(queueStates.map(({ brokerSet }) => brokerSet)).toEqual(['b']);
    expect(warnings.join()).toMatch(/describeTopic is without the broker set a/);
    await expect(admin.resetOffset({ group, topic, to: 'latest' })).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      details: { failedSets: [{ brokerSet: 'a', code: 'CONNECTION_LOST' }], doneSets: ['b'] },
    });
    await cluster.master('a').start();
    // It has learnt of both by itself.
    await until(async () => {
      const names = (await admin.listTopics()).filter(({ parts }) =>
        parts?.some(({ brokerSet }) => brokerSet === 'a'),
      );
      const topics = names.map((info) => info.topic);
      return topics.includes(late) && !topics.includes(gone);
    });
  });
});

describe('when all name servers are gone', () => {
  it('who is connected goes on from the last route', async () => {
    const client = await clientOfAll();
    const topic = await cluster.topic(client, 1);
    const producer = client.producer();
    await producer.send({ topic, body: 'x' });
    await cluster.stopNameServer();
    const sets = new Set<string | undefined>();
    for (let i = 0; i < 4; i++) {
      sets.add((await producer.send({ topic, body: 'x' })).brokerSet);
    }
    expect(sets.size).toBe(2);
    expect(await client.peek({ topic, max: 10 })).toHaveLength(5);
    await cluster.startNameServer();
    await until(async () => (await cluster.client()).broker.brokerSets?.length === 2);
  });
});
