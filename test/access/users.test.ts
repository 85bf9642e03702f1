/**
 * Users and their rights over real brokers and both listeners: logins, what is denied, changes while
 * connections stand, restarts, slaves.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Broker, connect, openBroker } from '../../broker/index.js';
import type { Admin, ClientOptions, Consumer } from '../../native-free/client/index.js';
import { ask, ScramUser } from '../../native-free/client/internal.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { codeOf, connectTo } from './clients.js';

const SMALL = {
  flush: 'async',
  ringBytes: 16 * 1024 * 1024,
  memoryRingBytes: 32 * 1024 * 1024,
  segmentBytes: 16 * 1024 * 1024,
} as const;
const ADMIN = { scheme: 'scram', user: 'admin', password: 'first-password' } as const;

let dir: string;
let passwordFile: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-access-'));
  passwordFile = join(dir, 'admin-password');
  writeFileSync(passwordFile, `${ADMIN.password}\n`);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const as = (user: string, password = `${user}-password`): ClientOptions => ({
  credentials: { scheme: 'scram', user, password },
});

async function makeUser(admin: Admin, user: string): Promise<void> {
  await admin.createUser({ user, password: `${user}-password` });
}

/** Until it holds: changes take a moment, by design. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it does not come to hold');
}

/** How a consumer ends that reads on. */
async function endOf(consumer: Consumer): Promise<string> {
  return codeOf(
    (async () => {
      for await (const message of consumer) {
        await message.ack();
      }
    })(),
  );
}

