/**
 * Idempotence: tells a batch that was stored before from a new one, by producer id, epoch and sequence. Like
 * the queue appender it works in two steps, a plan in the index journal and an `apply` that may be done
 * twice.
 *
 * A sequence above the highest stored is new; gaps are allowed, since a batch refused before it reached the
 * ring has used up its number. One that is among the kept is a duplicate. One that is not, but above
 * everything forgotten, was never stored: new. The rest cannot be told. Sequences compare modulo 2^32.
 *
 * A producer that is not in the table may be new, or may have been forgotten for others. It cannot have been
 * when its batch was born well after the last batch of everybody who was forgotten. Else a batch that says it
 * was sent before is refused, and so is one that is not among a producer's first: the broker does not store a
 * second time what it may have.
 */
import { ERRORS } from '../../native-free/wire/errors.js';
import { JOURNAL, JOURNAL_F, PRODUCER_CHANGE } from './index-journal-layout.js';
import { readProducers, snapshotBytes, writeProducers } from './producer-snapshot.js';
import {
  KEPT_BATCHES,
  KEPT_F,
  keptAt,
  PRODUCER,
  PRODUCER_DOUBLES,
  PRODUCER_F,
  PRODUCER_HEAD,
  PRODUCER_HEAD_F,
  PRODUCER_WORDS,
  type ProducerViews,
  producerParts,
  producerViews,
} from './producer-table-layout.js';

/** How far a producer's clock may be behind the broker's before its batches count as older than they are, ms. */
const CLOCK_MARGIN_MS = 60_000;

/** What a removed bucket says: look on, another id may lie behind. */
const REMOVED = -1;

/** Shared memory for `capacity` producers: about 2 KiB each once used. Survives `postMessage`. */
export function createProducerMemory(capacity: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(producerParts(capacity).bytes);
  new Int32Array(memory)[PRODUCER_HEAD.capacity] = capacity;
  return memory;
}

/** Answers of {@link ProducerTable.plan}; else a wire number of the error table. */
export const PRODUCER_VERDICT = { fresh: 0, duplicate: -1 } as const;

export class ProducerTable {
  readonly #head: Int32Array;
  readonly #headF: Float64Array;
  readonly #buckets: Int32Array;
  readonly #entries: Int32Array;
  readonly #entriesF: Float64Array;
  readonly #kept: Float64Array;
  readonly #keptWords: Int32Array;
  readonly #capacity: number;
  readonly #journal: Int32Array;
  readonly #journalF: Float64Array;
  /** All of the memory, for snapshots. */
  readonly #memory: ProducerViews;

  /** `journal` and `journalF`: the lane's index journal. */
  constructor(memory: SharedArrayBuffer, journal: Int32Array, journalF: Float64Array) {
    const views = producerViews(memory);
    this.#memory = views;
    this.#head = views.head;
    this.#headF = views.headF;
    this.#capacity = views.capacity;
    this.#buckets = views.buckets;
    this.#entries = views.entries;
    this.#entriesF = views.entriesF;
    this.#kept = views.kept;
    this.#keptWords = views.keptWords;
    this.#journal = journal;
    this.#journalF = journalF;
  }

  /** Producers remembered now. */
  get count(): number {
    return this.#head[PRODUCER_HEAD.count] as number;
  }

