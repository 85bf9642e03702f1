/**
 * (topicId, queueId) → queue slot, in shared memory. The control plane writes it, one thread; the index stage
 * reads it on whatever thread holds the role. A reader may meet a change half way: it then finds either no
 * entry or one whose slot says that it belongs to somebody else, so the answer is checked against the slot's
 * own state.
 */
import { LOOKUP, LOOKUP_END, LOOKUP_REMOVED, LOOKUP_WORDS } from './queue-table-layout.js';

export class QueueLookup {
  readonly #words: Int32Array;
  readonly #mask: number;

  /** `memory`: a power of two of entries, 16 bytes each, at least twice as many as there are slots. */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#mask = this.#words.length / LOOKUP_WORDS - 1;
  }

  /** The slot, or -1. */
  find(topicId: number, queueId: number): number {
    const words = this.#words;
    const mask = this.#mask;
    let i = hash(topicId, queueId) & mask;
    for (let probes = 0; probes <= mask; probes++) {
      const at = i * LOOKUP_WORDS;
      const place = Atomics.load(words, at + LOOKUP.place);
      if (place === LOOKUP_END) {
        return -1;
      }
      if (
        place !== LOOKUP_REMOVED &&
        words[at + LOOKUP.topicId] === (topicId | 0) &&
        words[at + LOOKUP.queueId] === queueId
      ) {
        return place - 1;
      }
      i = (i + 1) & mask;
    }
    return -1;
  }

  /** Adds a key that is not there. Key words first, then the place: who sees the place sees the key. */
  add(topicId: number, queueId: number, slot: number): void {
    const words = this.#words;
    let i = hash(topicId, queueId) & this.#mask;
    while (Atomics.load(words, i * LOOKUP_WORDS + LOOKUP.place) > LOOKUP_END) {
      i = (i + 1) & this.#mask;
    }
    words[i * LOOKUP_WORDS + LOOKUP.topicId] = topicId;
    words[i * LOOKUP_WORDS + LOOKUP.queueId] = queueId;
    Atomics.store(words, i * LOOKUP_WORDS + LOOKUP.place, slot + 1);
  }

  /** Removes a key; nothing happens when it is not there. */
  remove(topicId: number, queueId: number): void {
    const words = this.#words;
    const mask = this.#mask;
    let i = hash(topicId, queueId) & mask;
    for (let probes = 0; probes <= mask; probes++) {
      const at = i * LOOKUP_WORDS;
      const place = Atomics.load(words, at + LOOKUP.place);
      if (place === LOOKUP_END) {
        return;
      }
      if (
        place !== LOOKUP_REMOVED &&
        words[at + LOOKUP.topicId] === (topicId | 0) &&
        words[at + LOOKUP.queueId] === queueId
      ) {
        break;
      }
      i = (i + 1) & mask;
    }
    const next = ((i + 1) & mask) * LOOKUP_WORDS;
    if (Atomics.load(words, next + LOOKUP.place) !== LOOKUP_END) {
      Atomics.store(words, i * LOOKUP_WORDS + LOOKUP.place, LOOKUP_REMOVED);
      return;
    }
    // The probe ended behind this entry anyway: it and the removed ones before it can be free again, so that
    // years of created and deleted topics do not fill the map with removed entries.
    Atomics.store(words, i * LOOKUP_WORDS + LOOKUP.place, LOOKUP_END);
    i = (i - 1) & mask;
    while (Atomics.load(words, i * LOOKUP_WORDS + LOOKUP.place) === LOOKUP_REMOVED) {
      Atomics.store(words, i * LOOKUP_WORDS + LOOKUP.place, LOOKUP_END);
      i = (i - 1) & mask;
    }
  }
}

function hash(topicId: number, queueId: number): number {
  let h = Math.imul(topicId, 0x9e3779b1) ^ Math.imul(queueId, 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
