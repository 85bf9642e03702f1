/**
 * A place in one queue. Finds each next batch by the queue index and copies it from the ring while it is there, from the
 * segment files once the ring has moved on; in files, neighbours are fetched with one read.
 */

import { clearTimeout, monotonicMs, setTimeout } from '../../native-free/time/index.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  isRingMQError,
  readUint32,
  readUint64,
  SLOT_BYTES,
  slotAligned,
} from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { diskErrorCode, isShortage } from '../disk/index.js';
import type { QueueReader, TopicEntry } from '../engine-thread.js';
import { READ } from '../engine-thread.js';
import type { LogReader } from '../log/index.js';
import type { QueueIndex, QueueTable } from '../queue/index.js';
import { IndexEntry } from '../queue/index.js';
import { WORD } from '../ring/index.js';
import type { Lane } from './lane.js';

/** One read from a file takes at most this much, however much the caller has room for. */
const RUN_BYTES = 512 * 1024;
/** Batches of other queues between two of ours are read along and dropped when they are no more than this. */
const GAP_BYTES = 16 * 1024;

/**
 * One read looks through this much and no more, whatever it keeps of it: some tenths of a millisecond from memory or the page
 * cache. Its caller comes back for the rest, and the thread's other sockets have their turn in between.
 */
export const READ_COST_BYTES = 512 * 1024;
/** What a batch that is passed over in the ring costs, however small: finding it takes about as long as copying so much. */
export const PASSED_COST_BYTES = 1024;
/** What a millisecond of waiting for the disk costs: a slow disk ends the read, and the turn, after one run. */
const WAITED_COST_BYTES = 256 * 1024;

/** How soon a read that got no descriptor or memory is tried again. */
const RETRY_MS = 100;

/** What the readers of a thread have read. */
export interface ReadMeter {
  messagesOut: number;
  bytesOut: number;
}

/** What a reader needs of its thread. */
export interface ReaderHost {
  readonly queueIndex: QueueIndex;
  readonly queueTable: QueueTable;
  readonly logReader: LogReader;
  readonly meter: ReadMeter;
  watch(reader: LaneReader): void;
  forget(reader: LaneReader): void;
  /** The reader has met damage: what, and where, it says itself. */
  damaged(reader: LaneReader): void;
  /** A pin may have kept a ring's gate from moving: its owner should look again. */
  gateIsHeldBack(isLog: boolean): void;
}

/** Damaged batches in a row that one call passes over. */
const MAX_SKIPPED_BATCHES = 256;

/** Outcomes of copying one run, beside the bytes it gave. */
const GONE = -1;
const DAMAGED = -2;
const RETIRED = -3;

/** Used by one reader at a time, for the length of a call: a consumer of ten thousand queues has as many readers. */
const ENTRY = new IndexEntry();
const AHEAD = new IndexEntry();
const HEADER = new Uint8Array(BATCH_HEADER_BYTES);

