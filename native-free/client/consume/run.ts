/** `run`: handlers at work, so many at once, each message acked when its handler returns. */
import { RecordSlab } from '../../batch/record-slab.js';
import type { HandlerCalls } from './inside-handler.js';
import type { ReceivedBatch } from './message.js';
import type { ConsumedMessage } from './types.js';

export interface RunSettings {
  readonly concurrency: number;
  /** Wakes the loop if it waits for messages, and ends it. */
  readonly stop: () => void;
  readonly isEnding: () => boolean;
}

export class Run {
  readonly #handler: (message: ConsumedMessage) => unknown;
  readonly #calls: HandlerCalls;
  readonly #settings: RunSettings;
  readonly #atWork = new Set<Promise<void>>();
  #failure: { error: unknown } | null = null;

  constructor(handler: (message: ConsumedMessage) => unknown, calls: HandlerCalls, settings: RunSettings) {
    this.#handler = handler;
    this.#calls = calls;
    this.#settings = settings;
  }

  /** Handlers at work have returned. */
  async drained(): Promise<void> {
    await Promise.all(this.#atWork);
  }

  /** Rejects with what a handler throws, after the others at work have ended. */
  async through(batches: AsyncIterableIterator<ReceivedBatch, undefined, undefined>): Promise<void> {
    const { concurrency, isEnding } = this.#settings;
    const slab = new RecordSlab();
    try {
      for await (const batch of batches) {
        for (const messages = batch.owned(slab); ; ) {
          const message = messages.next();
          if (message.done === true || this.#failure !== null || isEnding() || !batch.info.held) {
            break;
          }
          this.#begin(message.value);
          if (this.#atWork.size >= concurrency) {
            await Promise.race(this.#atWork);
          }
        }
        if (this.#failure !== null) {
          break;
        }
      }
    } finally {
      await this.drained();
    }
    if (this.#failure !== null) {
      throw (this.#failure as { error: unknown }).error;
    }
  }

  #begin(message: ConsumedMessage): void {
    const work = this.#handle(message).then(() => {
      this.#atWork.delete(work);
    });
    this.#atWork.add(work);
  }

  async #handle(message: ConsumedMessage): Promise<void> {
    try {
      await this.#calls.run(this.#handler, message);
      await message.ack();
    } catch (error) {
      this.#failure ??= { error };
      this.#settings.stop();
    }
  }
}
