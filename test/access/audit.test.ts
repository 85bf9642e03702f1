/** The audit: who did what from where, over real brokers; what floods it; what happens where the log does not take it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Broker, connect, openBroker } from '../../broker/index.js';
import { AuditKeeper } from '../../engine/access/audit-keeper.js';
import { AuditLimit } from '../../engine/access/audit-limit.js';
import { AuditState } from '../../engine/meta/audit-state.js';
import type { Admin, AuditEntry, AuditQuery, ConnectOptions } from '../../native-free/client/index.js';
import { type AuditFacts, RingMQError } from '../../native-free/wire/index.js';
import { AUDITED } from '../../transport/auth/audited.js';
import { METHOD_RIGHTS } from '../../transport/auth/method-rights.js';
import { SMALL } from '../cluster/small-rings.js';
import { codeOf, connectTo } from './clients.js';

const ADMIN = { scheme: 'scram', user: 'admin', password: 'first-password' } as const;

let dir: string;
let adminPasswordFile: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-audit-'));
  adminPasswordFile = join(dir, 'admin-password');
  writeFileSync(adminPasswordFile, ADMIN.password);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const as = (user: string, password = `${user}-password`): ConnectOptions => ({
  connectTimeoutMs: 60_000,
  closeTimeoutMs: 100,
  credentials: { scheme: 'scram', user, password },
});

/** Entries come a moment after what they are about. */
async function entriesUntil(admin: Admin, has: (entries: AuditEntry[]) => boolean): Promise<AuditEntry[]> {
  for (;;) {
    const entries = await admin.listAudit();
    if (has(entries)) {
      return entries;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const told = ({ user, method, resource, details, result, code }: AuditEntry): string =>
  [user, method, resource, details, result, code].join('|');

describe.for(['ws', 'uws'] as const)('what is done over %s', (listener) => {
  let broker: Broker;
  let url: string;
  const dataDir = (): string => join(dir, `data-${listener}`);

  beforeAll(async () => {
    broker = await openBroker({ ...SMALL, dataDir: dataDir() });
    ({ url } = await broker.listen({ port: 0, listener, threads: 1, auth: true, adminPasswordFile }));
    const admin = await adminOf();
    await admin.createTopic({ topic: 'orders', queues: 2 });
    await admin.createUser({ user: 'shop', password: 'shop-password' });
    await admin.grant({ to: 'shop', right: 'publish', resource: 'topic:orders' });
    expect(await codeOf(admin.createTopic({ topic: 'orders', queues: 2 }))).toBe('TOPIC_EXISTS');
    const shop = await connectTo(url, as('shop'));
    expect(await codeOf(shop.admin().createTopic({ topic: 'mine' }))).toBe('NOT_ALLOWED');
    expect(await codeOf(connect(url, as('shop', 'guess')))).toBe('NOT_AUTHENTICATED');
    expect(await codeOf(connect(url))).toBe('NOT_AUTHENTICATED');
    // The host's own process.
    await broker.client().admin().deleteTopic('orders');
  });
  afterAll(() => broker?.close());

  const adminOf = async (): Promise<Admin> => (await connectTo(url, as('admin', ADMIN.password))).admin();

  test('is written down with who did it, from where, and what came of it', async () => {
    const entries = await entriesUntil(await adminOf(), (all) => all.length >= 8);
    expect(entries.map(told).sort()).toEqual(
      [
        'admin|createTopic|topic:orders|queues 2|done|',
        'admin|createUser|user:shop||done|',
        'admin|grant|grants:shop|publish topic:orders|done|',
        'admin|createTopic|topic:orders|queues 2|failed|TOPIC_EXISTS',
        'shop|createTopic|topic:mine|queues 4|denied|NOT_ALLOWED',
        'shop|login|||denied|NOT_AUTHENTICATED',
        '|login|||denied|NOT_AUTHENTICATED',
        '|deleteTopic|topic:orders||done|',
      ].sort(),
    );
    for (const { address, method, number, time } of entries) {
      expect(address).toBe(method === 'deleteTopic' ? 'this process' : '127.0.0.1');
      expect(number).toBeGreaterThan(0);
      expect(Math.abs(Date.now() - time)).toBeLessThan(60_000);
    }
    expect(JSON.stringify(entries)).not.toMatch(/password|storedKey|serverKey/);
  });

  test('is found by who, what, when and a word, all of which have to hold', async () => {
    const admin = await adminOf();
    const entries = await entriesUntil(admin, (all) => all.length >= 8);
    expect(await admin.listAudit({ from: new Date(Date.now() + 1_000) })).toEqual([]);
    const only = async (query: AuditQuery): Promise<string[]> =>
      (await admin.listAudit(query)).map(told).sort();
    expect(await only({ user: 'shop' })).toEqual([
      'shop|createTopic|topic:mine|queues 4|denied|NOT_ALLOWED',
      'shop|login|||denied|NOT_AUTHENTICATED',
    ]);
    expect(await only({ user: '' })).toEqual([
      '|deleteTopic|topic:orders||done|',
      '|login|||denied|NOT_AUTHENTICATED',
    ]);
    expect(await only({ action: 'createTopic', resource: 'topic:ord*', result: 'failed' })).toEqual([
      'admin|createTopic|topic:orders|queues 2|failed|TOPIC_EXISTS',
    ]);
    expect(await only({ resource: 'topic:ord' })).toEqual([]);
    expect(await only({ user: 'shop', filter: 'not_auth' })).toEqual([
      'shop|login|||denied|NOT_AUTHENTICATED',
    ]);
    const { time } = entries.at(-1) as AuditEntry;
    const [before, after] = await Promise.all([
      admin.listAudit({ until: time }),
      admin.listAudit({ from: time }),
    ]);
    expect([...before, ...after]).toEqual(entries);
    expect(after).toContainEqual(entries.at(-1));
    expect(await codeOf(admin.listAudit({ result: 'refused' as 'denied' }))).toBe('BAD_ARGUMENT');
    expect(await codeOf(admin.listAudit({ user: 1 as unknown as string }))).toBe('BAD_ARGUMENT');
  });

  test('is there after a restart', async () => {
    const entries = await entriesUntil(await adminOf(), (all) => all.length >= 8);
    await broker.close();
    broker = await openBroker({ ...SMALL, dataDir: dataDir() });
    ({ url } = await broker.listen({ port: 0, listener, threads: 1, auth: true }));
    expect(await broker.client().admin().listAudit()).toEqual(entries);
  });

  test('may be read by who manages the cluster, or may read %AUDIT, and by nobody else', async () => {
    const admin = await adminOf();
    for (const user of ['reader', 'manager', 'other']) {
      await admin.createUser({ user, password: `${user}-password` });
    }
    await admin.grant({ to: 'reader', right: 'subscribe', resource: 'topic:%AUDIT' });
    await admin.grant({ to: 'manager', right: 'manage', resource: 'cluster' });
    await admin.grant({ to: 'other', right: 'subscribe', resource: 'topic:*' });
    const outcomes = ['reader', 'manager', 'other'].map(async (user) =>
      codeOf((await connectTo(url, as(user))).admin().listAudit()),
    );
    expect(await Promise.all(outcomes)).toEqual(['done', 'done', 'NOT_ALLOWED']);
  });

  test('is in the topic %AUDIT, too, for who may read it, and nobody puts anything else there', async () => {
    const admin = await connectTo(url, as('admin', ADMIN.password));
    const listed = await admin.admin().listAudit();
    await admin.admin().createTopic({ topic: 'followed', queues: 1 });
    const consumer = admin.consumer({ group: 'auditors', topic: '%AUDIT' });
    const seen: AuditEntry[] = [];
    for await (const message of consumer) {
      seen.push(JSON.parse(Buffer.from(message.body ?? []).toString()) as AuditEntry);
      if (seen.at(-1)?.resource === 'topic:followed') {
        expect([message.tag, message.keys]).toEqual(['createTopic', ['admin']]);
        break;
      }
    }
    await consumer.close();
    // Each once, in order; what was before the topic was made, too.
    const numbers = seen.map(({ number }) => number);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] as number) + i));
    expect(seen.length).toBeGreaterThan(listed.length / 2);
    const reader = await connectTo(url, as('reader'));
    expect(await codeOf(reader.peek({ topic: '%AUDIT' }))).toBe('done');
    const other = await connectTo(url, as('other'));
    expect(await codeOf(other.peek({ topic: '%AUDIT' }))).toBe('NOT_ALLOWED');

    for (const client of [admin, broker.client()]) {
      expect(await codeOf(client.producer().send({ topic: '%AUDIT', body: 'forged' }))).toBe(
        'TOPIC_NOT_FOUND',
      );
      expect(await codeOf(client.admin().deleteTopic('%AUDIT'))).toBe('BAD_ARGUMENT');
      expect(await codeOf(client.admin().growTopic({ topic: '%AUDIT', queues: 2 }))).toBe('BAD_ARGUMENT');
      expect((await client.admin().listTopics()).map(({ topic }) => topic)).not.toContain('%AUDIT');
    }
  });

  test('has a flood of failed logins as a few entries and a count', async () => {
    const admin = broker.client().admin();
    const before = (await admin.listAudit()).length;
    const tries = 60;
    const begun = performance.now();
    /** One more of them with each second. */
    const maxWritten = (): number => 30 + (performance.now() - begun) / 1_000;
    const logins = Array.from({ length: tries }, () => codeOf(connect(url, { connectTimeoutMs: 60_000 })));
    expect(new Set(await Promise.all(logins))).toEqual(new Set(['NOT_AUTHENTICATED']));
    await admin.createTopic({ topic: 'seen', queues: 1 });
    const during = await entriesUntil(admin, (all) => all.some(({ resource }) => resource === 'topic:seen'));
    expect(during.length - before).toBeLessThan(maxWritten());
    // With the close what was counted is written.
    await broker.close();
    broker = await openBroker({ ...SMALL, dataDir: dataDir() });
    ({ url } = await broker.listen({ port: 0, listener, threads: 1, auth: true }));
    const entries = (await broker.client().admin().listAudit()).slice(before);
    const logged = entries.filter(({ method }) => method === 'login');
    expect(logged.reduce((sum, { count }) => sum + count, 0)).toBe(tries);
    expect(entries.length).toBeLessThan(maxWritten());
  });
});

