/**
 * Per seat, the set of queues that moved since the seat last looked: a bit per queue slot under two levels of
 * summary. The index stage sets bits, the seat's thread takes them.
 *
 * The setter goes up (slot bit, summary bit, "any"), the taker comes down in the opposite order and exchanges
 * each word for 0. So a slot bit that the taker has passed by has its summary and "any" set after it, and the
 * next take finds it. A bit that is set already is not set again (a load is cheaper than a locked
 * instruction), but each level is looked at: the thread that set the lower one may have been terminated
 * before it came to the upper one.
 */
import { type MovedLayout, movedLayout } from './queue-table-layout.js';

export class MovedBits {
  readonly #words: Int32Array;
  readonly #layout: MovedLayout;

  constructor(memory: SharedArrayBuffer, maxQueues: number) {
    this.#words = new Int32Array(memory);
    this.#layout = movedLayout(maxQueues);
  }

  static bytes(maxQueues: number, maxSeats: number): number {
    return movedLayout(maxQueues).seatWords * maxSeats * 4;
  }

  set(seat: number, slot: number): void {
    const words = this.#words;
    const layout = this.#layout;
    const seatAt = seat * layout.seatWords;
    raise(words, seatAt + layout.leafAt + (slot >>> 5), 1 << (slot & 31));
    raise(words, seatAt + layout.summaryAt + (slot >>> 10), 1 << ((slot >>> 5) & 31));
    raise(words, seatAt, 1);
  }

  /** Calls `visit` for each slot that moved, in rising order, and forgets them. True when there was one. */
  take(seat: number, visit: (slot: number) => void): boolean {
    const words = this.#words;
    const layout = this.#layout;
    const seatAt = seat * layout.seatWords;
    if (Atomics.load(words, seatAt) === 0 || Atomics.exchange(words, seatAt, 0) === 0) {
      return false;
    }
    let some = false;
    for (let s = 0; s < layout.summaryWords; s++) {
      if (Atomics.load(words, seatAt + layout.summaryAt + s) === 0) {
        continue;
      }
      let summary = Atomics.exchange(words, seatAt + layout.summaryAt + s, 0);
      while (summary !== 0) {
        const low = 31 - Math.clz32(summary & -summary);
        summary &= summary - 1;
        const leaf = s * 32 + low;
        let bits = Atomics.exchange(words, seatAt + layout.leafAt + leaf, 0);
        while (bits !== 0) {
          const bit = 31 - Math.clz32(bits & -bits);
          bits &= bits - 1;
          some = true;
          visit(leaf * 32 + bit);
        }
      }
    }
    return some;
  }
}

function raise(words: Int32Array, at: number, bit: number): void {
  if ((Atomics.load(words, at) & bit) === 0) {
    Atomics.or(words, at, bit);
  }
}
