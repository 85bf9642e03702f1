/** What the command is told about who may connect: certificates and web origins. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { controlFrame, controlPayload } from '../../native-free/client/internal.js';
import { OPCODE, PROTOCOL_VERSION, SUBPROTOCOL } from '../../native-free/wire/index.js';
import { makeCertificate } from '../transport/certificate.js';
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
