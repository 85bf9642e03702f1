/** TLS with authorities of our own: who is trusted, who comes with a certificate as which user, and all links of a cluster. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, openBroker, openNameServer } from '../../broker/index.js';
import type { TlsOptions } from '../../native-free/client/index.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { Authority, type IssuedFiles } from '../transport/authority.js';
import { connectTo, errorOf, PATIENT } from './clients.js';

const SMALL = {
  flush: 'async',
  ringBytes: 16 * 1024 * 1024,
  memoryRingBytes: 32 * 1024 * 1024,
  segmentBytes: 16 * 1024 * 1024,
} as const;
const NAMES = 'DNS:localhost,IP:127.0.0.1';

let dir: string;
let authority: Authority;
let stranger: Authority;
let server: IssuedFiles;
let passwordFile: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-tls-'));
  authority = new Authority(dir);
  stranger = new Authority(dir, 'stranger');
  server = authority.issue('server', NAMES);
  passwordFile = join(dir, 'admin-password');
  writeFileSync(passwordFile, 'first-password\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const shows = ({ certFile, keyFile }: IssuedFiles, ca = authority.caFile): TlsOptions => ({
  ca: readFileSync(ca),
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
});

describe.for(LISTENERS)('TLS over %s', (listener) => {
  let broker: Broker;
  let url: string;

  beforeAll(async () => {
    broker = await openBroker({ ...SMALL, dataDir: join(dir, `data-${listener}`) });
    ({ url } = await broker.listen({ host: 'localhost', port: 0, listener, threads: 1, tls: server }));
  });
  afterAll(() => broker?.close());

  test('whoever trusts the authority connects, by the name that is in the certificate', async () => {
    const tls = { ca: readFileSync(authority.caFile) };
    expect((await connectTo(url, { tls })).broker.listener).toBe(listener);
  });

  test('an authority that is not trusted is named as what is wrong, at once', async () => {
    const tls = { ca: readFileSync(stranger.caFile) };
    const told = await errorOf(connectTo(url, { tls }));
    expect(told).toMatch(
      /^CONNECT_FAILED: the certificate of localhost:\d+ is not accepted \(see tls: \{ ca/,
    );
    expect(await errorOf(connectTo(url))).toContain('is not accepted (see tls: { ca');
  });

  test('so is another host name', async () => {
    const ca = readFileSync(authority.caFile);
    const told = await errorOf(connectTo(url, { tls: { ca, servername: 'broker.example' } }));
    expect(told).toContain('CONNECT_FAILED: the certificate of localhost');
    expect(told).toContain('it is for another name');
  });

  test('nothing older than TLS 1.2 is spoken', async () => {
    const speak = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls(
          {
            host: '127.0.0.1',
            port: Number(new URL(url).port),
            ca: readFileSync(authority.caFile),
            minVersion: version,
            maxVersion: version,
            ciphers: 'DEFAULT@SECLEVEL=0',
          },
          () => {
            resolve(String(socket.getProtocol()));
            socket.destroy();
          },
        );
        socket.on('error', () => resolve('refused'));
      });
    expect(await speak('TLSv1.1')).toBe('refused');
    expect(await speak('TLSv1.2')).toBe('TLSv1.2');
    expect(await speak('TLSv1.3')).toBe('TLSv1.3');
  });

  test('files that are told to be read again count for the next connection, and none is lost', async () => {
    const files = { certFile: join(dir, `${listener}.crt`), keyFile: join(dir, `${listener}.key`) };
    const use = ({ certFile, keyFile }: IssuedFiles): void => {
      copyFileSync(certFile, files.certFile);
      copyFileSync(keyFile, files.keyFile);
    };
    use(server);
    const listening = await broker.listen({ host: 'localhost', port: 0, listener, threads: 1, tls: files });
    const states: string[] = [];
    const before = await connectTo(listening.url, {
      tls: { ca: readFileSync(authority.caFile) },
      onConnection: (state) => states.push(state),
    });
    use(stranger.issue('server', NAMES));
    listening.renewCertificates();
    const tls = { ca: readFileSync(stranger.caFile) };
    await expect.poll(() => errorOf(connectTo(listening.url, { tls })), PATIENT).toBe('done');
    expect(await before.admin().listTopics()).toEqual([]);
    expect(states).toEqual(['connected']);
    await listening.close();
  });
});

describe('client certificates', () => {
  let broker: Broker;
  let url: string;

  beforeAll(async () => {
    broker = await openBroker({ ...SMALL, dataDir: join(dir, 'data-certified') });
    const tls = { ...server, clientCaFile: authority.caFile };
    ({ url } = await broker.listen({
      host: 'localhost',
      port: 0,
      auth: true,
      adminPasswordFile: passwordFile,
      tls,
    }));
    const admin = broker.client().admin();
    await admin.createTopic({ topic: 'orders', queues: 1 });
    await admin.createUser({ user: 'shop', password: 'not-used' });
    await admin.grant({ to: 'shop', right: 'publish', resource: 'topic:orders' });
  });
  afterAll(() => broker?.close());

  test('say who the client is, which may do what its user may', async () => {
    const client = await connectTo(url, { tls: shows(authority.issue('shop')) });
    await client.producer().send({ topic: 'orders', body: 'x' });
    expect(await errorOf(client.admin().listUsers())).toContain('NOT_ALLOWED');
  });

  test('of nobody, or of another authority, let nobody in', async () => {
    expect(await errorOf(connectTo(url, { tls: shows(authority.issue('nobody')) }))).toContain(
      "NOT_AUTHENTICATED: the certificate is of 'nobody'",
    );
    expect(await errorOf(connectTo(url, { tls: shows(stranger.issue('shop')) }))).toContain(
      'NOT_AUTHENTICATED',
    );
    expect(await errorOf(connectTo(url, { tls: shows(authority.issue('%broker')) }))).toContain(
      'NOT_AUTHENTICATED',
    );
    expect(await errorOf(connectTo(url, { tls: { ca: readFileSync(authority.caFile) } }))).toContain(
      'NOT_AUTHENTICATED',
    );
  });

  test('do not keep a client from logging in as somebody else', async () => {
    const credentials = { scheme: 'scram', user: 'admin', password: 'first-password' } as const;
    const client = await connectTo(url, { tls: shows(authority.issue('shop')), credentials });
    expect((await client.admin().listUsers()).map(({ user }) => user)).toContain('shop');
  });

  test('are asked for by credentials that say so, and who takes none says that', async () => {
    const credentials = { scheme: 'certificate' } as const;
    const client = await connectTo(url, { tls: shows(authority.issue('shop')), credentials });
    await client.producer().send({ topic: 'orders', body: 'x' });
    const none = connectTo(url, { tls: { ca: readFileSync(authority.caFile) }, credentials });
    expect(await errorOf(none)).toMatch(/^NOT_AUTHENTICATED: the connection came with no client certificate/);
    const strange = connectTo(url, { tls: shows(stranger.issue('shop')), credentials });
    expect(await errorOf(strange)).toContain('NOT_AUTHENTICATED');
    const bad = { ...credentials, user: 'shop' } as never;
    expect(await errorOf(connectTo(url, { credentials: bad }))).toMatch(/^BAD_ARGUMENT: user/);
    for (const listener of LISTENERS) {
      const listening = await broker.listen({
        host: 'localhost',
        port: 0,
        auth: true,
        listener,
        tls: server,
      });
      const told = errorOf(connectTo(listening.url, { tls: shows(authority.issue('shop')), credentials }));
      expect(await told).toContain('NOT_AUTHENTICATED: the connection came with no client certificate');
      await listening.close();
    }
    const open = await broker.listen({ port: 0 });
    expect(await errorOf(connectTo(open.url, { credentials }))).toMatch(
      /^NOT_AUTHENTICATED: whoever answers has not looked at the certificate/,
    );
    await open.close();
  });

  test('say it over HTTP, too', async () => {
    const ask = (path: string, tls: TlsOptions, headers = {}): Promise<{ status: number; text: string }> =>
      new Promise((resolve, reject) => {
        const { port } = new URL(url);
        const { ca, cert, key } = tls;
        const given = cert === undefined || key === undefined ? {} : { cert, key };
        const options = { host: 'localhost', port, path, headers, ca, ...given, agent: false };
        get(options as RequestOptions, (answer) => {
          let text = '';
          answer.on('data', (chunk) => {
            text += String(chunk);
          });
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        }).on('error', reject);
      });
    const shop = shows(authority.issue('shop'));
    const topics = await ask('/api/v1/topics', shop);
    expect(topics.status).toBe(200);
    expect(JSON.parse(topics.text)).toMatchObject({ topics: [{ topic: 'orders' }] });
    expect((await ask('/api/v1/users', shop)).status).toBe(403);
    const authorization = `Basic ${Buffer.from('admin:first-password').toString('base64')}`;
    expect((await ask('/api/v1/users', shop, { authorization })).status).toBe(200);
    for (const tls of [
      { ca: readFileSync(authority.caFile) },
      shows(authority.issue('nobody')),
      shows(authority.issue('%broker')),
      shows(stranger.issue('shop')),
    ]) {
      expect((await ask('/api/v1/topics', tls)).status).toBe(401);
    }
    const foreign = { origin: 'https://evil.example' };
    expect((await ask('/api/v1/topics', shop, foreign)).status).toBe(403);
    expect((await ask('/api/v1/topics', shop, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  });

  test('end with their user', async () => {
    const admin = broker.client().admin();
    await admin.createUser({ user: 'temp', password: 'not-used' });
    const ended: string[] = [];
    await connectTo(url, {
      tls: shows(authority.issue('temp')),
      onConnection: (state, reason) =>
        ended.push(`${state} ${(reason as { code?: string } | undefined)?.code}`),
    });
    await admin.deleteUser('temp');
    await expect.poll(() => ended.join(), PATIENT).toContain('disconnected NOT_AUTHENTICATED');
  });

  test('may be needed for the connection itself, and have the user as their DNS name', async () => {
    const tls = {
      ...server,
      clientCaFile: authority.caFile,
      clientCert: 'required',
      clientName: 'dns',
    } as const;
    const listening = await broker.listen({ host: 'localhost', port: 0, auth: true, tls });
    expect(await errorOf(connectTo(listening.url, { tls: { ca: readFileSync(authority.caFile) } }))).toMatch(
      /CONNECT_FAILED: localhost:\d+ wants a certificate of the client/,
    );
    const client = await connectTo(listening.url, { tls: shows(authority.issue('anybody', 'DNS:shop')) });
    await client.producer().send({ topic: 'orders', body: 'x' });
    expect(
      await errorOf(connectTo(listening.url, { tls: shows(authority.issue('shop', 'DNS:shop,DNS:admin')) })),
    ).toContain('NOT_AUTHENTICATED');
    await listening.close();
  });

  test('are refused at the start where uWebSockets.js is asked for, which does not tell of them', async () => {
    const tls = { ...server, clientCaFile: authority.caFile };
    expect(await errorOf(broker.listen({ port: 0, listener: 'uws', tls }))).toMatch(
      /BAD_CONFIG: .*`listener` to ws/,
    );
    expect(await errorOf(broker.listen({ port: 0, tls: { ...server, clientCert: 'required' } }))).toContain(
      'BAD_CONFIG',
    );
  });
});

test('a cluster whose links are all of TLS, with certificates on both sides', async () => {
  const own = authority.issue('broker', NAMES);
  const tls = { ...own, clientCaFile: authority.caFile, clientCert: 'required' } as const;
  const linkTls = { ...own, caFile: authority.caFile };
  const secretFile = join(dir, 'secret');
  writeFileSync(secretFile, 'a secret of this cluster');
  const nameServer = await openNameServer({ host: 'localhost', port: 0, tls, secretFile });
  const cluster = { ...SMALL, secretFile, linkTls, nameServers: [nameServer.url], brokerSet: 'a' };
  const master = await openBroker({ ...cluster, name: 'a', dataDir: join(dir, 'master') });
  const { url: masterUrl } = await master.listen({ host: 'localhost', port: 0, tls });
  const slave = await openBroker({ ...cluster, name: 'a-slave', role: 'slave', dataDir: join(dir, 'slave') });
  await slave.listen({ host: 'localhost', port: 0, tls });
  const client = await connectTo(nameServer.url, { tls: shows(own) });
  await client.admin().createTopic({ topic: 'orders', queues: 1 });
  await client.producer().send({ topic: 'orders', body: 'x' });
  const copied = async (): Promise<number | undefined> => {
    const reader = slave.client();
    const topic = await reader.admin().describeTopic('orders');
    await reader.close();
    return topic.queueStates[0]?.maxOffset;
  };
  await expect.poll(() => copied().catch(() => null), PATIENT).toBe(1);
  await client.close();
  await slave.close();
  // Who trusts another authority says so, and what to do.
  const told: string[] = [];
  const wrong = await openBroker({
    ...cluster,
    linkTls: { ...own, caFile: stranger.caFile },
    name: 'a-slave',
    role: 'slave',
    dataDir: join(dir, 'slave'),
    master: masterUrl,
    onWarning: (message) => told.push(message),
    onReplication: (event) => told.push('message' in event ? event.message : event.event),
  });
  await wrong.listen({ host: 'localhost', port: 0, tls });
  await expect
    .poll(() => told.join('\n'), PATIENT)
    .toMatch(/certificate of localhost:\d+ is not accepted \(see tls: \{ ca.*--link-ca/);
  await wrong.close();
  await master.close();
  await nameServer.close();
});
