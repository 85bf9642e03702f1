/** Attacks on the port below the protocol: plain HTTP, the upgrade, TLS, and connections as such. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { helloFrame } from '../transport/make-batch.js';
import type { Attack, AttackContext } from './attack-tools.js';
import { upgradeRequest, wsFrame } from './raw-peer.js';

interface HttpShape {
  connections?: number;
  /** Default true. False: what is answered stays unread. */
  reads?: boolean;
  /** Written once a connection, which then stays as it is until the broker ends it. */
  once?: boolean;
}

/** Nothing of what comes is kept. */
function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.on('data', () => {});
  return socket;
}

function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.once('close', resolve);
  });
}

/** Writes `bytes` over each of so many connections, again and again until the broker ends it; then the next follows. */
function http(
  bytes: string | Buffer,
  { connections = 16, reads = true, once = false }: HttpShape = {},
): Attack {
  return async ({ port, goesOn }) => {
    const one = async (): Promise<void> => {
      while (goesOn()) {
        const socket = open(port);
        const gone = closed(socket);
        if (!reads) {
          socket.pause();
        }
        do {
          socket.write(bytes);
          await Promise.race([gone, sleep(once ? 200 : 1)]);
          // Not more of it in this process than the system takes.
          while (goesOn() && !socket.destroyed && (once || socket.writableNeedDrain)) {
            await Promise.race([gone, sleep(20)]);
          }
        } while (goesOn() && !socket.destroyed);
        socket.destroy();
      }
    };
    await Promise.all(Array.from({ length: connections }, one));
  };
}

