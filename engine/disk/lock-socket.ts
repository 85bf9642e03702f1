/**
 * A sign of life that the kernel takes back by itself: a socket that listens under a name of Linux's abstract
 * namespace, which is no file. It is gone with the thread that opened it, however that ended: nothing is left
 * to be cleared up, nothing to be copied with a data directory, and a process that is killed and not waited
 * for has none.
 *
 * Names are of a network namespace: who is in another one cannot see it.
 */
import { connect, createServer, type Server } from 'node:net';
import { diskErrorCode } from './disk.js';

/** Of `sun_path`. Names are filled up to it, because versions of Node differ in whether they do that by themselves. */
const NAME_BYTES = 108;

export interface LockSocket {
  close(): void;
}

/** Listens for the opening with this token; undefined where there are no such sockets. The thread need not serve it. */
export async function openLockSocket(token: string): Promise<LockSocket | undefined> {
  if (process.platform !== 'linux') {
    return undefined;
  }
  const server = createServer((socket) => socket.destroy());
  server.unref();
  try {
    await listening(server, nameOf(token));
  } catch (error) {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    return undefined;
  }
  // A descriptor that is wanted for a caller that has hung up already is no reason to end.
  server.on('error', () => {});
  return { close: () => server.close() };
}

/** Whether the opening's socket is there; undefined: it cannot be told. */
export function isListening(token: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path: nameOf(token) });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = diskErrorCode(error);
      // EAGAIN: it listens, and its thread has not looked at its callers for long.
      resolve(code === 'ECONNREFUSED' ? false : code === 'EAGAIN' ? true : undefined);
    });
  });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function nameOf(token: string): string {
  return `\0ringmq-${token}`.padEnd(NAME_BYTES, '\0');
}
