/** One suite over both listeners: whatever the session relies on holds for either. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SUBPROTOCOL } from '../../native-free/wire/index.js';
import { makeCertificate } from './certificate.js';
import {
  BASE_OPTIONS,
  closeOf,
  connectTo,
  dial,
  type EchoHandler,
  echoListeners,
  LISTENERS,
  messageOf,
  urlOf,
} from './listeners.js';

describe.each(LISTENERS)('listener %s', (_kind, startListener) => {
  const { open, handlers, start } = echoListeners(startListener);

  test('echoes binary messages of every size up to the limit', async () => {
    const client = await connectTo(await start());
    expect(client.protocol).toBe(SUBPROTOCOL);
    for (const size of [0, 1, 125, 126, 16_383, 16_384, 65_535, 65_536]) {
      const sent = Buffer.alloc(size, size & 0xff);
      client.send(sent);
      expect((await messageOf(client)).equals(sent)).toBe(true);
    }
    client.terminate();
  });

  test('a message in fragments arrives whole', async () => {
    const client = await connectTo(await start());
    client.send(Buffer.from('abc'), { fin: false });
    client.send(Buffer.from('def'), { fin: true });
    expect((await messageOf(client)).toString()).toBe('abcdef');
    client.terminate();
  });

  test('without the subprotocol there is no connection', async () => {
    const listener = await start();
    for (const protocol of [null, 'mqtt', 'ringmq.v2']) {
      const answer = await dial(listener, { protocol });
      expect(answer).toMatchObject({ status: 400 });
      expect(answer).toHaveProperty('body', expect.stringContaining(SUBPROTOCOL));
    }
    expect(handlers).toHaveLength(0);
  });

  test('another path is not found, with and without an upgrade', async () => {
    const listener = await start();
    expect(await dial(listener, { path: '/other' })).toMatchObject({ status: 404 });
    const base = urlOf(listener, 'http');
    expect((await fetch(`${base}/other`)).status).toBe(404);
    const root = await fetch(`${base}/?a=b`);
    expect(root.status).toBe(200);
    expect(root.headers.get('content-type')).toContain('text/plain');
    expect(await root.text()).toBe('RingMQ a=b');
  });

  test('a web page of another origin is refused, its own and an allowed one are not', async () => {
    const listener = await start({ allowedOrigins: ['https://console.example'] });
    const own = `127.0.0.1:${listener.port}`;
    for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:1', 'not a url', 'file://']) {
      const answer = await dial(listener, { origin });
      expect(answer).toMatchObject({ status: 403 });
      expect(answer).toHaveProperty('body', expect.stringContaining('ORIGIN_REFUSED'));
    }
    // A domain made to resolve to loopback names itself in both headers.
    const rebound = `evil.example:${listener.port}`;
    expect(await dial(listener, { origin: `http://${rebound}`, host: rebound })).toMatchObject({
      status: 403,
    });
    for (const origin of [`http://${own}`, 'https://console.example']) {
      (await connectTo(listener, { origin })).terminate();
    }
    const local = `localhost:${listener.port}`;
    (await connectTo(listener, { origin: `http://${local}`, host: local })).terminate();
  });

  test('more connections than allowed are refused, and one that ends makes room', async () => {
    const listener = await start({ maxConnections: 2 });
    const first = await connectTo(listener);
    const second = await connectTo(listener);
    const answer = await dial(listener);
    expect(answer).toMatchObject({ status: 503 });
    expect(answer).toHaveProperty('body', expect.stringContaining('TOO_MANY_CONNECTIONS'));
    expect(listener.connections).toBe(2);
    first.terminate();
    await handlers[0]?.until(() => handlers[0]?.closes === 1);
    const third = await connectTo(listener);
    for (const client of [second, third]) {
      client.terminate();
    }
  });

  test('a refusal by accept closes with its code', async () => {
    const listener = await start({ accept: () => ({ closeCode: 1008, reason: 'NOT_AUTHENTICATED' }) });
    const client = await connectTo(listener);
    expect(await closeOf(client)).toEqual({ code: 1008, reason: 'NOT_AUTHENTICATED' });
  });

  test('a text message is told apart', async () => {
    const client = await connectTo(await start());
    client.send('hello');
    expect(await closeOf(client)).toEqual({ code: 1002, reason: 'BAD_FRAME' });
    const handler = handlers[0] as EchoHandler;
    await handler.until(() => handler.closes === 1);
    expect(handler).toMatchObject({ frames: 0, texts: 1, closes: 1 });
  });

  test('what is somewhat over the limit reaches the handler, what is far over it ends the connection', async () => {
    const listener = await start();
    const client = await connectTo(listener);
    client.send(Buffer.alloc(BASE_OPTIONS.maxFrameBytes + 1));
    expect((await messageOf(client)).length).toBe(BASE_OPTIONS.maxFrameBytes + 1);
    const closed = closeOf(client);
    client.on('error', () => {});
    client.send(Buffer.alloc(BASE_OPTIONS.maxFrameBytes * 2 + 1));
    expect([1009, 1006]).toContain((await closed).code);
    await handlers[0]?.until(() => handlers[0]?.closes === 1);
    expect(handlers[0]?.frames).toBe(1);
  });

  test('what is sent before the close arrives, and onClose comes once', async () => {
    const client = await connectTo(await start());
    const handler = handlers[0] as EchoHandler;
    const messages: number[] = [];
    client.on('message', (data: Buffer) => messages.push(data.length));
    handler.socket.send(new Uint8Array(10));
    handler.socket.send(new Uint8Array(60_000));
    handler.socket.close(1001, 'BROKER_CLOSED');
    handler.socket.close(1008, 'again');
    handler.socket.send(new Uint8Array(3));
    expect(await closeOf(client)).toEqual({ code: 1001, reason: 'BROKER_CLOSED' });
    expect(messages).toEqual([10, 60_000]);
    await handler.until(() => handler.closes === 1);
    expect(handler.socket.bufferedBytes).toBe(0);
    expect(handler.closes).toBe(1);
  });

  test('nothing is dropped for a slow reader, and drain tells when it went', async () => {
    const client = await connectTo(await start());
    const handler = handlers[0] as EchoHandler;
    client.pause();
    const frame = new Uint8Array(256 * 1024);
    let sent = 0;
    while (handler.socket.bufferedBytes < 8 * 1024 * 1024) {
      frame.fill(sent & 0xff);
      handler.socket.send(frame);
      sent++;
    }
    expect(handler.drains).toBe(0);
    const received: number[] = [];
    client.on('message', (data: Buffer) => {
      if (data.length === frame.length && data.every((byte) => byte === data[0])) {
        received.push(data[0] as number);
      }
    });
    client.resume();
    await handler.until(() => handler.drains > 0 && handler.socket.bufferedBytes === 0);
    client.ping();
    await once(client, 'pong');
    expect(received).toEqual(Array.from({ length: sent }, (_, i) => i & 0xff));
    client.terminate();
  });

  test('corked messages keep their order', async () => {
    const client = await connectTo(await start());
    const handler = handlers[0] as EchoHandler;
    const seen: number[] = [];
    client.on('message', (data: Buffer) => seen.push(data.length));
    const scratch = new Uint8Array(70_000);
    handler.socket.cork(() => {
      for (const size of [10, 20_000, 30, 70_000, 1]) {
        handler.socket.send(scratch.subarray(0, size));
      }
    });
    client.ping();
    await once(client, 'pong');
    expect(seen).toEqual([10, 20_000, 30, 70_000, 1]);
    client.terminate();
  });

  test('three hundred connections at once', async () => {
    const listener = await start();
    const clients = await Promise.all(Array.from({ length: 300 }, () => connectTo(listener)));
    const answers = clients.map((client, i) => {
      client.send(Buffer.from([i & 0xff]));
      return messageOf(client);
    });
    expect((await Promise.all(answers)).map((data) => data[0])).toEqual(clients.map((_, i) => i & 0xff));
    expect(listener.connections).toBe(300);
    const closed = clients.map((client) => once(client, 'close'));
    for (const client of clients) {
      client.terminate();
    }
    await Promise.all(closed);
    await Promise.all(handlers.map((handler) => handler.until(() => handler.closes === 1)));
    expect(listener.connections).toBe(0);
  });

  test('a taken port is told, whoever has it', async () => {
    const listener = await start();
    await expect(start({ port: listener.port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(start({ port })).rejects.toMatchObject({ code: 'PORT_IN_USE', details: { port } });
    server.close();
    await once(server, 'close');
    (await connectTo(await start({ port }))).terminate();
  });

  test('options that cannot be used are told', async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    await expect(start({ idleTimeoutSeconds: 5 })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    await expect(start({ port: 70_000 })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    const tls = { certFile: '/nonexistent/cert.pem', keyFile: '/nonexistent/key.pem' };
    await expect(start({ tls })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  test('closing the listener ends its connections', async () => {
    const listener = await start();
    const client = await connectTo(listener);
    const closed = closeOf(client);
    await listener.close();
    expect((await closed).code).toBe(1006);
    expect(handlers[0]?.closes).toBe(1);
    await expect(connectTo(listener)).rejects.toThrow();
    open.length = 0;
  });

  test('closing the listener ends connections that never said anything', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ringmq-tls-'));
    for (const tls of [undefined, makeCertificate(dir)]) {
      const listener = await start(tls === undefined ? {} : { tls });
      const silent = connect(listener.port, '127.0.0.1');
      const gone = once(silent, 'close');
      silent.on('error', () => {});
      await once(silent, 'connect');
      // One more that is served, so that the silent one has been accepted as well.
      (await connectTo(listener, tls === undefined ? {} : { scheme: 'wss' })).terminate();
      await listener.close();
      await gone;
    }
    rmSync(dir, { recursive: true });
  });

  test('TLS', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ringmq-tls-'));
    const tls = makeCertificate(dir);
    const client = await connectTo(await start({ tls }), { scheme: 'wss' });
    client.send(Buffer.alloc(60_000, 7));
    expect((await messageOf(client)).length).toBe(60_000);
    client.terminate();
    writeFileSync(tls.certFile, 'no certificate');
    await expect(start({ tls })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    rmSync(dir, { recursive: true });
  });
});
