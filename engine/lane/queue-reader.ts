/**
 * A place in one queue. Finds each next batch by the queue index and copies it from the ring while it is there, from the
 * segment files once the ring has moved on; in files, neighbours are fetched with one read.
 */
import { performance } from 'node:perf_hooks';
import {
  BATCH,
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

/** What a reader needs of its thread. */
export interface ReaderHost {
  readonly queueIndex: QueueIndex;
  readonly queueTable: QueueTable;
  readonly logReader: LogReader;
  watch(reader: LaneReader): void;
  forget(reader: LaneReader): void;
  /** A pin may have kept a ring's gate from moving: its owner should look again. */
  gateIsHeldBack(isLog: boolean): void;
}

/** Outcomes of copying one run, beside the bytes it gave. */
const GONE = -1;
const DAMAGED = -2;
const RETIRED = -3;

export class LaneReader implements QueueReader {
  offset: number;
  neededBytes = 0;
  damage = '';
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
  readonly #entry = new IndexEntry();
  readonly #ahead = new IndexEntry();
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
      return this.#read(target, at, maxBytes, bloomLow, bloomHigh);
    } catch (error) {
      if (isShortage(error)) {
        // What it has copied up to there is dropped and read again.
        this.#isShort = true;
        this.offset = offset;
        return this.#gave(0);
      }
      // An index block or a sector that cannot be read ends this queue's reading, not the thread.
      const isDamage = isRingMQError(error) && error.code === 'LOG_CORRUPT';
      if (!isDamage && diskErrorCode(error) === undefined) {
        throw error;
      }
      this.bytes = 0;
      this.damage = (error as Error).message;
      return READ.damaged;
    }
  }

  #read(target: Uint8Array, at: number, maxBytes: number, bloomLow: number, bloomHigh: number): number {
    this.bytes = 0;
    this.costBytes = 0;
    this.blockedUntil = null;
    const { queueIndex, queueTable } = this.#host;
    // The slot may have gone to another topic before this thread heard of the deletion.
    if (this.topic.dead || queueTable.topicId(this.slot) !== this.topic.topicId) {
      return READ.dead;
    }
    const min = queueTable.minOffset(this.slot);
    if (this.offset < min) {
      this.offset = min;
      return READ.moved;
    }
    const { ring } = this.lane;
    // In bytes: a reader may be further behind than positions of the ring can tell apart.
    const committed = ring.toBytes(this.lane.committed());
    const entry = this.#entry;
    const end = at + maxBytes;
    let to = at;
    while (queueIndex.find(this.slot, this.offset, entry)) {
      if (this.costBytes >= READ_COST_BYTES) {
        this.bytes = to - at;
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
        copied = this.#fromFiles(target, to, Math.min(end - to, RUN_BYTES), committed, bloomLow, bloomHigh);
      }
      if (copied < 0) {
        if (to > at) {
          break;
        }
        return this.#explain(copied);
      }
      to += copied;
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
      this.damage = `log position below ${entry.position}: offsets ${this.offset} to ${entry.baseOffset - 1} are not there`;
      return READ.damaged;
    }
    this.offset = entry.baseOffset;
    return READ.moved;
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
    if (this.lane.ring.isHeldBack()) {
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
    const began = performance.now();
    const got = this.#host.logReader.read(start, length, target, to);
    this.costBytes += Math.max(length, (performance.now() - began) * WAITED_COST_BYTES);
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
      if (!headerIsValid(target, from, position)) {
        if (from > to) {
          // Perhaps it is of another queue, whose damage is no matter of ours. If it is ours, the next run begins with it.
          break;
        }
        this.damage = `log position ${position}: the batch header does not match its checksum or place`;
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
      return READ.moved;
    }
    if (outcome === GONE) {
      // The ring ran over it between the look-up and the pin: what is still there begins behind the gate.
      this.offset = this.#entry.baseOffset + this.#entry.count;
      return READ.moved;
    }
    return READ.damaged;
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
