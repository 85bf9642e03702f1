/** Limits of users, kept by credit: they are slowed, refused nothing, and slow nobody else. And of addresses. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Broker, type Client, connect, openBroker } from '../../broker/index.js';
import { MAX_PACED_USERS, PACE_WORDS_BYTES, SharedPace } from '../../engine/term/user-paces.js';
import type { ConnectOptions } from '../../native-free/client/index.js';
import { AddressLimits } from '../../native-free/listener/address-limits.js';
import { AddressTable, createAddressTable } from '../../native-free/listener/address-table.js';
import { SMALL } from '../cluster/small-rings.js';

const KIB = 1024;
const RATE = 256 * KIB;
const BODY = new Uint8Array(16 * KIB);

let dir: string;
let adminPasswordFile: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-pace-'));
  adminPasswordFile = join(dir, 'admin-password');
  writeFileSync(adminPasswordFile, 'admin-password');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const as = (user: string): ConnectOptions => ({
  closeTimeoutMs: 100,
  credentials: { scheme: 'scram', user, password: `${user}-password` },
});

async function connectTo(url: string, options: ConnectOptions = { closeTimeoutMs: 100 }): Promise<Client> {
  const client = await connect(url, options);
  onTestFinished(() => client.close().catch(() => undefined));
  return client;
}

async function send(client: Client, count: number, body = BODY): Promise<void> {
  const producer = client.producer();
  for (let i = 0; i < count; i++) {
    if (!producer.write({ topic: 'orders', body })) {
      await producer.ready();
    }
  }
  await producer.flush();
}

async function read(client: Client, group: string, count: number): Promise<void> {
  let left = count;
  for await (const message of client.consumer({ group, topic: 'orders' })) {
    await message.ack();
    if (--left === 0) {
      return;
    }
  }
}

async function secondsOf(work: Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work;
  return (performance.now() - begun) / 1_000;
}

describe.for(['ws', 'uws'] as const)('a user at its limit over %s', (listener) => {
  let broker: Broker;
  let url: string;

  beforeAll(async () => {
    broker = await openBroker({ ...SMALL, dataDir: join(dir, listener) });
    const limits = { userBytesPerSecond: RATE };
    const threads = listener === 'uws' ? 2 : 1;
    ({ url } = await broker.listen({ port: 0, listener, threads, auth: true, adminPasswordFile, ...limits }));
    const admin = broker.client().admin();
    await admin.createTopic({ topic: 'orders', queues: 1 });
    for (const user of ['fast', 'slow']) {
      await admin.createUser({ user, password: `${user}-password`, roles: ['admin'] });
    }
  });
  afterAll(() => broker?.close());

  test('gets credit as fast as it may send, over all its connections; all is acked, and others do not wait', async () => {
    const [one, two, other] = await Promise.all(
      ['fast', 'fast', 'slow'].map((user) => connectTo(url, as(user))),
    );
    // A second's worth, and a window of each connection, come at once; three seconds' worth is left.
    const limited = secondsOf(Promise.all([send(one as Client, 48), send(two as Client, 48)]));
    let isLimitedOver = false;
    void limited.then(() => {
      isLimitedOver = true;
    });
    for (let i = 0; i < 5; i++) {
      await (other as Client).producer().send({ topic: 'orders', body: 'small' });
    }
    expect(isLimitedOver).toBe(false);
    expect(await limited).toBeGreaterThan(2);
    expect((await broker.client().admin().stats()).pacedWaits).toBeGreaterThan(0);
  }, 120_000);

  test('is sent messages as fast as it may read, and all of them', async () => {
    await send(broker.client(), 80);
    const reader = await connectTo(url, as('fast'));
    expect(await secondsOf(read(reader, 'readers', 80))).toBeGreaterThan(1);
  }, 120_000);
});

describe.for(['ws', 'uws'] as const)('a limit of one user alone over %s', (listener) => {
  test('holds for open connections, by HTTP too, until it is taken back, and for nobody else', async () => {
    const dataDir = join(dir, `own-${listener}`);
    let broker = await openBroker({ ...SMALL, dataDir });
    onTestFinished(() => broker.close());
    const listening = { port: 0, listener, auth: true, adminPasswordFile } as const;
    const { url } = await broker.listen(listening);
    const admin = broker.client().admin();
    await admin.createTopic({ topic: 'orders', queues: 1 });
    for (const user of ['fast', 'slow']) {
      await admin.createUser({ user, password: `${user}-password`, roles: ['admin'] });
    }
    const [own, other] = await Promise.all(['slow', 'fast'].map((user) => connectTo(url, as(user))));
    await send(own as Client, 4);
    await admin.setLimits('slow', { bytesPerSecond: KIB });
    const { pacedWaits } = await admin.stats();
    const sent: Promise<void>[] = [];
    // Until the change has come to the connection. What is acked last takes minutes.
    const isHeld = async (): Promise<boolean> => {
      sent.push(send(own as Client, 2));
      return (await admin.stats()).pacedWaits > pacedWaits;
    };
    await expect.poll(isHeld, { timeout: 60_000 }).toBe(true);
    const isDone = { own: false, http: false };
    const limited = Promise.all([...sent, send(own as Client, 16)]).then(() => {
      isDone.own = true;
    });
    const byHttp = fetch(`${url.replace('ws:', 'http:')}/api/v1/topics/orders/messages`, {
      method: 'POST',
      headers: {
        Authorization: `Basic ${Buffer.from('slow:slow-password').toString('base64')}`,
        'Content-Type': 'application/octet-stream',
      },
      body: BODY,
    }).then(({ status }) => {
      isDone.http = true;
      return status;
    });
    await send(other as Client, 64);
    expect(isDone).toEqual({ own: false, http: false });
    const [, slow] = (await admin.listUsers()).filter(({ user }) => user !== 'admin');
    expect(slow?.limits).toEqual({ bytesPerSecond: KIB, messagesPerSecond: null });
    await admin.setLimits('slow', { bytesPerSecond: null });
    await limited;
    expect(await byHttp).toBe(201);
    await send(own as Client, 64);

    await admin.setLimits('slow', { messagesPerSecond: 5 });
    await broker.close();
    broker = await openBroker({ ...SMALL, dataDir });
    const [, again] = (await broker.client().admin().listUsers()).filter(({ user }) => user !== 'admin');
    expect(again?.limits).toEqual({ bytesPerSecond: null, messagesPerSecond: 5 });
  }, 120_000);
});

test('without a limit nobody is slowed, and who does not log in has none', async () => {
  const broker = await openBroker({ ...SMALL, dataDir: join(dir, 'open') });
  onTestFinished(() => broker.close());
  const { url } = await broker.listen({ port: 0, listener: 'ws', userBytesPerSecond: 1024 });
  await broker.client().admin().createTopic({ topic: 'orders', queues: 1 });
  // Hours, if it had one.
  await send(await connectTo(url), 256);
});

test('more connections of one address than it may have are refused, and it may have others when some have gone', async () => {
  const broker = await openBroker({ ...SMALL, dataDir: join(dir, 'many') });
  onTestFinished(() => broker.close());
  const { url } = await broker.listen({ port: 0, listener: 'ws', maxConnectionsPerAddress: 2 });
  const first = await connectTo(url);
  await connectTo(url);
  const refused = async (): Promise<number> => {
    await expect(connect(url, { connectTimeoutMs: 300 })).rejects.toMatchObject({
      code: expect.stringMatching(/^(TOO_MANY_CONNECTIONS|CONNECT_FAILED|TIMEOUT|CONNECTION_LOST)$/),
    });
    return broker.stats().connectionsRefused;
  };
  // On a busy machine the time of one is over before it has come to the broker.
  await expect.poll(refused, { timeout: 60_000 }).toBeGreaterThan(0);
  await first.close();
  await connectTo(url);
});

describe('addresses', () => {
  test('make so many connections a second, and five seconds of them at once', () => {
    let now = 0;
    const limits = new AddressLimits({ connections: 0, perSecond: 2 }, () => now);
    const come = (address: string): boolean => limits.come(address) === null;
    expect(Array.from({ length: 12 }, () => come('10.0.0.1')).filter(Boolean).length).toBe(10);
    expect(come('10.0.0.2')).toBe(true);
    now = 1_000;
    expect([come('10.0.0.1'), come('10.0.0.1'), come('10.0.0.1')]).toEqual([true, true, false]);
  });

  test('of one network of IPv6 count as one, and those that have gone are forgotten', () => {
    const limits = new AddressLimits({ connections: 2, perSecond: 0 });
    const outcomes = ['1', '2', '3'].map((end) => limits.come(`2001:db8::${end}`));
    expect(outcomes.map((outcome) => outcome === null)).toEqual([true, true, false]);
    for (const end of ['1', '2', '3']) {
      limits.gone(`2001:db8::${end}`);
    }
    expect(limits.come('2001:db8::4')).toBeNull();
  });

  test('count on all threads together, exactly, and a thread that died is forgotten', () => {
    let now = 0;
    const table = createAddressTable(100);
    const thread = (): AddressLimits => new AddressLimits({ connections: 3, perSecond: 1, table }, () => now);
    const [one, two] = [thread(), thread()];
    expect([one.come('10.0.0.1'), two.come('10.0.0.1'), one.come('10.0.0.1')]).toEqual([null, null, null]);
    expect(two.come('10.0.0.1')).toContain('there may be 3');
    two.gone('10.0.0.1');
    one.gone('10.0.0.1');
    expect(two.come('10.0.0.1')).toBeNull();
    // Five were made, which is what may come at once.
    two.gone('10.0.0.1');
    expect(two.come('10.0.0.1')).toContain('a second');
    two.gone('10.0.0.1');
    now = 60_000;
    // The second one has one left; the first is dead, and its one is nobody's.
    new AddressTable(table).empty();
    const other = thread();
    expect([two.come('10.0.0.1'), other.come('10.0.0.1')]).toEqual([null, null]);
    expect(other.come('10.0.0.1')).toContain('there may be 3');
  });

  test('are more than there is room for: those with connections are counted, and the others forgotten', () => {
    const table = createAddressTable(1_000);
    const limits = new AddressLimits({ connections: 1, perSecond: 1_000, table }, () => 0);
    const address = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    for (let i = 0; i < 1_000; i++) {
      expect(limits.come(address(i))).toBeNull();
    }
    for (let i = 1_000; i < 60_000; i++) {
      limits.come(address(i));
      limits.gone(address(i));
    }
    for (let i = 0; i < 1_000; i++) {
      expect(limits.come(address(i))).toContain('there may be 1');
      limits.gone(address(i));
      limits.gone(address(i));
      expect(limits.come(address(i))).toBeNull();
    }
  });

  test('from real threads at once: no more are let in than may be, and none too few', async () => {
    const table = createAddressTable(1_000);
    const script = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(workerData.module).then(({ AddressLimits }) => {
        const limits = new AddressLimits({ connections: 100, perSecond: 0, table: workerData.table });
        parentPort.once('message', () => {
          let taken = 0;
          for (let i = 0; i < 2_000; i++) {
            if (limits.come('10.0.0.1') === null) taken++; else limits.gone('10.0.0.1');
          }
          parentPort.postMessage(taken);
        });
        parentPort.postMessage('ready');
      });`;
    const module = new URL('../../native-free/listener/address-limits.js', import.meta.url).href;
    const workers = [0, 1, 2].map(() => new Worker(script, { eval: true, workerData: { module, table } }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const taken = workers.map(async (worker) => {
      worker.postMessage('go');
      const [count] = (await once(worker, 'message')) as [number];
      return count;
    });
    expect((await Promise.all(taken)).reduce((sum, count) => sum + count, 0)).toBe(100);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});

test('a pace is one for all threads, counts parts of a message, and is never left behind by the clock', () => {
  const words = new Int32Array(new SharedArrayBuffer(PACE_WORDS_BYTES));
  const limits = { bytesPerSecond: 10 * KIB, messagesPerSecond: 1_000_000 };
  const [one, two] = [0, 1].map(() => new SharedPace(words, MAX_PACED_USERS - 1, 0, limits));
  const begun = performance.now();
  /** As it would be if no time had passed. */
  const spent = (pace?: SharedPace): number => (pace?.aheadMs ?? 0) + (performance.now() - begun);
  one?.spend(50 * KIB, 1);
  two?.spend(50 * KIB, 1);
  expect(spent(one)).toBeGreaterThan(9_000);
  expect(two?.aheadMs).toBeLessThanOrEqual(10_000);
  const other = new SharedPace(words, MAX_PACED_USERS - 1, 1, {
    bytesPerSecond: 0,
    messagesPerSecond: 1_000,
  });
  expect(other.aheadMs).toBe(0);
  for (let i = 0; i < 5_000; i++) {
    other.spend(1_000_000, 1);
  }
  expect(spent(other)).toBeGreaterThan(3_000);
  // As after a day and a half without a byte.
  words.fill(0x7fffffff);
  words.fill(-0x80000000, 1);
  expect(Math.min(one?.aheadMs ?? -1, other.aheadMs)).toBe(0);
});
