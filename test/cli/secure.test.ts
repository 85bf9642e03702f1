/** What the command is told about who may connect: certificates and web origins. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { controlFrame, controlPayload } from '../../native-free/client/internal.js';
import { OPCODE, PROTOCOL_VERSION, SUBPROTOCOL } from '../../native-free/wire/index.js';
import { AUDIENCE, ISSUER, makeKey, makeToken } from '../access/token-maker.js';
import { Authority } from '../transport/authority.js';
import { makeCertificate } from '../transport/certificate.js';
import { runHere } from './cli-here.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli } from './cli-process.js';

describe('a broker with a certificate of its own', () => {
  const directory = makeDirectory();
  const { certFile, keyFile } = makeCertificate(directory);
  let broker: BrokerProcess;
  let url: string;

  beforeAll(async () => {
    broker = await BrokerProcess.start(`${directory}/data`, ['--tls-cert', certFile, '--tls-key', keyFile]);
    // The name the certificate is for.
    url = broker.url.replace('127.0.0.1', 'localhost');
  });

  afterAll(async () => {
    await broker.stop();
    removeDirectory(directory);
  });

  it('serves who trusts it', async () => {
    expect(url).toMatch(/^wss:\/\/localhost:\d+$/);
    const env = { NODE_EXTRA_CA_CERTS: certFile, RINGMQ_URL: url };
    expect(await runCli(['topic', 'create', 'orders', '--queues', '1'], { env })).toMatchObject({
      status: 0,
    });
    expect(await runCli(['pub', 'orders'], { env, input: 'one\ntwo\n' })).toMatchObject({ status: 0 });
    const read = await runCli(['sub', 'orders', '--group', 'g', '--from', 'earliest', '--count', '2'], {
      env,
    });
    expect(read.stdout.toString()).toBe('one\ntwo\n');
  });

  it('tells who does not how to', async () => {
    const { status, stderr } = await runCli(['--url', url, 'topic', 'list']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^CONNECT_FAILED: .*self-signed certificate; .*NODE_EXTRA_CA_CERTS/);
  });

  it('tells who uses a name it is not for', async () => {
    const env = { NODE_EXTRA_CA_CERTS: certFile };
    const { status, stderr } = await runCli(['--url', broker.url, 'topic', 'list'], { env });
    expect(status).toBe(1);
    expect(stderr).toMatch(/; use a host name that the certificate is for\n$/);
  });
});

describe('an authority of certificates', () => {
  const directory = makeDirectory();
  const authority = new Authority(directory);
  const secretFile = `${directory}/secret`;
  const server = authority.issue('server', 'DNS:localhost,IP:127.0.0.1');
  const shop = authority.issue('shop');
  const key = makeKey('one');
  let broker: BrokerProcess;
  const ca = ['--ca', authority.caFile];

  beforeAll(async () => {
    writeFileSync(`${directory}/admin`, 'first-password\n');
    writeFileSync(`${directory}/keys.json`, JSON.stringify({ keys: [key.jwk] }));
    const tls = [
      '--tls-cert',
      server.certFile,
      '--tls-key',
      server.keyFile,
      '--tls-client-ca',
      authority.caFile,
    ];
    const jwt = ['--jwt-keys', `${directory}/keys.json`, '--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE];
    const login = ['--auth', '--admin-password-file', `${directory}/admin`];
    writeFileSync(secretFile, 'the secret of before\n');
    const cluster = ['--secret-file', secretFile];
    broker = await BrokerProcess.start(`${directory}/data`, [...tls, ...jwt, ...login, ...cluster]);
    const env = {
      RINGMQ_URL: broker.url,
      RINGMQ_CA: authority.caFile,
      RINGMQ_USER: 'admin',
      RINGMQ_PASSWORD: 'first-password',
    };
    expect(await runHere(['topic', 'create', 'orders', '--queues', '1'], { env })).toMatchObject({
      status: 0,
    });
    expect(
      await runHere(['user', 'add', 'shop', '--password-file', `${directory}/admin`], { env }),
    ).toMatchObject({ status: 0 });
    expect(await runHere(['acl', 'grant', 'shop', 'publish', 'topic:orders'], { env })).toMatchObject({
      status: 0,
    });
  });

  afterAll(async () => {
    await broker.stop();
    removeDirectory(directory);
  });

  it('is trusted by --ca, and a client with --cert and --key is the user of its certificate', async () => {
    const shows = ['--url', broker.url, ...ca, '--cert', shop.certFile, '--key', shop.keyFile];
    expect(await runCli([...shows, 'pub', 'orders', '--key', 'k-1', 'x'])).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect((await runHere([...shows, 'user', 'list'])).stderr).toContain('NOT_ALLOWED');
    expect((await runHere(['--url', broker.url, ...ca, 'topic', 'list'])).stderr).toContain(
      'NOT_AUTHENTICATED',
    );
    expect((await runHere([...shows.slice(0, -2), 'topic', 'list'])).status).toBe(2);
  });

  it('is told from others by name', async () => {
    const other = ['--url', broker.url, ...ca, '--servername', 'broker.example', 'topic', 'list'];
    expect((await runHere(other)).stderr).toContain('it is for another name');
  });

  it('takes a token by --token-file, RINGMQ_TOKEN, and from a context', async () => {
    const token = await makeToken(key, { header: { kid: 'one' }, claims: { roles: ['admin'] } });
    const tokenFile = `${directory}/token`;
    writeFileSync(tokenFile, `${token}\n`);
    const to = ['--url', broker.url, ...ca];
    expect((await runHere([...to, '--token-file', tokenFile, 'topic', 'list'])).stdout.toString()).toContain(
      'orders',
    );
    expect((await runHere([...to, 'topic', 'list'], { env: { RINGMQ_TOKEN: token } })).status).toBe(0);
    const env = { XDG_CONFIG_HOME: `${directory}/config` };
    await runHere([...to, '--token-file', tokenFile, 'context', 'save', 'by-token'], { env });
    expect(await runHere(['topic', 'list'], { env })).toMatchObject({ status: 0 });
    expect((await runHere([...to, 'topic', 'list'], { env: { RINGMQ_TOKEN: 'not-a-token' } })).status).toBe(
      2,
    );
  });

  it('is read again at SIGHUP, which ends nobody', async () => {
    writeFileSync(secretFile, 'the secret of before\nthe secret from now on\n');
    process.kill(broker.pid, 'SIGHUP');
    await expect.poll(() => broker.log).toContain('both are taken from now on');
    expect(broker.log).toContain('SIGHUP: the TLS files and the secret file are read again');
    const shows = [...ca, '--cert', shop.certFile, '--client-key', shop.keyFile];
    expect(await runHere(['--url', broker.url, ...shows, 'pub', 'orders', 'x'])).toMatchObject({ status: 0 });
  });
});

describe('--allow-origin', () => {
  it('lets in the pages of the origins named, and no others', async () => {
    const directory = makeDirectory();
    const broker = await BrokerProcess.start(`${directory}/data`, ['--allow-origin', 'https://shop.example']);
    /** `open`, once a hello is answered with a welcome; else the code of the error frame. */
    const dial = async (origin: string): Promise<string> => {
      const socket = new WebSocket(broker.url, [SUBPROTOCOL], { origin });
      const answered = once(socket, 'message') as Promise<[Uint8Array]>;
      await once(socket, 'open');
      socket.send(controlFrame(OPCODE.hello, 0, { version: PROTOCOL_VERSION, features: [], client: 'page' }));
      const [first] = await answered;
      socket.terminate();
      const { code } = controlPayload(first) as { code?: string };
      return code ?? 'open';
    };
    try {
      expect(await dial('https://shop.example')).toBe('open');
      expect(await dial('https://other.example')).toBe('ORIGIN_REFUSED');
    } finally {
      await broker.stop();
      removeDirectory(directory);
    }
  });
});
