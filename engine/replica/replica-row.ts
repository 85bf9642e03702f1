/** One slave's row in the shared words, as the thread that has its connection writes it. */

import { REPLICA_WORD, replicaRow } from '../term/replica-layout.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import type { InSyncLimits } from './in-sync.js';
import { InSync } from './in-sync.js';

/** Further behind, a slave's place cannot be told in 32 bits of slots. */
const FAR_BYTES = 2 ** 36;

export class ReplicaRow {
  readonly #marks: ReplicaMarks;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #link: number;
  readonly #toSlots: (position: number) => number;
  readonly #inSync: InSync;

  /** `link`: what the opener raised the row's to for this connection. */
  constructor(
    marks: ReplicaMarks,
    row: number,
    link: number,
    limits: InSyncLimits,
    toSlots: (position: number) => number,
  ) {
    this.#marks = marks;
    this.#words = marks.words;
    this.#at = replicaRow(row);
    this.#link = link;
    this.#toSlots = toSlots;
    this.#inSync = new InSync(limits);
  }

  /** Another connection speaks for this slave by now. */
  get isReplaced(): boolean {
    return Atomics.load(this.#words, this.#at + REPLICA_WORD.link) !== this.#link;
  }

  /** What the slave has, in bytes of log, while the master's log ends at `end`. True when a number that others wait for has changed. */
  heard(received: number, flushed: number, end: number, now: number): boolean {
    if (this.isReplaced) {
      return false;
    }
    const words = this.#words;
    const at = this.#at;
    const isInSync = this.#inSync.heard(received, end, now) && end - flushed < FAR_BYTES;
    if (!isInSync) {
      // Before the positions: one that has wrapped must not count.
      Atomics.store(words, at + REPLICA_WORD.inSync, 0);
    }
    if (end - flushed < FAR_BYTES) {
      Atomics.store(words, at + REPLICA_WORD.received, this.#toSlots(received));
      Atomics.store(words, at + REPLICA_WORD.flushed, this.#toSlots(flushed));
    }
    Atomics.store(words, at + REPLICA_WORD.heardAt, now | 0);
    Atomics.store(words, at + REPLICA_WORD.connected, 1);
    this.#storeLag(now, end - received);
    if (isInSync) {
      Atomics.store(words, at + REPLICA_WORD.inSync, 1);
    }
    this.#marks.changed();
    return true;
  }

  /** Time has passed. True when the slave has fallen out of sync. */
  tick(end: number, now: number): boolean {
    if (this.isReplaced || this.#inSync.stillIs(end, now)) {
      return false;
    }
    this.#storeLag(now, this.#inSync.behind(end));
    const was = Atomics.exchange(this.#words, this.#at + REPLICA_WORD.inSync, 0) === 1;
    this.#marks.changed();
    return was;
  }

  /** The connection is gone: the slave does not count until there is another. */
  gone(): void {
    if (!this.isReplaced) {
      Atomics.store(this.#words, this.#at + REPLICA_WORD.connected, 0);
      Atomics.store(this.#words, this.#at + REPLICA_WORD.inSync, 0);
      this.#marks.changed();
    }
  }

  #storeLag(now: number, bytes: number): void {
    Atomics.store(this.#words, this.#at + REPLICA_WORD.lagMs, Math.min(2 ** 31 - 1, this.#inSync.lagMs(now)));
    Atomics.store(
      this.#words,
      this.#at + REPLICA_WORD.lagKiB,
      Math.min(2 ** 31 - 1, Math.ceil(bytes / 1024)),
    );
  }
}
