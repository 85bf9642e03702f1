/**
 * The persist stage's words in a ring's control memory: what the worker and a listener thread that takes the
 * role for one small write must both know. Int32 words from the ring's spare area on.
 *
 *      0 fd + 1          of the current segment; 0: nobody may write inline (none open, or being changed)
 *      1 segment base    ring position (slots) of its first byte
 *      2 segment end     ring position behind its last byte
 *      3 zeroed up to    ring position up to which blocks are allocated and written; never below `written` for long
 *      4 unsynced since  clock, ms modulo 2^32, of the oldest write that no fdatasync has covered
 *      5 oldest segment  its base / segmentBytes; readers below it have been overtaken by retention
 *      6 kept segment    base / segmentBytes of the segment with the last checkpoint's position; it and all behind it stay
 *      7 syncing         1: the sync thread is at work for a sync broker; nobody syncs inline meanwhile
 *
 * The holder of the persist role alone writes words 0–4 and 7. Its release (an atomic store) and its taking
 * (a compare-and-swap) order one holder's writes before the next one's reads. Plain access would do, but for
 * word 7, which threads look at before they take the role. The holder writes word 5 and everybody reads it:
 * see log-reader.ts. The thread that opened the broker writes word 6: with each checkpoint, and for as long
 * as it writes into an old segment. Retention reads it. It starts as 0, so nothing is retired before the
 * first checkpoint is known.
 */
export const PERSIST_WORD = {
  fd: 0,
  segmentBase: 1,
  segmentEnd: 2,
  zeroedUpTo: 3,
  unsyncedSince: 4,
  oldestSegment: 5,
  keptSegment: 6,
  syncing: 7,
} as const;

/** Bits of the `full` word; any of them set refuses sends. */
export const FULL = {
  /** A write or the preparation of space ahead got no room, or no descriptor or memory. */
  noSpace: 1,
  /** Less is free than `minFreeBytes`. */
  nearly: 2,
  /** As `noSpace`, for an index block. Set and cleared by whatever thread runs the index stage. */
  index: 4,
  /** What one of these two wanted was no room but a descriptor or memory. Never alone: set with either, cleared with either. */
  resources: 8,
} as const;

/** Indexes of words in `control`; the ring's layout has them. */
export interface ControlWords {
  /** First of the words above. */
  spare: number;
  /** Ring position up to which somebody waits for fdatasync. */
  syncWanted: number;
  /** errno of what made the log stop; 0 = fine. Set once, never cleared. */
  fatal: number;
  /** Bits of {@link FULL}. */
  full: number;
}

/** The part of a ring that the persist stage uses. Positions are Int32 slots of 64 bytes and wrap. */
export interface PersistRing {
  readonly bytes: Uint8Array;
  readonly ringBytes: number;
  readonly spanBytes: number;
  readonly control: Int32Array;
  head(): number;
  indexed(): number;
  written(): number;
  flushed(): number;
  gate(): number;
  setWritten(position: number): void;
  setFlushed(position: number): void;
  /** A ring position as bytes in the log. */
  toBytes(position: number): number;
  toSlots(positionBytes: number): number;
  /** Index in `bytes` of a ring position. */
  place(position: number): number;
  free(upTo: number): void;
}
