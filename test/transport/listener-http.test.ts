/** Plain HTTP over both listeners: what a request brings, what an answer may be, and whom slow or broken peers harm. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as secureRequest } from 'node:https';
import { connect, type Socket as TcpSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type {
  HttpAnswer,
  HttpBodyFlow,
  HttpRequest,
  HttpSink,
  Listener,
  ListenerOptions,
} from '../../native-free/listener/types.js';
import { Watchers } from '../watchers.js';
import { makeCertificate } from './certificate.js';
import { BASE_OPTIONS, connectTo, EchoHandler, LISTENERS, messageOf, urlOf } from './listeners.js';

/** Records what came of a body. */
class Taken {
  readonly chunks: Buffer[] = [];
  flow: HttpBodyFlow | null = null;
  isEnded = false;
  goneCount = 0;
  readonly #watchers = new Watchers();

  take(request: HttpRequest): void {
    this.flow = request.takeBody({
      onChunk: (bytes) => {
        this.chunks.push(Buffer.from(bytes));
        this.#watchers.tell();
      },
      onEnd: () => {
        this.isEnded = true;
        this.#watchers.tell();
      },
      onGone: () => {
        this.goneCount++;
        this.#watchers.tell();
      },
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  until(condition: () => boolean): Promise<void> {
    return this.#watchers.until(condition);
  }
}

describe.each(LISTENERS)('plain HTTP over %s', (_kind, startListener) => {
  const open: Listener[] = [];
  const sockets: TcpSocket[] = [];

  async function start(
    answer: ListenerOptions['answer'],
    options: Partial<ListenerOptions> = {},
  ): Promise<Listener> {
    const listener = await startListener({
      ...BASE_OPTIONS,
      accept: (socket) => new EchoHandler(socket),
      ...options,
      answer,
    });
    open.push(listener);
    return listener;
  }

  function dialRaw(listener: Listener): TcpSocket {
    const socket = connect(listener.port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  }

  afterEach(async () => {
    for (const socket of sockets.splice(0)) {
      socket.destroy();
    }
    for (const listener of open.splice(0)) {
      await listener.close();
    }
  });

  it('a request brings its headers, its peer, and its path as it was sent', async () => {
    const seen: HttpRequest[] = [];
    const listener = await start((request) => {
      seen.push(request);
      return { status: 200, body: 'ok' };
    });
    await fetch(`${urlOf(listener, 'http')}/a%2Fb/%20c?d=%26`, {
      headers: { Authorization: 'Bearer t', 'X-Thing': 'é'.normalize('NFC') },
    });
    expect(seen[0]).toMatchObject({
      method: 'GET',
      path: '/a%2Fb/%20c',
      query: 'd=%26',
      remote: '127.0.0.1',
      isSecure: false,
    });
    expect(seen[0]?.headers['authorization']).toBe('Bearer t');
  });

  it('a header that was sent twice is not taken for one', async () => {
    let authorization = '';
    const listener = await start(({ headers }) => {
      authorization = headers['authorization'] ?? '';
      return { status: 200, body: 'ok' };
    });
    const socket = dialRaw(listener);
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic a\r\nAuthorization: Basic b\r\nConnection: close\r\n\r\n',
    );
    socket.resume();
    await once(socket, 'close');
    expect(authorization).toBe('Basic a, Basic b');
  });

  it('a head without end is no request', async () => {
    let asked = 0;
    const listener = await start(() => {
      asked++;
      return { status: 200, body: 'ok' };
    });
    const socket = dialRaw(listener);
    socket.resume();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    const line = `X-A: ${'a'.repeat(1000)}\r\n`;
    const timer = setInterval(() => socket.write(line.repeat(4)), 5);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(timer);
    expect(asked).toBe(0);
  });

  it('an answer has its status, its headers, and nothing for a browser to keep unless it says so', async () => {
    const listener = await start(() => ({
      status: 429,
      body: '{"code":"X"}',
      contentType: 'application/json',
      headers: { 'Retry-After': '1', 'Cache-Control': 'max-age=5' },
    }));
    const answer = await fetch(urlOf(listener, 'http'));
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('cache-control')).toBe('max-age=5');
    expect(await answer.json()).toEqual({ code: 'X' });
  });

  it('a body of any size arrives whole, with its length said or in chunks', async () => {
    const listener = await start(async (request) => {
      const taken = new Taken();
      taken.take(request);
      await taken.until(() => taken.isEnded);
      return { status: 200, body: taken.bytes };
    });
    for (const size of [0, 1, 70_000, 3_000_000]) {
      const body = Buffer.alloc(size).map((_, i) => i % 251);
      const answer = await fetch(urlOf(listener, 'http'), { method: 'POST', body });
      expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
      const chunked = await fetch(urlOf(listener, 'http'), {
        method: 'POST',
        body: new Blob([body]).stream(),
        duplex: 'half',
      } as RequestInit);
      expect(Buffer.from(await chunked.arrayBuffer()).equals(body)).toBe(true);
    }
  });

  it('a body that is paused is not read: its sender waits', async () => {
    const taken = new Taken();
    const listener = await start(async (request) => {
      taken.take(request);
      taken.flow?.pause();
      await taken.until(() => taken.isEnded);
      return { status: 200, body: String(taken.bytes.length) };
    });
    const size = 64 * 1024 * 1024;
    const socket = dialRaw(listener);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
    let sent = 0;
    const piece = Buffer.alloc(256 * 1024);
    // Until the kernel on both sides takes no more.
    for (let isTaken = true; isTaken && sent < size; ) {
      sent += piece.length;
      isTaken = socket.write(piece) || (await drained(socket));
    }
    expect(sent).toBeLessThan(size / 2);
    expect(taken.bytes.length).toBeLessThan(2 * 1024 * 1024);
    taken.flow?.resume();
    while (sent < size) {
      sent += piece.length;
      if (!socket.write(piece)) {
        await once(socket, 'drain');
      }
    }
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
    }
    expect(text.endsWith(`\r\n\r\n${size}`)).toBe(true);
  });

  it('who goes before the answer is told of, once', async () => {
    const taken = new Taken();
    const listener = await start((request) => {
      taken.take(request);
      return new Promise<HttpAnswer>(() => {});
    });
    const socket = dialRaw(listener);
    socket.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n');
    await taken.until(() => taken.isEnded);
    socket.destroy();
    await taken.until(() => taken.goneCount > 0);
    expect(taken.goneCount).toBe(1);
  });

  it('who goes in the middle of its body is told of', async () => {
    const taken = new Taken();
    const listener = await start((request) => {
      taken.take(request);
      return new Promise<HttpAnswer>(() => {});
    });
    const socket = dialRaw(listener);
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc');
    await taken.until(() => taken.bytes.length === 3);
    socket.destroy();
    await taken.until(() => taken.goneCount > 0);
    expect(taken.isEnded).toBe(false);
  });

  it('requests behind one whose body is taken are not looked at', async () => {
    let asked = 0;
    const taken = new Taken();
    const listener = await start(async (request) => {
      asked++;
      taken.take(request);
      await taken.until(() => taken.isEnded);
      return { status: 200, body: 'ok' };
    });
    const socket = dialRaw(listener);
    socket.resume();
    socket.write(
      `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5_000)}`,
    );
    await new Promise((resolve) => socket.once('close', resolve));
    expect(asked).toBeLessThan(10);
  });

  it('a stream is given piece by piece, as fast as it is read', async () => {
    const total = 20_000_000;
    let waits = 0;
    const listener = await start((request) => {
      new Taken().take(request);
      let given = 0;
      let sink: HttpSink | null = null;
      const give = (): void => {
        while (given < total) {
          given += 100_000;
          if (sink?.write(new Uint8Array(100_000).fill(given / 100_000)) === false) {
            waits++;
            return;
          }
        }
        sink?.end();
      };
      return {
        status: 200,
        contentType: 'application/x-ndjson',
        body: {
          begin: (to) => {
            sink = to;
            give();
          },
          onDrain: give,
        },
      };
    });
    const answer = await fetch(urlOf(listener, 'http'));
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.length).toBe(total);
    expect(bytes[0]).toBe(1);
    expect(bytes[total - 1]).toBe(200);
    expect(waits).toBeGreaterThan(0);
  });

  it('a stream that nobody reads is not kept in memory, and harms nobody else', async () => {
    let given = 0;
    const taken = new Taken();
    const listener = await start((request) => {
      taken.take(request);
      let sink: HttpSink | null = null;
      const give = (): void => {
        do {
          given += 64 * 1024;
        } while (sink?.write(new Uint8Array(64 * 1024)) === true);
      };
      return {
        status: 200,
        body: {
          begin: (to) => {
            sink = to;
            give();
          },
          onDrain: give,
        },
      };
    });
    const socket = dialRaw(listener);
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await taken.until(() => taken.isEnded);
    const client = await connectTo(listener);
    for (let i = 0; i < 100; i++) {
      client.send(Buffer.alloc(10));
      await messageOf(client);
    }
    client.terminate();
    // What the kernel's buffers take on both sides.
    expect(given).toBeLessThan(32 * 1024 * 1024);
    socket.destroy();
    await taken.until(() => taken.goneCount > 0);
  });

  it('a stream can be broken off, and its reader sees that it is not whole', async () => {
    const listener = await start((request) => {
      new Taken().take(request);
      return {
        status: 200,
        body: {
          begin: (sink) => {
            sink.write(Buffer.from('half'));
            setTimeout(() => sink.cut(), 20);
          },
          onDrain: () => {},
        },
      };
    });
    const socket = dialRaw(listener);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/\r\n4\r\nhalf/);
    expect(text).not.toContain('0\r\n\r\n');
  });

  it('over TLS a request says so', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ringmq-tls-'));
    const listener = await start(
      async (request) => {
        const taken = new Taken();
        taken.take(request);
        await taken.until(() => taken.isEnded);
        return { status: 200, body: `${request.isSecure} ${taken.bytes.length}` };
      },
      { tls: makeCertificate(dir) },
    );
    const asked = secureRequest(urlOf(listener, 'https'), { method: 'POST', rejectUnauthorized: false });
    asked.end(Buffer.alloc(300_000));
    const [answer] = (await once(asked, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const chunk of answer) {
      text += String(chunk);
    }
    expect(text).toBe('true 300000');
    rmSync(dir, { recursive: true });
  });
});

/** True once the socket takes more; false when it has not for a while. */
function drained(socket: TcpSocket): Promise<boolean> {
  return Promise.race([
    once(socket, 'drain').then(() => true),
    new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), 300);
    }),
  ]);
}