  /**
   * Judges the batch and notes in the journal what is to be done about it. For a duplicate the journal's
   * result fields name the first one. `fingerprint`: of the batch, not 0. `bornTime` and `wasSent` are what
   * the batch says of itself. `isReplay`: it is in the log already, so nothing about it is in question.
   */
  plan(
    idLow: number,
    idHigh: number,
    epoch: number,
    sequence: number,
    fingerprint: number,
    bornTime: number,
    wasSent: boolean,
    isReplay = false,
  ): number {
    const journal = this.#journal;
    const entries = this.#entries;
    const entry = this.#find(idLow, idHigh);
    let change: number = PRODUCER_CHANGE.update;
    const isNew = bornTime > this.forgotten + CLOCK_MARGIN_MS || this.forgotten === 0;
    // Of a producer that is new, nothing was stored before: what it was refused first may come after what was
    // stored first.
    let floor = (sequence - (isNew ? KEPT_BATCHES : 1)) | 0;
    let last = sequence | 0;
    let next = 0;
    let kept = 0;
    if (entry >= 0) {
      const at = entry * PRODUCER_WORDS;
      const known = (entries[at + PRODUCER.epoch] as number) >>> 0;
      if (epoch < known) {
        return ERRORS.PRODUCER_FENCED.wire;
      }
      if (epoch === known) {
        next = entries[at + PRODUCER.next] as number;
        kept = entries[at + PRODUCER.kept] as number;
        const verdict = this.#judge(entry, sequence, kept, fingerprint);
        if (verdict !== PRODUCER_VERDICT.fresh) {
          return verdict;
        }
        last = later(entries[at + PRODUCER.last] as number, sequence | 0);
        floor = entries[at + PRODUCER.floor] as number;
        if (kept === KEPT_BATCHES) {
          floor = later(floor, this.#keptWords[keptAt(entry, next) * 2] as number);
        }
      }
    } else {
      if (!isNew && !isReplay && (wasSent || (sequence - 1) >>> 0 >= KEPT_BATCHES)) {
        return ERRORS.SEQUENCE_UNKNOWN.wire;
      }
      change = this.count < this.#capacity ? PRODUCER_CHANGE.insert : PRODUCER_CHANGE.evict;
    }
    journal[JOURNAL.producerChange] = change;
    journal[JOURNAL.producer] = entry >= 0 ? entry : this.#place(change);
    journal[JOURNAL.producerIdLow] = idLow;
    journal[JOURNAL.producerIdHigh] = idHigh;
    journal[JOURNAL.producerEpoch] = epoch;
    journal[JOURNAL.producerLast] = last;
    journal[JOURNAL.producerFloor] = floor;
    journal[JOURNAL.producerNext] = next;
    journal[JOURNAL.producerKept] = kept;
    journal[JOURNAL.sequence] = sequence;
    journal[JOURNAL.fingerprint] = fingerprint;
    return PRODUCER_VERDICT.fresh;
  }

  /** Does what the journal says; the batch's base offset, position and store time are in it by now. */
  apply(): void {
    const journal = this.#journal;
    const journalF = this.#journalF;
    const change = journal[JOURNAL.producerChange] as number;
    if (change === PRODUCER_CHANGE.none) {
      return;
    }
    const entry = journal[JOURNAL.producer] as number;
    const next = journal[JOURNAL.producerNext] as number;
    const at = keptAt(entry, next);
    this.#keptWords[at * 2] = journal[JOURNAL.sequence] as number;
    this.#keptWords[at * 2 + 1] = journal[JOURNAL.fingerprint] as number;
    this.#kept[at + KEPT_F.baseOffset] = journalF[JOURNAL_F.baseOffset] as number;
    this.#kept[at + KEPT_F.position] = journalF[JOURNAL_F.logPosition] as number;
    this.#kept[at + KEPT_F.storeTime] = journalF[JOURNAL_F.storeTime] as number;
    const words = entry * PRODUCER_WORDS;
    const entries = this.#entries;
    if (change === PRODUCER_CHANGE.evict) {
      this.#removeBucket(entry);
    }
    entries[words + PRODUCER.idLow] = journal[JOURNAL.producerIdLow] as number;
    entries[words + PRODUCER.idHigh] = journal[JOURNAL.producerIdHigh] as number;
    entries[words + PRODUCER.epoch] = journal[JOURNAL.producerEpoch] as number;
    entries[words + PRODUCER.last] = journal[JOURNAL.producerLast] as number;
    entries[words + PRODUCER.floor] = journal[JOURNAL.producerFloor] as number;
    entries[words + PRODUCER.next] = (next + 1) % KEPT_BATCHES;
    entries[words + PRODUCER.kept] = Math.min((journal[JOURNAL.producerKept] as number) + 1, KEPT_BATCHES);
    this.#entriesF[entry * PRODUCER_DOUBLES + PRODUCER_F.lastPosition] = journalF[
      JOURNAL_F.logPosition
    ] as number;
    entries[words + PRODUCER.used] = change === PRODUCER_CHANGE.update ? 1 : 0;
    if (change === PRODUCER_CHANGE.insert) {
      this.#head[PRODUCER_HEAD.count] = entry + 1;
      this.#addToBucket(entry);
    } else if (change === PRODUCER_CHANGE.evict) {
      this.#moveHand(entry);
      this.#addToBucket(entry);
      if ((this.#head[PRODUCER_HEAD.removed] as number) > this.#capacity >> 1) {
        this.#rebuildBuckets();
      }
    }
  }

  /** The latest store time of a batch whose producer was forgotten for another one, ms since 1970; 0: none was. */
  get forgotten(): number {
    return this.#headF[PRODUCER_HEAD_F.forgotten] as number;
  }

  /** Bytes of a snapshot's part, and the part itself: see docs/file-format.md. */
  snapshotBytes(): number {
    return snapshotBytes(this.#memory);
  }

  /** Writes entry after entry, beginning at the hand, each with its kept batches, oldest first. Returns the place behind. */
  writeSnapshot(view: DataView, at: number): number {
    return writeProducers(this.#memory, view, at);
  }

  /** Replaces everything by `count` entries of a snapshot; what does not fit (a smaller table) is left out. Returns the place behind. */
  readSnapshot(view: DataView, at: number, count: number, forgotten: number): number {
    const end = readProducers(this.#memory, view, at, count, forgotten);
    this.#rebuildBuckets();
    return end;
  }

  #judge(entry: number, sequence: number, kept: number, fingerprint: number): number {
    const at = entry * PRODUCER_WORDS;
    if (((sequence - (this.#entries[at + PRODUCER.last] as number)) | 0) > 0) {
      return PRODUCER_VERDICT.fresh;
    }
    for (let i = 0; i < kept; i++) {
      const from = keptAt(entry, i);
      if (this.#keptWords[from * 2] === (sequence | 0)) {
        const stored = this.#keptWords[from * 2 + 1] as number;
        if (stored !== 0 && stored !== fingerprint) {
          // Another batch under a number that is taken. To ack it as the first one would lose it in silence.
          return ERRORS.SEQUENCE_UNKNOWN.wire;
        }
        const journalF = this.#journalF;
        journalF[JOURNAL_F.resultOffset] = this.#kept[from + KEPT_F.baseOffset] as number;
        journalF[JOURNAL_F.resultPosition] = this.#kept[from + KEPT_F.position] as number;
        journalF[JOURNAL_F.resultTime] = this.#kept[from + KEPT_F.storeTime] as number;
        return PRODUCER_VERDICT.duplicate;
      }
    }
    const isAboveFloor = ((sequence - (this.#entries[at + PRODUCER.floor] as number)) | 0) > 0;
    return isAboveFloor ? PRODUCER_VERDICT.fresh : ERRORS.SEQUENCE_UNKNOWN.wire;
  }

  #find(idLow: number, idHigh: number): number {
    const buckets = this.#buckets;
    const mask = buckets.length - 1;
    let i = hash(idLow, idHigh) & mask;
    for (;;) {
      const bucket = buckets[i] as number;
      if (bucket === 0) {
        return -1;
      }
      const entry = bucket - 1;
      const at = entry * PRODUCER_WORDS;
      if (
        bucket !== REMOVED &&
        this.#entries[at + PRODUCER.idLow] === (idLow | 0) &&
        this.#entries[at + PRODUCER.idHigh] === (idHigh | 0)
      ) {
        return entry;
      }
      i = (i + 1) & mask;
    }
  }

  /** The entry a new producer gets. */
  #place(change: number): number {
    if (change === PRODUCER_CHANGE.insert) {
      return this.count;
    }
    const hand = this.#head[PRODUCER_HEAD.hand] as number;
    let passes = 0;
    while (
      passes < this.#capacity &&
      this.#entries[((hand + passes) % this.#capacity) * PRODUCER_WORDS + PRODUCER.used] !== 0
    ) {
      passes++;
    }
    const entry = (hand + passes) % this.#capacity;
    this.#journal[JOURNAL.hand] = hand;
    this.#journal[JOURNAL.handPasses] = passes;
    this.#journalF[JOURNAL_F.forgotten] = this.#lastStoreTime(entry);
    return entry;
  }

  /** The hand moves behind the entry that gave way; those it passed have had their round. */
  #moveHand(entry: number): void {
    const hand = this.#journal[JOURNAL.hand] as number;
    const passes = this.#journal[JOURNAL.handPasses] as number;
    for (let i = 0; i < passes; i++) {
      this.#entries[((hand + i) % this.#capacity) * PRODUCER_WORDS + PRODUCER.used] = 0;
    }
    this.#head[PRODUCER_HEAD.hand] = (entry + 1) % this.#capacity;
    this.#forget(this.#journalF[JOURNAL_F.forgotten] as number);
  }

  #forget(storeTime: number): void {
    this.#headF[PRODUCER_HEAD_F.forgotten] = Math.max(this.forgotten, storeTime);
  }

  #lastStoreTime(entry: number): number {
    const words = entry * PRODUCER_WORDS;
    const last = ((this.#entries[words + PRODUCER.next] as number) + KEPT_BATCHES - 1) % KEPT_BATCHES;
    return this.#kept[keptAt(entry, last) + KEPT_F.storeTime] as number;
  }

  /** Its id gives way. Nothing happens when that was done. */
  #removeBucket(entry: number): void {
    const bucket = this.#entries[entry * PRODUCER_WORDS + PRODUCER.bucket] as number;
    if (this.#buckets[bucket] === entry + 1) {
      this.#buckets[bucket] = REMOVED;
      this.#head[PRODUCER_HEAD.removed] = (this.#head[PRODUCER_HEAD.removed] as number) + 1;
    }
  }

  /** Nothing happens when it is there. */
  #addToBucket(entry: number): void {
    const buckets = this.#buckets;
    const mask = buckets.length - 1;
    const at = entry * PRODUCER_WORDS;
    let i =
      hash(this.#entries[at + PRODUCER.idLow] as number, this.#entries[at + PRODUCER.idHigh] as number) &
      mask;
    while (buckets[i] !== 0 && buckets[i] !== entry + 1) {
      i = (i + 1) & mask;
    }
    this.#entries[at + PRODUCER.bucket] = i;
    buckets[i] = entry + 1;
  }

  #rebuildBuckets(): void {
    this.#buckets.fill(0);
    this.#head[PRODUCER_HEAD.removed] = 0;
    for (let entry = 0; entry < this.count; entry++) {
      this.#addToBucket(entry);
    }
  }
}

function later(a: number, b: number): number {
  return ((a - b) | 0) >= 0 ? a : b;
}

function hash(low: number, high: number): number {
  let h = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
