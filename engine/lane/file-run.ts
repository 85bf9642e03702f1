/**
 * Reads one queue's batches from the segment files: neighbours are fetched with one read, and what lies
 * between them is dropped.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import { BATCH, readUint32, readUint64, SLOT_BYTES, slotAligned } from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { IndexEntry } from '../queue/index.js';
import { bloomMatches, isOfQueue } from './batch-match.js';
import type { LogSources } from './damage.js';

/** Batches of other queues between two of ours are read along and dropped when they are no more than this. */
const GAP_BYTES = 16 * 1024;
/** What a millisecond of waiting for the disk costs: a slow disk ends the read, and the turn, after one run. */
const WAITED_COST_BYTES = 256 * 1024;

/** What a run came to where it gave no bytes: the place cannot be read, or retention has taken it. */
export const DAMAGED = -2;
export const RETIRED = -3;

/** Used by one run at a time. */
const AHEAD = new IndexEntry();

export class FileRun {
  /** The reader's place: behind the last batch of the queue that a run has read. */
  offset = 0;
  /** What the last run cost of a read's budget. */
  costBytes = 0;
  /** What is wrong, where the last run met damage. */
  damage = '';
  readonly #sources: LogSources;
  readonly #slot: number;
  readonly #topicId: number;
  readonly #queueId: number;
  /** Epoch and position of the batch that was read last. */
  #epoch = 0;
  #epochPosition = 0;

  constructor(sources: LogSources, slot: number, topicId: number, queueId: number) {
    this.#sources = sources;
    this.#slot = slot;
    this.#topicId = topicId;
    this.#queueId = queueId;
  }

  /**
   * Reads the batch that `first` names and those that lie close behind it, up to `committed` and at most
   * `room` bytes if the first one is not larger, and keeps in `target`, from `to` on, ours that the filter
   * lets through.
   * @returns the bytes kept, `DAMAGED` or `RETIRED`
   */
  read(
    first: IndexEntry,
    target: Uint8Array,
    to: number,
    room: number,
    committed: number,
    bloomLow: number,
    bloomHigh: number,
  ): number {
    const start = first.position;
    const length = this.#runLength(first, Math.max(room, first.slots * SLOT_BYTES), committed);
    const began = monotonicMs();
    const got = this.#sources.logReader.read(start, length, target, to);
    this.costBytes = Math.max(length, (monotonicMs() - began) * WAITED_COST_BYTES);
    if (got < first.slots * SLOT_BYTES) {
      if (start < this.#sources.logReader.oldestPosition) {
        // Retention was faster than the news of it.
        this.offset = this.#sources.queueIndex.findByPosition(
          this.#slot,
          this.#sources.logReader.oldestPosition,
          AHEAD,
        );
        return RETIRED;
      }
      this.damage = `log position ${start}: ${length} bytes were wanted, ${Math.max(got, 0)} are there`;
      return DAMAGED;
    }
    const stop = to + got;
    let from = to;
    let out = to;
    while (from < stop) {
      const position = start + (from - to);
      const isValid = headerIsValid(target, from, position);
      if (!isValid || this.#isStale(target, from, position)) {
        if (from > to) {
          // Perhaps it is of another queue, whose damage is no matter of ours. If it is ours, the next run
          // begins with it.
          break;
        }
        this.damage = `log position ${position}: ${isValid ? 'a batch of an earlier epoch' : 'the batch header does not match its checksum or place'}`;
        return DAMAGED;
      }
      const taken = slotAligned(readUint32(target, from + BATCH.length));
      if (taken > stop - from) {
        break;
      }
      if (isOfQueue(target, from, this.#topicId, this.#queueId)) {
        this.offset =
          readUint64(target, from + BATCH.baseOffset) + readUint32(target, from + BATCH.recordCount);
        if (bloomMatches(target, from, bloomLow, bloomHigh)) {
          if (out !== from) {
            target.copyWithin(out, from, from + taken);
          }
          out += taken;
        }
      }
      from += taken;
    }
    return out - to;
  }

  /**
   * Whether a batch is of an epoch below that of one before it, as after a lost write, where an earlier
   * life's batch of the same place shows through; recovery tells them in the same way. What lies behind the
   * last batch that was read is compared with that one.
   */
  #isStale(bytes: Uint8Array, at: number, position: number): boolean {
    const epoch = readUint32(bytes, at + BATCH.epoch);
    if (position >= this.#epochPosition && epoch < this.#epoch) {
      return true;
    }
    this.#epoch = epoch;
    this.#epochPosition = position;
    return false;
  }

  /** How many bytes from `first` on are worth one read: up to the last of our batches within `room` that ends at or before `committed`. */
  #runLength(first: IndexEntry, room: number, committed: number): number {
    const { queueIndex } = this.#sources;
    const ahead = AHEAD;
    let length = first.slots * SLOT_BYTES;
    let offset = first.baseOffset + first.count;
    while (length < room && queueIndex.find(this.#slot, offset, ahead)) {
      const gap = ahead.position - (first.position + length);
      const end = ahead.position + ahead.slots * SLOT_BYTES;
      const reach = end - first.position;
      if (gap < 0 || gap > GAP_BYTES || reach > room || end > committed) {
        break;
      }
      length = reach;
      offset = ahead.baseOffset + ahead.count;
    }
    return length;
  }
}
