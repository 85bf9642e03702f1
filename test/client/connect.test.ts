/** The first connection: what is tried again, what is not, and what is said of it. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';
import { type Client, connect, isRingMQError, RingMQError } from '../../native-free/client/index.js';
import { createClient } from '../../native-free/client/internal.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { makeCertificate } from '../transport/certificate.js';
import { ScriptedBroker } from './scripted-broker.js';

/** Longer than any test may take: what fails before does not wait for it. */
const LONG = { connectTimeoutMs: 600_000 };

const dir = mkdtempSync(join(tmpdir(), 'ringmq-connect-'));
let broker: Broker;
let certificate: { certFile: string; keyFile: string };
const servers: Server[] = [];
const clients: Client[] = [];

beforeAll(async () => {
  certificate = makeCertificate(dir);
  broker = await openBroker({ dataDir: join(dir, 'data') });
});

afterEach(async () => {
  for (const client of clients.splice(0)) {
    await client.close({ signal: AbortSignal.abort() }).catch(() => {});
  }
  for (const server of servers.splice(0)) {
    server.close();
  }
});

afterAll(async () => {
  await broker.close();
  rmSync(dir, { recursive: true });
});

async function listening(server: Server, port = 0): Promise<string> {
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('an address', () => {
  test.each([
    ['http://127.0.0.1:9876', 'BAD_ARGUMENT', /begins with ws:\/\/ or wss:\/\//],
    ['127.0.0.1:9876', 'BAD_ARGUMENT', /not a ws:\/\/ or wss:\/\/ address/],
    ['ws://127.0.0.1:99999', 'BAD_ARGUMENT', /port 99999 is over 65535/],
    ['ws://127.0.0.1:0', 'BAD_ARGUMENT', /port 0/],
    ['ws://127.0.0.1:1/#part', 'BAD_ARGUMENT', /after #/],
    ['ws://u:secret@127.0.0.1:1', 'BAD_ARGUMENT', /^(?!.*secret).*password/],
    ['ws://a:1,http://b:1', 'BAD_ARGUMENT', /begins with ws:\/\/ or wss:\/\//],
    ['ws://a:1,', 'BAD_ARGUMENT', /not a ws:\/\/ or wss:\/\/ address/],
    [undefined, 'BAD_ARGUMENT', /undefined/],
  ])('%s is refused at once', async (url, code, message) => {
    const refused = { code, message: expect.stringMatching(message), details: { option: 'url' } };
    await expect(connect(url as string, LONG)).rejects.toMatchObject(refused);
  });
});

describe('nobody at the address', () => {
  test('is tried again until there is somebody, and told once', async () => {
    const probe = createServer();
    const address = await listening(probe);
    probe.close();
    await once(probe, 'close');
    const warnings: string[] = [];
    const connecting = connect(`ws://${address}`, {
      ...LONG,
      onWarning: (message) => warnings.push(message),
      reconnectMaxMs: 20,
    });
    await expect.poll(() => warnings.length, { timeout: 100_000 }).toBe(1);
    expect(warnings[0]).toMatch(/ECONNREFUSED.*trying again/);
    await broker.listen({ port: Number(address.split(':')[1]), listener: 'ws' });
    const client = await connecting;
    clients.push(client);
    expect(client.connected).toBe(true);
    expect(warnings).toHaveLength(1);
  });

  test('is an error that says for how long, and why', async () => {
    // Time enough for one refusal at least, also where this thread is held for a while.
    await expect(connect('ws://127.0.0.1:1', { connectTimeoutMs: 3_000 })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      retryable: true,
      message: expect.stringMatching(/within 3000 ms: .*ECONNREFUSED/),
    });
  });

  test('is given up when the call is aborted, also when it would be tried for ever', async () => {
    const stop = new AbortController();
    const connecting = connect('ws://127.0.0.1:1', {
      connectTimeoutMs: 0,
      signal: stop.signal,
      onWarning: () => stop.abort('enough'),
    });
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });
});

describe('somebody else at the address', () => {
  test.each([
    ['a web server', 200, '', 'CONNECT_FAILED', /no RingMQ broker.*HTTP 200/],
    ['a path that is not', 404, 'There is nothing here.\n', 'CONNECT_FAILED', /HTTP 404/],
    ['a guard', 401, '', 'NOT_AUTHENTICATED', /./],
    ['a refusal', 403, 'ORIGIN_REFUSED: not from there\n', 'ORIGIN_REFUSED', /not from there/],
  ])('%s ends it at once', async (_what, status, body, code, message) => {
    const answer: RequestListener = (_request, response) => response.writeHead(status).end(body);
    const http = createHttpServer(answer);
    http.on('upgrade', (_request, socket) => {
      socket.end(
        `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    });
    const url = `ws://${await listening(http)}`;
    await expect(connect(url, LONG)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a protocol that is not HTTP ends it at once', async () => {
    const other = createServer((socket) => socket.on('error', () => {}).end('220 hello\r\n'));
    await expect(connect(`ws://${await listening(other)}`, LONG)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('no RingMQ broker'),
    });
  });

  test('a broker that holds as many connections as it may is asked again; its code comes in the end', async () => {
    let count = 0;
    const full = createHttpServer();
    const body = 'TOO_MANY_CONNECTIONS: there are 2, the limit is 2\n';
    full.on('upgrade', (_request, socket) => {
      count++;
      socket.on('error', () => {});
      socket.end(`HTTP/1.1 503 X\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
    });
    const connecting = connect(`ws://${await listening(full)}`, {
      connectTimeoutMs: 4_000,
      reconnectMaxMs: 50,
    });
    await expect(connecting).rejects.toMatchObject({
      code: 'TOO_MANY_CONNECTIONS',
      message: 'there are 2, the limit is 2',
    });
    expect(count).toBeGreaterThan(1);
  });
});

describe('TLS', () => {
  test.each(LISTENERS)('or none, where the other was meant, is told at once (%s)', async (listener) => {
    const plain = await broker.listen({ port: 0, listener });
    const secure = await broker.listen({ port: 0, listener, tls: certificate });
    await expect(connect(plain.url.replace('ws:', 'wss:'), LONG)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/no TLS .*ws:\/\//),
    });
    await expect(connect(secure.url.replace('wss:', 'ws:'), LONG)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/TLS is spoken .*wss:\/\//),
    });
  });

  test('a certificate that is not trusted ends it at once; with ca and its name it is accepted', async () => {
    const { url } = await broker.listen({ port: 0, listener: 'ws', tls: certificate });
    await expect(connect(url, LONG)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/certificate .*ca/),
    });
    const ca = readFileSync(certificate.certFile);
    await expect(connect(url, { ...LONG, tls: { ca, servername: 'other' } })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
    });
    const client = await connect(url, { tls: { ca: [ca], servername: 'localhost' } });
    clients.push(client);
    expect(client.broker.listener).toBe('ws');
  });

  test('a certificate of the client is shown to who asks for it', async () => {
    const [cert, key] = [
      readFileSync(certificate.certFile, 'utf8'),
      readFileSync(certificate.keyFile, 'utf8'),
    ];
    const server = createHttpsServer({ cert, key, ca: cert, requestCert: true, rejectUnauthorized: true });
    const subjects: string[] = [];
    server.on('upgrade', (request, socket) => {
      subjects.push(
        (request.socket as import('node:tls').TLSSocket).getPeerCertificate().subject.CN as string,
      );
      socket.on('error', () => {});
      socket.end('HTTP/1.1 404 X\r\nConnection: close\r\n\r\n');
    });
    const url = `wss://${await listening(server)}`;
    const tls = { ca: cert, cert, key, servername: 'localhost' };
    await expect(connect(url, { ...LONG, tls })).rejects.toMatchObject({
      message: expect.stringMatching(/404/),
    });
    expect(subjects).toEqual(['localhost']);
  });

  test.each([
    ['ws://127.0.0.1:1', { ca: 'x' }, 'tls'],
    ['wss://127.0.0.1:1', { cert: 'no certificate' }, 'tls'],
    ['wss://127.0.0.1:1', { ca: 5 as never }, 'tls'],
    ['wss://127.0.0.1:1', { rejectUnauthorized: false } as never, 'rejectUnauthorized'],
  ])('%s with %o is refused', async (url, tls, option) => {
    await expect(connect(url, { ...LONG, tls })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      details: { option },
    });
  });
});

test('close waits for a broker that is away no longer than closeTimeoutMs, and says so', async () => {
  const scripted = new ScriptedBroker();
  const client = await createClient(scripted.factory, { closeTimeoutMs: 50 });
  const producer = client.producer();
  await producer.send({ topic: 't', body: 'x' });
  scripted.isDown = true;
  scripted.link.cut();
  const sent = expect(producer.send({ topic: 't', body: 'x' })).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(client.close()).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('closeTimeoutMs'),
  });
  await sent;
});

test('an error says all of itself as JSON, and nothing of how it is told apart when printed', () => {
  const error = new RingMQError('DISK_FULL', 'no room', { details: { topic: 't' } });
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    name: 'RingMQError',
    code: 'DISK_FULL',
    message: 'no room',
    retryable: true,
    details: { topic: 't' },
  });
  expect(inspect(error)).not.toContain('ringmq.error');
  expect(isRingMQError(error)).toBe(true);
});
