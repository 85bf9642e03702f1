/** Another opening of a broker, or another broker, where the old one was: numbers of topics and producers mean nothing there. */
import { afterEach, describe, expect, test } from 'vitest';
import { type Client, createClient, type Producer } from '../../native-free/client/internal.js';
import { ERRORS } from '../../native-free/wire/index.js';
import { ScriptedBroker } from './scripted-broker.js';

const topicNamed = (topic: string, topicId: number, queues = 4, memory = false) => ({
  topic,
  topicId,
  queues,
  memory,
  createdTime: 0,
});

let client: Client | undefined;

afterEach(async () => {
  await client?.close({ signal: AbortSignal.abort() }).catch(() => {});
  client = undefined;
});

/** A producer with one batch of `t` stored, and one more of it under way when the connection is lost. */
async function setUp(): Promise<{
  broker: ScriptedBroker;
  producer: Producer;
  sent: Promise<unknown>;
  queued: Promise<unknown>;
}> {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory, { reconnectMinMs: 1, reconnectMaxMs: 5 });
  const producer = client.producer({ maxInFlightBatches: 1 });
  await producer.send({ topic: 't', body: 'first' }, { queueId: 3 });
  broker.autoAck = false;
  const settle = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
  const sent = settle(producer.send({ topic: 't', body: 'sent' }, { queueId: 3 }));
  await broker.until(() => broker.link.batches.length === 2);
  const queued = settle(producer.send({ topic: 't', body: 'queued' }, { queueId: 3 }));
  await new Promise((resolve) => setImmediate(resolve));
  return { broker, producer, sent, queued };
}

const sequences = (broker: ScriptedBroker) =>
  broker.link.batches.map(({ topicId, sequence }) => [topicId, sequence]);

describe('batches under way, when the link comes back', () => {
  test('to the same opening, go as they were', async () => {
    const { broker, sent, queued } = await setUp();
    broker.autoAck = true;
    broker.link.cut();
    expect(await Promise.all([sent, queued])).toMatchObject([{ topic: 't' }, { topic: 't' }]);
    expect(sequences(broker)).toEqual([
      [7, 2],
      [7, 3],
    ]);
  });

  test('to another opening of the same broker, go as they were if the topic is the same', async () => {
    const { broker, sent, queued } = await setUp();
    const id = broker.link.batches[0]?.producerId;
    broker.openingId = 'another';
    broker.autoAck = true;
    broker.link.cut();
    expect(await Promise.all([sent, queued])).toMatchObject([{ topic: 't' }, { topic: 't' }]);
    expect(sequences(broker)).toEqual([
      [7, 2],
      [7, 3],
    ]);
    expect(broker.link.batches.map(({ producerId }) => producerId)).toEqual([id, id]);
  });

  test('and fail if it was made again, those that may have been stored in the old one', async () => {
    const { broker, sent, queued } = await setUp();
    broker.openingId = 'another';
    broker.topics.set('t', topicNamed('t', 8));
    broker.topics.set('other', topicNamed('other', 7));
    broker.autoAck = true;
    broker.link.cut();
    expect(await sent).toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    expect(await queued).toMatchObject({ topic: 't', queueId: 3 });
    expect(broker.link.batches.map(({ topicId }) => topicId)).toEqual([8]);
  });

  test('to another broker, go to the topic of their name, as of a producer that is new there', async () => {
    const { broker, producer, sent, queued } = await setUp();
    const before = broker.link.batches[0]?.producerId;
    broker.brokerId = 'fedcba9876543210';
    broker.openingId = 'another';
    broker.topics.set('audit', topicNamed('audit', 7));
    broker.topics.set('t', topicNamed('t', 2));
    broker.autoAck = true;
    broker.link.cut();
    expect(await Promise.all([sent, queued])).toMatchObject([{ topic: 't' }, { topic: 't' }]);
    await producer.send({ topic: 't', body: 'after' }, { queueId: 3 });
    expect(sequences(broker)).toEqual([
      [2, 1],
      [2, 2],
      [2, 3],
    ]);
    expect(broker.link.batches[0]?.producerId).not.toBe(before);
    expect(new Set(broker.link.batches.map(({ producerId }) => producerId)).size).toBe(1);
  });

  test.each([
    ['that has no such topic', null, 'TOPIC_NOT_FOUND'],
    ['whose topic has fewer queues', topicNamed('t', 2, 3), 'QUEUE_NOT_FOUND'],
  ])('to another broker %s, fail', async (_what, topic, code) => {
    const { broker, producer, sent, queued } = await setUp();
    broker.brokerId = 'fedcba9876543210';
    broker.openingId = 'another';
    broker.topics.clear();
    broker.topics.set('audit', topicNamed('audit', 7));
    if (topic !== null) {
      broker.topics.set('t', topic);
    }
    broker.autoAck = true;
    broker.link.cut();
    expect(await Promise.all([sent, queued])).toMatchObject([{ code }, { code }]);
    await producer.send({ topic: 'audit', body: 'x' });
    expect(sequences(broker)).toEqual([[7, 1]]);
  });
});

describe('an id the broker has forgotten', () => {
  test('is left for another one, if what it refused was sent once only', async () => {
    const broker = new ScriptedBroker();
    client = await createClient(broker.factory);
    const producer = client.producer();
    await producer.send({ topic: 't', body: 'first' });
    broker.autoAck = false;
    const before = broker.link.batches[0]?.producerId;
    broker.onBatch = (batch, link) => {
      broker.later(link, () =>
        link.ack([batch], batch.producerId === before ? { status: ERRORS.SEQUENCE_UNKNOWN.wire } : {}),
      );
    };
    const sends = [0, 1, 2, 3].map((queueId) => producer.send({ topic: 't', body: 'x' }, { queueId }));
    expect(await Promise.all(sends)).toHaveLength(4);
    const fresh = broker.link.batches.filter(({ producerId }) => producerId !== before);
    expect(fresh.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(fresh.map(({ queueId }) => queueId)).toEqual([0, 1, 2, 3]);
  });

  test('fails what was sent before the connection was lost: it may be there', async () => {
    const { broker, producer, sent, queued } = await setUp();
    broker.onBatch = (batch, link) => {
      broker.later(link, () =>
        link.ack([batch], batch.sequence > 1 ? { status: ERRORS.SEQUENCE_UNKNOWN.wire } : {}),
      );
    };
    broker.link.cut();
    expect(await sent).toMatchObject({
      code: 'SEQUENCE_UNKNOWN',
      retryable: false,
      message: expect.stringContaining('may be there'),
    });
    expect(await queued).toMatchObject({ topic: 't' });
    await producer.send({ topic: 't', body: 'after' });
  });
});
