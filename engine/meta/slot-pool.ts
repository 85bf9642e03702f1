/** Hands out the slots of the shared queue table: the lowest free ones, so that the used part of the table stays dense. */
import { RingMQError } from '../../native-free/wire/index.js';

export class SlotPool {
  readonly #used: Uint8Array;
  /** No slot below it is free. */
  #lowest = 0;
  #free: number;

  constructor(size: number) {
    this.#used = new Uint8Array(size);
    this.#free = size;
  }

  get size(): number {
    return this.#used.length;
  }

  get free(): number {
    return this.#free;
  }

  /** `count` slots in rising order, or null if there are not so many. */
  take(count: number): Int32Array | null {
    if (count > this.#free) {
      return null;
    }
    const slots = new Int32Array(count);
    let slot = this.#lowest;
    for (let i = 0; i < count; slot++) {
      if (this.#used[slot] === 0) {
        this.#used[slot] = 1;
        slots[i++] = slot;
      }
    }
    this.#lowest = slot;
    this.#free -= count;
    return slots;
  }

  /** Takes slots back. */
  give(slots: Int32Array): void {
    for (const slot of slots) {
      if (this.#used[slot] !== 1) {
        throw new RingMQError('INTERNAL', `queue slot ${slot} was given back twice`);
      }
      this.#used[slot] = 0;
      this.#lowest = Math.min(this.#lowest, slot);
    }
    this.#free += slots.length;
  }
}
