/** A timer for a time that a user gave, however long. */
import { clearTimeout, monotonicMs, setTimeout } from './timers.js';

/** `setTimeout` takes more than this, 24.8 days, for 1 ms. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Calls back once, not before the time is over. Infinity: never. */
export class LongTimer {
  readonly #dueAt: number;
  readonly #callback: () => void;
  readonly #stepMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRef = true;

  /** `stepMs`: the longest timer it may be made of. */
  constructor(ms: number, callback: () => void, stepMs = MAX_TIMEOUT_MS) {
    this.#stepMs = stepMs;
    this.#dueAt = monotonicMs() + ms;
    this.#callback = callback;
    this.#wait(ms);
  }

  /** It does not call back any more. */
  cancel(): void {
    clearTimeout(this.#timer);
  }

  /** Lets a process end although it runs; browsers have no such thing. */
  unref(): this {
    this.#isRef = false;
    unref(this.#timer);
    return this;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#step(), Math.min(Math.ceil(ms), this.#stepMs));
    if (!this.#isRef) {
      unref(this.#timer);
    }
  }

  #step(): void {
    // A timer of Node may come a fraction of a millisecond early.
    const leftMs = this.#dueAt - monotonicMs();
    if (leftMs >= 1) {
      this.#wait(leftMs);
    } else {
      this.#callback();
    }
  }
}

/** Lets a process end although the timer runs; browsers have no such thing. */
export function unref(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function') {
    timer.unref();
  }
}
