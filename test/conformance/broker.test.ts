/** The broker in a program: opening, seats, sockets, and what its end means for those who still use it. */
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attach, type Broker, connect, openBroker } from '../../broker/index.js';
import type { ListenerWorkerMessage } from '../../broker/listener-messages.js';
import { LISTENERS, openBackEnd } from './back-ends.js';
import { startJob } from './job-thread.js';
import { readAll, sendNumbers } from './rig.js';

let dataDir: string;
const brokers: Broker[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-broker-'));
});

afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(options: Parameters<typeof openBroker>[0] = {}): Promise<Broker> {
  const broker = await openBroker({ dataDir, maxQueues: 1024, ...options });
  brokers.push(broker);
  return broker;
}

/** The listener threads that are started while `work` runs. */
async function listenersStarted(work: () => Promise<unknown>): Promise<Worker[]> {
  const threads = new Set<Worker>();
  const onWorker = (worker: Worker): void => {
    worker.on('message', (message: ListenerWorkerMessage) => {
      if (message.type === 'listening') {
        threads.add(worker);
      }
    });
  };
  process.on('worker', onWorker);
  await work();
  process.off('worker', onWorker);
  return [...threads];
}

test('a directory has one broker', async () => {
  const broker = await open();
  await expect(openBroker({ dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
  await broker.close();
  await open();
});

test('what is aborted while it opens leaves nothing open', async () => {
  const signal = AbortSignal.abort('enough');
  const aborted = { code: 'ABORTED', cause: 'enough' };
  await expect(openBroker({ dataDir, signal })).rejects.toMatchObject(aborted);
  const stop = new AbortController();
  const opening = openBroker({ dataDir, signal: stop.signal });
  stop.abort('enough');
  await expect(opening).rejects.toMatchObject(aborted);
  // The directory is free again.
  const broker = await open();
  await expect(broker.listen({ port: 0, signal })).rejects.toMatchObject(aborted);
  await expect(attach(broker.handle(), { signal })).rejects.toMatchObject(aborted);
  await expect(broker.close({ signal })).rejects.toMatchObject(aborted);
  // That ended the waiting alone.
  await broker.close();
  await open();
});

test('what cannot be used is refused by name', async () => {
  const bad = { dataDir, flush: 'sometimes' as never, ringBytes: 100_000, colour: 'red' };
  await expect(openBroker(bad)).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringMatching(/flush.*ringBytes.*colour/s),
  });
  const broker = await open();
  await expect(broker.listen({ port: 0, listener: 'tcp' as never })).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringContaining('listener'),
  });
  await expect(attach({} as never)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
});

test.for(LISTENERS)('a port that is taken is refused, %s', async (listener) => {
  const broker = await open();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  // More than once: a listener thread that gives up may be gone before or after its message is seen.
  for (let i = 0; i < 5; i++) {
    await expect(broker.listen({ port, listener })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  }
  other.close();
  await once(other, 'close');
  await using listening = await broker.listen({ port, listener });
  expect(listening).toMatchObject({ port, listener, url: `ws://127.0.0.1:${port}` });
  const client = await connect(listening.url);
  expect(client.broker.listener).toBe(listener);
  await client.close();
});

test('seats are limited, and free again', async () => {
  const broker = await open({ maxThreads: 4 });
  const clients = [];
  let refusal: unknown;
  for (let i = 0; i < 5 && refusal === undefined; i++) {
    const outcome = await attach(broker.handle()).catch((error: unknown) => ({ refusal: error }));
    if ('refusal' in outcome) {
      refusal = outcome.refusal;
    } else {
      clients.push(outcome);
    }
  }
  expect(refusal).toMatchObject({ code: 'BROKER_BUSY', retryable: true, details: { limit: 4 } });
  await clients.pop()?.close();
  clients.push(await attach(broker.handle()));
  await Promise.all(clients.map((client) => client.close()));
});

test('after close nothing is to be had of a broker or its clients', async () => {
  const broker = await open();
  const handle = broker.handle();
  const client = broker.client();
  await client.admin().createTopic({ topic: 't' });
  const loop = client.consumer({ group: 'g', topic: 't' })[Symbol.asyncIterator]();
  const waiting = loop.next();
  await broker.close();
  expect((await waiting).done).toBe(true);
  const closed = expect.objectContaining({ code: 'BROKER_CLOSED' });
  expect(() => broker.client()).toThrow(closed);
  expect(() => broker.handle()).toThrow(closed);
  await expect(broker.listen({ port: 0 })).rejects.toEqual(closed);
  await expect(attach(handle)).rejects.toEqual(closed);
  expect(() => client.producer()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  await broker.close();
});

test('an attached client ends with its broker: nothing hangs', async () => {
  const backEnd = await openBackEnd('attached');
  const client = await backEnd.client();
  await client.admin().createTopic({ topic: 't', queues: 1 });
  const producer = client.producer();
  await producer.send({ topic: 't', body: 'x' });
  const loop = client.consumer({ group: 'g', topic: 't' })[Symbol.asyncIterator]();
  await loop.next();
  const waiting = loop.next();
  await backEnd.close();
  expect((await waiting).done).toBe(true);
  const closed = { code: 'CLOSED' };
  await expect(producer.send({ topic: 't', body: 'y' })).rejects.toMatchObject(closed);
  await expect(client.admin().listTopics()).rejects.toMatchObject(closed);
  await client.close();
});

test('a client of the broker itself has its answers at once, as a connected one has', async () => {
  const broker = await open({ flush: 'async' });
  const client = broker.client();
  expect(client.connected).toBe(true);
  expect(client.broker).toEqual({
    brokerId: broker.handle().brokerId,
    brokerName: broker.handle().brokerName,
    flush: 'async',
    listener: 'embedded',
  });
  const attached = await attach(broker.handle());
  expect(attached.broker).toEqual(client.broker);
  await attached.close();
});

test('each opening of a directory has an id of its own', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 2; i++) {
    const broker = await openBroker({ dataDir, maxQueues: 1024 });
    ids.push(broker.handle().openingId);
    await broker.close();
  }
  expect(ids).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), expect.stringMatching(/^[0-9a-f]{16}$/)]);
  expect(ids[0]).not.toBe(ids[1]);
});

