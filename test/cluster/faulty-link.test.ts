import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { FaultyLink } from './faulty-link.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

/** An echo behind a link, and a connection through it. */
async function linked(): Promise<{ link: FaultyLink; socket: Socket; next: () => Promise<string> }> {
  const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  closers.push(() => echo.close());
  const link = await FaultyLink.open((echo.address() as { port: number }).port);
  closers.push(() => link.close());
  const socket = connect(link.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return { link, socket, next: async () => String((await once(socket, 'data'))[0]) };
}

/** However it ends: `once` would fail with the error that comes before. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

test('passes what is sent, both ways', async () => {
  const { socket, next } = await linked();
  socket.write('there and back');
  expect(await next()).toBe('there and back');
});

test('what is held arrives after healing, not before', async () => {
  const { link, socket, next } = await linked();
  link.hold('back');
  socket.write('held');
  const came = next();
  const slower = connect(link.port, '127.0.0.1');
  await once(slower, 'connect');
  slower.destroy();
  expect(await Promise.race([came, Promise.resolve('nothing')])).toBe('nothing');
  link.heal();
  expect(await came).toBe('held');
});

test('a cut ends connections and refuses new ones until it heals', async () => {
  const { link, socket } = await linked();
  const closed = closing(socket);
  link.cut();
  await closed;
  const refused = connect(link.port, '127.0.0.1');
  refused.on('error', () => {});
  await closing(refused);
  link.heal();
  const again = connect(link.port, '127.0.0.1');
  again.write('x');
  expect(String((await once(again, 'data'))[0])).toBe('x');
  again.destroy();
});

test('garbage is put where it was asked for', async () => {
  const { link, socket, next } = await linked();
  socket.write('a');
  expect(await next()).toBe('a');
  link.inject('back', Buffer.from('garbage'));
  expect(await next()).toBe('garbage');
});
