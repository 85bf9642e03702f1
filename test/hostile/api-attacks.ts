/** Attacks on the API over HTTP: requests that hang, bodies that do not end, streams that nobody reads, and as many as come about. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attack, HEALTHY_TOPIC, WIDE_TOPIC } from './attack-tools.js';

const PUBLISH = `POST /api/v1/topics/${HEALTHY_TOPIC}/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
const LINES = `${PUBLISH}Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n`;

function get(path: string): string {
  return `GET /api/v1${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

interface Shape {
  connections: number;
  /** Default true. False: what is answered stays unread. */
  reads?: boolean;
  /** Written again and again behind the head. */
  more?: string;
  /** Between two of these, in milliseconds. */
  everyMs?: number;
}

/** So many connections, each with one request; one that was ended is followed by another. */
function api(head: (i: number) => string, { connections, reads = true, more, everyMs = 1 }: Shape): Attack {
  return async ({ port, goesOn }) => {
    let count = 0;
    const one = async (): Promise<void> => {
      while (goesOn()) {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {});
        const gone = new Promise((resolve) => {
          socket.once('close', resolve);
        });
        if (reads) {
          socket.on('data', () => {});
        } else {
          socket.pause();
        }
        socket.write(head(count++));
        while (goesOn() && !socket.destroyed) {
          await Promise.race([gone, sleep(everyMs)]);
          await pushed(socket, more, goesOn);
        }
        socket.destroy();
      }
    };
    await Promise.all(Array.from({ length: connections }, one));
  };
}

/** Not more of it in this process than the system takes. */
async function pushed(socket: Socket, more: string | undefined, goesOn: () => boolean): Promise<void> {
  if (more === undefined || socket.destroyed) {
    return;
  }
  socket.write(more);
  while (goesOn() && !socket.destroyed && socket.writableNeedDrain) {
    await sleep(5);
  }
}

export const API_ATTACKS: Record<string, Attack> = {
  'API polls that hang': api((i) => get(`/groups/g${i % 100}/messages?topic=${HEALTHY_TOPIC}&waitMs=60000`), {
    connections: 1_000,
    everyMs: 50,
  }),
  'API events, unread': api(() => get(`/topics/${HEALTHY_TOPIC}/events?from=earliest`), {
    connections: 1_000,
    reads: false,
    everyMs: 50,
  }),
  'API bodies, slow': api(
    () => `${PUBLISH}Content-Type: application/octet-stream\r\nContent-Length: 4000000\r\n\r\n`,
    { connections: 500, more: 'x', everyMs: 50 },
  ),
  'API lines without end': api(() => LINES, { connections: 8, more: chunk('x'.repeat(100_000)) }),
  'API lines, receipts unread': api(() => LINES, {
    connections: 8,
    reads: false,
    more: chunk('{"body":"x"}\n'.repeat(1_000)),
  }),
  'API lines that are wrong': api(() => LINES, { connections: 8, more: chunk('nonsense\n'.repeat(5_000)) }),
  'API asked for': api(() => get('/topics?limit=1000'), { connections: 32 }),
  'API asked for the widest topic': api(() => get(`/topics/${WIDE_TOPIC}?limit=10000`), { connections: 32 }),
  'API paths of nothing': api((i) => get(`/${'x/'.repeat(i % 400)}`), { connections: 32 }),
  'API heads that are huge': api(
    () =>
      `GET /api/v1/topics HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic ${'x'.repeat(100_000)}\r\n\r\n`,
    { connections: 16 },
  ),
};
