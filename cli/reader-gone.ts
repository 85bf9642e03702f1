/** For commands that print again and again: `ringmq stats --watch 1s | head -1` is to end once nobody reads any more. */
import { setTimeout as delay } from 'node:timers/promises';
import { isRingMQError } from '../native-free/wire/index.js';

/** The broker is away, or about to be: it may answer again. */
const AWAY: ReadonlySet<string> = new Set(['BROKER_CLOSED', 'CONNECT_FAILED', 'CONNECTION_LOST', 'TIMEOUT']);
const AGAIN_MS = 500;

export class Pause {
  readonly #gone = new AbortController();

  constructor() {
    process.stdout.once('error', () => this.#gone.abort());
  }

  /** What is asked for, however long the broker is away meanwhile; null: whoever read stdout has gone away. Rejects with what no waiting mends. */
  async untilThere<T>(ask: () => Promise<T>, againMs = AGAIN_MS): Promise<T | null> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!isRingMQError(error) || !AWAY.has(error.code)) {
          throw error;
        }
      }
      if (!(await this.wait(againMs))) {
        return null;
      }
    }
  }

  /** Waits so long. False, and at once: whoever read stdout has gone away. */
  async wait(ms: number): Promise<boolean> {
    await delay(ms, undefined, { signal: this.#gone.signal }).catch(() => undefined);
    return !this.#gone.signal.aborted;
  }
}
