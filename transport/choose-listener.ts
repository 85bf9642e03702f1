/** Which of the two listeners serves, and why. */
import { isMainThread } from 'node:worker_threads';
import type { ListenerKind, StartListener } from '../native-free/listener/types.js';
import { RingMQError } from '../native-free/wire/index.js';
import { loadUws } from './load-uws.js';

export interface ListenerChoice {
  readonly kind: ListenerKind;
  readonly start: StartListener;
  /** Whether several threads may listen on one port. */
  readonly sharesPort: boolean;
  /** For the log line: `listener uws: …`. */
  readonly reason: string;
  /** The package is there and does not load: somebody wanted it. */
  readonly isFallback?: boolean;
}

/**
 * `auto` takes the native listener where it loads, else the plain one. Asked for by name, a listener is never
 * replaced by the other: BAD_CONFIG when `uws` does not load here.
 *
 * `needsCertificates`: clients say by theirs who they are.
 *
 * A worker thread gets the plain one by `auto`. `worker.terminate()` ends it and its listener threads without
 * running any of their code, so open sockets of uWebSockets.js would abort the whole process with it.
 */
export function chooseListener(wanted: 'auto' | ListenerKind, needsCertificates = false): ListenerChoice {
  if (wanted === 'ws') {
    return { ...WS, reason: 'asked for' };
  }
  if (needsCertificates && wanted === 'uws') {
    throw new RingMQError(
      'BAD_CONFIG',
      'the uws listener was asked for, and it does not tell whom a client certificate is of: leave out `tls.clientCaFile`, or set `listener` to ws',
    );
  }
  if (needsCertificates) {
    return { ...WS, reason: 'clients are asked for certificates, of which uws does not tell whose they are' };
  }
  if (wanted === 'auto' && !isMainThread) {
    return {
      ...WS,
      reason:
        'the broker was opened by a worker thread, and terminating that would abort the process under uws',
    };
  }
  try {
    loadUws();
  } catch (cause) {
    const why = isNotInstalled(cause)
      ? `uWebSockets.js is not installed; it serves many connections faster: ${HOW_TO_ADD}`
      : `uWebSockets.js does not load here: ${realReason(cause)}`;
    if (wanted === 'uws') {
      throw new RingMQError('BAD_CONFIG', `the uws listener was asked for, and ${why}`, { cause });
    }
    return { ...WS, reason: why, isFallback: !isNotInstalled(cause) };
  }
  return { ...UWS, reason: wanted === 'uws' ? 'asked for' : 'uWebSockets.js loads on this platform' };
}

/** Each is loaded by the thread that starts it; whoever only asks which one it is loads neither. */
const startUws: StartListener = async (options) =>
  await (await import('./uws-listener.js')).startUwsListener(options);
const startWs: StartListener = async (options) =>
  await (await import('../native-free/listener/ws-listener.js')).startWsListener(options);

const UWS = { kind: 'uws', start: startUws, sharesPort: true } as const;
const WS = { kind: 'ws', start: startWs, sharesPort: false } as const;

/** It is a peer that users add or not: the package is large, and its upstream is not on the npm registry. */
const HOW_TO_ADD = 'npm install uWebSockets.js@npm:uwebsockets@3';

function isNotInstalled(cause: unknown): boolean {
  const { code, message = '' } = cause as Partial<NodeJS.ErrnoException>;
  return code === 'MODULE_NOT_FOUND' && message.includes("'uWebSockets.js'");
}

/** Its first line says in general what it supports; what happened here is in the last one. */
export function realReason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*- |^Require stack/.test(line));
  const last = (lines.at(-1) ?? text).replace(/^Error: /, '').trim();
  const libc = /version `(GLIBC_[\d.]+)' not found/.exec(last)?.[1];
  if (libc !== undefined) {
    return `its build for Node ${process.versions.node.split('.')[0]} needs a newer C library, ${libc}, than this system has`;
  }
  return /^Cannot find module '.\/uws_/.test(last)
    ? `it has no build for Node ${process.versions.node} on ${process.platform} ${process.arch}`
    : last;
}