function get(path: string, headers: readonly string[] = []): string {
  return [`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, '', ''].join('\r\n');
}

/** As many connections as come about, which say nothing. */
const silence: Attack = async ({ port, goesOn }) => {
  const sockets = new Set<Socket>();
  while (goesOn()) {
    for (let i = 0; i < 50 && sockets.size < 3_000; i++) {
      const socket = open(port);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    await sleep(10);
  }
  for (const socket of sockets) {
    socket.destroy();
  }
};

/** Whole upgrades with a hello, dropped when they stand: as many a second as come about. */
const reconnects: Attack = async ({ port, goesOn }) => {
  const bytes = Buffer.concat([Buffer.from(upgradeRequest()), wsFrame(helloFrame())]);
  const one = async (): Promise<void> => {
    while (goesOn()) {
      const socket = open(port);
      socket.write(bytes);
      await Promise.race([once(socket, 'data').catch(() => {}), sleep(100)]);
      socket.resetAndDestroy();
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
};

const ODD_REQUESTS = [
  'BREW / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'get / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'TRACE /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'CONNECT example.org:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n',
  'GET /\r\n\r\n',
  'GET http://example.org/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET /%00%ff%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.2\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999999999999\r\n\r\n',
  'POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n',
  'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  '\0'.repeat(1_000),
];

const ODD_UPGRADES = [
  upgradeRequest({ Upgrade: 'websocket, h2c' }),
  upgradeRequest({ Connection: 'keep-alive' }),
  upgradeRequest({ Connection: 'close, Upgrade, Upgrade, Upgrade' }),
  upgradeRequest({ 'Sec-WebSocket-Key': 'x' }),
  upgradeRequest({ 'Sec-WebSocket-Key': 'x'.repeat(4_000) }),
  upgradeRequest({ 'Sec-WebSocket-Version': '99' }),
  upgradeRequest({ 'Sec-WebSocket-Version': null }),
  upgradeRequest({ 'Sec-WebSocket-Protocol': Array.from({ length: 1_000 }, (_, i) => `p${i}`).join(',') }),
  upgradeRequest({ 'Sec-WebSocket-Protocol': ','.repeat(4_000) }),
  upgradeRequest({ 'Sec-WebSocket-Extensions': 'permessage-deflate; '.repeat(200) }),
  upgradeRequest({ Origin: `http://${'a.'.repeat(1_900)}example` }),
  upgradeRequest({ Origin: 'null' }),
  upgradeRequest({ Origin: '\u00ff\u00fe' }),
  upgradeRequest({ Host: null }),
  upgradeRequest({ Host: '[::1' }),
  upgradeRequest({ 'Content-Length': '1000000' }),
  upgradeRequest({ 'Transfer-Encoding': 'chunked' }),
  upgradeRequest({ 'User-Agent': 'x'.repeat(3_900) }),
];

/** Each of them over a connection of its own, one after the other. */
function eachOf(requests: readonly string[], connections = 8): Attack {
  return async ({ port, goesOn }) => {
    let at = 0;
    const one = async (): Promise<void> => {
      while (goesOn()) {
        const socket = open(port);
        socket.write(Buffer.from(requests[at++ % requests.length] as string, 'latin1'));
        await Promise.race([closed(socket), once(socket, 'data').catch(() => {}), sleep(50)]);
        socket.destroy();
      }
    };
    await Promise.all(Array.from({ length: connections }, one));
  };
}

/** Headers that do not end. */
const endlessHeaders: Attack = async ({ port, goesOn }) => {
  const one = async (): Promise<void> => {
    while (goesOn()) {
      const socket = open(port);
      const gone = closed(socket);
      socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n');
      for (let i = 0; goesOn() && !socket.destroyed; i++) {
        socket.write(`X-${i}: ${'x'.repeat(1_000)}\r\n`);
        await Promise.race([gone, sleep(1)]);
      }
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
};

/** Bodies that do not end. */
const endlessBody = http(
  Buffer.concat([
    Buffer.from('POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000000\r\n\r\n'),
    Buffer.alloc(1_000_000),
  ]),
  { connections: 4 },
);

/** A page of metrics, taken a few bytes at a time. */
const sipping: Attack = async ({ port, goesOn }) => {
  const one = async (): Promise<void> => {
    while (goesOn()) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(get('/metrics'));
      while (goesOn() && !socket.destroyed) {
        socket.read(64);
        await sleep(5);
      }
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 64 }, one));
};

/** Upgrades that want only their last line, by the thousand. */
const halfUpgrades = http(upgradeRequest().slice(0, -2), { connections: 2_000, once: true });

/** Bodies in chunks, of which the last never comes. */
const endlessChunks = http(
  `POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n${'5\r\nhello\r\n'.repeat(10_000)}`,
);

export const HTTP_ATTACKS: Record<string, Attack> = {
  'HTTP metrics, sipped': sipping,
  'HTTP bodies in chunks': endlessChunks,
  'upgrades half done': halfUpgrades,
  'upgrades of 10,000 subprotocols': http(
    upgradeRequest({ 'Sec-WebSocket-Protocol': Array.from({ length: 10_000 }, (_, i) => `p${i}`).join(',') }),
  ),
  'upgrades from an origin of a megabyte': http(
    upgradeRequest({ Origin: `http://${'a'.repeat(1_000_000)}.example` }),
  ),
  'HTTP health asked for': http(get('/healthz'), { connections: 32 }),
  'HTTP metrics asked for': http(get('/metrics'), { connections: 32 }),
  'HTTP metrics, unread': http(get('/metrics').repeat(100), { connections: 64, reads: false }),
  'HTTP metrics, unread and left': http(get('/metrics'), { connections: 500, reads: false, once: true }),
  'HTTP pipelined': http(get('/healthz').repeat(1_000)),
  'HTTP of nothing, pipelined': http(get('/nothing', ['Connection: keep-alive']).repeat(1_000)),
  'HTTP headers that are huge': http(
    get(
      '/',
      Array.from({ length: 2_000 }, (_, i) => `X-${i}: x`),
    ),
  ),
  'HTTP header of a megabyte': http(get('/', [`X: ${'x'.repeat(1_000_000)}`])),
  'HTTP headers without end': endlessHeaders,
  'HTTP bodies without end': endlessBody,
  'HTTP that is odd': eachOf(ODD_REQUESTS),
  'upgrades that are odd': eachOf(ODD_UPGRADES),
  'connections that are silent': silence,
  'connections made again and again': reconnects,
};

/** The first bytes of a handshake, and no more. */
const halfHandshake: Attack = async (context: AttackContext) => {
  const hello = await clientHello();
  await http(hello.subarray(0, hello.length - 20), { connections: 500, once: true })(context);
};

/** What a TLS client says first. */
async function clientHello(): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  client.on('error', () => {});
  const [peer] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(peer, 'data')) as [Buffer];
  client.destroy();
  peer.destroy();
  server.close();
  return bytes;
}

/** Whole handshakes, which cost the broker a signature each, one after the other. */
const handshakes: Attack = async ({ port, goesOn }) => {
  const one = async (): Promise<void> => {
    while (goesOn()) {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
      socket.on('error', () => {});
      await Promise.race([once(socket, 'secureConnect').catch(() => {}), sleep(500)]);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
};

/** For a broker that speaks TLS. */
export const TLS_ATTACKS: Record<string, Attack> = {
  'TLS, nothing to compare': async ({ goesOn }) => {
    while (goesOn()) {
      await sleep(20);
    }
  },
  'TLS handshakes half done': halfHandshake,
  'TLS handshakes': handshakes,
  'TLS that is HTTP': http(get('/healthz')),
  'TLS that is garbage': http(Buffer.alloc(20_000, 0x16)),
};
