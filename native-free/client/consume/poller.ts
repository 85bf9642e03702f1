/** Pulls messages a few at a time, for readers that ask when they are ready rather than being called. */

import { monotonicMs } from '../../time/index.js';
import { abortError, pause, whenAborted } from '../abort.js';
import { mayGoOn } from './message-loop.js';
import { newSlab } from './new-slab.js';
import type { Reading } from './reading.js';
import type { ReceivedBatch } from './received-batch.js';
import type { ConsumedMessage } from './types.js';

export class Poller {
  readonly reading: Reading;
  readonly #slab = newSlab();
  #batch: ReceivedBatch | null = null;
  #messages: Iterator<ConsumedMessage, undefined> | null = null;

  constructor(reading: Reading) {
    this.reading = reading;
  }

  /** Up to `max` messages, at least one if it comes within `waitMs`. Throws what ended the reading; empty at its plain end. */
  async poll(max: number, waitMs: number, signal: AbortSignal | undefined): Promise<ConsumedMessage[]> {
    const until = monotonicMs() + waitMs;
    const taken: ConsumedMessage[] = [];
    for (;;) {
      if (this.reading.checkEnd()) {
        return taken;
      }
      this.#take(max, taken);
      const leftMs = until - monotonicMs();
      if (taken.length > 0 || leftMs <= 0) {
        return taken;
      }
      this.reading.checkDamage();
      await this.#changed(leftMs, signal);
      if (signal?.aborted === true) {
        throw abortError(signal);
      }
    }
  }

  #take(max: number, taken: ConsumedMessage[]): void {
    while (taken.length < max) {
      if (this.#messages === null) {
        this.#batch = this.reading.tryNext();
        if (this.#batch === null) {
          return;
        }
        this.#messages = this.#batch.owned(this.#slab);
      }
      if (!mayGoOn(this.#batch as ReceivedBatch, this.#messages, this.reading)) {
        this.#messages = null;
        continue;
      }
      const message = this.#messages.next();
      if (message.done === true) {
        this.#messages = null;
      } else {
        taken.push(message.value);
      }
    }
  }

  async #changed(leftMs: number, signal: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController();
    const unwatch = whenAborted(signal, () => stop.abort());
    if (signal?.aborted === true) {
      stop.abort();
    }
    await Promise.race([this.reading.changed(), pause(leftMs, stop.signal)]);
    stop.abort();
    unwatch();
  }
}
