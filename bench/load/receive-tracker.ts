/** What the consumers of one subscription got: how late, which numbers, how many twice or broken. */
import { type BodyReader, CHECK } from './body-layout.js';
import { COUNTER } from './counters.js';
import type { LatencyRecorder } from './latency.js';

/** A set of running numbers, one bit each. */
export class NumberSet {
  #words = new Uint32Array(1024);
  count = 0;

  get words(): Uint32Array {
    return this.#words;
  }

  /** False: it was in already. */
  add(number: number): boolean {
    const at = number >>> 5;
    if (at >= this.#words.length) {
      this.#grow(at + 1);
    }
    const bit = 1 << (number & 31);
    const word = this.#words[at] as number;
    if ((word & bit) !== 0) {
      return false;
    }
    this.#words[at] = word | bit;
    this.count++;
    return true;
  }

  /** Takes in another set, given by its words. How many of its numbers were in already. */
  merge(words: Uint32Array): number {
    if (words.length > this.#words.length) {
      this.#grow(words.length);
    }
    let twice = 0;
    for (let i = 0; i < words.length; i++) {
      const own = this.#words[i] as number;
      const other = words[i] as number;
      if (other === 0) {
        continue;
      }
      twice += countBits(own & other);
      this.count += countBits(other & ~own);
      this.#words[i] = own | other;
    }
    return twice;
  }

  #grow(words: number): void {
    const wider = new Uint32Array(Math.max(words, this.#words.length * 2));
    wider.set(this.#words);
    this.#words = wider;
  }
}

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

/** What the receivers of a thread share. */
export interface ReceiveRecord {
  readonly endToEnd: LatencyRecorder;
  readonly counters: Float64Array;
  /** Only messages meant to go out in this time are timed. */
  measureFromMs: number;
  measureToMs: number;
}

export class ReceiveTracker {
  /** By producer. */
  readonly seen: NumberSet[] = [];
  duplicates = 0;
  damaged = 0;
  /** Of another run. */
  foreign = 0;
  readonly #reader: BodyReader;
  readonly #record: ReceiveRecord;

  constructor(reader: BodyReader, record: ReceiveRecord) {
    this.#reader = reader;
    this.#record = record;
  }

  readonly onBody = (body: Uint8Array, receivedMs: number): void => {
    const reader = this.#reader;
    const check = reader.read(body);
    if (check !== CHECK.whole) {
      if (check === CHECK.damaged) {
        this.damaged++;
      } else {
        this.foreign++;
      }
      return;
    }
    const { counters, measureFromMs, measureToMs, endToEnd } = this.#record;
    let seen = this.seen[reader.producer];
    if (seen === undefined) {
      seen = new NumberSet();
      this.seen[reader.producer] = seen;
    }
    if (!seen.add(reader.number)) {
      this.duplicates++;
      return;
    }
    counters[COUNTER.received] = (counters[COUNTER.received] as number) + 1;
    const intendedMs = reader.intendedMs;
    if (intendedMs >= measureFromMs && intendedMs < measureToMs) {
      endToEnd.record(receivedMs - intendedMs);
    }
  };
}
