/** What a producer does when connections are lost, and when the broker refuses: order, and nothing lost. */
import { describe, expect, test } from 'vitest';
import { createClient } from '../../native-free/client/internal.js';
import { BATCH, BATCH_ATTRIBUTE, ERRORS } from '../../native-free/wire/index.js';
import { type ProducedBatch, ScriptedBroker } from './scripted-broker.js';
import { kept, scriptedProducer, warmUp } from './scripted-client.js';

const body = new Uint8Array(100).fill(1);

describe('order and loss', () => {
  test('resends unacked batches in order with the same bytes after a lost connection, and says so', async () => {
    const { broker, producer } = await scriptedProducer({ batchRecords: 1 });
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
    const { broker, producer } = await scriptedProducer({ batchRecords: 1 });
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
    const { broker, producer } = await scriptedProducer({ batchRecords: 1, maxInFlightBatches: 4 });
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
    const client = await kept(createClient(broker.factory));
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
    const { broker, producer } = await scriptedProducer({ batchRecords: 1, sendTimeoutMs: 4_000 });
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
    const { broker, client, producer } = await scriptedProducer({ sendTimeoutMs: 30 });
    await warmUp(producer);
    broker.isDown = true;
    broker.link.cut();
    await expect(producer.send({ topic: 't', body })).rejects.toMatchObject({ code: 'TIMEOUT' });
    broker.isDown = false;
    await broker.until(() => broker.links.length === 2);
    await client.producer().send({ topic: 't', body: 'x' });
    expect(broker.link.batches).toHaveLength(1);
  });

  test('stops resending what the broker ends the connection over', async () => {
    const { broker, producer } = await scriptedProducer();
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
    const { broker, producer } = await scriptedProducer();
    await producer.send({ topic: 't', body });
    broker.topics.set('t', { topic: 't', topicId: 9, queues: 1, memory: false, createdTime: 0 });
    broker.link.event(0, { event: 'topicChanged', topic: 't', topicId: 9 });
    await producer.send({ topic: 't', body });
    expect(broker.link.batches.map((batch) => batch.topicId)).toEqual([7, 9]);
    expect(broker.called('topicMetadata')).toHaveLength(2);
  });

  test('asks again for a topic that changes while it is asked for', async () => {
    const { broker, producer } = await scriptedProducer();
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
    const { broker, client, producer } = await scriptedProducer();
    await producer.send({ topic: 't', body });
    broker.topics.set('t', { topic: 't', topicId: 9, queues: 1, memory: false, createdTime: 0 });
    broker.link.cut();
    await broker.until(() => broker.links.length === 2 && client.connected);
    const other = client.producer();
    await Promise.all([producer.send({ topic: 't', body }), other.send({ topic: 't', body })]);
    expect(broker.link.batches.map((batch) => batch.topicId)).toEqual([9, 9]);
    expect(broker.called('topicMetadata')).toHaveLength(2);
  });
});