export class LaneReader implements QueueReader {
  offset: number;
  neededBytes = 0;
  damage = '';
  damagePosition = -1;
  bytes = 0;
  costBytes = 0;
  readonly slot: number;
  readonly topic: TopicEntry;
  readonly queueId: number;
  readonly lane: Lane;
  /** Set while the reader waits to be told; cleared when it is. */
  onReadable: ((reader: QueueReader) => void) | null = null;
  /** End of the batch that was not committed at the last read, in slots; null when there was none. */
  blockedUntil: number | null = null;
  /** Memory lanes: the lowest position this reader still wants, in slots. */
  holdAt: number;
  /** Memory lanes: since when `holdAt` has not moved though there is more, ms; 0: it has. */
  heldSince = 0;
  readonly #host: ReaderHost;
  readonly #entry = ENTRY;
  readonly #ahead = AHEAD;
  /** The batch that is being read from a file: where it lies, and the offset behind it. -1: none, the index is being searched. */
  #filePosition = -1;
  #fileEnd = -1;
  /** Epoch and position of the batch that was read from a file last. */
  #epoch = 0;
  #epochPosition = 0;
  /** Offset behind the damage that the last read met; -1: nobody knows. */
  #damageEnd = -1;
  /** The last read got no descriptor or memory. */
  #isShort = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(host: ReaderHost, lane: Lane, topic: TopicEntry, queueId: number, offset: number) {
    this.#host = host;
    this.lane = lane;
    this.topic = topic;
    this.queueId = queueId;
    this.slot = topic.slots[queueId] as number;
    this.offset = offset;
    this.holdAt = lane.ring.gate();
  }

  read(target: Uint8Array, at: number, maxBytes: number, bloomLow: number, bloomHigh: number): number {
    const { offset } = this;
    this.#isShort = false;
    try {
      const outcome = this.#read(target, at, maxBytes, bloomLow, bloomHigh);
      if (this.bytes > 0) {
        const { meter } = this.#host;
        meter.bytesOut += this.bytes;
        meter.messagesOut += this.offset - offset;
      }
      return outcome;
    } catch (error) {
      if (isShortage(error)) {
        // What it has copied up to there is dropped and read again.
        this.#isShort = true;
        this.offset = offset;
        return this.#gave(0);
      }
      // An index block or a sector that cannot be read ends this queue's reading, not the thread.
      throwUnlessDamage(error);
      if (this.bytes > 0) {
        // What it has copied is given out; the next read meets the damage at once.
        return READ.some;
      }
      return this.#damaged((error as Error).message, this.#filePosition, this.#fileEnd);
    }
  }

  #read(target: Uint8Array, at: number, maxBytes: number, bloomLow: number, bloomHigh: number): number {
    this.bytes = 0;
    this.costBytes = 0;
    this.#filePosition = -1;
    this.#fileEnd = -1;
    this.blockedUntil = null;
    const { queueIndex, queueTable } = this.#host;
    // The slot may have gone to another topic before this thread heard of the deletion.
    if (this.topic.dead || queueTable.topicId(this.slot) !== this.topic.topicId) {
      return READ.dead;
    }
    const min = queueTable.minOffset(this.slot);
    if (this.offset < min) {
      this.offset = min;
      return READ.skipped;
    }
    const { ring } = this.lane;
    // In bytes: a reader may be further behind than positions of the ring can tell apart.
    const committed = ring.toBytes(this.lane.committed());
    const entry = this.#entry;
    const end = at + maxBytes;
    let to = at;
    while (queueIndex.find(this.slot, this.offset, entry)) {
      if (this.costBytes >= READ_COST_BYTES) {
        return READ.some;
      }
      if (entry.baseOffset > this.offset) {
        return to > at ? this.#gave(to - at) : this.#gap(entry);
      }
      const length = entry.slots * SLOT_BYTES;
      const entryEnd = entry.position + length;
      if (entryEnd > committed) {
        this.blockedUntil = ring.toSlots(entryEnd);
        break;
      }
      if (length > end - to) {
        if (to === at) {
          this.neededBytes = length;
          return READ.tooSmall;
        }
        break;
      }
      let copied = this.#fromRing(target, to, bloomLow, bloomHigh);
      if (copied === GONE && this.lane.persisted) {
        this.#filePosition = entry.position;
        this.#fileEnd = entry.baseOffset + entry.count;
        copied = this.#fromFiles(target, to, Math.min(end - to, RUN_BYTES), committed, bloomLow, bloomHigh);
      }
      if (copied < 0) {
        if (to > at) {
          break;
        }
        return this.#explain(copied);
      }
      this.#filePosition = -1;
      this.#fileEnd = -1;
      to += copied;
      this.bytes = to - at;
    }
    return this.#gave(to - at);
  }

  #gave(bytes: number): number {
    this.bytes = bytes;
    return bytes > 0 ? READ.some : READ.none;
  }

  /**
   * The queue goes on behind `offset` only. Retention may have taken what lay between, or a memory ring; else recovery found
   * damage where it lay, and passing over it would lose messages in silence.
   */
  #gap(entry: IndexEntry): number {
    if (this.lane.persisted && this.offset >= this.#host.queueTable.minOffset(this.slot)) {
      return this.#damaged(
        `log position below ${entry.position}: offsets ${this.offset} to ${entry.baseOffset - 1} are not there`,
        -1,
        entry.baseOffset,
      );
    }
    this.offset = entry.baseOffset;
    return READ.skipped;
  }

  watch(onReadable: (reader: QueueReader) => void): void {
    this.onReadable = onReadable;
    if (this.#isShort) {
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined;
        this.#host.watch(this);
      }, RETRY_MS);
    } else {
      this.#host.watch(this);
    }
  }

  close(): void {
    clearTimeout(this.#retry);
    this.onReadable = null;
    this.#host.forget(this);
  }

  /** Copies the batch `#entry` names, if the ring still has it. */
  #fromRing(target: Uint8Array, to: number, bloomLow: number, bloomHigh: number): number {
    const entry = this.#entry;
    const { ring, reader } = this.lane;
    // Positions in the ring wrap every 256 GiB; only this comparison of doubles tells an old lap from this one.
    if (entry.position < ring.toBytes(ring.gate())) {
      return GONE;
    }
    const slots = ring.toSlots(entry.position);
    if (!reader.pin(slots)) {
      this.#relieve();
      return GONE;
    }
    const place = ring.place(slots);
    const length = readUint32(ring.bytes, place + BATCH.length);
    let copied = 0;
    let cost = PASSED_COST_BYTES;
    if (this.#isOurs(ring.bytes, place) && bloomMatches(ring.bytes, place, bloomLow, bloomHigh)) {
      target.set(ring.bytes.subarray(place, place + length), to);
      copied = slotAligned(length);
      cost = copied;
    }
    reader.unpin();
    this.#relieve();
    this.costBytes += cost;
    this.offset = entry.baseOffset + entry.count;
    this.holdAt = (slots + entry.slots) | 0;
    this.heldSince = 0;
    return copied;
  }

  /** A pin, even a refused one, may just have kept the gate from moving; writers would wait for its owner's next look. */
  #relieve(): void {
    const { ring } = this.lane;
    if (ring.isHeldBack() || Atomics.load(ring.control, WORD.shareWanted) !== 0) {
      this.#host.gateIsHeldBack(this.lane.persisted);
    }
  }

  /** Reads the batch `#entry` names and those that lie close behind it, and keeps ours. */
  #fromFiles(
    target: Uint8Array,
    to: number,
    room: number,
    committed: number,
    bloomLow: number,
    bloomHigh: number,
  ): number {
    const start = this.#entry.position;
    const length = this.#runLength(Math.max(room, this.#entry.slots * SLOT_BYTES), committed);
    const began = monotonicMs();
    const got = this.#host.logReader.read(start, length, target, to);
    this.costBytes += Math.max(length, (monotonicMs() - began) * WAITED_COST_BYTES);
    if (got < this.#entry.slots * SLOT_BYTES) {
      if (start < this.#host.logReader.oldestPosition) {
        // Retention was faster than the news of it.
        this.offset = this.#host.queueIndex.findByPosition(
          this.slot,
          this.#host.logReader.oldestPosition,
          this.#ahead,
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
          // Perhaps it is of another queue, whose damage is no matter of ours. If it is ours, the next run begins with it.
          break;
        }
        this.damage = `log position ${position}: ${isValid ? 'a batch of an earlier epoch' : 'the batch header does not match its checksum or place'}`;
        return DAMAGED;
      }
      const taken = slotAligned(readUint32(target, from + BATCH.length));
      if (taken > stop - from) {
        break;
      }
      if (this.#isOurs(target, from)) {
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
   * Whether a batch is of an epoch below that of one before it, as after a lost write, where an earlier life's batch of the same place shows
   * through; recovery tells them in the same way. What lies behind the last batch that was read is compared with that one.
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

  /** How many bytes from `#entry` on are worth one read: up to the last of our batches within `room` that ends at or before `committed`. */
  #runLength(room: number, committed: number): number {
    const { queueIndex } = this.#host;
    const first = this.#entry;
    const ahead = this.#ahead;
    let length = first.slots * SLOT_BYTES;
    let offset = first.baseOffset + first.count;
    while (length < room && queueIndex.find(this.slot, offset, ahead)) {
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

  #isOurs(bytes: Uint8Array, at: number): boolean {
    return (
      bytes[at + BATCH.type] === BATCH_TYPE.data &&
      readUint32(bytes, at + BATCH.topicId) === this.topic.topicId &&
      readUint32(bytes, at + BATCH.queueId) === this.queueId
    );
  }

  /** Nothing could be copied. Retention may have passed us; a memory ring may have; else it is damage. */
  #explain(outcome: number): number {
    const min = this.#host.queueTable.minOffset(this.slot);
    if (this.offset < min || outcome === RETIRED) {
      this.offset = Math.max(this.offset, min);
      return READ.skipped;
    }
    if (outcome === GONE) {
      this.offset = Math.max(this.#entry.baseOffset + this.#entry.count, this.#offsetAtGate());
      return READ.skipped;
    }
    return this.#damaged(this.damage, this.#filePosition, this.#fileEnd);
  }

  /** The ring has run over what was wanted. What is still there begins at its gate: in one step, however far that is. */
  #offsetAtGate(): number {
    const { ring } = this.lane;
    try {
      return this.#host.queueIndex.findByPosition(this.slot, ring.toBytes(ring.gate()), this.#ahead);
    } catch (error) {
      if (isRingMQError(error) && error.code === 'BROKER_BUSY') {
        return 0; // The queue is being written all the time: a batch further will do until the next read.
      }
      throw error;
    }
  }

  #damaged(what: string, position: number, end: number): number {
    this.damage = what;
    this.damagePosition = position;
    this.#damageEnd = end;
    this.#host.damaged(this);
    return READ.damaged;
  }

  skipDamage(): void {
    const { queueTable } = this.#host;
    const last = queueTable.nextOffset(this.slot);
    if (this.#damageEnd > this.offset) {
      this.offset = this.#damageEnd;
    }
    try {
      // What lies behind is often damaged too: a sector, a page or a whole stretch has gone.
      for (let batches = 0; batches < MAX_SKIPPED_BATCHES && this.offset < last; batches++) {
        const end = this.#unreadableEnd(this.offset);
        if (end <= this.offset) {
          return;
        }
        this.offset = Math.min(end, last);
      }
    } catch (error) {
      if (!isShortage(error)) {
        throw error;
      }
      // No descriptor to look further with: the next read finds out.
    }
  }

  /** `offset` itself when the batch there can be read, else an offset behind what cannot. */
  #unreadableEnd(offset: number): number {
    const { queueIndex, logReader, queueTable } = this.#host;
    const { ring } = this.lane;
    const batch = this.#ahead;
    try {
      if (!queueIndex.find(this.slot, offset, batch)) {
        return offset;
      }
    } catch (error) {
      throwUnlessDamage(error);
      return firstThatIsFound(queueIndex, this.slot, offset, queueTable.nextOffset(this.slot), batch);
    }
    if (batch.baseOffset > offset) {
      return batch.baseOffset;
    }
    if (batch.position >= ring.toBytes(ring.gate())) {
      return offset;
    }
    const header = HEADER;
    try {
      const got = logReader.read(batch.position, header.length, header, 0);
      return got === header.length && headerIsValid(header, 0, batch.position)
        ? offset
        : batch.baseOffset + batch.count;
    } catch (error) {
      throwUnlessDamage(error);
      return batch.baseOffset + batch.count;
    }
  }
}

