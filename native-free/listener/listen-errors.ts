/**
 * Why a listener could not start, in the project's own errors; and the checks made before either of them
 * tries.
 */

import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer, isIP } from 'node:net';
import { MAX_PEM_BYTES, readSmallFile } from '../files/small-file.js';
import { RingMQError } from '../wire/index.js';
import type { ListenerOptions } from './types.js';

/** A listening error of Node as a typed one. */
export function listenError(cause: unknown, host: string, port: number): RingMQError {
  const errno = (cause as { code?: unknown } | null)?.code;
  const details = { host, port };
  if (errno === 'EADDRINUSE') {
    return new RingMQError(
      'PORT_IN_USE',
      `port ${port} on ${host} is taken; choose another one or stop who has it`,
      {
        cause,
        details,
      },
    );
  }
  const why =
    errno === 'EACCES'
      ? 'this user may not listen on it'
      : errno === 'EADDRNOTAVAIL' || errno === 'ENOTFOUND' || errno === 'EAI_AGAIN'
        ? 'this machine has no such address'
        : cause instanceof Error
          ? cause.message
          : String(cause);
  return new RingMQError('BAD_CONFIG', `cannot listen on ${host}:${port}: ${why}`, { cause, details });
}

/** Throws BAD_CONFIG for options neither listener can work with; one of them would end the process over a bad idle timeout. */
export function checkListenerOptions(options: ListenerOptions): void {
  const { port, idleTimeoutSeconds: idle } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RingMQError('BAD_CONFIG', `the port must be 0 to 65535, not ${port}`, { details: { port } });
  }
  if (!Number.isInteger(idle) || (idle !== 0 && (idle < 8 || idle > 960))) {
    throw new RingMQError('BAD_CONFIG', `idleTimeoutSeconds must be 0 or 8 to 960, not ${idle}`, {
      details: { idleTimeoutSeconds: idle },
    });
  }
}

/**
 * The address that a host's name stands for. uWebSockets.js would look it up by itself, and otherwise than
 * the probe before it. `localhost` is
 * 127.0.0.1, where clients look by default, whatever else the hosts file says of it. Throws BAD_CONFIG.
 */
export async function listenAddress(host: string, port: number): Promise<string> {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  if (name.toLowerCase() === 'localhost') {
    return '127.0.0.1';
  }
  if (isIP(name) !== 0) {
    return name;
  }
  try {
    return (await lookup(name)).address;
  } catch (cause) {
    throw listenError(cause, host, port);
  }
}

/** Reads a PEM file; throws BAD_CONFIG with its name. */
export function readPem(file: string): Buffer {
  try {
    return readSmallFile(file, MAX_PEM_BYTES);
  } catch (cause) {
    throw new RingMQError('BAD_CONFIG', `cannot read the TLS file ${file}: ${(cause as Error).message}`, {
      cause,
      details: { file },
    });
  }
}

/**
 * Throws PORT_IN_USE when anybody listens there. The native listener binds with SO_REUSEPORT, which lets a
 * second broker of the same user share the port without a word; a plain bind before it finds out. `host` is
 * the name to tell errors by.
 * @returns the port, a free one for 0: Linux does not let a second socket share a port that the kernel chose
 * at the bind.
 */
export async function probePort(address: string, port: number, host: string): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(listenError(cause, host, port)));
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = (server.address() as AddressInfo).port;
      server.close(() => resolve(bound));
    });
  });
}
