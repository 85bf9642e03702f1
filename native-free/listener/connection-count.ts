/** How many connections there are, counted by all threads of a listener together, so that the limit is exact. */

/** One word for the sum, and one a thread for its part of it. */
export function createConnectionCounts(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer((1 + threads) * Int32Array.BYTES_PER_ELEMENT);
}

/** One thread's end of it. */
export class ConnectionCount {
  readonly #words: Int32Array;
  readonly #own: number;

  /** `thread`: from 0. */
  constructor(memory: SharedArrayBuffer = createConnectionCounts(1), thread = 0) {
    this.#words = new Int32Array(memory);
    this.#own = 1 + thread;
  }

  /** Of all threads. */
  get total(): number {
    return Atomics.load(this.#words, 0);
  }

  /** Counts one more; false: there are `limit` already. */
  take(limit: number): boolean {
    if (Atomics.add(this.#words, 0, 1) >= limit) {
      Atomics.sub(this.#words, 0, 1);
      return false;
    }
    Atomics.add(this.#words, this.#own, 1);
    return true;
  }

  release(): void {
    Atomics.sub(this.#words, this.#own, 1);
    Atomics.sub(this.#words, 0, 1);
  }

  /** The thread has ended, and its connections with it. Called by another one. */
  releaseAll(): void {
    Atomics.sub(this.#words, 0, Atomics.exchange(this.#words, this.#own, 0));
  }
}
