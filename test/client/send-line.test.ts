/** Several producers on one connection, and credit that is short. */
import { afterEach, expect, test } from 'vitest';
import { type Client, createClient, type Producer } from '../../native-free/client/internal.js';
import { type ProducedBatch, ScriptedBroker } from './scripted-broker.js';

let client: Client | undefined;

afterEach(async () => {
  const stop = AbortSignal.abort();
  await client?.close({ signal: stop }).catch(() => {});
  client = undefined;
});

/** `count` producers, each with a topic known to it and nothing under way. */
async function setUp(count: number): Promise<{ broker: ScriptedBroker; producers: Producer[] }> {
  const broker = new ScriptedBroker();
  broker.creditBytes = 100_000;
  client = await createClient(broker.factory);
  const producers = Array.from({ length: count }, () => (client as Client).producer({ lingerMs: 0 }));
  for (const producer of producers) {
    await producer.send({ topic: 't', body: 'x' });
  }
  broker.autoAck = false;
  broker.link.batches.length = 0;
  return { broker, producers };
}

/** Queues `batches` batches of `bytes` each; the queue's number tells whose they are. */
function write(producer: Producer, queueId: number, bytes: number, batches: number): Promise<unknown> {
  const body = new Uint8Array(bytes);
  const sends: Promise<unknown>[] = [];
  // Of its own flush policy by turns, so that each is a batch of its own.
  for (let i = 0; i < batches; i++) {
    sends.push(producer.send({ topic: 't', body }, { queueId, flush: i % 2 === 0 ? 'sync' : 'async' }));
  }
  return Promise.allSettled(sends);
}

const owners = (batches: readonly ProducedBatch[]) => batches.map(({ queueId }) => queueId);

test('a frame larger than all credit goes as soon as what was under way is answered', async () => {
  const { broker, producers } = await setUp(2);
  const [busy, large] = producers as [Producer, Producer];
  const { batches } = broker.link;
  void write(busy, 0, 30_000, 20);
  await broker.until(() => batches.length === 3);
  void write(large, 1, 150_000, 1);
  // A turn, so that it is packed and refused.
  await new Promise((resolve) => setImmediate(resolve));
  // The busy one was refused first, and has one more before.
  for (let i = 0; i < 4; i++) {
    broker.link.ack([batches[i] as ProducedBatch]);
  }
  expect(owners(batches)).toEqual([0, 0, 0, 0, 1]);
  broker.link.ack([batches[4] as ProducedBatch]);
  expect(owners(batches).slice(5)).toEqual([0, 0, 0]);
});

test('producers that all have more than the credit send in turn, and one without work holds up none', async () => {
  const { broker, producers } = await setUp(4);
  const { batches } = broker.link;
  for (let i = 0; i < 3; i++) {
    void write(producers[i] as Producer, i, 30_000, 20);
  }
  await broker.until(() => batches.length === 3);
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 30; i++) {
    broker.link.ack([batches[i] as ProducedBatch]);
  }
  const counts = [0, 1, 2].map((queueId) => owners(batches).filter((owner) => owner === queueId).length);
  for (const count of counts) {
    expect(count).toBeGreaterThanOrEqual(9);
  }
});

test('a producer that is closed while it waits for credit lets the others go on', async () => {
  const { broker, producers } = await setUp(2);
  const [busy, large] = producers as [Producer, Producer];
  const { batches } = broker.link;
  void write(busy, 0, 30_000, 20);
  await broker.until(() => batches.length === 3);
  const failed = expect(large.send({ topic: 't', body: new Uint8Array(150_000) })).rejects.toMatchObject({
    code: 'CLOSED',
  });
  await new Promise((resolve) => setImmediate(resolve));
  await large.close({ signal: AbortSignal.abort() }).catch(() => {});
  await failed;
  broker.link.ack(batches.slice(0, 3));
  expect(owners(batches)).toEqual([0, 0, 0, 0, 0, 0]);
});