test('a slave has what was done at its master', async () => {
  const secretFile = join(dir, 'secret');
  writeFileSync(secretFile, 'a secret of some length');
  const common = { ...SMALL, secretFile, brokerSet: 'a' };
  const master = await openBroker({
    ...common,
    dataDir: join(dir, 'master'),
    name: 'a',
    replication: 'async',
  });
  onTestFinished(() => master.close());
  const { url } = await master.listen({ port: 0, listener: 'ws', auth: true, adminPasswordFile });
  const place = { name: 'a-slave', role: 'slave', master: url } as const;
  const slave = await openBroker({ ...common, dataDir: join(dir, 'slave'), ...place });
  onTestFinished(() => slave.close());
  const admin = (await connectTo(url, as('admin', ADMIN.password))).admin();
  await admin.createTopic({ topic: 'orders', queues: 1 });
  let there: AuditEntry[] = [];
  while (there.length === 0) {
    // It opens its data anew at first, and ends what was there before.
    there = await slave
      .client()
      .admin()
      .listAudit()
      .catch(() => []);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(there.map(told)).toEqual(['admin|createTopic|topic:orders|queues 1|done|']);
});

test('each method that needs the right to manage is written down, but for those that only tell', () => {
  const onlyTell = [
    'stats',
    'queueStats',
    'standing',
    'testAccess',
    'listAudit',
    'accessRecords',
    'topicClients',
    'history',
    'groupLags',
    'configuration',
    'nameServerConfiguration',
  ];
  for (const [method, { needs }] of Object.entries(METHOD_RIGHTS)) {
    const manages = (needs?.({}) ?? []).some(({ right }) => right === 'manage');
    const isRead = method.startsWith('list') || method.startsWith('describe') || onlyTell.includes(method);
    if (manages && !isRead) {
      expect(AUDITED[method as keyof typeof AUDITED], method).not.toBeNull();
    }
  }
});

const facts = (some: Partial<AuditFacts> = {}): AuditFacts => ({
  user: 'u',
  address: '127.0.0.1',
  connection: 'c1',
  method: 'createTopic',
  resource: 'topic:t',
  details: '',
  result: 'done',
  code: '',
  count: 1,
  ...some,
});

describe('a log that takes nothing', () => {
  test('stops nobody: what it does not take is kept for a while, told, and counted', async () => {
    const warnings: string[] = [];
    const state = new AuditState();
    let isFull = true;
    const keeper = new AuditKeeper({
      state,
      isFollower: () => false,
      append: (records) => {
        if (isFull) {
          return Promise.reject(new RingMQError('DISK_FULL'));
        }
        for (const { type: _type, ...entry } of records) {
          state.add(entry);
        }
        return Promise.resolve();
      },
      warn: (message) => warnings.push(message),
    });
    for (let i = 0; i < 1_000; i++) {
      keeper.note(facts({ resource: `topic:t${i}` }));
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.size).toBe(0);
    expect(warnings.join('\n')).toMatch(/cannot be written down/);
    isFull = false;
    await keeper.close();
    expect(state.size).toBe(1_000);
    expect(keeper.lostCount).toBe(0);
  });

  test('leaves a count of what was lost for when it takes something again', async () => {
    const state = new AuditState();
    let code: 'DISK_FAILED' | null = 'DISK_FAILED';
    const keeper = new AuditKeeper({
      state,
      isFollower: () => false,
      append: (records) => {
        if (code !== null) {
          return Promise.reject(new RingMQError(code));
        }
        for (const { type: _type, ...entry } of records) {
          state.add(entry);
        }
        return Promise.resolve();
      },
      warn: () => {},
    });
    keeper.note(facts());
    await new Promise((resolve) => setImmediate(resolve));
    expect(keeper.lostCount).toBe(1);
    code = null;
    keeper.note(facts());
    await keeper.close();
    expect([...state.from(0)].map(({ method, count }) => [method, count])).toEqual([
      ['createTopic', 1],
      ['audit', 1],
    ]);
  });
});

describe('the limit', () => {
  test('lets a flood of one kind hide nothing of another', () => {
    const limit = new AuditLimit(0);
    const login = facts({ method: 'login', result: 'denied', code: 'NOT_AUTHENTICATED' });
    let written = 0;
    for (let i = 0; i < 10_000; i++) {
      written += limit.take({ ...login, user: `u${i}`, address: `10.0.${i >> 8}.${i & 255}` }, 0) ? 1 : 0;
    }
    expect(written).toBe(20);
    expect(limit.take(facts({ result: 'denied', code: 'NOT_ALLOWED' }), 0)).toBe(true);
    expect(limit.take(facts(), 0)).toBe(true);
    const counted = limit.takeCounted();
    expect(counted).toEqual([
      { ...login, user: '', address: '', count: 9_980, details: 'from 256 and more addresses' },
    ]);
    expect(limit.isEmpty).toBe(true);
    // It has a share again a while later.
    expect(limit.take(login, 5_000)).toBe(true);
  });

  test('counts many kinds of things in bounded memory', () => {
    const limit = new AuditLimit(0);
    for (let i = 0; i < 5_000; i++) {
      limit.take(facts({ user: `u${i}`, result: 'denied', code: 'NOT_ALLOWED' }), 0);
    }
    const counted = limit.takeCounted();
    expect(counted.length).toBeLessThanOrEqual(65);
    expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(4_900);
  });
});

describe('what is kept', () => {
  test('is so many entries, none older than said, whatever comes again', () => {
    const state = new AuditState();
    state.maxCount = 200;
    const entry = (number: number): AuditEntry => ({ number, time: number * 1_000, ...facts() });
    for (let number = 1; number <= 1_000; number++) {
      state.add(entry(number));
    }
    state.add(entry(5));
    expect([...state.from(0)].map(({ number }) => number)).toEqual(
      Array.from({ length: 200 }, (_, i) => 801 + i),
    );
    expect([...state.from(990)].length).toBe(11);
    state.retentionMs = 10_000;
    state.expire(1_000_000);
    expect([...state.from(0)].map(({ number }) => number)[0]).toBe(990);
    // The newest stays, for the next one's number.
    state.expire(9_000_000);
    expect(state.last).toBe(1_000);
    expect(state.size).toBe(1);
  });
});
