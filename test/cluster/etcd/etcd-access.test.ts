/** An etcd with TLS, with certificates of clients, and with users: who gets in, and what becomes of it when files, or etcd, change. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { request as requestTls } from 'node:https';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openBroker } from '../../../broker/index.js';
import { EtcdClient, type EtcdClientOptions } from '../../../engine/cluster/etcd/etcd-client.js';
import { setPrefix } from '../../../engine/cluster/etcd/etcd-set-store.js';
import { EtcdWatch } from '../../../engine/cluster/etcd/etcd-watch.js';
import type { EngineOptions } from '../../../engine/options.js';
import { makeDirectory, removeDirectory } from '../../cli/cli-process.js';
import { keep } from '../../kept.js';
import { until } from '../../replica/nodes.js';
import { Authority, type IssuedFiles } from '../../transport/authority.js';
import { EtcdProcess, type EtcdSettings } from '../etcd-process.js';
import { SMALL } from '../small-rings.js';

const NAMES = 'DNS:localhost,IP:127.0.0.1';

function newDirectory(): string {
  const dir = makeDirectory();
  keep({ close: async () => removeDirectory(dir) });
  return dir;
}

async function startEtcd(settings: EtcdSettings): Promise<EtcdProcess> {
  const etcd = await EtcdProcess.start(settings);
  keep({ close: () => etcd.end() });
  return etcd;
}

async function clientOf(
  etcd: EtcdProcess,
  options: Pick<EtcdClientOptions, 'tls' | 'access' | 'onTrouble' | 'loginRestMs'>,
): Promise<EtcdClient> {
  const client = await EtcdClient.open({
    endpoints: [etcd.endpoint],
    callTimeoutMs: 20_000,
    lookMs: 0,
    ...options,
  });
  keep({ close: async () => client.close() });
  return client;
}

/** What it came to: `read`, or why not. */
async function readBy(client: EtcdClient): Promise<string> {
  return await client.readPrefix('/ringmq/').then(
    () => 'read',
    (error: unknown) => String(error),
  );
}

describe('TLS', () => {
  let dir: string;
  let authority: Authority;
  let stranger: Authority;
  let server: IssuedFiles;
  let own: IssuedFiles;
  beforeAll(() => {
    dir = makeDirectory();
    authority = new Authority(dir);
    stranger = new Authority(dir, 'stranger');
    server = authority.issue('etcd', NAMES);
    own = authority.issue('broker');
    return () => removeDirectory(dir);
  });

  test('an authority of its own is trusted where it is named, and a certificate shown where it is wanted', async () => {
    const etcd = await startEtcd({ ...server, clientCaFile: authority.caFile });
    const { caFile } = authority;
    const as = async (access: EtcdClientOptions['access']): Promise<string> =>
      readBy(await clientOf(etcd, { tls: true, access }));
    expect(await as({ caFile, ...own })).toBe('read');
    expect(await as({ ...own })).toMatch(/certificate/);
    expect(await as({ caFile: stranger.caFile, ...own })).toMatch(/certificate/);
    expect(await as({ caFile })).toMatch(/^EtcdError/);
    expect(await as({ caFile, ...stranger.issue('broker') })).toMatch(/^EtcdError/);
  });

  test('files are looked at again: what fits counts from the next call on, what does not is waited for', async () => {
    const files = {
      caFile: join(newDirectory(), 'ca'),
      certFile: join(newDirectory(), 'cert'),
      keyFile: join(newDirectory(), 'key'),
    };
    const put = (ca: Authority, { certFile, keyFile }: IssuedFiles): void => {
      copyFileSync(ca.caFile, files.caFile);
      copyFileSync(certFile, files.certFile);
      copyFileSync(keyFile, files.keyFile);
    };
    const first = await startEtcd({ ...server, clientCaFile: authority.caFile });
    put(authority, own);
    const troubles: string[] = [];
    const onTrouble = (why: string): number => troubles.push(why);
    const client = await clientOf(first, { tls: true, access: files, onTrouble });
    expect(await readBy(client)).toBe('read');
    // Half of it is replaced.
    const other = stranger.issue('broker');
    copyFileSync(other.certFile, files.certFile);
    expect(await readBy(client)).toBe('read');
    put(authority, own);
    // Or is being written anew.
    for (const file of Object.values(files)) {
      const whole = readFileSync(file);
      for (const length of [0, 40]) {
        writeFileSync(file, whole.subarray(0, length));
        expect(await readBy(client)).toBe('read');
        writeFileSync(file, whole);
        expect(await readBy(client)).toBe('read');
      }
    }
    expect(troubles).toEqual([]);
    // It is told of once, where it stays so.
    for (let again = 0; again < 4; again++) {
      writeFileSync(files.certFile, '');
      expect(await readBy(client)).toBe('read');
    }
    expect(troubles).toEqual([expect.stringContaining('certFile')]);
    await first.kill();
    await first.start({ ...stranger.issue('etcd', NAMES), clientCaFile: stranger.caFile });
    expect(await readBy(client)).toMatch(/^EtcdError/);
    put(stranger, other);
    await until(async () => (await readBy(client)) === 'read');
  });

  test('a broker leads its set by an etcd with TLS and users', async () => {
    const etcd = await startEtcd({ ...server, clientCaFile: authority.caFile });
    const asAdmin = { ...authority.issue('admin'), caFile: authority.caFile };
    await setUpUsers(etcd, (path, body) => postTls(etcd, path, body, asAdmin));
    const userFile = join(newDirectory(), 'user');
    writeFileSync(userFile, 'broker:first: with a colon\n');
    const controllerLink = { caFile: authority.caFile, ...own, userFile };
    const controller = `etcds://${etcd.endpoint}`;
    const open = (options: EngineOptions): ReturnType<typeof openBroker> =>
      openBroker({ ...SMALL, dataDir: newDirectory(), name: 'a', controller, ...options });
    const broker = keep(await open({ controllerLink }));
    await broker.listen({ port: 0, listener: 'ws' });
    const client = broker.client();
    await until(() =>
      client
        .admin()
        .createTopic({ topic: 't', queues: 1, ifNotExists: true })
        .then(
          () => true,
          () => false,
        ),
    );
    const reader = await clientOf(etcd, { tls: true, access: controllerLink });
    // On a machine that is late with the lease it is not there for a moment, and again.
    await until(async () => {
      const { keys } = await reader.readPrefix(setPrefix('default', 'a'));
      return keys.some(({ key }) => key.endsWith('/leader'));
    });
  });
});

