/**
 * What a lane remembers of producers, so that a batch sent again is not stored again. Shared memory, touched
 * only by the holder of the lane's index role.
 *
 *     0        { count, capacity, hand, removed i32; forgotten f64 }               64 bytes
 *     64       buckets: 2 × capacity Int32, entry + 1, 0 = empty, -1 = removed    open addressing by producer id
 *     …        entries: capacity × 64 bytes
 *     …        kept:    capacity × 64 × 32 bytes                                  a ring of the last 64 batches each
 *
 * Entry (Int32 words, then a double):
 *
 *        0       4        8       12     16      20     24     28     32             40       44
 *        ┌───────┬────────┬───────┬──────┬───────┬──────┬──────┬──────┬──────────────┬────────┬──┐
 *        │ id lo │ id hi  │ epoch │ last │ floor │ next │ kept │ used │ lastPosition │ bucket │  │
 *        └───────┴────────┴───────┴──────┴───────┴──────┴──────┴──────┴──────────────┴────────┴──┘
 *
 * - last: the highest sequence stored. floor: the highest one that was stored and is not among the kept any more, or
 *   might have been; what is at or below it cannot be told from a batch stored long ago.
 * - next: place in the ring of kept batches that is written next; kept: how many there are.
 * - used: it has sent more than once since the hand passed it. The hand goes round over the entries of a full table, clears this, and
 *   stops at one that is clear already: that one gives way. About the one that has not sent for longest, and found in a few steps.
 * - lastPosition: log position of the newest batch. bucket: where its bucket is.
 * - removed: buckets that are -1; they are all made anew when there are many. forgotten: the latest store time of a batch of a
 *   producer that gave way; 0 = none has.
 *
 * Kept batch: { sequence i32, fingerprint i32 (0 = not known), baseOffset f64, position f64, storeTime f64 }.
 */

import { MAX_UNACKED_BATCHES } from '../../native-free/wire/limits.js';

/** Batches remembered of one producer. More may not be in flight. */
export const KEPT_BATCHES = MAX_UNACKED_BATCHES;

export const PRODUCER_HEAD_BYTES = 64;
export const PRODUCER_HEAD = { count: 0, capacity: 1, hand: 2, removed: 3 } as const;
export const PRODUCER_HEAD_F = { forgotten: 2 } as const;

export const PRODUCER_BYTES = 64;
export const PRODUCER_WORDS = PRODUCER_BYTES / 4;
export const PRODUCER_DOUBLES = PRODUCER_BYTES / 8;
export const PRODUCER = {
  idLow: 0,
  idHigh: 1,
  epoch: 2,
  last: 3,
  floor: 4,
  next: 5,
  kept: 6,
  used: 7,
  bucket: 10,
} as const;
export const PRODUCER_F = { lastPosition: 4 } as const;

export const KEPT_DOUBLES = 4;
export const KEPT_F = { baseOffset: 1, position: 2, storeTime: 3 } as const;
export const KEPT_ENTRY_DOUBLES = KEPT_BATCHES * KEPT_DOUBLES;

/** Byte places of the parts. */
export function producerParts(capacity: number): {
  bucketsAt: number;
  buckets: number;
  entriesAt: number;
  keptAt: number;
  bytes: number;
} {
  const buckets = 2 ** Math.ceil(Math.log2(capacity * 2));
  const bucketsAt = PRODUCER_HEAD_BYTES;
  const entriesAt = bucketsAt + Math.ceil((buckets * 4) / 64) * 64;
  const keptAt = entriesAt + capacity * PRODUCER_BYTES;
  return { bucketsAt, buckets, entriesAt, keptAt, bytes: keptAt + capacity * KEPT_ENTRY_DOUBLES * 8 };
}

/** Index of a kept batch's first double. */
export function keptAt(entry: number, place: number): number {
  return entry * KEPT_ENTRY_DOUBLES + place * KEPT_DOUBLES;
}

/** The parts as they are read and written; two of the same bytes where those hold words and doubles. */
export interface ProducerViews {
  readonly capacity: number;
  readonly head: Int32Array;
  readonly headF: Float64Array;
  readonly buckets: Int32Array;
  readonly entries: Int32Array;
  readonly entriesF: Float64Array;
  readonly kept: Float64Array;
  readonly keptWords: Int32Array;
}

export function producerViews(memory: SharedArrayBuffer): ProducerViews {
  const head = new Int32Array(memory, 0, PRODUCER_HEAD_BYTES / 4);
  const capacity = head[PRODUCER_HEAD.capacity] as number;
  const parts = producerParts(capacity);
  return {
    capacity,
    head,
    headF: new Float64Array(memory, 0, PRODUCER_HEAD_BYTES / 8),
    buckets: new Int32Array(memory, parts.bucketsAt, parts.buckets),
    entries: new Int32Array(memory, parts.entriesAt, capacity * PRODUCER_WORDS),
    entriesF: new Float64Array(memory, parts.entriesAt, capacity * PRODUCER_DOUBLES),
    kept: new Float64Array(memory, parts.keptAt, capacity * KEPT_ENTRY_DOUBLES),
    keptWords: new Int32Array(memory, parts.keptAt, capacity * KEPT_ENTRY_DOUBLES * 2),
  };
}
