/** A slave's socket: against a server of another make, in pieces of any size, held back at any time, and against what no server sends. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { MasterSocket, type MasterSocketOptions } from '../../broker/follower/master-socket.js';
import { makeCertificate } from '../transport/certificate.js';

const SUBPROTOCOL = 'ringmq.replica.v1';
const MAX_BYTES = 4 * 1024 * 1024;
const endings: (() => void)[] = [];

afterEach(() => {
  for (const end of endings.splice(0)) {
    end();
  }
});

function connect(
  url: string,
  options: Partial<MasterSocketOptions>,
): { socket: MasterSocket; closed: Promise<Error> } {
  let socket!: MasterSocket;
  const closed = new Promise<Error>((resolve) => {
    socket = new MasterSocket({
      url,
      subprotocol: SUBPROTOCOL,
      maxMessageBytes: MAX_BYTES,
      handshakeTimeoutMs: 10_000,
      onOpen: () => {},
      onMessage: () => {},
      onRead: () => {},
      onClose: resolve,
      ...options,
    });
  });
  endings.push(() => socket.terminate());
  return { socket, closed };
}

async function webSocketServer(onConnection: (peer: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', onConnection);
  endings.push(() => {
    for (const peer of server.clients) {
      peer.terminate();
    }
    server.close();
  });
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** A server that sends whatever it likes. */
async function plainServer(onRequest: (socket: Socket, accept: string) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    let request = '';
    socket.on('data', (data) => {
      request += data.toString('latin1');
      const key = /sec-websocket-key: (.*)\r\n/i.exec(request)?.[1];
      if (key !== undefined && request.includes('\r\n\r\n')) {
        request = '';
        onRequest(
          socket,
          createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64'),
        );
      }
    });
  });
  server.listen(0, '127.0.0.1');
  endings.push(() => server.close());
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answerOf = (accept: string, subprotocol = SUBPROTOCOL) =>
  `HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`;

/** Messages of all sizes that matter: around what a length takes, and what one read takes. */
const SIZES = [
  0,
  1,
  125,
  126,
  65_535,
  65_536,
  300_000,
  524_300,
  1,
  786_432,
  3,
  2_000_000,
  40,
  MAX_BYTES,
  7,
  900_000,
];

function message(i: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 61) {
    bytes[at] = (i + at) % 251;
  }
  return bytes;
}

const digest = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');

describe('messages', () => {
  test.each([false, true])(
    'come whole and in order, whenever they are held back (in pieces: %s)',
    async (inPieces) => {
      const url = await webSocketServer((peer) => {
        SIZES.forEach((size, i) => {
          const bytes = message(i, size);
          if (inPieces) {
            const cut = Math.floor(size / 3);
            peer.send(bytes.subarray(0, cut), { binary: true, fin: false });
            peer.ping();
            peer.send(bytes.subarray(cut), { binary: true, fin: true });
          } else {
            peer.send(bytes);
          }
        });
        peer.close(1000, 'that was all');
      });
      const found: string[] = [];
      const { socket, closed } = connect(url, {
        onMessage: (bytes) => {
          const before = digest(bytes);
          found.push(before);
          if (found.length % 2 === 0) {
            socket.pause();
            setImmediate(() => {
              // Held, it lies where it lay.
              expect(digest(bytes)).toBe(before);
              socket.resume();
            });
          }
        },
      });
      expect((await closed).message).toBe('that was all');
      expect(found).toEqual(SIZES.map((size, i) => digest(message(i, size))));
    },
  );

  test('go out masked as a client must, whatever their size', async () => {
    const sizes = [0, 1, 125, 126, 65_535, 65_536];
    const got: string[] = [];
    let peer: WebSocket | undefined;
    const all = new Promise<void>((resolve) => {
      void webSocketServer((accepted) => {
        peer = accepted;
        accepted.on('message', (data: Buffer) => {
          got.push(digest(data));
          if (got.length === sizes.length) {
            resolve();
          }
        });
      }).then((url) => {
        const { socket } = connect(url, {
          onOpen: () => {
            sizes.forEach((size, i) => {
              socket.send(message(i, size));
            });
          },
        });
      });
    });
    await all;
    expect(peer?.protocol).toBe(SUBPROTOCOL);
    expect(got).toEqual(sizes.map((size, i) => digest(message(i, size))));
  });

  test('each has a mask of its own', async () => {
    const count = 600;
    let got = Buffer.alloc(0);
    const all = new Promise<void>((resolve) => {
      void plainServer((socket, accept) => {
        socket.on('data', (data) => {
          got = Buffer.concat([got, data]);
          if (got.length >= count * 6) {
            resolve();
          }
        });
        socket.write(answerOf(accept));
      }).then((url) => {
        const { socket } = connect(url, {
          onOpen: () => {
            for (let i = 0; i < count; i++) {
              socket.send(new Uint8Array(0));
            }
          },
        });
      });
    });
    await all;
    const masks = new Set<number>();
    for (let i = 0; i < count; i++) {
      expect(got.readUInt16BE(i * 6)).toBe(0x8280);
      masks.add(got.readUInt32BE(i * 6 + 2));
    }
    // Of so many random numbers of 32 bits hardly ever two are the same; of masks that were used again most
    // would be.
    expect(masks.size).toBeGreaterThan(count - 5);
  });

  test('a ping is answered', async () => {
    const pong = new Promise<string>((resolve) => {
      void webSocketServer((peer) => {
        peer.on('pong', (data) => resolve(data.toString()));
        peer.ping('are you there');
      }).then((url) => connect(url, {}));
    });
    expect(await pong).toBe('are you there');
  });
});

