/**
 * One lane as one thread sees it: the ring, this thread's writer and reader in it, the index stage, and the
 * batches this thread has put in that still wait for their result or their watermark.
 */
import {
  ACK_REPLICAS_SHIFT,
  BATCH,
  BATCH_ATTRIBUTE,
  DURABILITY,
  ERRORS,
  readUint16,
  readUint32,
} from '../../native-free/wire/index.js';
import type { AppendSink } from '../engine-thread.js';
import { APPEND } from '../engine-thread.js';
import type { IndexStage, ResultRing } from '../queue/index.js';
import { RESULT_CAPACITY } from '../queue/index.js';
import type { Ring } from '../ring/index.js';
import { bulkCopy, bulkTarget, RingReader, RingWriter, WORD } from '../ring/index.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import type { Term } from '../term/term.js';
import { AckQueue } from './ack-queue.js';
import { type Level, LOG_LEVEL } from './levels.js';
import { MemoryShare } from './memory-share.js';

export interface LaneDeps {
  ring: Ring;
  seat: number;
  index: IndexStage;
  results: ResultRing;
  /** false: a memory lane, nothing is ever written. */
  persisted: boolean;
  /** What may be waited for: of the log one that does not wait for the disk and one that does, of a memory lane one alone. */
  levels: readonly Level[];
  /** The broker's own policy: the number of one of them. */
  policy: number;
  /** Counts the slaves that have what is acked. */
  replicas: ReplicaMarks;
  /** What the broker is. */
  term: Term;
}

export class Lane {
  readonly ring: Ring;
  readonly persisted: boolean;
  readonly reader: RingReader;
  readonly #writer: RingWriter;
  /** The ring's bytes. */
  readonly #bulk: Buffer;
  readonly #seat: number;
  readonly #index: IndexStage;
  readonly #results: ResultRing;
  /**
   * Claimed, result not seen yet; in the order of the claims. `flags` holds the number of the level that is
   * waited for, `position` where in the ring the claim is, in slots.
   */
  readonly #claimed = new AckQueue();
  /** Indexed, waiting in the queue of its level: none waits for another level's. */
  readonly #levels: readonly Level[];
  readonly #policy: number;
  readonly #replicas: ReplicaMarks;
  readonly #term: Term;
  /** How this lane's topics share its ring; null: they share a disk. */
  readonly #share: MemoryShare | null;
  /** The gate when a claim last failed; null when none has since there was room. */
  #fullAtGate: number | null = null;

  constructor(deps: LaneDeps) {
    this.ring = deps.ring;
    this.#bulk = bulkTarget(deps.ring.bytes);
    this.persisted = deps.persisted;
    this.#seat = deps.seat;
    this.#index = deps.index;
    this.#results = deps.results;
    this.#levels = deps.levels;
    this.#policy = deps.policy;
    this.#replicas = deps.replicas;
    this.#term = deps.term;
    this.#writer = new RingWriter(deps.ring, deps.seat);
    this.reader = new RingReader(deps.ring, deps.seat);
    this.#share = deps.persisted ? null : new MemoryShare(deps.ring);
  }

