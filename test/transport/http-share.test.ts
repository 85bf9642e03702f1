/** Plain HTTP on the broker's port: large answers that are read slowly, or not at all, and requests sent one behind the other. */
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Listener } from '../../native-free/listener/types.js';
import { BASE_OPTIONS, EchoHandler, LISTENERS } from './listeners.js';

let listener: Listener | undefined;
afterEach(async () => {
  await listener?.close();
});

const PAGE = new Uint8Array(20_000_000).map((_, i) => i % 251);

describe.each(LISTENERS)('over %s', (_kind, start) => {
  async function serve(): Promise<{ port: number; asked: () => number }> {
    let asked = 0;
    listener = await start({
      ...BASE_OPTIONS,
      answer: async () => {
        asked++;
        return { status: 200, body: PAGE };
      },
      accept: (socket) => new EchoHandler(socket),
    });
    return { port: listener.port, asked: () => asked };
  }

  it('a large answer arrives whole, however slowly it is read', async () => {
    const { port } = await serve();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    let head = 0;
    const chunks: Buffer[] = [];
    for await (const chunk of socket) {
      chunks.push(chunk as Buffer);
      if (head === 0) {
        head = (chunk as Buffer).indexOf('\r\n\r\n') + 4;
      }
      if (chunks.reduce((sum, { length }) => sum + length, 0) === head + PAGE.length) {
        break;
      }
    }
    const all = Buffer.concat(chunks);
    expect(all.subarray(0, head).toString()).toMatch(new RegExp(`content-length: ${PAGE.length}\r\n`, 'i'));
    expect(all.subarray(head).equals(PAGE)).toBe(true);
  });

  it('answers that nobody reads are not copied for each', async () => {
    const { port, asked } = await serve();
    const before = process.memoryUsage().rss;
    const sockets = Array.from({ length: 50 }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.pause();
      socket.write('GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      return socket;
    });
    await expect.poll(asked, { timeout: 60_000 }).toBe(50);
    // 50 copies would be a gigabyte.
    expect(process.memoryUsage().rss - before).toBeLessThan(500 * 1024 * 1024);
    for (const socket of sockets) {
      socket.destroy();
    }
  });

  it('of requests sent one behind the other over a connection few are looked at', async () => {
    const { port, asked } = await serve();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write('GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(10_000));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(asked()).toBeLessThan(10);
  });
});
