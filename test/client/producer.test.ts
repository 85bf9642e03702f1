import { describe, expect, test } from 'vitest';
import { createClient } from '../../native-free/client/internal.js';
import { ACK_FLAG_DUPLICATE, BATCH_ATTRIBUTE, ERRORS } from '../../native-free/wire/index.js';
import { ScriptedBroker } from './scripted-broker.js';
import { scriptedProducer } from './scripted-client.js';

const body = new Uint8Array(100).fill(1);

describe('send', () => {
  test('gives a receipt with queue, offset, id and durability', async () => {
    const { broker, producer } = await scriptedProducer();
    const receipt = await producer.send({ topic: 't', body }, { queueId: 2 });
    expect(receipt).toEqual({
      messageId: '0123456789abcdef00000000001000' + '0000',
      topic: 't',
      queueId: 2,
      offset: 0,
      status: 'SEND_OK',
      durability: 'disk',
    });
    expect(broker.link.batches).toHaveLength(1);
  });

  test('packs what is sent in one turn into one batch, receipts numbered within', async () => {
    const { broker, producer } = await scriptedProducer();
    await producer.send({ topic: 't', body });
    const receipts = await Promise.all(Array.from({ length: 50 }, () => producer.send({ topic: 't', body })));
    expect(broker.link.batches.map((batch) => batch.recordCount)).toEqual([1, 50]);
    expect(receipts.map((receipt) => receipt.offset)).toEqual(receipts.map((_, i) => i));
    expect(new Set(receipts.map((receipt) => receipt.messageId)).size).toBe(50);
  });

  test('takes a duplicate as stored', async () => {
    const { broker, producer } = await scriptedProducer();
    broker.autoAck = false;
    const sent = producer.send({ topic: 't', body });
    await broker.until(() => broker.link.batches.length === 1);
    broker.link.ack(broker.link.batches, { flags: ACK_FLAG_DUPLICATE, baseOffset: 41 });
    expect((await sent).offset).toBe(41);
  });

  test('rejects with the typed error of the broker', async () => {
    const { broker, producer } = await scriptedProducer();
    broker.autoAck = false;
    const sent = producer.send({ topic: 't', body });
    await broker.until(() => broker.link.batches.length === 1);
    broker.link.ack(broker.link.batches, { status: ERRORS.DISK_FAILED.wire });
    await expect(sent).rejects.toMatchObject({ code: 'DISK_FAILED', details: { topic: 't' } });
  });

  test('names topics, queues and limits that are wrong', async () => {
    const { producer } = await scriptedProducer();
    await expect(producer.send({ topic: 'no', body })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    await expect(producer.send({ topic: 'a b', body })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await producer.send({ topic: 't', body });
    for (const no of [null, undefined, 'text'] as never[]) {
      await expect(producer.send(no)).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
      expect(() => producer.write(no)).toThrow(expect.objectContaining({ code: 'BAD_MESSAGE' }));
    }
    await expect(producer.send({ topic: 't', body }, { queueId: 4 })).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
      details: { limit: 4, value: 4 },
    });
    await expect(producer.send({ topic: 't', body: new Uint8Array(4194305) })).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      details: { limit: 4194304, value: 4194305 },
    });
    await expect(producer.send({ topic: 't', bornTime: Number.NaN })).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
    });
  });

  test('is given up by its signal', async () => {
    const { broker, producer } = await scriptedProducer();
    broker.autoAck = false;
    const stop = new AbortController();
    const sent = producer.send({ topic: 't', body }, { signal: stop.signal });
    stop.abort();
    await expect(sent).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(producer.send({ topic: 't', body }, { signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  test('asks for a flush, and says when that cannot be had', async () => {
    const { broker, producer } = await scriptedProducer();
    broker.topics.set('mem', { topic: 'mem', topicId: 8, queues: 1, memory: true, createdTime: 0 });
    for (const flush of ['sync', 'async'] as const) {
      await expect(producer.send({ topic: 'mem', body }, { flush })).rejects.toMatchObject({
        code: 'NOT_SUPPORTED',
      });
    }
    await producer.send({ topic: 't', body });
    await Promise.all([
      producer.send({ topic: 't', body }, { queueId: 0 }),
      producer.send({ topic: 't', body }, { flush: 'sync', queueId: 0 }),
      producer.send({ topic: 't', body }, { flush: 'async', queueId: 0 }),
    ]);
    expect(broker.link.batches.slice(1).map((batch) => batch.attributes)).toEqual([
      0,
      BATCH_ATTRIBUTE.syncFlush,
      BATCH_ATTRIBUTE.asyncFlush,
    ]);
  });

  test('gives one sharding key one queue and moves round-robin on with each batch', async () => {
    const { broker, producer } = await scriptedProducer({ lingerMs: 0 });
    for (let i = 0; i < 3; i++) {
      await producer.send({ topic: 't', body, shardingKey: 'k' });
    }
    expect(new Set(broker.link.batches.map((batch) => batch.queueId)).size).toBe(1);
    for (let i = 0; i < 8; i++) {
      await producer.send({ topic: 't', body });
    }
    const queues = broker.link.batches.slice(3).map((batch) => batch.queueId);
    expect(new Set(queues.slice(0, 4)).size).toBe(4);
    expect(queues.slice(4)).toEqual(queues.slice(0, 4));
  });
});

describe('send beyond the buffer', () => {
  test('waits for room, keeps order, loses nothing', async () => {
    const { broker, producer } = await scriptedProducer({ bufferBytes: 1024, batchBytes: 1024 });
    await producer.send({ topic: 't', body }, { queueId: 0 });
    const sends = Array.from({ length: 300 }, () => producer.send({ topic: 't', body }, { queueId: 0 }));
    expect(producer.bufferedBytes).toBeLessThanOrEqual(5 * 1024 + 112);
    expect(() => producer.write({ topic: 't', body })).toThrow(
      expect.objectContaining({ code: 'BUFFER_FULL' }),
    );
    const receipts = await Promise.all(sends);
    expect(receipts.map((receipt) => receipt.offset)).toEqual(receipts.map((_, i) => i + 1));
    await producer.ready();
    expect(producer.bufferedBytes).toBe(0);
    expect(broker.link.batches.length).toBeGreaterThan(30);
  });
});

describe('sendBatch', () => {
  test('gives receipts in order over several batches', async () => {
    const { broker, producer } = await scriptedProducer({ batchRecords: 3 });
    const receipts = await producer.sendBatch(
      Array.from({ length: 10 }, (_, i) => ({ topic: 't', body: `m${i}`, shardingKey: `k${i}` })),
    );
    expect(receipts).toHaveLength(10);
    expect(broker.link.batches.reduce((sum, batch) => sum + batch.recordCount, 0)).toBe(10);
    expect(await producer.sendBatch([])).toEqual([]);
  });

  test('says which messages failed', async () => {
    const { producer } = await scriptedProducer();
    const sent = producer.sendBatch([
      { topic: 't', body },
      { topic: 't', body, tag: '' },
      { topic: 'no', body },
    ]);
    await expect(sent).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
      details: { failedCount: 2, failed: [{ index: 1 }, { index: 2, code: 'TOPIC_NOT_FOUND' }] },
    });
  });
});

describe('write', () => {
  test('says when to wait, throws past twice the buffer, goes on after ready', async () => {
    const { broker, producer } = await scriptedProducer({ bufferBytes: 10_000 });
    broker.autoAck = false;
    producer.write({ topic: 't', body });
    await broker.until(() => broker.link.batches.length === 1);
    let taken = 1;
    while (producer.write({ topic: 't', body })) {
      taken++;
    }
    expect((taken + 1) * 112).toBeGreaterThanOrEqual(10_000);
    expect(() => {
      for (;;) {
        producer.write({ topic: 't', body });
      }
    }).toThrow(
      expect.objectContaining({ code: 'BUFFER_FULL', details: expect.objectContaining({ limit: 20_000 }) }),
    );
    const ready = producer.ready();
    broker.autoAck = true;
    broker.link.ack(broker.link.batches);
    await ready;
    expect(producer.bufferedBytes).toBeLessThanOrEqual(5_000);
    expect(producer.write({ topic: 't', body })).toBe(true);
    await producer.flush();
    expect(broker.link.batches.reduce((sum, batch) => sum + batch.recordCount, 0)).toBe(producer.nextNumber);
  });

  test('reports failures by message through flush and onError', async () => {
    const failures: number[][] = [];
    const { broker, producer } = await scriptedProducer({
      batchRecords: 2,
      onError: ({ numbers }) => failures.push(numbers),
    });
    broker.autoAck = false;
    for (let i = 0; i < 6; i++) {
      producer.write({ topic: 't', body });
    }
    await broker.until(() => broker.link.batches.length === 3);
    broker.link.ack(broker.link.batches, (batch) =>
      batch.sequence === 2 ? { status: ERRORS.DISK_FAILED.wire } : {},
    );
    await expect(producer.flush()).rejects.toMatchObject({
      code: 'DISK_FAILED',
      details: {
        failedCount: 2,
        failed: [
          { number: 2, topic: 't', code: 'DISK_FAILED' },
          { number: 3, topic: 't', code: 'DISK_FAILED' },
        ],
      },
    });
    expect(failures).toEqual([[2, 3]]);
    await producer.flush();
  });

  test('copies the body before it returns, even while the topic is not known', async () => {
    const { broker, producer } = await scriptedProducer();
    const mine = new Uint8Array([1, 2, 3]);
    producer.write({ topic: 't', body: mine });
    mine.fill(9);
    await producer.flush();
    expect([...(broker.link.batches[0]?.bytes.slice(-3) ?? [])]).toEqual([1, 2, 3]);
  });

  test('fails for an unknown topic at flush, and at close', async () => {
    const { producer } = await scriptedProducer();
    producer.write({ topic: 'no', body });
    await expect(producer.flush()).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    producer.write({ topic: 'no', body });
    await expect(producer.close()).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    expect(() => producer.write({ topic: 't', body })).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

test('connecting fails with CONNECT_FAILED, and with what the broker says', async () => {
  const broker = new ScriptedBroker();
  broker.isDown = true;
  await expect(createClient(broker.factory, { connectTimeoutMs: 20 })).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
    retryable: true,
  });
});
