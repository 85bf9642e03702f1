/**
 * Keeps what was read before from being read after. The reader's half of a seqlock ends with plain loads that
 * must not slip behind the second load of the version; `Atomics.load` alone orders only what follows it. A
 * sequentially consistent store to a word of this thread's own, between them, does: nothing before it moves
 * behind it, and no later `Atomics.load` moves before it.
 */
const word = new Int32Array(new SharedArrayBuffer(4));

export function fence(): void {
  Atomics.store(word, 0, 0);
}