  /** Batches of this thread that have no ack yet. */
  get unacked(): number {
    let count = this.#claimed.length;
    for (let i = 0; i < this.#levels.length; i++) {
      count += (this.#levels[i] as Level).queue.length;
    }
    return count;
  }

  /** Batches of this thread that are not indexed yet, as far as it has heard. */
  get unindexed(): number {
    return this.#claimed.length;
  }

  /**
   * Copies a checked batch into the ring, publishes it and has it indexed. `marks`: attributes that the broker adds.
   * `APPEND.ok` or `APPEND.full`.
   */
  append(sink: AppendSink, id: number, bytes: Uint8Array, marks = 0): number {
    if (this.#share?.isSpent(readUint32(bytes, BATCH.topicId)) === true) {
      return APPEND.full;
    }
    if (this.#claimed.length >= RESULT_CAPACITY) {
      this.drainResults();
      if (this.#claimed.length >= RESULT_CAPACITY) {
        // No matter of the gate: the next turn drains results, and then there is room.
        this.#fullAtGate = (this.ring.gate() - 1) | 0;
        return APPEND.full;
      }
    }
    const writer = this.#writer;
    // Read before the claim: a gate that moves right after it failed must count as room.
    const gate = this.ring.gate();
    if (!writer.claim(bytes.length) && !(this.#relieve() && writer.claim(bytes.length))) {
      this.#fullAtGate = gate;
      this.#share?.claimFailed(readUint32(bytes, BATCH.topicId));
      return APPEND.full;
    }
    this.#share?.isServed();
    try {
      bulkCopy(this.#bulk, bytes, writer.place);
      if (marks !== 0) {
        const at = writer.place + BATCH.attributes;
        this.ring.bytes[at] = (this.ring.bytes[at] as number) | marks;
      }
      writer.publish();
    } finally {
      // Nothing after a publish; else the claim becomes padding.
      writer.abort();
    }
    const level = this.persisted ? this.#levelOf(readUint16(bytes, BATCH.attributes)) : 0;
    const end = (writer.position + ((bytes.length + 63) >>> 6)) | 0;
    if (level < this.#policy) {
      this.ring.want(WORD.writtenWanted, end);
    }
    this.#claimed.push(sink, id, level, end, 0, writer.position, 0);
    this.#index.tryRun(this.#seat);
    return APPEND.ok;
  }

  /**
   * On a slave: puts in a batch, or pad, that the master has stamped, with the bytes up to the next slot, and
   * has it indexed. False: the ring is full. Only the one thread that follows calls it.
   */
  follow(source: Uint8Array, at: number, length: number, bytes: number): boolean {
    const writer = this.#writer;
    if (!writer.claim(length)) {
      return false;
    }
    bulkCopy(this.#bulk, source.subarray(at, at + bytes), writer.place);
    writer.publish();
    this.#index.tryRun(this.#seat);
    return true;
  }

  /** Everything indexed is to be on the disk, whatever the flush policy. */
  wantSync(): void {
    this.ring.want(WORD.syncWanted, this.ring.indexed());
  }

  /** What a batch of the log wants, or else the broker's policy. */
  #levelOf(attributes: number): number {
    if ((attributes & (BATCH_ATTRIBUTE.syncFlush | BATCH_ATTRIBUTE.asyncFlush)) === 0) {
      return this.#policy;
    }
    return (attributes & BATCH_ATTRIBUTE.syncFlush) === 0 ? LOG_LEVEL.written : LOG_LEVEL.flushed;
  }

  /** A memory lane's index stage moves its gate, if holds allow: worth one more try of a claim that failed. */
  #relieve(): boolean {
    return !this.persisted && this.#index.tryRun(this.#seat);
  }

  /** True once after an append was refused for want of room, when another try may succeed. */
  roomAgain(): boolean {
    if (this.#share?.roomAgain() === true) {
      return true;
    }
    if (this.#fullAtGate === null || this.#fullAtGate === this.ring.gate()) {
      return false;
    }
    this.#fullAtGate = null;
    return true;
  }

  /** Nobody on this thread waits for room. */
  nobodyWaits(): void {
    this.#share?.isServed();
  }

  /** Indexing has stopped for this turn with more to do: run it again in the next. */
  get indexBehind(): boolean {
    return this.#index.hasMore;
  }

  /** Everything published has its place. */
  get isIndexed(): boolean {
    return this.ring.mark(this.ring.indexed()) === 0;
  }

  /** The disk error that kept the last indexing of this thread from storing an index block; null: none. */
  get stalledBy(): unknown {
    return this.#index.stalledBy;
  }

  /** Indexes what is published, if nobody else does. True when it came further. */
  runIndex(): boolean {
    return this.#index.tryRun(this.#seat);
  }

  /**
   * Moves batches whose result has come from "claimed" to the queue of their policy; refused ones are told at
   * once. Results are in the order of claims, and each says where its claim was: one that is not the oldest
   * of ours is of the seat's last owner, and is passed over.
   */
  drainResults(): void {
    const results = this.#results;
    const claimed = this.#claimed;
    while (claimed.length > 0 && results.next()) {
      if (results.ringPosition !== claimed.headPosition()) {
        continue;
      }
      const sink = claimed.headSink();
      if (results.status !== 0) {
        sink?.onAppended(claimed.headId(), results.status, DURABILITY.memory, 0, 0, 0, 0);
      } else {
        (this.#levels[claimed.headFlags()] as Level).queue.push(
          sink,
          claimed.headId(),
          results.flags,
          claimed.headEnd(),
          results.baseOffset,
          results.position,
          results.storeTime,
        );
      }
      claimed.drop();
    }
  }

  /** Acks all that the watermarks have passed. */
  releaseAcks(): void {
    for (const level of this.#levels) {
      if (level.queue.length > 0) {
        this.#release(level);
      }
    }
  }

  #release(level: Level): void {
    const { queue, counts } = level;
    const mark = level.watermark();
    const flushed = this.persisted ? this.ring.flushed() : 0;
    while (queue.length > 0 && ((queue.headEnd() - mark) | 0) <= 0) {
      const end = queue.headEnd();
      const isOnDisk = this.persisted && ((end - flushed) | 0) <= 0;
      const replicas = counts === null ? 0 : this.#replicas.countAt(counts, end);
      queue.settle(0, isOnDisk ? DURABILITY.disk : level.durability, replicas << ACK_REPLICAS_SHIFT);
    }
  }

  /** The disk has failed for good: what waits for it will not be acked. */
  failAll(): void {
    for (const queue of [this.#claimed, ...this.#levels.map((level) => level.queue)]) {
      while (queue.length > 0) {
        queue.settle(ERRORS.DISK_FAILED.wire, DURABILITY.memory, 0);
      }
    }
  }

  forget(sink: AppendSink): void {
    this.#claimed.forget(sink);
    for (const { queue } of this.#levels) {
      queue.forget(sink);
    }
  }

  /** Up to where batches may be delivered, in slots: what the broker's own policy calls committed. */
  committed(): number {
    if (this.persisted && this.#term.isFollower) {
      // Delivered is what the master has committed, once it is here as this broker's own policy wants it.
      const { ring } = this;
      return this.#replicas.committedBelow(
        this.#policy === LOG_LEVEL.flushed ? ring.flushed() : ring.written(),
      );
    }
    return (this.#levels[this.#policy] as Level).watermark();
  }
}