/** Only what says that this place cannot be read counts as damage: not a want of descriptors, nor a defect. */
function throwUnlessDamage(error: unknown): void {
  const isDamage = isRingMQError(error) && error.code === 'LOG_CORRUPT';
  if (isShortage(error) || (!isDamage && diskErrorCode(error) === undefined)) {
    throw error;
  }
}

/**
 * An index block cannot be read, and with it not those before it that only it leads to. The first offset behind `offset` whose block
 * is found, by doubling the step and halving it again; the queue's newest batches are in shared memory and always are.
 */
function firstThatIsFound(
  index: QueueIndex,
  slot: number,
  offset: number,
  last: number,
  entry: IndexEntry,
): number {
  let bad = offset;
  let step = 1;
  while (bad + step < last && !isFound(index, slot, bad + step, entry)) {
    bad += step;
    step *= 2;
  }
  let good = Math.min(bad + step, last);
  while (good - bad > 1) {
    const middle = Math.floor((bad + good) / 2);
    if (isFound(index, slot, middle, entry)) {
      good = middle;
    } else {
      bad = middle;
    }
  }
  return good;
}

function isFound(index: QueueIndex, slot: number, offset: number, entry: IndexEntry): boolean {
  try {
    index.find(slot, offset, entry);
    return true;
  } catch (error) {
    throwUnlessDamage(error);
    return false;
  }
}

function bloomMatches(bytes: Uint8Array, at: number, low: number, high: number): boolean {
  if ((low & high) === -1) {
    return true;
  }
  return (
    (readUint32(bytes, at + BATCH.tagBloom) & low) !== 0 ||
    (readUint32(bytes, at + BATCH.tagBloom + 4) & high) !== 0
  );
}
