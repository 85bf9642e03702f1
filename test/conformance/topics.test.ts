import { expect, test } from 'vitest';
import { describeEach, EACH, numbers, type Rig, readAll, sendNumbers, take } from './rig.js';

describeEach('topics', EACH, topics, {});

/** Of brokers of their own: their queues are nearly all that those have. */
function topics(rig: Rig): void {
  test('are created, listed, described and deleted', async () => {
    const client = await rig.client();
    const admin = client.admin();
    const [plain, memory] = [rig.name('t'), rig.name('t')];
    const before = Date.now();
    const created = await admin.createTopic({ topic: plain, queues: 3 });
    expect(created).toMatchObject({ topic: plain, queues: 3, memory: false, topicId: expect.any(Number) });
    expect(created.createdTime).toBeGreaterThanOrEqual(before);
    await admin.createTopic({ topic: memory, memory: true });
    expect(await admin.listTopics()).toEqual(
      expect.arrayContaining([created, expect.objectContaining({ topic: memory, queues: 4, memory: true })]),
    );
    await client.producer().sendBatch(
      numbers(5).map((body) => ({ topic: plain, body })),
      { queueId: 2 },
    );
    expect(await admin.describeTopic(plain)).toEqual({
      ...created,
      retention: {
        retentionMs: 72 * 3_600_000,
        retentionBytes: 0,
        logBytes: expect.any(Number),
        oldestTime: expect.any(Number),
      },
      queueStates: [
        { queueId: 0, minOffset: 0, maxOffset: 0 },
        { queueId: 1, minOffset: 0, maxOffset: 0 },
        { queueId: 2, minOffset: 0, maxOffset: 5 },
      ],
    });
    await admin.deleteTopic(plain);
    expect((await admin.listTopics()).map((info) => info.topic)).not.toContain(plain);
  });

  test('that are deleted and made again take at once what is sent to them, whoever sent to the old one', async () => {
    const client = await rig.client();
    const admin = client.admin();
    const topic = rig.name('t');
    const producer = client.producer();
    for (let round = 0; round < 5; round++) {
      await admin.createTopic({ topic, queues: 1 + round });
      producer.write({ topic, body: 'one' });
      await producer.flush();
      const other = client.producer();
      expect(await other.send({ topic, body: 'two' })).toMatchObject({ topic });
      await other.close();
      await admin.deleteTopic(topic);
    }
  });

  test('that another client deleted and made again are looked up anew by a producer that comes later', async () => {
    const [client, other] = [await rig.client(), await rig.client()];
    const topic = rig.name('t');
    await client.admin().createTopic({ topic, queues: 1 });
    const first = client.producer();
    await first.send({ topic, body: 'one' });
    await first.close();
    await other.admin().deleteTopic(topic);
    const { topicId } = await other.admin().createTopic({ topic, queues: 1 });
    // What the broker tells comes before its answer to what is asked after it.
    expect(await client.admin().describeTopic(topic)).toMatchObject({ topicId });
    expect(await client.producer().send({ topic, body: 'two' })).toMatchObject({ offset: 0 });
  });

  test('are described whole, with more queues than one answer holds, and so are groups', async () => {
    const client = await rig.client();
    const admin = client.admin();
    const group = rig.name('g');
    const topics = [rig.name('t'), rig.name('t')];
    await admin.createGroup({ group });
    for (const topic of topics) {
      await admin.createTopic({ topic, queues: 5_000, memory: true });
      await admin.resetOffset({ group, topic, to: 'earliest' });
    }
    const { queueStates } = await admin.describeTopic(topics[0] as string);
    expect(queueStates.map((queue) => queue.queueId)).toEqual(Array.from({ length: 5_000 }, (_, id) => id));
    const described = await admin.describeGroup(group);
    expect(described).toMatchObject({ group, topicCount: 2, members: 0, memberIds: [] });
    expect(new Set(described.queues.map(({ topic, queueId }) => `${topic} ${queueId}`)).size).toBe(10_000);
    expect(Object.keys(described)).not.toContain('cursor');
    for (const topic of topics) {
      await admin.deleteTopic(topic);
    }
  });

  test('a deleted topic ends its consumers; made again it is another one, from offset 0', async () => {
    for (const memory of [false, true]) {
      const { client, topic } = await rig.topic({ memory, queues: 2 });
      const other = await rig.client();
      const admin = client.admin();
      const group = rig.name('g');
      const producer = client.producer();
      const idOf = async () => (await admin.describeTopic(topic)).topicId;
      const oldId = await idOf();
      await producer.sendBatch(
        numbers(10).map((body) => ({ topic, body })),
        { queueId: 0 },
      );

      const loop = other.consumer({ group, topic })[Symbol.asyncIterator]();
      for (let i = 0; i < 10; i++) {
        await (await loop.next()).value?.ack();
      }
      const waiting = loop.next();
      const ended = expect(waiting).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
      await admin.deleteTopic(topic);
      await ended;
      await expect(producer.send({ topic, body: 'x' })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });

      await admin.createTopic({ topic, memory, queues: 1 });
      expect(await idOf()).toBeGreaterThan(oldId);
      expect(await producer.send({ topic, body: 'anew' })).toMatchObject({ queueId: 0, offset: 0 });
      const received = await take(other.consumer({ group, topic }), 1);
      expect(received[0]).toMatchObject({ offset: 0, queueId: 0 });
      expect(received[0]?.text()).toBe('anew');
    }
  });

  test('made anew behind a producer’s back, the topic gets its messages all the same', async () => {
    const { client, topic } = await rig.topic({ queues: 4 });
    const admin = (await rig.client()).admin();
    const producer = client.producer();
    await producer.send({ topic, body: 'old' });
    await admin.deleteTopic(topic);
    await admin.createTopic({ topic, queues: 1 });
    // At most what was under way in that moment fails, and says so.
    const outcome = await producer
      .send({ topic, body: 'new' })
      .catch((error: { code: string }) => error.code);
    if (outcome === 'TOPIC_NOT_FOUND') {
      await producer.send({ topic, body: 'new' });
    }
    expect((await readAll(client, topic)).map((message) => message.text())).toEqual(['new']);
  });

  test('10,000 queues', async () => {
    const { client, topic } = await rig.topic({ queues: 10_000 });
    const producer = client.producer();
    for (let i = 0; i < 10_000; i++) {
      if (!producer.write({ topic, body: String(i) }, { queueId: (i * 7919) % 10_000 })) {
        await producer.ready();
      }
    }
    await producer.flush();
    const description = await client.admin().describeTopic(topic);
    expect(description.queueStates).toHaveLength(10_000);
    expect(description.queueStates.every((queue) => queue.maxOffset === 1)).toBe(true);
    const queues = new Set<number>();
    const bodies = new Set<string>();
    for (const message of await readAll(client, topic)) {
      expect(message.queueId).toBe((Number(message.text()) * 7919) % 10_000);
      queues.add(message.queueId);
      bodies.add(message.text());
    }
    expect([queues.size, bodies.size]).toEqual([10_000, 10_000]);
    await client.admin().deleteTopic(topic);
  });

  test('after many that came and went, a topic has none of their messages', async () => {
    const { client } = await rig.topic();
    const admin = client.admin();
    const topic = rig.name('reused');
    for (let round = 0; round < 20; round++) {
      await admin.createTopic({ topic, queues: 2, memory: round % 2 === 1 });
      await sendNumbers(client, topic, 3, round * 3);
      const received = await readAll(client, topic);
      expect(received.map((message) => message.text())).toEqual(numbers(3, round * 3));
      await admin.deleteTopic(topic);
    }
  });
}