describe('over TLS', () => {
  /** A process of its own: whom it trusts is said when it starts. */
  const CLIENT = `
    const { createHash } = await import('node:crypto');
    const { MasterSocket } = await import(process.argv[1]);
    new MasterSocket({
      url: process.argv[2], subprotocol: '${SUBPROTOCOL}', maxMessageBytes: ${MAX_BYTES}, handshakeTimeoutMs: 10_000,
      onOpen: () => {}, onRead: () => {},
      onMessage: (bytes) => console.log(createHash('sha1').update(bytes).digest('hex')),
      onClose: (why) => console.log(why.code ?? why.message),
    });`;

  async function run(url: string, env: NodeJS.ProcessEnv): Promise<string[]> {
    const module = new URL('../../broker/follower/master-socket.js', import.meta.url).href;
    const args = ['--input-type=module', '-e', CLIENT, module, url];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
    return stdout.trim().split('\n');
  }

  test('messages come whole from a master whose certificate is trusted, and none from another', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ringmq-master-socket-'));
    endings.push(() => rmSync(dir, { recursive: true }));
    const { certFile, keyFile } = makeCertificate(dir);
    const server = createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
    const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
    webSockets.on('connection', (peer) => {
      SIZES.forEach((size, i) => {
        peer.send(message(i, size));
      });
      peer.close(1000, 'that was all');
    });
    server.listen(0, '127.0.0.1');
    endings.push(() => server.close());
    await once(server, 'listening');
    const url = `wss://localhost:${(server.address() as AddressInfo).port}`;
    const all = SIZES.map((size, i) => digest(message(i, size)));
    expect(await run(url, { NODE_EXTRA_CA_CERTS: certFile })).toEqual([...all, 'that was all']);
    expect(await run(url, { NODE_EXTRA_CA_CERTS: '' })).toEqual(['CONNECT_FAILED']);
  });
});

describe('what no master sends ends the connection', () => {
  test.each([
    [
      'HTTP/1.1 503 Service Unavailable\r\n\r\n',
      'the answer was HTTP status 503, as no RingMQ broker gives: is it the address of one?',
    ],
    [
      'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 23\r\n\r\nTOO_MANY_CONNECTIONS: 3\n',
      'the answer was HTTP status 503, TOO_MANY_CONNECTIONS: 3',
    ],
    ['220 mail.test ESMTP\r\n\r\n', 'no answer of a web server came'],
    ['x'.repeat(20_000), 'no answer of a web server came'],
    [answerOf('bm90IHRoZSBrZXk='), 'the answer makes no WebSocket of the connection'],
  ])('instead of the answer: %#', async (answer, why) => {
    const url = await plainServer((socket) => socket.write(answer));
    expect((await connect(url, {}).closed).message).toBe(why);
  });

  test('another subprotocol', async () => {
    const url = await plainServer((socket, accept) => socket.write(answerOf(accept, 'ringmq.v1')));
    expect((await connect(url, {}).closed).message).toBe(`${SUBPROTOCOL} is not spoken there`);
  });

  test('no answer at all', async () => {
    const url = await plainServer(() => {});
    const { closed } = connect(url, { handshakeTimeoutMs: 50 });
    expect((await closed).message).toBe('no answer within 50 ms');
  });

  test.each([
    ['text', [0x81, 1, 65]],
    ['a masked frame', [0x82, 0x81, 0, 0, 0, 0, 65]],
    ['a reserved bit', [0xc2, 1, 65]],
    ['a continuation of nothing', [0x80, 1, 65]],
    ['a message within a message', [0x02, 1, 65, 0x82, 1, 65]],
    ['a ping in pieces', [0x09, 1, 65]],
    ['a long ping', [0x89, 126, 1, 0]],
    ['an opcode there is not', [0x83, 1, 65]],
    ['a message above the limit', [0x82, 127, 0, 0, 0, 0, 0, 64, 0, 1]],
    ['a length beyond all numbers', [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]],
  ])('%s', async (_name, bytes) => {
    const url = await plainServer((socket, accept) => {
      socket.write(answerOf(accept));
      socket.write(Uint8Array.from(bytes));
    });
    const messages: Uint8Array[] = [];
    const why = await connect(url, { onMessage: (bytes) => messages.push(bytes) }).closed;
    expect(why).toMatchObject({ code: 'BAD_FRAME' });
    expect(messages).toEqual([]);
  });

  test('pieces that come to more than the limit', async () => {
    const url = await plainServer((socket, accept) => {
      socket.write(answerOf(accept));
      socket.write(Uint8Array.from([0x02, 126, 0xff, 0xff]));
      socket.write(new Uint8Array(65_535));
      socket.write(Uint8Array.from([0x80, 1, 65]));
    });
    expect(await connect(url, { maxMessageBytes: 65_535 }).closed).toMatchObject({ code: 'BAD_FRAME' });
  });

  test('nobody listens there', async () => {
    const url = await plainServer(() => {});
    endings.pop()?.();
    expect(await connect(url, {}).closed).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('a connection that is cut says that it ended', async () => {
    const url = await plainServer((socket, accept) =>
      socket.end(Buffer.from(`${answerOf(accept)}\x82`, 'latin1')),
    );
    expect((await connect(url, {}).closed).message).toBe('it ended');
  });
});
