/**
 * A place in one queue. Finds each next batch by the queue index and copies it from the ring while it is
 * there, from the segment files once the ring has moved on; in files, neighbours are fetched with one read.
 */

import { clearTimeout, setTimeout } from '../../native-free/time/index.js';
import { BATCH, isRingMQError, readUint32, SLOT_BYTES, slotAligned } from '../../native-free/wire/index.js';
import { isShortage } from '../disk/index.js';
import type { QueueReader, TopicEntry } from '../engine-thread.js';
import { READ } from '../engine-thread.js';
import { IndexEntry } from '../queue/index.js';
import { WORD } from '../ring/index.js';
import { bloomMatches, isOfQueue } from './batch-match.js';
import { behindDamage, type LogSources, type MetDamage, throwUnlessDamage } from './damage.js';
import { examineBatch } from './examine-batch.js';
import { DAMAGED, FileRun, RETIRED } from './file-run.js';
import type { Lane } from './lane.js';
import { recentPlace } from './recent-place.js';

/** One read from a file takes at most this much, however much the caller has room for. */
const RUN_BYTES = 512 * 1024;
/**
 * One read looks through this much and no more, whatever it keeps of it: some tenths of a millisecond from
 * memory or the page cache. Its caller comes back for the rest, and the thread's other sockets have their
 * turn in between.
 */
const READ_COST_BYTES = 512 * 1024;
/** What a batch that is passed over in the ring costs, however small: finding it takes about as long as copying so much. */
const PASSED_COST_BYTES = 1024;
/** How soon a read that got no descriptor or memory is tried again. */
const RETRY_MS = 100;

/** What the readers of a thread have read. */
export interface ReadMeter {
  messagesOut: number;
  bytesOut: number;
}

/** What a reader needs of its thread. */
export interface ReaderHost extends LogSources {
  readonly meter: ReadMeter;
  watch(reader: LaneReader): void;
  forget(reader: LaneReader): void;
  /** A reader has met damage. */
  damaged(met: MetDamage): void;
  /** A pin may have kept a ring's gate from moving: its owner should look again. */
  gateIsHeldBack(isLog: boolean): void;
}

/** The ring does not have the batch any more. */
const GONE = -1;

/** Used by one reader at a time, for the length of a call: a consumer of ten thousand queues has as many readers. */
const ENTRY = new IndexEntry();
const AHEAD = new IndexEntry();

export class LaneReader implements QueueReader {
  offset: number;
  neededBytes = 0;
  damage = '';
  damagePosition = -1;
  /** Of log from `damagePosition` on; 0: nobody knows. */
  damageBytes = 0;
  bytes = 0;
  costBytes = 0;
  isOld = false;
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
  readonly #fileRun: FileRun;
  /** The batch that is being read from a file: where it lies, and the offset behind it. -1: none, the index is being searched. */
  #filePosition = -1;
  #fileEnd = -1;
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
    this.#fileRun = new FileRun(host, this.slot, topic.topicId, queueId);
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
    this.isOld = false;
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
        this.isOld = true;
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
   * The queue goes on behind `offset` only. Retention may have taken what lay between, or a memory ring; else
   * recovery found damage where it lay, and passing over it would lose messages in silence.
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

  recent(): { offset: number; position: number } | null {
    return recentPlace(this.#host.queueIndex, this.lane, this.slot, this.offset, this.#ahead);
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
    // Positions in the ring wrap every 256 GiB; only this comparison of doubles tells an old lap from this
    // one.
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
    if (
      isOfQueue(ring.bytes, place, this.topic.topicId, this.queueId) &&
      bloomMatches(ring.bytes, place, bloomLow, bloomHigh)
    ) {
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

  /** Copies the batch `#entry` names and those that lie close behind it from the files. */
  #fromFiles(
    target: Uint8Array,
    to: number,
    room: number,
    committed: number,
    bloomLow: number,
    bloomHigh: number,
  ): number {
    const run = this.#fileRun;
    run.offset = this.offset;
    const copied = run.read(this.#entry, target, to, room, committed, bloomLow, bloomHigh);
    this.costBytes += run.costBytes;
    this.offset = run.offset;
    if (copied === DAMAGED) {
      this.damage = run.damage;
    }
    return copied;
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
    this.damageBytes =
      position >= 0 && position === this.#entry.position ? this.#entry.slots * SLOT_BYTES : 0;
    this.#damageEnd = end;
    this.#host.damaged(this);
    return READ.damaged;
  }

  examine(offset: number): boolean {
    const met = examineBatch(this.#host, this.lane, this, offset, this.#entry);
    if (met !== null) {
      this.#host.damaged(met);
    }
    return met !== null;
  }

  skipDamage(): void {
    if (this.#damageEnd > this.offset) {
      this.offset = this.#damageEnd;
    }
    this.offset = behindDamage(this.#host, this.lane.ring, this.slot, this.offset);
  }
}
