/** A batch that is stored, whose ack is lost, and that is refused when it is sent again: it is there once, however long that takes. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, connect, type Producer } from '../../native-free/client/index.js';
import { CuttingProxy } from '../conformance/cutting-proxy.js';
import { makeDirectory, openSmall, removeDirectory, type SmallBroker } from './small-broker.js';

const REMEMBERED = 16;
const TOPIC = 'orders';
/** The broker is closed and opened twice while a message waits. */
const PATIENT = { sendTimeoutMs: 100_000 };
const FULL = { minFreeBytes: Number.MAX_SAFE_INTEGER };

let dataDir: string;
let small: SmallBroker;
let port = 0;
let proxy: CuttingProxy;
let client: Client;
const warned: string[] = [];

async function start(options: { minFreeBytes?: number } = {}): Promise<void> {
  small = await openSmall(dataDir, { maxProducers: REMEMBERED, ...options });
  ({ port } = await small.broker.listen({ port, listener: 'ws', threads: 1 }));
}

beforeEach(async () => {
  dataDir = makeDirectory();
  await start();
  proxy = await CuttingProxy.start(port);
  await small.client.admin().createTopic({ topic: TOPIC, queues: 1 });
  warned.length = 0;
  client = await connect(proxy.url, {
    reconnectMinMs: 5,
    reconnectMaxMs: 20,
    onWarning: (message) => warned.push(message),
  });
});
afterEach(async () => {
  await client.close({ signal: AbortSignal.abort() }).catch(() => {});
  await small.close();
  await proxy.close();
  port = 0;
  removeDirectory(dataDir);
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function stored(): Promise<number> {
  const { queueStates } = await small.client.admin().describeTopic(TOPIC);
  return queueStates[0]?.maxOffset as number;
}

/** A message that the broker has stored and nobody has heard of; the connection is gone. */
async function sendUnheard(producer: Producer): Promise<{ outcome: Promise<unknown> }> {
  const before = await stored();
  proxy.holdAnswers();
  const outcome = producer.send({ topic: TOPIC, body: 'once' }).catch((error: unknown) => error);
  await until(async () => (await stored()) > before);
  proxy.refusing = true;
  proxy.cutAll();
  return { outcome };
}

/** The broker has had more producers since than it remembers. */
async function forgetProducers(): Promise<void> {
  const producers = Array.from({ length: REMEMBERED * 2 }, () => small.client.producer());
  await Promise.all(producers.map((producer) => producer.send({ topic: TOPIC, body: 'x' })));
}

test.each([1, 70])(
  'of a producer that is forgotten meanwhile, after %i of its batches: it is not sent as if it were new',
  async (batches) => {
    const producer = client.producer(PATIENT);
    for (let i = 0; i < batches; i++) {
      await producer.send({ topic: TOPIC, body: 'before' });
    }
    const { outcome } = await sendUnheard(producer);
    await forgetProducers();
    const end = await stored();
    await small.close();
    await start(FULL);
    proxy.refusing = false;
    await until(() => warned.some((message) => message.includes('DISK_FULL')));
    await small.close();
    await start();
    expect(await outcome).toMatchObject({ code: 'SEQUENCE_UNKNOWN' });
    expect(await stored()).toBe(end);
    // What comes behind it is not held up.
    expect(await producer.send({ topic: TOPIC, body: 'next' })).toMatchObject({ status: 'SEND_OK' });
    expect(await stored()).toBe(end + 1);
  },
);

test('of a producer that is remembered: its receipt is that of the first time, and what comes behind it is stored behind it', async () => {
  const producer = client.producer({ ...PATIENT, batchRecords: 1 });
  await producer.send({ topic: TOPIC, body: 'before' });
  const { outcome } = await sendUnheard(producer);
  const more = [1, 2, 3].map((i) => producer.send({ topic: TOPIC, body: String(i) }));
  await small.close();
  await start(FULL);
  proxy.refusing = false;
  await until(() => warned.some((message) => message.includes('DISK_FULL')));
  await small.close();
  await start();
  expect(await outcome).toMatchObject({ offset: 1 });
  expect((await Promise.all(more)).map(({ offset }) => offset)).toEqual([2, 3, 4]);
  expect(await stored()).toBe(5);
});