describe.for(LISTENERS)('users over %s', (listener) => {
  let broker: Broker;
  let url: string;
  let admin: Admin;

  beforeAll(async () => {
    broker = await openBroker({ ...SMALL, dataDir: join(dir, `data-${listener}`) });
    const listening = { port: 0, listener, threads: 1, auth: true, adminPasswordFile: passwordFile };
    ({ url } = await broker.listen(listening));
    // The host is trusted.
    admin = broker.client().admin();
    await admin.createTopic({ topic: 'orders', queues: 1 });
    await admin.createTopic({ topic: 'secret', queues: 1 });
  });
  afterAll(() => broker?.close());

  test('nobody is let in without the right credentials', async () => {
    expect(await codeOf(connect(url))).toBe('NOT_AUTHENTICATED');
    expect(await codeOf(connect(url, as('admin', 'another')))).toBe('NOT_AUTHENTICATED');
    expect(await codeOf(connect(url, as('nobody')))).toBe('NOT_AUTHENTICATED');
    const client = await connectTo(url, { credentials: ADMIN });
    expect((await client.admin().listUsers()).map(({ user }) => user)).toContain('admin');
  });

  test('a new user may do nothing, sees nothing, and cannot tell what is there', async () => {
    await makeUser(admin, 'new');
    const client = await connectTo(url, as('new'));
    const mine = client.admin();
    expect(await mine.listTopics()).toEqual([]);
    expect(await mine.listGroups()).toEqual([]);
    for (const topic of ['secret', 'nowhere']) {
      expect(await codeOf(mine.describeTopic(topic)), topic).toBe('TOPIC_NOT_FOUND');
      expect(await codeOf(mine.deleteTopic(topic)), topic).toBe('TOPIC_NOT_FOUND');
      expect(await codeOf(client.producer().send({ topic, body: 'x' })), topic).toBe('NOT_ALLOWED');
      expect(await codeOf(client.peek({ topic })), topic).toBe('NOT_ALLOWED');
      expect(await endOf(client.consumer({ group: 'g', topic })), topic).toBe('NOT_ALLOWED');
    }
    expect(await codeOf(mine.createTopic({ topic: 'other' }))).toBe('NOT_ALLOWED');
    expect(await codeOf(mine.createUser({ user: 'friend', password: 'x' }))).toBe('NOT_ALLOWED');
    expect(await codeOf(mine.grant({ to: 'new', right: 'manage', resource: '*' }))).toBe('NOT_ALLOWED');
    expect(await codeOf(mine.setRoles('new', ['admin']))).toBe('NOT_ALLOWED');
    expect(await codeOf(mine.listUsers())).toBe('NOT_ALLOWED');
    expect(await codeOf(mine.stats())).toBe('NOT_ALLOWED');
    expect(await codeOf(mine.setPassword('admin', 'x'))).toBe('NOT_ALLOWED');
    await expect(mine.stats()).rejects.toMatchObject({ details: { right: 'manage', resource: 'cluster' } });
  });

  test('a grant holds for a connection that stands, and so does taking it back', async () => {
    await makeUser(admin, 'shop');
    const client = await connectTo(url, as('shop'));
    const producer = client.producer();
    const send = (): Promise<string> => codeOf(producer.send({ topic: 'orders', body: 'one' }));
    expect(await send()).toBe('NOT_ALLOWED');
    await admin.grant({ to: 'shop', right: 'publish', resource: 'topic:ord*' });
    await until(async () => (await send()) === 'done');
    expect((await client.admin().listTopics()).map(({ topic }) => topic)).toEqual(['orders']);
    expect(await endOf(client.consumer({ group: 'shop', topic: 'orders' }))).toBe('NOT_ALLOWED');

    // The connection may hear of the one before the other; by the last one it may peek.
    await admin.grant({ to: 'shop', right: 'subscribe', resource: 'group:shop' });
    await admin.grant({ to: 'shop', right: 'subscribe', resource: 'topic:orders' });
    await until(async () => (await codeOf(client.peek({ topic: 'orders' }))) === 'done');
    const consumer = client.consumer({ group: 'shop', topic: 'orders' });
    const ended = endOf(consumer);
    await until(async () => (await admin.describeGroup('shop').catch(() => null))?.members === 1);
    // It reads, and says nothing more by itself.
    await admin.revoke({ to: 'shop', right: 'subscribe', resource: 'group:shop' });
    expect(await ended).toBe('NOT_ALLOWED');
    await admin.revoke({ to: 'shop', right: 'publish', resource: 'topic:ord*' });
    await until(async () => (await send()) !== 'done');
    // It still sees the topic, so it is told why.
    expect(await send()).toBe('NOT_ALLOWED');
  });

  test('a role gives its rights to all who have it', async () => {
    await admin.createRole({ role: 'readers' });
    await admin.grant({ to: 'readers', right: 'subscribe', resource: 'topic:orders' });
    await admin.createUser({ user: 'reader', password: 'reader-password', roles: ['readers'] });
    const client = await connectTo(url, as('reader'));
    expect(await codeOf(client.peek({ topic: 'orders' }))).toBe('done');
    expect(await admin.testAccess({ user: 'reader', right: 'subscribe', resource: 'topic:orders' })).toBe(
      true,
    );
    await admin.deleteRole('readers');
    await until(async () => (await codeOf(client.peek({ topic: 'orders' }))) !== 'done');
    expect(await codeOf(admin.createRole({ role: 'reader' }))).toBe('USER_EXISTS');
    expect(await codeOf(admin.setRoles('reader', ['nobody-made-it']))).toBe('USER_NOT_FOUND');
  });

  test('a deleted user, and one with another password, is put out', async () => {
    for (const [user, change] of [
      ['gone', () => admin.deleteUser('gone')],
      ['changed', () => admin.setPassword('changed', 'other')],
    ] as const) {
      await makeUser(admin, user);
      let told: unknown;
      const client = await connectTo(url, {
        ...as(user),
        onConnection: (state, reason) => {
          told = state === 'disconnected' ? reason : told;
        },
      });
      await change();
      await until(() => Promise.resolve(!client.connected));
      expect(told, user).toMatchObject({ code: 'NOT_AUTHENTICATED' });
      expect(await codeOf(connect(url, as(user))), user).toBe('NOT_AUTHENTICATED');
    }
    await connectTo(url, as('changed', 'other'));
  });

  test('a user may change its own password', async () => {
    await makeUser(admin, 'self');
    const client = await connectTo(url, as('self'));
    const mine = client.admin();
    // Whoever comes to an open connection does not take the user over.
    expect(await codeOf(mine.setPassword('self', 'mine'))).toBe('NOT_AUTHENTICATED');
    expect(await codeOf(mine.setPassword('self', 'mine', { oldPassword: 'guess' }))).toBe(
      'NOT_AUTHENTICATED',
    );
    await connectTo(url, as('self'));
    await mine.setPassword('self', 'mine', { oldPassword: 'self-password' });
    await connectTo(url, as('self', 'mine'));
  });

  test('nobody hears of topics that it does not see', async () => {
    await makeUser(admin, 'deaf');
    await admin.grant({ to: 'deaf', right: 'publish', resource: 'topic:heard-*' });
    const client = await connectTo(url, as('deaf'));
    await admin.createTopic({ topic: `heard-${listener}`, queues: 1 });
    await admin.createTopic({ topic: `unheard-${listener}`, queues: 1 });
    const topics = await client.admin().listTopics();
    expect(topics.map(({ topic }) => topic)).toEqual([`heard-${listener}`]);
  });
});

