import { afterEach, describe, expect, test } from 'vitest';
import {
  type Client,
  createClient,
  type Producer,
  type ProducerOptions,
} from '../../native-free/client/internal.js';
import { ACK_FLAG_DUPLICATE, BATCH, BATCH_ATTRIBUTE, ERRORS } from '../../native-free/wire/index.js';
import { type ProducedBatch, ScriptedBroker } from './scripted-broker.js';

const body = new Uint8Array(100).fill(1);
let client: Client | undefined;

afterEach(async () => {
  const stop = new AbortController();
  stop.abort();
  await client?.close({ signal: stop.signal }).catch(() => {});
  client = undefined;
});

async function setUp(options: ProducerOptions = {}): Promise<{ broker: ScriptedBroker; producer: Producer }> {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory, { reconnectMinMs: 1, reconnectMaxMs: 5 });
  return { broker, producer: client.producer(options) };
}

describe('send', () => {
  test('gives a receipt with queue, offset, id and durability', async () => {
    const { broker, producer } = await setUp();
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
    const { broker, producer } = await setUp();
    await producer.send({ topic: 't', body });
    const receipts = await Promise.all(Array.from({ length: 50 }, () => producer.send({ topic: 't', body })));
    expect(broker.link.batches.map((batch) => batch.recordCount)).toEqual([1, 50]);
    expect(receipts.map((receipt) => receipt.offset)).toEqual(receipts.map((_, i) => i));
    expect(new Set(receipts.map((receipt) => receipt.messageId)).size).toBe(50);
  });

  test('takes a duplicate as stored', async () => {
    const { broker, producer } = await setUp();
    broker.autoAck = false;
    const sent = producer.send({ topic: 't', body });
    await broker.until(() => broker.link.batches.length === 1);
    broker.link.ack(broker.link.batches, { flags: ACK_FLAG_DUPLICATE, baseOffset: 41 });
    expect((await sent).offset).toBe(41);
  });

  test('rejects with the typed error of the broker', async () => {
    const { broker, producer } = await setUp();
    broker.autoAck = false;
    const sent = producer.send({ topic: 't', body });
    await broker.until(() => broker.link.batches.length === 1);
    broker.link.ack(broker.link.batches, { status: ERRORS.DISK_FAILED.wire });
    await expect(sent).rejects.toMatchObject({ code: 'DISK_FAILED', details: { topic: 't' } });
  });

  test('names topics, queues and limits that are wrong', async () => {
    const { producer } = await setUp();
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
    const { broker, producer } = await setUp();
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
    const { broker, producer } = await setUp();
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
    const { broker, producer } = await setUp({ lingerMs: 0 });
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
    const { broker, producer } = await setUp({ bufferBytes: 1024, batchBytes: 1024 });
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
    const { broker, producer } = await setUp({ batchRecords: 3 });
    const receipts = await producer.sendBatch(
      Array.from({ length: 10 }, (_, i) => ({ topic: 't', body: `m${i}`, shardingKey: `k${i}` })),
    );
    expect(receipts).toHaveLength(10);
    expect(broker.link.batches.reduce((sum, batch) => sum + batch.recordCount, 0)).toBe(10);
    expect(await producer.sendBatch([])).toEqual([]);
  });

  test('says which messages failed', async () => {
    const { producer } = await setUp();
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
    const { broker, producer } = await setUp({ bufferBytes: 10_000 });
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
    const { broker, producer } = await setUp({
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
    const { broker, producer } = await setUp();
    const mine = new Uint8Array([1, 2, 3]);
    producer.write({ topic: 't', body: mine });
    mine.fill(9);
    await producer.flush();
    expect([...(broker.link.batches[0]?.bytes.slice(-3) ?? [])]).toEqual([1, 2, 3]);
  });

  test('fails for an unknown topic at flush, and at close', async () => {
    const { producer } = await setUp();
    producer.write({ topic: 'no', body });
    await expect(producer.flush()).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    producer.write({ topic: 'no', body });
    await expect(producer.close()).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    expect(() => producer.write({ topic: 't', body })).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

describe('order and loss', () => {
  test('resends unacked batches in order with the same bytes after a lost connection, and says so', async () => {
    const { broker, producer } = await setUp({ batchRecords: 1 });
    broker.autoAck = false;
    for (let i = 0; i < 10; i++) {
      producer.write({ topic: 't', body: `m${i}` });
    }
    await broker.until(() => broker.link.batches.length === 10);
    const first = broker.link;
    first.ack(first.batches.filter((batch) => batch.sequence === 2 || batch.sequence === 5));
    first.cut();
    broker.autoAck = true;
    producer.write({ topic: 't', body: 'm10' });
    await producer.flush();
    const again = broker.link.batches;
    expect(again.map((batch) => batch.sequence)).toEqual([1, 3, 4, 6, 7, 8, 9, 10, 11]);
    for (const batch of again.slice(0, -1)) {
      const before = first.batches.find((other) => other.sequence === batch.sequence);
      const attributes = batch.bytes[BATCH.attributes] as number;
      expect(attributes & BATCH_ATTRIBUTE.sentBefore).toBe(BATCH_ATTRIBUTE.sentBefore);
      batch.bytes[BATCH.attributes] = attributes & ~BATCH_ATTRIBUTE.sentBefore;
      expect(batch.bytes).toEqual(before?.bytes);
    }
  });

  test('what the broker may have under an id that it has forgotten is asked for under that id, before the rest goes under another', async () => {
    const { broker, producer } = await setUp({ batchRecords: 1 });
    broker.autoAck = false;
    for (let i = 0; i < 3; i++) {
      producer.write({ topic: 't', body });
    }
    await broker.until(() => broker.link.batches.length === 3);
    const first = broker.link;
    const [{ producerId }] = first.batches as [ProducedBatch];
    first.ack(first.batches.slice(0, 1), { status: ERRORS.SEQUENCE_UNKNOWN.wire });
    first.cut();
    await broker.until(() => broker.link !== first && broker.link.batches.length === 2);
    const again = broker.link.batches.slice();
    expect(again.map((batch) => [batch.producerId, batch.sequence])).toEqual([
      [producerId, 2],
      [producerId, 3],
    ]);
    expect(again.every(({ attributes }) => (attributes & BATCH_ATTRIBUTE.sentBefore) !== 0)).toBe(true);
    broker.autoAck = true;
    broker.link.ack(again, (batch) => (batch.sequence === 2 ? {} : { status: ERRORS.SEQUENCE_UNKNOWN.wire }));
    await expect(producer.flush()).rejects.toMatchObject({ details: { failed: [{ number: 2 }] } });
    const rest = broker.link.batches.slice(2);
    expect(
      rest.map(({ sequence, attributes }) => [sequence, attributes & BATCH_ATTRIBUTE.sentBefore]),
    ).toEqual([[1, 0]]);
    expect(rest[0]?.producerId).not.toBe(producerId);
  });

  test('keeps sequences within what the broker remembers, counted from the oldest unacked', async () => {
    const { broker, producer } = await setUp({ batchRecords: 1, maxInFlightBatches: 4 });
    broker.autoAck = false;
    for (let i = 0; i < 10; i++) {
      producer.write({ topic: 't', body });
    }
    await broker.until(() => broker.link.batches.length === 4);
    broker.link.ack(broker.link.batches.slice(1, 4));
    expect(broker.link.batches).toHaveLength(4);
    broker.autoAck = true;
    broker.link.ack(broker.link.batches.slice(0, 1));
    await producer.flush();
    expect(broker.link.batches).toHaveLength(10);
  });

  test('holds to credit, but for one frame when nothing is under way', async () => {
    const broker = new ScriptedBroker();
    broker.creditBytes = 0;
    broker.autoAck = false;
    client = await createClient(broker.factory);
    const producer = client.producer({ batchRecords: 1 });
    for (let i = 0; i < 3; i++) {
      producer.write({ topic: 't', body });
    }
    await broker.until(() => broker.link.batches.length === 1);
    broker.link.ack(broker.link.batches);
    expect(broker.link.batches).toHaveLength(2);
    broker.creditBytes = 10_000;
    broker.link.ack(broker.link.batches.slice(1));
    expect(broker.link.batches).toHaveLength(3);
  });

  test('retries in order what a full disk refused, then gives its own error', async () => {
    const { broker, producer } = await setUp({ batchRecords: 1, sendTimeoutMs: 400 });
    broker.autoAck = false;
    for (let i = 0; i < 3; i++) {
      producer.write({ topic: 't', body });
    }
    await broker.until(() => broker.link.batches.length === 3);
    broker.link.ack(broker.link.batches, { status: ERRORS.DISK_FULL.wire });
    await broker.until(() => broker.link.batches.length === 6);
    expect(broker.link.batches.slice(3).map((batch) => batch.sequence)).toEqual([1, 2, 3]);
    broker.link.ack(broker.link.batches.slice(3, 5));
    broker.link.ack(broker.link.batches.slice(5), { status: ERRORS.DISK_FULL.wire });
    const failing = expect(producer.flush()).rejects.toMatchObject({
      code: 'DISK_FULL',
      details: { failed: [{ number: 2 }] },
    });
    await broker.until(() => broker.link.batches.length === 7);
    await failing;
  });

  test('gives up after its timeout while the broker is away, and does not send later', async () => {
    const { broker, producer } = await setUp({ sendTimeoutMs: 30 });
    await producer.send({ topic: 't', body });
    broker.isDown = true;
    broker.link.cut();
    await expect(producer.send({ topic: 't', body })).rejects.toMatchObject({ code: 'TIMEOUT' });
    broker.isDown = false;
    await broker.until(() => broker.links.length === 2);
    await producer.send({ topic: 't', body: 'x' });
    expect(broker.link.batches).toHaveLength(1);
  });

  test('stops resending what the broker ends the connection over', async () => {
    const { broker, producer } = await setUp();
    broker.autoAck = false;
    const sent = expect(producer.send({ topic: 't', body })).rejects.toMatchObject({ code: 'BAD_CHECKSUM' });
    for (let round = 1; round <= 2; round++) {
      await broker.until(() => broker.links.length === round && broker.link.batches.length === 1);
      broker.link.frame(9, 0, 0, { code: 'BAD_CHECKSUM', message: 'damaged' });
      broker.link.cut();
    }
    await sent;
    await broker.until(() => broker.links.length === 3);
    broker.autoAck = true;
    await producer.send({ topic: 't', body });
  });

  test('asks for a topic anew when it has changed', async () => {
    const { broker, producer } = await setUp();
    await producer.send({ topic: 't', body });
    broker.topics.set('t', { topic: 't', topicId: 9, queues: 1, memory: false, createdTime: 0 });
    broker.link.event(0, { event: 'topicChanged', topic: 't', topicId: 9 });
    await producer.send({ topic: 't', body });
    expect(broker.link.batches.map((batch) => batch.topicId)).toEqual([7, 9]);
    expect(broker.called('topicMetadata')).toHaveLength(2);
  });

  test('asks again for a topic that changes while it is asked for', async () => {
    const { broker, producer } = await setUp();
    broker.methods['topicMetadata'] = (_params, link) => {
      const isFirst = broker.called('topicMetadata').length === 1;
      if (isFirst) {
        link.event(0, { event: 'topicChanged', topic: 't', topicId: 7 });
      }
      return { topic: 't', topicId: 7, queues: isFirst ? 1 : 4, memory: false, createdTime: 0 };
    };
    expect(await producer.send({ topic: 't', body }, { queueId: 3 })).toMatchObject({ queueId: 3 });
    expect(broker.called('topicMetadata')).toHaveLength(2);
  });

  test('asks for topics anew after a lost connection: what changed meanwhile was not told', async () => {
    const { broker, producer } = await setUp();
    await producer.send({ topic: 't', body });
    broker.topics.set('t', { topic: 't', topicId: 9, queues: 1, memory: false, createdTime: 0 });
    broker.link.cut();
    await broker.until(() => broker.links.length === 2 && client?.connected === true);
    const other = client?.producer();
    await Promise.all([producer.send({ topic: 't', body }), other?.send({ topic: 't', body })]);
    expect(broker.link.batches.map((batch) => batch.topicId)).toEqual([9, 9]);
    expect(broker.called('topicMetadata')).toHaveLength(2);
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
