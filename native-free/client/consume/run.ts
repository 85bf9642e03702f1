/** `run`: handlers at work, so many at once, each message acked when its handler returns. */

import type { HandlerCalls } from './inside-handler.js';
import { mayGoOn } from './message-loop.js';
import { newSlab } from './new-slab.js';
import type { Reading } from './reading.js';
import type { ReceivedBatch } from './received-batch.js';
import type { ConsumedMessage } from './types.js';

export type Handler = (message: ConsumedMessage) => unknown;

/** Handlers at work, and the first of them that failed. */
export class Workers {
  readonly #handler: Handler;
  readonly #calls: HandlerCalls;
  readonly #onFailed: () => void;
  readonly #atWork = new Set<Promise<void>>();
  #failure: { error: unknown } | null = null;

  /** `onFailed`: no more is to be begun. */
  constructor(handler: Handler, calls: HandlerCalls, onFailed: () => void) {
    this.#handler = handler;
    this.#calls = calls;
    this.#onFailed = onFailed;
  }

  get count(): number {
    return this.#atWork.size;
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** Calls the handler, acks what it returns from. Resolves when that is done, whatever came of it. */
  begin(message: ConsumedMessage): Promise<void> {
    const work = this.#handle(message).then(() => {
      this.#atWork.delete(work);
    });
    this.#atWork.add(work);
    return work;
  }

  /** Some handler has returned. */
  async oneDone(): Promise<void> {
    await Promise.race(this.#atWork);
  }

  /** All at work have returned. */
  async allDone(): Promise<void> {
    await Promise.all(this.#atWork);
  }

  /** Throws what a handler threw. */
  check(): void {
    if (this.#failure !== null) {
      throw this.#failure.error;
    }
  }

  async #handle(message: ConsumedMessage): Promise<void> {
    try {
      await this.#calls.run(this.#handler, message);
      await message.ack();
    } catch (error) {
      this.#failure ??= { error };
      this.#onFailed();
    }
  }
}

/** In no order but that in which they are begun: with one at a time, that of the queues. */
export async function runUnordered(
  batches: AsyncIterableIterator<ReceivedBatch, undefined, undefined>,
  reading: () => Reading | null,
  workers: Workers,
  concurrency: number,
): Promise<void> {
  const slab = newSlab();
  for await (const batch of batches) {
    for (const messages = batch.owned(slab); ; ) {
      if (workers.hasFailed || !mayGoOn(batch, messages, reading())) {
        break;
      }
      const message = messages.next();
      if (message.done === true) {
        break;
      }
      void workers.begin(message.value);
      if (workers.count >= concurrency) {
        await workers.oneDone();
      }
    }
    if (workers.hasFailed) {
      break;
    }
  }
}