test('whoever asks for no login is not believed by who came with credentials', async () => {
  const broker = await openBroker({ ...SMALL, dataDir: join(dir, 'false') });
  onTestFinished(() => broker.close());
  const { url } = await broker.listen({ port: 0, listener: 'ws' });
  expect(await codeOf(connectTo(url, { credentials: ADMIN }))).toBe('NOT_AUTHENTICATED');
  const user = new ScramUser(ADMIN);
  expect(await codeOf(ask(url, 'standing', {}, 60_000, user))).toBe('NOT_AUTHENTICATED');
  expect(await codeOf(connectTo(url))).toBe('done');
});

test('users outlive a restart', async () => {
  const dataDir = join(dir, 'restarted');
  for (const isFirst of [true, false]) {
    const broker = await openBroker({ ...SMALL, dataDir });
    onTestFinished(() => broker.close());
    // Of a later start the file counts for nothing: there are users.
    writeFileSync(passwordFile, isFirst ? ADMIN.password : 'another-password');
    const { url } = await broker.listen({
      port: 0,
      listener: 'ws',
      auth: true,
      adminPasswordFile: passwordFile,
    });
    writeFileSync(passwordFile, ADMIN.password);
    const client = await connectTo(url, { credentials: ADMIN });
    if (isFirst) {
      await makeUser(client.admin(), 'kept');
      await client.admin().grant({ to: 'kept', right: 'manage', resource: 'topic:kept*' });
    } else {
      const kept = await connectTo(url, as('kept'));
      expect(await codeOf(kept.admin().createTopic({ topic: 'kept-topic' }))).toBe('done');
      expect(await codeOf(kept.admin().createTopic({ topic: 'other' }))).toBe('NOT_ALLOWED');
    }
    await client.close();
    await broker.close();
  }
});

test('without a password file a token is told, which makes the first user', async () => {
  const warnings: string[] = [];
  const broker = await openBroker({
    ...SMALL,
    dataDir: join(dir, 'token'),
    onWarning: (message) => warnings.push(message),
  });
  onTestFinished(() => broker.close());
  const { url } = await broker.listen({ port: 0, listener: 'ws', auth: true });
  const tokenFile = join(dir, 'token', 'admin-token');
  // The log says where it is, and not what it is.
  expect(warnings.join('\n')).toContain(tokenFile);
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  const token = readFileSync(tokenFile, 'utf8').trim();
  expect(warnings.join('\n')).not.toContain(token);
  const client = await connectTo(url, as('admin', token));
  expect(existsSync(tokenFile)).toBe(false);
  await client.admin().createUser({ user: 'first', password: 'first-password', roles: ['admin'] });
  const first = await connectTo(url, as('first'));
  expect(await codeOf(first.admin().createTopic({ topic: 'made' }))).toBe('done');
  expect(await codeOf(connect(url, as('admin', token)))).toBe('NOT_AUTHENTICATED');
});

test('a slave has the users of its master, and needs the secret', async () => {
  const secretFile = join(dir, 'secret');
  writeFileSync(secretFile, 'a secret of some length');
  const listening = { port: 0, listener: 'ws', auth: true, adminPasswordFile: passwordFile } as const;
  const master = await openBroker({
    ...SMALL,
    dataDir: join(dir, 'master'),
    name: 'a',
    secretFile,
    replication: 'async',
  });
  onTestFinished(() => master.close());
  const { url } = await master.listen(listening);
  const slave = await openBroker({
    ...SMALL,
    dataDir: join(dir, 'slave'),
    name: 'a-slave',
    brokerSet: 'a',
    role: 'slave',
    master: url,
    secretFile,
  });
  onTestFinished(() => slave.close());
  const at = await slave.listen(listening);
  const admin = (await connectTo(url, { credentials: ADMIN })).admin();
  await makeUser(admin, 'both');
  await admin.createTopic({ topic: 'orders', queues: 1 });
  await admin.grant({ to: 'both', right: 'subscribe', resource: 'topic:orders' });
  await until(async () => (await codeOf(connectTo(at.url, as('both')))) === 'done');
  const client = await connectTo(at.url, as('both'));
  await until(async () => (await client.admin().listTopics()).length === 1);
  expect(await codeOf(client.peek({ topic: 'orders' }))).toBe('done');
  await admin.deleteUser('both');
  await until(() => Promise.resolve(!client.connected));
});
