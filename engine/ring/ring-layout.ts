/**
 * The shared memory of one ring, drawn once. Outside engine/ring only the owners of a word know an offset in
 * it: the persist stage (written, flushed, fatal, full, spare), the index stage (syncWanted), a lane (syncWanted,
 * writtenWanted) with the persist worker that reads them, and `DiskState` (fatal, full). How the words work together is argued in docs/ring-protocol.md.
 *
 * A ring is three SharedArrayBuffers:
 *
 *   data     ringBytes of batches and pads, in slots of 64 bytes; place = position mod ringBytes
 *   marks    one Int32 a slot: 0 = not published, writer seat + 1, or PAD_MARK; set on the first slot of a batch only
 *   control  the Int32 words below, each hot one on a 64-byte line of its own so that no two writers share a line
 *
 *   line  word          written by                        means (positions: slots, Int32, wrapping)
 *   ────  ───────────   ───────────────────────────────   ──────────────────────────────────────────────────────
 *     0   head          any writer, by compare-and-swap   claimed up to
 *     1   limit         gate owner                        readers below it must not start
 *     2   gate          gate owner                        writers may claim up to gate + ring size; monotone
 *     3   indexed       index role                        indexed up to
 *     4   written       persist role                      handed to the file up to
 *     5   flushed       persist role                      on disk up to
 *     6   era           index role (with indexed)         about position in bytes / 2^36: extends Int32 to doubles
 *     7   indexRole     compare-and-swap                  0 = free, else holder's seat + 1
 *     8   persistRole   compare-and-swap                  the same
 *     9   syncWanted    index role                        somebody waits for fdatasync up to here, or did
 *     9   writtenWanted writers                           a batch up to here wants to be written alone, where others wait for fdatasync
 *    10   fatal         whoever meets the failure first   error number that ended the log, 0 = fine; set once
 *    10   full          persist role, index role          bits of FULL (log/persist-layout.ts); any set: refuse sends
 *    11   wanted        a writer that found no room       memory lane: its topic id, 0 = nobody waits
 *    11   shareWanted   writers; threads with readers     memory lane: 1 = a writer waits for its own topic's readers
 *    12   spare         persist role                      32 words (2 lines): number of the open segment's fd, …
 *    14 + 2 × seat      the seat's thread                 intentPosition, intentLength
 *    15 + 2 × seat      the seat's thread                 pin, pinState, hold, holdState, holdTopic
 *
 * The gate owner is the persist role; on the memory lane, which has no persist stage, the index role. When a
 * seat's thread is dead, whoever repairs it (holding the index role) writes the seat's words.
 *
 * intentLength, in slots: 0 = nothing in hand; > 0 = about to claim, or has claimed, intentPosition and so
 * many slots; < 0 = has certainly claimed that many (stored only when the claim begins with a pad).
 */
import { SLOT_BYTES } from '../../native-free/wire/batch-layout.js';

/** Int32 words to a 64-byte line. */
const LINE = 16;

/** Indices into the control words. */
export const WORD = {
  head: 0,
  limit: LINE,
  gate: 2 * LINE,
  indexed: 3 * LINE,
  written: 4 * LINE,
  flushed: 5 * LINE,
  era: 6 * LINE,
  indexRole: 7 * LINE,
  persistRole: 8 * LINE,
  syncWanted: 9 * LINE,
  writtenWanted: 9 * LINE + 1,
  fatal: 10 * LINE,
  full: 10 * LINE + 1,
  wanted: 11 * LINE,
  shareWanted: 11 * LINE + 1,
  spare: 12 * LINE,
  seats: 14 * LINE,
} as const;

/** Words of one seat, and the indices among them. */
export const SEAT_WORDS = 2 * LINE;
export const SEAT_WORD = {
  intentPosition: 0,
  intentLength: 1,
  pin: LINE,
  pinState: LINE + 1,
  hold: LINE + 2,
  holdState: LINE + 3,
  holdTopic: LINE + 4,
} as const;

/** Mark of a published pad. A published batch has its writer's seat + 1. */
export const PAD_MARK = -1;

/** Slots an era counts: 2^36 bytes, a quarter of what an Int32 of slots can tell apart. */
export const ERA_SLOTS = 2 ** 30;

/** Largest ring: a place in it is still an Int32. */
const MAX_RING_BYTES = 2 ** 31;
const MAX_THREADS = 4096;

/** First word of a seat. */
export function seatWord(seat: number): number {
  return WORD.seats + seat * SEAT_WORDS;
}

/** What threads share of a ring; goes through postMessage as it is. */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
  readonly marks: SharedArrayBuffer;
  /** Power of two, at least twice `spanBytes`, at most 2 GiB. */
  readonly ringBytes: number;
  /** Power of two, at least 128: no batch crosses a multiple of it. */
  readonly spanBytes: number;
  /** Seats are 0 … maxThreads - 1. */
  readonly maxThreads: number;
}

export interface RingOptions {
  ringBytes: number;
  spanBytes: number;
  maxThreads: number;
  /** Log position of the first byte to be claimed: a multiple of 64, not necessarily of the ring. */
  startPosition: number;
}

/**
 * A new, empty ring. All marks are clear and every cursor stands at `startPosition`.
 * @throws RangeError when a size is not as {@link RingMemory} says. A ring of less than two spans could never
 * take a batch of a whole span that has to be padded to the next one.
 */
export function createRingMemory(options: RingOptions): RingMemory {
  const { ringBytes, spanBytes, maxThreads, startPosition } = options;
  requirePowerOfTwo('ringBytes', ringBytes, 2 * spanBytes, MAX_RING_BYTES);
  requirePowerOfTwo('spanBytes', spanBytes, 2 * SLOT_BYTES, MAX_RING_BYTES);
  if (!Number.isInteger(maxThreads) || maxThreads < 1 || maxThreads > MAX_THREADS) {
    throw new RangeError(`maxThreads must be 1 to ${MAX_THREADS}, not ${maxThreads}`);
  }
  if (!Number.isSafeInteger(startPosition) || startPosition < 0 || startPosition % SLOT_BYTES !== 0) {
    throw new RangeError(`startPosition must be a multiple of ${SLOT_BYTES}, not ${startPosition}`);
  }
  const control = new SharedArrayBuffer((WORD.seats + maxThreads * SEAT_WORDS) * 4);
  const words = new Int32Array(control);
  const start = (startPosition / SLOT_BYTES) | 0;
  for (const word of [
    WORD.head,
    WORD.limit,
    WORD.gate,
    WORD.indexed,
    WORD.written,
    WORD.flushed,
    WORD.syncWanted,
    WORD.writtenWanted,
  ]) {
    words[word] = start;
  }
  words[WORD.era] = Math.floor(startPosition / (ERA_SLOTS * SLOT_BYTES));
  return {
    control,
    data: new SharedArrayBuffer(ringBytes),
    marks: new SharedArrayBuffer((ringBytes / SLOT_BYTES) * 4),
    ringBytes,
    spanBytes,
    maxThreads,
  };
}

function requirePowerOfTwo(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most || !Number.isInteger(Math.log2(value))) {
    throw new RangeError(`${name} must be a power of two from ${least} to ${most}, not ${value}`);
  }
}
