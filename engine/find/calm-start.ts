/**
 * When the thread that searches is started for clients that have come: not at once, as a start has other things
 * to do, and not while much is written, as loading it takes a core for a moment. A search that comes before
 * starts it all the same.
 */

/** After the opening. */
const BEGIN_MS = 3_000;
/** While more than this comes into the log it waits … */
const BUSY_BYTES_PER_SECOND = 16 * 1024 * 1024;
/** … and at most so long: some brokers are never calm. */
const MAX_WAIT_MS = 60_000;

export class CalmStart {
  readonly #notBefore: number;
  /** So many connections there had been when the thread was last wanted. */
  #cameCount = 0;
  /** Since when those that have come wait; null: nobody does. */
  #waitingFromMs: number | null = null;
  #end: number | null = null;
  #lookedAtMs = 0;

  constructor(nowMs: number) {
    this.#notBefore = nowMs + BEGIN_MS;
  }

  /** To be called about once a second. `came`: connections that there have been; `end`: where the log ends, in bytes. */
  isDue(came: number, end: number, nowMs: number): boolean {
    const isBusy = this.#isBusy(end, nowMs);
    if (came === this.#cameCount || nowMs < this.#notBefore) {
      return false;
    }
    this.#waitingFromMs ??= nowMs;
    if (isBusy && nowMs - this.#waitingFromMs < MAX_WAIT_MS) {
      return false;
    }
    this.#cameCount = came;
    this.#waitingFromMs = null;
    return true;
  }

  #isBusy(end: number, nowMs: number): boolean {
    const before = this.#end;
    const elapsedMs = nowMs - this.#lookedAtMs;
    this.#end = end;
    this.#lookedAtMs = nowMs;
    return before !== null && (end - before) * 1000 > BUSY_BYTES_PER_SECOND * elapsedMs;
  }
}
