/** Users of a cluster: made at all sets at once, and brought to one that was away; brokers among each other. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Broker, connect, openBroker, openNameServer } from '../../broker/index.js';
import type { ConnectOptions } from '../../native-free/client/index.js';
import { SMALL } from '../cluster/small-rings.js';
import { codeOf, connectTo } from './clients.js';

const ADMIN = { scheme: 'scram', user: 'admin', password: 'first-password' } as const;
const as = (user: string): ConnectOptions => ({
  credentials: { scheme: 'scram', user, password: `${user}-password` },
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Whether the user can log in there. */
async function isLetIn(url: string, user: string): Promise<boolean> {
  try {
    await (await connect(url, as(user))).close();
    return true;
  } catch {
    return false;
  }
}

test('a cluster has the same users everywhere, also in a set that was away when they changed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-cluster-users-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const [secretFile, adminPasswordFile] = [join(dir, 'secret'), join(dir, 'password')];
  writeFileSync(secretFile, 'a secret of some length');
  writeFileSync(adminPasswordFile, ADMIN.password);
  const ns = await openNameServer({ port: 0, listener: 'ws', secretFile });
  onTestFinished(() => ns.close());
  const open = async (name: string): Promise<{ broker: Broker; url: string }> => {
    const place = { name, nameServers: [ns.url], secretFile };
    const broker = await openBroker({ ...SMALL, dataDir: join(dir, name), ...place });
    onTestFinished(() => broker.close());
    const { url } = await broker.listen({ port: 0, listener: 'ws', auth: true, adminPasswordFile });
    return { broker, url };
  };
  const [a, b] = [await open('a'), await open('b')];

  expect(await codeOf(connect(ns.url, { ...as('admin'), connectTimeoutMs: 60_000 }))).toBe(
    'NOT_AUTHENTICATED',
  );
  const client = await connectTo(ns.url, { credentials: ADMIN });
  const admin = client.admin();
  await until(async () => client.broker.brokerSets?.length === 2);
  await admin.createUser({ user: 'shop', password: 'shop-password' });
  await admin.createTopic({ topic: 'orders', queues: 1 });
  await admin.grant({ to: 'shop', right: 'publish', resource: 'topic:orders' });
  expect((await admin.listUsers()).map(({ user }) => user)).toEqual(['admin', 'shop']);
  expect(await admin.listGrants()).toEqual([
    { to: 'shop', isRole: false, right: 'publish', resource: 'topic:orders' },
  ]);
  expect(await Promise.all([a, b].map(({ url }) => isLetIn(url, 'shop')))).toEqual([true, true]);
  const shop = await connectTo(ns.url, as('shop'));
  const producer = shop.producer();
  const sets = new Set<unknown>();
  await until(async () => {
    const outcome = await producer.send({ topic: 'orders', body: 'x' }).catch(() => null);
    sets.add(outcome?.brokerSet);
    return sets.has('a') && sets.has('b');
  });

  await b.broker.close();
  const failed = await admin.deleteUser('shop').catch((error: unknown) => error);
  expect(failed).toMatchObject({ details: { doneSets: ['a'] } });
  await (await connectTo(a.url, { credentials: ADMIN })).admin().createUser({
    user: 'late',
    password: 'late-password',
  });
  const back = await open('b');
  await until(() => isLetIn(back.url, 'late'));
  expect(await isLetIn(back.url, 'shop')).toBe(false);
  // The administrator of each set's own first start is one, and was not put out by that.
  expect(await codeOf(client.admin().listUsers())).toBe('done');
});

test('two masters that are changed apart put it together, and lose nothing of either', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-cluster-users-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const [secretFile, adminPasswordFile] = [join(dir, 'secret'), join(dir, 'password')];
  writeFileSync(secretFile, 'a secret of some length');
  writeFileSync(adminPasswordFile, ADMIN.password);
  const ns = await openNameServer({ port: 0, listener: 'ws', secretFile });
  const { port } = ns;
  const open = async (name: string): Promise<string> => {
    const place = { name, nameServers: [ns.url], secretFile };
    const broker = await openBroker({ ...SMALL, dataDir: join(dir, name), ...place });
    onTestFinished(() => broker.close());
    return (await broker.listen({ port: 0, listener: 'ws', auth: true, adminPasswordFile })).url;
  };
  const admins = (
    await Promise.all([await open('a'), await open('b')].map((url) => connectTo(url, { credentials: ADMIN })))
  ).map((client) => client.admin());
  const [a, b] = admins as [(typeof admins)[0], (typeof admins)[0]];
  await a.createUser({ user: 'shop', password: 'shop-password' });
  await a.grant({ to: 'shop', right: 'publish', resource: 'topic:first' });
  await until(async () => (await b.listGrants()).length === 1);
  // Nobody tells them of each other any more.
  await ns.close();
  await a.grant({ to: 'shop', right: 'publish', resource: 'topic:a' });
  await b.revoke({ to: 'shop', right: 'publish', resource: 'topic:first' });
  await b.grant({ to: 'shop', right: 'publish', resource: 'topic:b' });
  const again = await openNameServer({ port, listener: 'ws', secretFile });
  onTestFinished(() => again.close());
  const grantsOf = async (admin: typeof a): Promise<string> =>
    (await admin.listGrants()).map(({ resource }) => resource).join(' ');
  await until(async () => (await grantsOf(a)) === 'topic:a topic:b');
  await until(async () => (await grantsOf(b)) === 'topic:a topic:b');
});

test('brokers ask each other where clients have to log in', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-cluster-users-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const secretFile = join(dir, 'secret');
  const adminPasswordFile = join(dir, 'password');
  writeFileSync(secretFile, 'a secret of some length');
  writeFileSync(adminPasswordFile, ADMIN.password);
  const ns = await openNameServer({ port: 0, listener: 'ws', secretFile });
  onTestFinished(() => ns.close());
  const open = async (name: string, more: object): Promise<string> => {
    const place = { name, brokerSet: 'a', nameServers: [ns.url], secretFile, ...more };
    const broker = await openBroker({ ...SMALL, dataDir: join(dir, name), ...place });
    onTestFinished(() => broker.close());
    return (await broker.listen({ port: 0, listener: 'ws', auth: true, adminPasswordFile })).url;
  };
  const master = await open('a', { replication: 'async' });
  const first = await open('a-slave-1', { role: 'slave', master });
  await open('a-slave-2', { role: 'slave', master });
  const client = await connectTo(master, { credentials: ADMIN });
  await client.admin().createTopic({ topic: 'orders', queues: 1 });
  await client.producer().send({ topic: 'orders', body: 'x' });
  await until(async () => (await codeOf(connectTo(first, { credentials: ADMIN }))) === 'done');
  const { ask, ScramUser } = await import('../../native-free/client/internal.js');
  let code = '';
  // Not before its master has seen that it is in sync.
  await until(async () => {
    code = await codeOf(ask(first, 'promote', {}, 20_000, new ScramUser(ADMIN)));
    return code !== 'NOT_FURTHEST';
  });
  expect(code).toBe('done');
  await expect(ask(first, 'standing', {}, 60_000)).rejects.toMatchObject({ code: 'NOT_AUTHENTICATED' });
});
