/** Who is not let in hears why, by the protocol; the limit is exact over all threads; and the log tells of it once. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { BrokerListener } from '../../broker/index.js';
import { connect } from '../../native-free/client/index.js';
import { FRAME, FRAME_HEADER_BYTES, OPCODE, SUBPROTOCOL } from '../../native-free/wire/index.js';
import { decodeControl } from '../../transport/control-payload.js';
import { makeDirectory, openSmall, removeDirectory, type SmallBroker } from '../faults/small-broker.js';
import { until } from '../replica/nodes.js';
import { LISTENERS } from '../transport/listeners.js';

let directory = '';
let small: SmallBroker;
let sockets: WebSocket[] = [];

beforeEach(async () => {
  directory = makeDirectory();
  small = await openSmall(directory);
});
afterEach(async () => {
  for (const socket of sockets) {
    socket.terminate();
  }
  sockets = [];
  await small.close();
  removeDirectory(directory);
});

function dial({ port }: BrokerListener, origin?: string): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, SUBPROTOCOL, origin === undefined ? {} : { origin });
  sockets.push(socket);
  return socket;
}

interface Said {
  opcode: number | undefined;
  code: unknown;
  message: unknown;
  close: [number, string];
}

/** What a refused connection is told, or null when it stands. */
async function refusalOf(socket: WebSocket): Promise<Said | null> {
  const frame = once(socket, 'message').then(([data]) => data as Buffer);
  const closed = once(socket, 'close').then(([code, reason]) => [code, String(reason)] as [number, string]);
  await once(socket, 'open');
  // One that is let in is told nothing before its hello, and a ping is answered; who is refused is told so before that.
  const answered = once(socket, 'pong').then(() => null);
  socket.ping();
  const first = await Promise.race([frame, answered]);
  if (first === null) {
    return null;
  }
  const { code, message } = decodeControl(first, FRAME_HEADER_BYTES);
  return { opcode: first[FRAME.opcode], code, message, close: await closed };
}

describe.each(LISTENERS.map(([kind]) => kind))('over %s', (listener) => {
  it('the limit is exact over all threads, and one that ends makes room', async () => {
    const open = await small.broker.listen({ port: 0, listener, threads: 3, maxConnections: 5 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => refusalOf(dial(open))));
    const refused = answers.filter((answer) => answer !== null);
    expect(refused).toHaveLength(7);
    for (const answer of refused) {
      expect(answer).toMatchObject({
        opcode: OPCODE.error,
        code: 'TOO_MANY_CONNECTIONS',
        message: expect.stringContaining('the limit is 5'),
        close: [1008, 'TOO_MANY_CONNECTIONS'],
      });
    }
    await until(() => small.warnings.some(({ message }) => message.includes('the limit is 5')));
    const standing = sockets.find((socket) => socket.readyState === WebSocket.OPEN) as WebSocket;
    standing.terminate();
    await until(async () => (await refusalOf(dial(open))) === null);
  });

  it('a client hears the code', async () => {
    const open = await small.broker.listen({ port: 0, listener, threads: 1, maxConnections: 1 });
    const first = await connect(open.url);
    // It is not tried again within the time that there is.
    const patient = { connectTimeoutMs: 30_000, reconnectMinMs: 60_000, reconnectMaxMs: 60_000 };
    await expect(connect(open.url, patient)).rejects.toMatchObject({
      code: 'TOO_MANY_CONNECTIONS',
      message: expect.stringContaining('the limit is 1'),
    });
    await first.close();
    await (await connect(open.url)).close();
  });

  it('a page of another origin is told, and the log says it once', async () => {
    const open = await small.broker.listen({
      port: 0,
      listener,
      threads: 1,
      allowedOrigins: ['HTTPS://Shop.Example:443/ '],
    });
    for (let i = 0; i < 3; i++) {
      expect(await refusalOf(dial(open, 'http://evil.example'))).toMatchObject({
        code: 'ORIGIN_REFUSED',
        message: expect.stringContaining('--allow-origin http://evil.example'),
        close: [1008, 'ORIGIN_REFUSED'],
      });
    }
    expect(await refusalOf(dial(open, 'https://shop.example'))).toBeNull();
    const refusals = () => small.warnings.filter(({ message }) => message.startsWith('a client was refused'));
    await until(() => refusals().length > 0);
    expect(refusals().map(({ message }) => message)).toEqual([
      expect.stringMatching(/^a client was refused: the web origin http:\/\/evil\.example is not allowed/),
    ]);
  });

  it('many refused ones that do not go are answered by HTTP', async () => {
    const open = await small.broker.listen({ port: 0, listener, threads: 1, maxConnections: 1 });
    await once(dial(open), 'open');
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = dial(open);
        socket.on('error', () => {});
        // Not read, so the close is not answered.
        const upgraded = once(socket, 'open').then(() => {
          socket.pause();
          return 101;
        });
        const answered = once(socket, 'unexpected-response').then(
          ([, response]) => response.statusCode as number,
        );
        upgraded.catch(() => {});
        answered.catch(() => {});
        return Promise.race([upgraded, answered]);
      }),
    );
    expect(statuses.every((status) => status === 101 || status === 503)).toBe(true);
  });

  it('localhost is where clients look by default', async () => {
    const open = await small.broker.listen({ host: 'localhost', port: 0, listener, threads: 2 });
    expect(open.url).toBe(`ws://localhost:${open.port}`);
    expect(await refusalOf(dial(open))).toBeNull();
  });
});

describe('origins', () => {
  it.each([
    'shop.example',
    'https://*.shop.example',
    'https://shop.example/app',
    'https://shop.example?x',
    'https://user@shop.example',
    'file:///home/page.html',
    'not an origin',
    'https://',
  ])('%s, which no browser sends, is refused at the start', async (origin) => {
    await expect(small.broker.listen({ port: 0, allowedOrigins: [origin] })).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringMatching(/^allowedOrigins: no browser sends the origin .+; .+/),
    });
  });
});
