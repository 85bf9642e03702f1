/**
 * Retired blocks a thread has read lately: 256 of them, 128 KiB, found by the low bits of their id. A retired
 * block never changes; one of a deleted file or an overwritten arena place may still be here, which does no
 * harm.
 */
import { BLOCK_DOUBLES } from './index-block-layout.js';
import { BLOCK_READ, type BlockStore } from './index-files.js';

const PLACES = 256;

export class BlockCache {
  readonly doubles = new Float64Array(PLACES * BLOCK_DOUBLES);
  readonly words = new Int32Array(this.doubles.buffer);
  readonly #ids = new Float64Array(PLACES);
  readonly #store: BlockStore;
  /** Blocks read from the store so far. */
  reads = 0;

  constructor(store: BlockStore) {
    this.#store = store;
  }

  /** Where the block lies in `doubles`; -1 when it is gone, -2 when it is damaged. Valid until the next call. */
  find(id: number): number {
    const place = id % PLACES;
    const at = place * BLOCK_DOUBLES;
    if (this.#ids[place] === id) {
      return at;
    }
    this.reads++;
    const outcome = this.#store.read(id);
    if (outcome !== BLOCK_READ.ok) {
      return outcome === BLOCK_READ.gone ? -1 : -2;
    }
    const { buffer } = this.#store;
    for (let i = 0; i < BLOCK_DOUBLES; i++) {
      this.doubles[at + i] = buffer[i] as number;
    }
    this.#ids[place] = id;
    return at;
  }
}
