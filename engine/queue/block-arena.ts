/**
 * Retired index blocks of the memory lane: a ring of 512-byte blocks in shared memory, then a tag word for
 * each. Block `id` lies at `id mod arenaBlocks`; the oldest is overwritten. The tag says whose block lies
 * there: it is 0 while the block is written, so a reader that finds the same tag before and after its copy
 * has the block it wanted.
 */

import { fence } from './fence.js';
import { BLOCK_BYTES, BLOCK_DOUBLES } from './index-block-layout.js';
import { BLOCK_READ, type BlockStore } from './index-files.js';

/** Tags are block ids folded into 1 … 2^31 - 1. A reader that sleeps through so many blocks would be fooled; none does. */
const TAGS = 0x7fffffff;

export class BlockArena implements BlockStore {
  readonly buffer = new Float64Array(BLOCK_DOUBLES);
  readonly #blocks: Float64Array;
  readonly #tags: Int32Array;
  readonly #count: number;

  constructor(memory: SharedArrayBuffer, count: number) {
    this.#count = count;
    this.#blocks = new Float64Array(memory, 0, (count * BLOCK_BYTES) / 8);
    this.#tags = new Int32Array(memory, count * BLOCK_BYTES, count);
  }

  write(id: number): void {
    const place = id % this.#count;
    const tags = this.#tags;
    Atomics.store(tags, place, 0);
    // The load keeps the copy from being seen before the 0 (a store-release alone would not).
    Atomics.load(tags, place);
    const at = place * BLOCK_DOUBLES;
    for (let i = 0; i < BLOCK_DOUBLES; i++) {
      this.#blocks[at + i] = this.buffer[i] as number;
    }
    Atomics.store(tags, place, tagOf(id));
  }

  read(id: number): number {
    const place = id % this.#count;
    const tags = this.#tags;
    if (Atomics.load(tags, place) !== tagOf(id)) {
      return BLOCK_READ.gone;
    }
    const at = place * BLOCK_DOUBLES;
    for (let i = 0; i < BLOCK_DOUBLES; i++) {
      this.buffer[i] = this.#blocks[at + i] as number;
    }
    fence();
    return Atomics.load(tags, place) === tagOf(id) ? BLOCK_READ.ok : BLOCK_READ.gone;
  }
}

function tagOf(id: number): number {
  return (id % (TAGS - 1)) + 1;
}
