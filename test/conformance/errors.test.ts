/** What is refused, and that the error names the limit and the value. */
import { describe, expect, test } from 'vitest';
import { connect, isRingMQError, type OutgoingMessage } from '../../broker/index.js';
import { describeEach, EACH } from './rig.js';

describeEach('refusals', EACH, (rig) => {
  test('topics and queues that do not exist', async () => {
    const { client, topic } = await rig.topic({ queues: 3 });
    const producer = client.producer();
    const admin = client.admin();
    const none = rig.name('none');
    const notFound = { code: 'TOPIC_NOT_FOUND', retryable: false };
    await expect(producer.send({ topic: none, body: 'x' })).rejects.toMatchObject(notFound);
    await expect(admin.describeTopic(none)).rejects.toMatchObject(notFound);
    await expect(admin.deleteTopic(none)).rejects.toMatchObject(notFound);
    const loop = client.consumer({ group: 'g', topic: none })[Symbol.asyncIterator]();
    await expect(loop.next()).rejects.toMatchObject(notFound);
    await expect(admin.describeGroup(none)).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' });
    for (const queueId of [3, -1, 1.5]) {
      await expect(producer.send({ topic, body: 'x' }, { queueId })).rejects.toMatchObject({
        code: 'QUEUE_NOT_FOUND',
        details: { topic, limit: 3, value: queueId },
      });
    }
    // Not created by use.
    expect((await admin.listTopics()).map((info) => info.topic)).not.toContain(none);
  });

  test('messages that break a limit, by send and by write', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer();
    const long = (length: number) => 'k'.repeat(length);
    const properties = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, i]));
    const cases: [Partial<OutgoingMessage>, { limit: number; value: number } | null][] = [
      [{ keys: Array.from({ length: 33 }, (_, i) => `k${i}`) }, { limit: 32, value: 33 }],
      [{ keys: [long(256)] }, { limit: 255, value: 256 }],
      [{ keys: [''] }, null],
      [{ tag: long(128) }, { limit: 127, value: 128 }],
      [{ tag: '' }, null],
      [{ shardingKey: long(256) }, { limit: 255, value: 256 }],
      [{ properties }, { limit: 64, value: 65 }],
      [{ properties: { [long(128)]: 1 } }, { limit: 127, value: 128 }],
      [{ properties: { a: Number.NaN } }, null],
      [{ properties: { a: null as never } }, null],
      [{ body: 42 as never }, null],
      [{ bornTime: 1.5 }, null],
    ];
    for (const [part, details] of cases) {
      const refusal = { code: 'BAD_MESSAGE', retryable: false, ...(details === null ? {} : { details }) };
      const message = { topic, ...part };
      await expect(producer.send(message), JSON.stringify(part)).rejects.toMatchObject(refusal);
      expect(() => producer.write(message), JSON.stringify(part)).toThrow(
        expect.objectContaining({ code: 'BAD_MESSAGE' }),
      );
    }
    // The attributes together have a limit of their own.
    const wide = { topic, properties: { a: new Uint8Array(33 * 1024) } };
    await expect(producer.send(wide)).rejects.toMatchObject({ details: { limit: 32 * 1024 } });
    // None of them took an offset, or the producer down.
    expect((await producer.send({ topic, body: 'good' })).offset).toBe(0);
  });

  test('a batch fails with the first error and says which messages', async () => {
    const { client, topic } = await rig.topic();
    const none = rig.name('none');
    const failed = client.producer().sendBatch([
      { topic, body: 'a' },
      { topic: none, body: 'b' },
      { topic, body: 'c' },
    ]);
    await expect(failed).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      details: { failed: expect.any(Array) },
    });
    const error: unknown = await failed.catch((reason: unknown) => reason);
    expect(isRingMQError(error)).toBe(true);
    expect(JSON.stringify((error as { details: unknown }).details)).toContain('1');
  });

  test('topics that cannot be made', async () => {
    const { client, topic } = await rig.topic();
    const admin = client.admin();
    await expect(admin.createTopic({ topic })).rejects.toMatchObject({ code: 'TOPIC_EXISTS' });
    for (const name of ['', 'a b', '%own', 'ü', 'n'.repeat(128)]) {
      await expect(admin.createTopic({ topic: name }), name).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
    for (const queues of [0, -1, 1.5, 16_385, 1e9]) {
      await expect(admin.createTopic({ topic: 't', queues }), String(queues)).rejects.toMatchObject({
        code: expect.stringMatching(/^(BAD_ARGUMENT|TOO_MANY_QUEUES)$/),
      });
    }
    const longest = `A-z_0/9.${rig.name('n').padEnd(119, 'x')}`;
    expect(await admin.createTopic({ topic: longest })).toMatchObject({
      topic: longest,
      queues: 4,
      memory: false,
    });
  });

  test('consumers that cannot be', async () => {
    const { client, topic } = await rig.topic();
    for (const filter of ['||', 'a ||', '|| a', 'a || || b', 'x'.repeat(200), 7 as never]) {
      expect(() => client.consumer({ group: 'g', topic, filter }), String(filter)).toThrow(
        expect.objectContaining({ code: 'BAD_FILTER' }),
      );
    }
    const many = Array.from({ length: 65 }, (_, i) => `t${i}`).join('||');
    expect(() => client.consumer({ group: 'g', topic, filter: many })).toThrow(
      expect.objectContaining({
        code: 'BAD_FILTER',
        details: expect.objectContaining({ limit: 64, value: 65 }),
      }),
    );
    const options = [
      { group: '' },
      { group: 'a b' },
      { group: 'g', from: 'middle' as never },
      { group: 'g', from: { offset: -1 } },
      { group: 'g', windowBytes: 1 },
    ];
    for (const option of options) {
      expect(() => client.consumer({ topic, ...option }), JSON.stringify(option)).toThrow(
        expect.objectContaining({ code: 'BAD_ARGUMENT' }),
      );
    }
    const consumer = client.consumer({ group: 'g', topic });
    const first = consumer.batches();
    void first.next();
    await expect(consumer.batches().next()).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await consumer.close();
  });
});

describe('connect', () => {
  test('fails with a typed error', async () => {
    await expect(connect('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(connect('ws://127.0.0.1:1', { connectTimeoutMs: 2000 })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      retryable: true,
      cause: expect.anything(),
    });
    await expect(connect('ws://127.0.0.1:1', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });
});
