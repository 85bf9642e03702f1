/**
 * How many connections each address has, and how fast it makes new ones: one table for all listener threads, so that limits are exact. A thread looks into it
 * once for each connection that comes or goes, behind a lock that is held for microseconds.
 *
 *   Int32, from byte 0     word        means
 *                          lock        0: free; 1: a thread reads or changes the table
 *                          generation  one more whenever the table was emptied, as a thread had died: each other one then counts its own anew
 *                          used        entries that are in use
 *   Float64, from byte 64  entry × 3   key (a hash of the address, 0: free), connections, until when its new connections are paid for (ms)
 *
 * An entry lies at its hash's place or the next one that was free; where one is removed those behind it move up.
 */
import { createHash, randomBytes } from 'node:crypto';
import { monotonicMs } from '../time/index.js';

const WORD = { lock: 0, generation: 1, used: 2, salt: 3 } as const;
const SALT_WORDS = 4;
const ENTRIES_AT_BYTES = 64;
const ENTRY = { key: 0, count: 1, paidUntil: 2 } as const;
const ENTRY_NUMBERS = 3;
/** Addresses without a connection whose pace is remembered, at least. */
const MAX_PACES = 16_384;
const SPINS = 1_000;
const WAIT_MS = 1;
/** Whoever holds the lock for longer has died with it. */
const MAX_LOCKED_MS = 1_000;

/** For so many connections of all addresses together. */
export function createAddressTable(maxConnections: number): SharedArrayBuffer {
  const entries = 2 ** Math.ceil(Math.log2(2 * (maxConnections + MAX_PACES)));
  const memory = new SharedArrayBuffer(ENTRIES_AT_BYTES + entries * ENTRY_NUMBERS * 8);
  // Nobody can look for addresses that fall together.
  new Int32Array(memory).set(new Int32Array(Uint8Array.from(randomBytes(SALT_WORDS * 4)).buffer), WORD.salt);
  return memory;
}

export class AddressTable {
  readonly #words: Int32Array;
  readonly #entries: Float64Array;
  readonly #mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, WORD.salt + SALT_WORDS);
    this.#entries = new Float64Array(memory, ENTRIES_AT_BYTES);
    this.#mask = this.#entries.length / ENTRY_NUMBERS - 1;
  }

  /** Another one whenever all has to be counted anew. */
  get generation(): number {
    return Atomics.load(this.#words, WORD.generation);
  }

  keyOf(address: string): number {
    const salt = Uint8Array.from(new Uint8Array(this.#words.buffer, WORD.salt * 4, SALT_WORDS * 4));
    // 48 bits: whole numbers of a double, and no 0.
    return createHash('sha256').update(salt).update(address).digest().readUIntBE(0, 6) + 1;
  }

  /** Counts `count` more connections of an address. Returns how many it has. */
  add(key: number, count: number, nowMs: number): number {
    return this.#locked(() => {
      const at = this.#place(key, nowMs);
      if (at < 0) {
        return 0;
      }
      const entries = this.#entries;
      const sum = Math.max(0, (entries[at + ENTRY.count] as number) + count);
      entries[at + ENTRY.count] = sum;
      this.#drop(at, nowMs);
      return sum;
    });
  }

  /** One new connection of an address, of which there may be `perSecond`, and those of `atOnceMs` at once. False: too many. */
  pay(key: number, perSecond: number, atOnceMs: number, nowMs: number): boolean {
    return this.#locked(() => {
      const at = this.#place(key, nowMs);
      if (at < 0) {
        return true;
      }
      const from = Math.max(this.#entries[at + ENTRY.paidUntil] as number, nowMs);
      const until = from + 1_000 / perSecond;
      // A thousandth of a millisecond: sums of parts are not exact.
      if (until > nowMs + atOnceMs + 0.001) {
        return false;
      }
      this.#entries[at + ENTRY.paidUntil] = until;
      return true;
    });
  }

  /** A thread has died, and its connections with it: whoever is left counts its own anew. */
  empty(): void {
    this.#locked(() => {
      this.#entries.fill(0);
      Atomics.store(this.#words, WORD.used, 0);
      Atomics.add(this.#words, WORD.generation, 1);
    });
  }

  /** Its entry, made if there is none; -1: there is no room for one, which is counted nowhere. */
  #place(key: number, nowMs: number): number {
    const entries = this.#entries;
    if (2 * (this.#words[WORD.used] as number) > this.#mask) {
      this.#tidy(nowMs);
    }
    for (let slot = key & this.#mask, looked = 0; looked <= this.#mask; looked++) {
      const at = slot * ENTRY_NUMBERS;
      if (entries[at] === key) {
        return at;
      }
      if (entries[at] === 0) {
        if (2 * (this.#words[WORD.used] as number) > this.#mask) {
          return -1;
        }
        entries[at] = key;
        entries[at + ENTRY.count] = 0;
        entries[at + ENTRY.paidUntil] = 0;
        (this.#words[WORD.used] as number)++;
        return at;
      }
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }

  /** Forgets addresses without a connection: those whose pace says nothing any more, or else all of them. */
  #tidy(nowMs: number): void {
    for (const untilMs of [nowMs, Number.POSITIVE_INFINITY]) {
      for (let at = 0; at < this.#entries.length; ) {
        at = this.#drop(at, untilMs) ? at : at + ENTRY_NUMBERS;
      }
      if (2 * (this.#words[WORD.used] as number) <= this.#mask) {
        return;
      }
    }
  }

  /** Removes an entry that has no connection and was paid for by then. True: another one may lie there now. */
  #drop(at: number, untilMs: number): boolean {
    const entries = this.#entries;
    const isIdle = entries[at + ENTRY.count] === 0 && (entries[at + ENTRY.paidUntil] as number) <= untilMs;
    if (entries[at] === 0 || !isIdle) {
      return false;
    }
    let hole = at / ENTRY_NUMBERS;
    for (let slot = (hole + 1) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const key = entries[slot * ENTRY_NUMBERS] as number;
      if (key === 0) {
        break;
      }
      const isBehind = ((slot - (key & this.#mask)) & this.#mask) >= ((slot - hole) & this.#mask);
      if (isBehind) {
        const from = slot * ENTRY_NUMBERS;
        entries.copyWithin(hole * ENTRY_NUMBERS, from, from + ENTRY_NUMBERS);
        hole = slot;
      }
    }
    entries.fill(0, hole * ENTRY_NUMBERS, (hole + 1) * ENTRY_NUMBERS);
    (this.#words[WORD.used] as number)--;
    return true;
  }

  #locked<T>(work: () => T): T {
    const words = this.#words;
    let sinceMs = -1;
    for (let spins = 0; Atomics.compareExchange(words, WORD.lock, 0, 1) !== 0; spins++) {
      if (spins < SPINS) {
        continue;
      }
      const nowMs = monotonicMs();
      sinceMs = sinceMs < 0 ? nowMs : sinceMs;
      if (nowMs - sinceMs > MAX_LOCKED_MS) {
        break;
      }
      Atomics.wait(words, WORD.lock, 1, WAIT_MS);
    }
    try {
      return work();
    } finally {
      Atomics.store(words, WORD.lock, 0);
      Atomics.notify(words, WORD.lock, 1);
    }
  }
}
