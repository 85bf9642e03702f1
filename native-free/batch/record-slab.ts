/** Copies of records that are the consumer's to keep, many to one buffer: an allocation each would cost more than the rest of a message. */
import { type RecordSource, recordSource } from './record-source.js';

const SLAB_BYTES = 16 * 1024;
/** Larger records get a buffer of their own, so that one kept message holds little that is not its own. */
const OWN_BYTES = 4 * 1024;

export class RecordSlab {
  readonly #keepWhole: (bytes: Uint8Array) => void;
  #slab: RecordSource | null = null;
  #used = 0;
  /** Where {@link copy} put the record in the source it returned. */
  at = 0;

  /** `keepWhole`: is told of each buffer that messages of several holders will lie in. */
  constructor(keepWhole: (bytes: Uint8Array) => void = () => {}) {
    this.#keepWhole = keepWhole;
  }

  copy(bytes: Uint8Array, at: number, length: number): RecordSource {
    if (length > OWN_BYTES) {
      const own = newSource(length);
      own.bytes.set(bytes.subarray(at, at + length));
      this.at = 0;
      return own;
    }
    let slab = this.#slab;
    // Its length is 0 when somebody has transferred a message of it to another thread all the same.
    if (slab === null || this.#used + length > slab.bytes.length) {
      slab = newSource(SLAB_BYTES);
      this.#keepWhole(slab.bytes);
      this.#slab = slab;
      this.#used = 0;
    }
    this.at = this.#used;
    slab.bytes.set(bytes.subarray(at, at + length), this.#used);
    this.#used += length;
    return slab;
  }
}

function newSource(length: number): RecordSource {
  return recordSource(new Uint8Array(length));
}
