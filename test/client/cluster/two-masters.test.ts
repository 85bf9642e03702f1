/** A client over a cluster of two masters: what it sends is spread over both, what it reads comes from both. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runHere } from '../../cli/cli-here.js';
import { Cluster } from './cluster.js';

const cluster = new Cluster();
beforeAll(async () => {
  await cluster.open(['a', 'b']);
});
afterEach(() => cluster.closeClients());
afterAll(() => cluster.close());

describe('topics', () => {
  it('are made at each master, and are one topic', async () => {
    const client = await cluster.client();
    const admin = client.admin();
    const topic = cluster.name('topic');
    const info = await admin.createTopic({ topic, queues: 3 });
    expect(info).toMatchObject({ topic, queues: 6 });
    expect(info.parts?.map(({ brokerSet, queues }) => `${brokerSet} ${queues}`)).toEqual(['a 3', 'b 3']);
    await expect(admin.createTopic({ topic, queues: 3 })).rejects.toMatchObject({ code: 'TOPIC_EXISTS' });
    expect(await admin.createTopic({ topic, queues: 3, ifNotExists: true })).toMatchObject({ queues: 6 });
    const { queueStates } = await admin.describeTopic(topic);
    expect(queueStates.map(({ brokerSet, queueId }) => `${brokerSet}/${queueId}`)).toEqual([
      'a/0',
      'a/1',
      'a/2',
      'b/0',
      'b/1',
      'b/2',
    ]);
    expect((await admin.listTopics()).filter((each) => each.topic === topic)).toHaveLength(1);
    await admin.deleteTopic(topic);
    await expect(admin.describeTopic(topic)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    await expect(admin.deleteTopic(topic)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  });
});

describe('topics that get more queues', () => {
  it('get them at each master; groups share them, and producers know each', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 1);
    const group = cluster.name('group');
    const consumers = [client.consumer({ group, topic }), client.consumer({ group, topic })];
    await Promise.all(consumers.map((consumer) => consumer.assigned));
    const grown = await client.admin().growTopic({ topic, queues: 3 });
    expect(grown).toMatchObject({ topic, queues: 6, before: 2 });
    expect(grown.parts?.map(({ brokerSet, queues }) => `${brokerSet} ${queues}`)).toEqual(['a 3', 'b 3']);
    await expect
      .poll(() => consumers.map(({ queues }) => queues.length), { timeout: 100_000 })
      .toEqual([3, 3]);
    const places = new Set<string>();
    const producer = client.producer();
    while (places.size < 6) {
      const { brokerSet, queueId } = await producer.send({ topic, body: 'x' });
      places.add(`${brokerSet}/${queueId}`);
    }
    expect([...places].sort()).toEqual(['a/0', 'a/1', 'a/2', 'b/0', 'b/1', 'b/2']);
    await expect(client.admin().growTopic({ topic, queues: 2 })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      details: { queues: 3 },
    });
    expect(await client.admin().growTopic({ topic, queues: 3 })).toMatchObject({ queues: 6, before: 6 });
  });
});

describe('topics of some sets', () => {
  it('are made on those alone, by the command, too', async () => {
    const topic = cluster.name('topic');
    const create = (sets: string) =>
      runHere(['--url', cluster.url, 'topic', 'create', topic, '--queues', '2', '--sets', sets]);
    const wrong = await create('b,z');
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("sets says 'z'")]);
    expect(await create('b')).toMatchObject({ status: 0 });
    const client = await cluster.client();
    const { parts } = await client.admin().describeTopic(topic);
    expect(parts?.map(({ brokerSet }) => brokerSet)).toEqual(['b']);
  });
});

describe('topics that are deleted and made again', () => {
  it('take at once what is sent to them', async () => {
    const client = await cluster.client();
    const topic = cluster.name('topic');
    const producer = client.producer();
    for (let round = 0; round < 5; round++) {
      await client.admin().createTopic({ topic, queues: 1 + round });
      for (let i = 0; i < 8; i++) {
        producer.write({ topic, body: String(i) }, { queueId: 0, brokerSet: i % 2 === 0 ? 'a' : 'b' });
      }
      await producer.flush();
      await client.admin().deleteTopic(topic);
    }
  });

  it('also by a thread that was held while it asked for them', async () => {
    const client = await cluster.client();
    const topic = cluster.name('topic');
    const producer = client.producer();
    for (let round = 0; round < 3; round++) {
      await client.admin().createTopic({ topic, queues: 1 });
      const sends = ['a', 'b'].map((brokerSet) =>
        producer.send({ topic, body: 'x' }, { queueId: 0, brokerSet }),
      );
      // Both sets are asked, without a turn of the sockets; they answer while nobody reads it.
      for (let step = 0; step < 50; step++) {
        await null;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
      expect((await Promise.all(sends)).map(({ offset }) => offset)).toEqual([0, 0]);
      await client.admin().deleteTopic(topic);
    }
  });
});

describe('groups', () => {
  it('are set to where they are to go on at every set, also where they have read nothing', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 1);
    const producer = client.producer();
    const group = cluster.name('group');
    for (const brokerSet of ['a', 'b']) {
      await producer.sendBatch(
        [
          { topic, body: '0' },
          { topic, body: '1' },
        ],
        { queueId: 0, brokerSet },
      );
    }
    const alone = cluster.master('a').client();
    const reader = alone.consumer({ group, topic });
    for (const message of await reader.poll({ waitMs: 60_000 })) {
      await message.ack();
    }
    await reader.commit();
    await alone.close();
    const admin = client.admin();
    const queues = await admin.resetOffset({ group, topic, to: 'latest' });
    expect(queues).toEqual([
      { brokerSet: 'a', queueId: 0, before: 2, offset: 2 },
      { brokerSet: 'b', queueId: 0, before: null, offset: 2 },
    ]);
    expect(
      (await admin.describeGroup(group)).queues.map(({ brokerSet, lag }) => `${brokerSet} ${lag}`),
    ).toEqual(['a 0', 'b 0']);
    expect((await admin.listGroups()).filter((each) => each.group === group)).toHaveLength(1);
    await expect(admin.resetOffset({ group: 'nobody', topic, to: 'latest' })).rejects.toMatchObject({
      code: 'GROUP_NOT_FOUND',
    });
    await admin.deleteGroup(group);
    await expect(admin.describeGroup(group)).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' });
  });
});

describe('messages', () => {
  it('without a key go round the sets batch by batch; receipts name the set', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 2);
    const producer = client.producer();
    const seen: string[] = [];
    for (let i = 0; i < 8; i++) {
      const { brokerSet, queueId } = await producer.send({ topic, body: String(i) });
      seen.push(`${brokerSet}/${queueId}`);
    }
    expect(new Set(seen)).toEqual(new Set(['a/0', 'a/1', 'b/0', 'b/1']));
    // One of each set after the other.
    for (const [i, place] of seen.slice(1).entries()) {
      expect(place[0]).not.toBe(seen[i]?.[0]);
    }
  });

  it('of one sharding key go to one queue, the same for every producer', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 3);
    const places = new Set<string>();
    for (let key = 0; key < 40; key++) {
      const of = new Set<string>();
      for (const producer of [client.producer(), client.producer()]) {
        const { brokerSet, queueId } = await producer.send({ topic, body: 'x', shardingKey: `k-${key}` });
        of.add(`${brokerSet}/${queueId}`);
      }
      expect(of.size).toBe(1);
      places.add([...of][0] as string);
    }
    expect(places.size).toBe(6);
  });

  it('to a named queue say whose queue it is', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 2);
    const producer = client.producer();
    expect(await producer.send({ topic, body: 'x' }, { queueId: 1, brokerSet: 'b' })).toMatchObject({
      brokerSet: 'b',
      queueId: 1,
    });
    await expect(producer.send({ topic, body: 'x' }, { queueId: 1 })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
    await expect(producer.send({ topic, body: 'x' }, { queueId: 0, brokerSet: 'c' })).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
    });
    await expect(producer.send({ topic, body: 'x' }, { brokerSet: 'a' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
  });

  it('come from all sets, each once, and name theirs', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 2);
    const producer = client.producer();
    const bodies = Array.from({ length: 400 }, (_, i) => String(i));
    await producer.sendBatch(bodies.map((body) => ({ topic, body, shardingKey: body })));
    const consumer = client.consumer({ group: cluster.name('group'), topic });
    const read = new Map<string, string[]>();
    let count = 0;
    for await (const message of consumer) {
      const set = message.brokerSet as string;
      read.set(set, [...(read.get(set) ?? []), message.text()]);
      await message.ack();
      if (++count === bodies.length) {
        break;
      }
    }
    expect([...read.keys()].sort()).toEqual(['a', 'b']);
    expect([...read.values()].flat().sort()).toEqual([...bodies].sort());
  });
});

describe('messages that are looked for', () => {
  it('come from both sets in the order of their times, page by page, each once', async () => {
    const client = await cluster.client();
    const admin = client.admin();
    const topic = cluster.name('topic');
    await admin.createTopic({ topic, queues: 2 });
    const producer = client.producer();
    const ids: string[] = [];
    for (let i = 0; i < 12; i++) {
      ids.push((await producer.send({ topic, body: `m${i}`, keys: [`k-${i}`, 'all'] })).messageId);
    }
    for (const limit of [1, 5, 100]) {
      for (const search of [{ topic }, { topic, key: 'all' }]) {
        const messages = [];
        let cursor: string | null = null;
        do {
          const page = await admin.findMessages({ ...search, limit, cursor });
          expect(page.messages.length).toBeLessThanOrEqual(limit);
          messages.push(...page.messages);
          cursor = page.cursor;
        } while (cursor !== null);
        expect(messages.map(({ messageId }) => messageId).sort()).toEqual([...ids].sort());
        expect(new Set(messages.map(({ brokerSet }) => brokerSet))).toEqual(new Set(['a', 'b']));
        const times = messages.map(({ storeTime }) => storeTime);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }
    }
    for (const [i, id] of ids.entries()) {
      const { messages } = await admin.findMessages({ id });
      expect(messages.map(({ keys }) => keys[0])).toEqual([`k-${i}`]);
      const [found] = messages;
      const { queueId, offset, brokerSet } = found as { queueId: number; offset: number; brokerSet: string };
      expect(await admin.consumedBy({ topic, queueId, offset, brokerSet })).toEqual([]);
      const inSet = await admin.findMessages({ topic, brokerSet, queueId, offset, limit: 1 });
      expect(inSet.messages.map(({ messageId }) => messageId)).toEqual([id]);
    }
    await expect(admin.findMessages({ topic, brokerSet: 'z' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      details: { option: 'brokerSet' },
    });
    await expect(admin.findMessages({ topic, cursor: '{}' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      details: { option: 'cursor' },
    });
  });
});
