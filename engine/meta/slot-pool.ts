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

  /** Takes the slots that a stored topic has. @throws RingMQError BAD_CONFIG (more slots than there are), LOG_CORRUPT (taken already) */
  claim(slots: Int32Array, topic: string): void {
    for (const slot of slots) {
      if (slot < 0 || slot >= this.#used.length) {
        throw new RingMQError(
          'BAD_CONFIG',
          `the stored topic '${topic}' uses queue slot ${slot}, and the broker may have ${this.#used.length} queues; raise that limit`,
          { details: { value: slot + 1, limit: this.#used.length } },
        );
      }
      if (this.#used[slot] !== 0) {
        throw new RingMQError(
          'LOG_CORRUPT',
          `meta gives queue slot ${slot} of the topic '${topic}' to another topic too`,
        );
      }
      this.#used[slot] = 1;
    }
    this.#free -= slots.length;
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

/** Rising slots as runs: first slot, count, first slot, count, … */
export function toRuns(slots: Int32Array): number[] {
  const runs: number[] = [];
  for (let i = 0; i < slots.length; i++) {
    const last = runs.length - 2;
    if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === slots[i]) {
      runs[last + 1] = (runs[last + 1] as number) + 1;
    } else {
      runs.push(slots[i] as number, 1);
    }
  }
  return runs;
}

/** What {@link toRuns} was made from. */
export function fromRuns(runs: readonly number[]): Int32Array {
  const slots: number[] = [];
  for (let i = 0; i + 1 < runs.length; i += 2) {
    for (let j = 0; j < (runs[i + 1] as number); j++) {
      slots.push((runs[i] as number) + j);
    }
  }
  return Int32Array.from(slots);
}