test('a write that failed is told by close, and all the rest is closed', async () => {
  const broker = await openBroker({ dataDir, maxQueues: 1024 });
  const client = broker.client();
  client.producer().write({ topic: 'nowhere', body: 'x' });
  const other = broker.client();
  await broker.listen({ port: 0 });
  const closing = broker.close();
  expect(broker.close()).toBe(closing);
  await expect(closing).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  expect(other.connected).toBe(false);
  await open();
});

test('the last listener thread that dies is told as fatal, and its broker can be closed', async () => {
  const events = new EventEmitter();
  const fatal = once(events, 'fatal');
  const broker = await open({ onFatal: (error) => events.emit('fatal', error) });
  const threads = await listenersStarted(() => broker.listen({ port: 0, listener: 'ws' }));
  expect(threads).toHaveLength(1);
  await threads[0]?.terminate();
  expect(await fatal).toMatchObject([
    { code: 'INTERNAL', message: expect.stringMatching(/^the last listener thread of ws:.+ died/) },
  ]);
  await broker.close();
});

test.skipIf(!LISTENERS.includes('uws'))('one listener thread of two that dies is a warning', async () => {
  const events = new EventEmitter();
  const warned = once(events, 'died');
  const broker = await open({
    // On a busy machine there are other warnings.
    onWarning: (message) => events.emit(message.includes(' died') ? 'died' : 'other', message),
    onFatal: (error) => expect.unreachable(error.message),
  });
  let url = '';
  const threads = await listenersStarted(async () => {
    ({ url } = await broker.listen({ port: 0, listener: 'uws', threads: 2 }));
  });
  expect(threads).toHaveLength(2);
  // It ends unasked: the listener knows nothing of this message. (Terminated, the native one would take the
  // process with it.)
  threads[0]?.postMessage('close');
  expect(await warned).toEqual([expect.stringMatching(/^a listener thread of ws:.+ died/)]);
  const client = await connect(url);
  expect(client.broker.listener).toBe('uws');
  await client.close();
  await broker.close();
});

test('a broker that closes while threads write keeps what it acked', async () => {
  for (let round = 0; round < 2; round++) {
    const broker = await open({ flush: round % 2 === 0 ? 'sync' : 'async' });
    const topic = `t${round}`;
    await broker.client().admin().createTopic({ topic, queues: 1 });
    const count = new Int32Array(new SharedArrayBuffer(4));
    const job = startJob(broker.handle(), {
      type: 'hammer',
      topic,
      tag: 'a',
      group: 'g',
      acked: count.buffer,
    });
    const failed = expect(job.done).rejects.toThrow(/closed/);
    for (let at = 0; at < 500; at = Atomics.load(count, 0)) {
      await Atomics.waitAsync(count, 0, at).value;
    }
    await broker.close();
    const again = await open();
    await failed;
    const client = again.client();
    // The new broker is used while the old one's thread goes.
    await sendNumbers(client, topic, 50);
    const received = await readAll(client, topic);
    const bodies = received.filter((message) => message.tag === 'a').map((message) => Number(message.text()));
    expect(bodies.length).toBeGreaterThanOrEqual(Atomics.load(count, 0));
    expect(bodies).toEqual(bodies.map((_, i) => i));
    expect(received.length - bodies.length).toBe(50);
    await again.close();
    await job.exited;
  }
});
