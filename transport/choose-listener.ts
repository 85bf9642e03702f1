/** Which of the two listeners serves, and why. */
import { isMainThread } from 'node:worker_threads';
import type { ListenerKind, StartListener } from '../native-free/listener/types.js';
import { startWsListener } from '../native-free/listener/ws-listener.js';
import { RingMQError } from '../native-free/wire/index.js';
import { loadUws, startUwsListener } from './uws-listener.js';

export interface ListenerChoice {
  readonly kind: ListenerKind;
  readonly start: StartListener;
  /** Whether several threads may listen on one port. */
  readonly sharesPort: boolean;
  /** For the log line: `listener uws: …`. */
  readonly reason: string;
}

/**
 * `auto` takes the native listener where it loads, else the plain one. Asked for by name, a listener is never replaced by the other:
 * BAD_CONFIG when `uws` does not load here.
 *
 * A worker thread gets the plain one by `auto`. `worker.terminate()` ends it and its listener threads without running any of their code,
 * so open sockets of uWebSockets.js would abort the whole process with it.
 */
export function chooseListener(wanted: 'auto' | ListenerKind): ListenerChoice {
  if (wanted === 'ws') {
    return { ...WS, reason: 'asked for' };
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
    const why = firstLine(cause);
    if (wanted === 'uws') {
      throw new RingMQError(
        'BAD_CONFIG',
        `the uws listener was asked for but does not load: ${why}; use --listener ws`,
        {
          cause,
        },
      );
    }
    return { ...WS, reason: `uWebSockets.js does not load here: ${why}` };
  }
  return { ...UWS, reason: wanted === 'uws' ? 'asked for' : 'uWebSockets.js loads on this platform' };
}

const UWS = { kind: 'uws', start: startUwsListener, sharesPort: true } as const;
const WS = { kind: 'ws', start: startWsListener, sharesPort: false } as const;

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n', 1)[0] ?? text;
}