type Post = (path: string, body: object) => Promise<unknown>;

/** The JSON form of etcd's interface, by which a test makes users: RingMQ does not use it. */
async function postPlain(etcd: EtcdProcess, path: string, body: object): Promise<unknown> {
  const { token = '', ...rest } = body as { token?: string };
  const answer = await fetch(`http://${etcd.endpoint}/v3/${path}`, {
    method: 'POST',
    headers: token === '' ? {} : { authorization: token },
    body: JSON.stringify(rest),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text);
}

function postTls(
  etcd: EtcdProcess,
  path: string,
  body: object,
  { caFile, certFile, keyFile }: IssuedFiles & { caFile: string },
): Promise<unknown> {
  const [ca, cert, key] = [caFile, certFile, keyFile].map((file) => readFileSync(file));
  return new Promise((resolve, reject) => {
    const url = `https://${etcd.endpoint}/v3/${path}`;
    const sent = requestTls(url, { method: 'POST', ca, cert, key }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(null) : reject(new Error(`${path}: ${answer.statusCode}`)),
      );
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

/** A root, and a user that may do what a broker has to. */
async function setUpUsers(_etcd: EtcdProcess, post: Post): Promise<void> {
  const key = Buffer.from('/ringmq/').toString('base64');
  const end = Buffer.from('/ringmq0').toString('base64');
  await post('auth/user/add', { name: 'root', password: 'of root' });
  await post('auth/role/add', { name: 'root' });
  await post('auth/user/grant', { user: 'root', role: 'root' });
  await post('auth/user/add', { name: 'broker', password: 'first: with a colon' });
  await post('auth/role/add', { name: 'ringmq' });
  await post('auth/role/grant', { name: 'ringmq', perm: { permType: 'READWRITE', key, range_end: end } });
  await post('auth/user/grant', { user: 'broker', role: 'ringmq' });
  await post('auth/enable', {});
}

describe('a user of etcd', () => {
  test('is asked for, has its rights, and comes back whatever etcd does meanwhile', async () => {
    const etcd = await startEtcd({});
    const post: Post = (path, body) => postPlain(etcd, path, body);
    const userFile = join(newDirectory(), 'user');
    writeFileSync(userFile, 'broker:first: with a colon');
    const client = await clientOf(etcd, { access: { userFile } });
    // It asks nobody yet.
    expect(await readBy(client)).toBe('read');
    await setUpUsers(etcd, post);
    // Several calls at once wait for one login.
    const atOnce = [readBy(client), readBy(client), readBy(client), readBy(client)];
    expect(await Promise.all(atOnce)).toEqual(atOnce.map(() => 'read'));
    expect(await readBy(await clientOf(etcd, {}))).toMatch(/user name is empty/);
    await client.put('/ringmq/a', '1');
    await expect(client.put('/other/a', '1')).rejects.toThrow(/permission denied/);
    const { lease } = await client.grantLease(600);
    expect((await client.keepAlive(lease)).ttlSeconds).toBe(600);
    // It forgets who has logged in.
    await etcd.kill();
    await etcd.start();
    expect((await client.keepAlive(lease)).ttlSeconds).toBe(600);
    expect(await client.transact([], [{ put: { key: '/ringmq/a', value: '2' } }])).toBe(true);
    const changed = new Promise<void>((resolve) => {
      const watch = new EtcdWatch(client, '/ringmq/', resolve);
      keep({ close: async () => watch.close() });
    });
    await changed;
  });

  test('another password counts once it is in the file; a wrong one is told without it', async () => {
    const etcd = await startEtcd({});
    const post: Post = (path, body) => postPlain(etcd, path, body);
    const userFile = join(newDirectory(), 'user');
    writeFileSync(userFile, 'broker:a wrong one\n');
    await setUpUsers(etcd, post);
    const client = await clientOf(etcd, { access: { userFile } });
    const refused = await readBy(client);
    expect(refused).toMatch(/authentication failed/);
    expect(refused).not.toContain('a wrong one');
    writeFileSync(userFile, 'broker:first: with a colon\n');
    expect(await readBy(client)).toBe('read');
    const { token } = (await post('auth/authenticate', { name: 'root', password: 'of root' })) as {
      token: string;
    };
    await post('auth/user/changepw', { name: 'broker', password: 'second', token });
    expect(await readBy(client)).toMatch(/authentication failed/);
    writeFileSync(userFile, 'broker:second\n');
    expect(await readBy(client)).toBe('read');
    // While the file is written anew the one before counts.
    writeFileSync(userFile, '');
    expect(await readBy(client)).toBe('read');
  });

  test('with a wrong password asks etcd now and then, and at once where the file has another one', async () => {
    const etcd = await startEtcd({});
    const post: Post = (path, body) => postPlain(etcd, path, body);
    const userFile = join(newDirectory(), 'user');
    writeFileSync(userFile, 'broker:second\n');
    await setUpUsers(etcd, post);
    const client = await clientOf(etcd, { access: { userFile }, loginRestMs: 600_000 });
    const refused = await readBy(client);
    expect(refused).toMatch(/authentication failed/);
    const { token } = (await post('auth/authenticate', { name: 'root', password: 'of root' })) as {
      token: string;
    };
    await post('auth/user/changepw', { name: 'broker', password: 'second', token });
    // It would be taken now: etcd is not asked.
    expect(await readBy(client)).toBe(refused);
    writeFileSync(userFile, 'broker:second');
    expect(await readBy(client)).toBe('read');
  });
});

describe('what cannot be meant is refused', () => {
  const dir = makeDirectory();
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const tls = 'etcds://127.0.0.1:1';
  test.each<[string, EngineOptions, RegExp]>([
    ['without a controller', { controllerLink: { userFile: file('u', 'a:b') } }, /name one/],
    [
      'a certificate without TLS',
      { controller: 'etcd://127.0.0.1:1', controllerLink: { caFile: 'x' } },
      /etcds:\/\//,
    ],
    ['half a certificate', { controller: tls, controllerLink: { certFile: 'x' } }, /keyFile/],
    ['a file that is not there', { controller: tls, controllerLink: { caFile: join(dir, 'none') } }, /none/],
    [
      'no authorities',
      { controller: tls, controllerLink: { certFile: file('c', 'x'), keyFile: file('k', 'x') } },
      /TLS files/,
    ],
    [
      'a user without a password',
      { controller: tls, controllerLink: { userFile: file('n', 'secret-name') } },
      /colon/,
    ],
    [
      'a password of several lines',
      { controller: tls, controllerLink: { userFile: file('m', 'a:b\nc') } },
      /colon/,
    ],
  ])('%s', async (_what, options, told) => {
    const dataDir = join(dir, 'data');
    const refused = openBroker({ ...SMALL, dataDir, name: 'a', ...options });
    await expect(refused).rejects.toMatchObject({ code: 'BAD_CONFIG', message: expect.stringMatching(told) });
    await expect(refused).rejects.not.toThrow(/secret-name/);
  });
});
