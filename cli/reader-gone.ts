/** For commands that print again and again: `ringmq stats --watch 1s | head -1` is to end once nobody reads any more. */
import { setTimeout as delay } from 'node:timers/promises';

export class Pause {
  readonly #gone = new AbortController();

  constructor() {
    process.stdout.once('error', () => this.#gone.abort());
  }

  /** Waits so long. False, and at once: whoever read stdout has gone away. */
  async wait(ms: number): Promise<boolean> {
    await delay(ms, undefined, { signal: this.#gone.signal }).catch(() => undefined);
    return !this.#gone.signal.aborted;
  }
}
