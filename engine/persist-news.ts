/** What the persist worker has to tell of the disk, and who is told. */
import { RingMQError } from '../native-free/wire/index.js';
import type { LogEnding } from './log-ending.js';
import type { PersistWorkerMessage } from './persist/worker-messages.js';
import { diagnose } from './stats/index.js';

export interface PersistNewsDeps {
  readonly ending: LogEnding;
  warn(message: string, details: Record<string, unknown>): void;
  /** Retention has taken what lies before `startPosition`. */
  retained(startPosition: number): void;
}

export function onPersistMessage(
  message: PersistWorkerMessage,
  { ending, warn, retained }: PersistNewsDeps,
): void {
  if (message.type === 'diskError') {
    const { what, why, code } = message;
    if (code === 'ESTALE') {
      ending.lost(why);
      return;
    }
    warn(what, { code });
    const hasFailed = ending.isOver;
    diagnose('disk', { event: hasFailed ? 'failed' : 'error', message: what });
    if (hasFailed) {
      ending.fatal(new RingMQError('DISK_FAILED', what));
    }
  } else if (message.type === 'full' || message.type === 'room') {
    warn(message.what, {});
    diagnose('disk', { event: message.type, message: message.what });
  } else if (message.type === 'retained') {
    retained(message.startPosition);
  }
}
