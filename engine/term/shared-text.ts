/**
 * A short text that one thread sets and all may read: where the set's master is.
 *
 *     word 0   version: odd while it is written
 *     word 1   bytes of the text, -1: there is none
 *     behind   UTF-8
 *
 * A reader takes a copy and believes it if the version was even and is the same afterwards.
 */

const WORDS_BYTES = 8;
const MAX_TEXT_BYTES = 4_096 - WORDS_BYTES;
export const SHARED_TEXT_BYTES = WORDS_BYTES + MAX_TEXT_BYTES;
const VERSION = 0;
const LENGTH = 1;
/** A writer is done after a few hundred bytes. One that died in the middle leaves a text that nobody can read. */
const MAX_TRIES = 1_000;

export class SharedText {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, WORDS_BYTES / 4);
    this.#bytes = new Uint8Array(memory, WORDS_BYTES);
  }

  /** Called on one thread only. A text that is too long is as none. */
  set(text: string | null): void {
    const bytes = text === null ? null : Buffer.from(text);
    const fits = bytes !== null && bytes.length <= this.#bytes.length;
    Atomics.add(this.#words, VERSION, 1);
    if (fits) {
      this.#bytes.set(bytes);
    }
    Atomics.store(this.#words, LENGTH, fits ? bytes.length : -1);
    Atomics.add(this.#words, VERSION, 1);
  }

  /** null: there is none, or it was never set. */
  get(): string | null {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const version = Atomics.load(this.#words, VERSION);
      if (version === 0) {
        return null;
      }
      const length = Atomics.load(this.#words, LENGTH);
      const copy = Buffer.from(this.#bytes.subarray(0, Math.max(0, length)));
      if ((version & 1) === 0 && Atomics.load(this.#words, VERSION) === version) {
        return length < 0 ? null : copy.toString();
      }
    }
    return null;
  }
}
