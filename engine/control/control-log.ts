/**
 * How topics, groups, offsets and epochs get into the log: as control batches, by the thread that opened the
 * broker alone. They are claimed, stamped and flushed like any batch, so a topic's creation stands before its
 * first message, and a commit is acked as a message is: when it is written, or on disk, as the broker's flush
 * policy says.
 *
 * Everything is in {@link ControlLog.state} as soon as it is taken, in the order in which the log will have
 * it. What changes often (offsets and ages) is gathered: all of a turn of the event loop is one batch. While
 * the ring or the disk is full, it is gathered for longer; nothing of it is lost, and nobody has to wait in a
 * queue.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import { ERRORS, type ErrorCode, errorCodeOfWire, RingMQError } from '../../native-free/wire/index.js';
import { APPEND, type AppendSink } from '../engine-thread.js';
import { controlBatches, maxControlBytes } from '../meta/control-batch.js';
import type { ControlRecord, QueueNumbers } from '../meta/control-records.js';
import type { MetaState } from '../meta/meta-state.js';
import type { QueueEnd } from '../meta/queue-ends.js';
import { encodeState } from '../meta/state-file.js';
import { GroupChanges, type GroupRecord } from './group-changes.js';
import { LogWaiters } from './log-waiters.js';

/** A thread's door to the log, for control batches. */
export interface ControlWriter {
  /** The wire number of why nothing is taken now: DISK_FULL, DISK_FAILED; or 0. */
  controlRefusal(): number;
  /** As `EngineThread.append`, without a topic. */
  appendControl(sink: AppendSink, id: number, bytes: Uint8Array): number;
  /** Called once when there may be room again. */
  onRoom(callback: () => void): void;
}

export interface ControlLogOptions {
  /** What the log says so far; changed by this object alone from now on. */
  state: MetaState;
  writer: ControlWriter;
  /** The log's. */
  spanBytes: number;
  /** The log is another broker's, its master's: nothing is put into it here. Default: never. */
  isFollower?(): boolean;
  /** On a slave: keeps what is committed there, for its master, or for when it is one itself. Default: it is kept nowhere. */
  held?: HeldSink;
  /** On a slave: the state has all that is in its log. */
  isApplied?(): boolean;
  /** Runs a function in a later turn of the event loop. */
  later(run: () => void): void;
}

/** Where a slave keeps what its consumers commit. */
export interface HeldSink {
  add(group: string, topicId: number, queueId: number, offset: number): void;
  /** Resolves once all that was added is kept, as durably as commits are. */
  settled(): Promise<void>;
}

/** The state as a snapshot may have it, once the log has all that is in it. */
export interface StateSnapshot {
  readonly bytes: Uint8Array;
  /** True once everything that is in the snapshot is on disk in the log, too. `flushed`: the log's, in bytes. */
  isCovered(flushed: number): boolean;
}

export class ControlLog implements AppendSink {
  readonly hasTravelled = false;
  readonly state: MetaState;
  readonly #writer: ControlWriter;
  readonly #spanBytes: number;
  readonly #later: (run: () => void) => void;
  readonly #isFollower: () => boolean;
  readonly #isApplied: () => boolean;
  readonly #held: HeldSink | undefined;
  readonly #changes = new GroupChanges();
  /** Batches that the ring had no room for, in their order. Whoever appends more than changes of groups waits for it, so it is short. */
  readonly #waiting: Uint8Array[] = [];
  readonly #waiters = new LogWaiters();
  /** Batches put into the ring, and those acked; the position of the last of these. */
  #appended = 0;
  #acked = 0;
  #ackedPosition = -1;
  #isScheduled = false;
  #wantsRoom = false;
  #failure: RingMQError | null = null;
  /** Of the last look. */
  #heldUpBy: RingMQError | null = null;

  constructor({ state, writer, spanBytes, isFollower, isApplied, held, later }: ControlLogOptions) {
    this.#held = held;
    this.#isFollower = isFollower ?? (() => false);
    this.#isApplied = isApplied ?? (() => true);
    this.state = state;
    this.#writer = writer;
    this.#spanBytes = spanBytes;
    this.#later = later;
  }

  /** What one record may take in the log. */
  get maxRecordBytes(): number {
    return maxControlBytes(this.#spanBytes);
  }

  /** Everything that was taken is in the ring. */
  get isEmpty(): boolean {
    return this.#changes.isEmpty && this.#waiting.length === 0;
  }

  /** Everything that was taken is acked at the broker's policy. */
  get isSettled(): boolean {
    return this.isEmpty && this.#acked === this.#appended;
  }

  /** Why what was taken cannot be put into the log now; null: it can, or there is nothing. */
  get heldUpBy(): RingMQError | null {
    return this.isSettled ? null : this.#heldUpBy;
  }

  /**
   * Takes one number of a group on a queue, backwards too. In the log with the next batch; those on memory
   * topics never are, as they end with the process.
   */
  appendNumber(kind: QueueNumbers, group: string, topicId: number, queueId: number, value: number): void {
    const topic = this.state.topics.get(topicId);
    if (topic === undefined || queueId >= topic.queues) {
      return;
    }
    if (!topic.memory && this.#isFollower() && kind === 'offsets') {
      // Before the state has it: whether the group was there counts. What else there is to say is the
      // master's.
      this.#held?.add(group, topicId, queueId, value);
    }
    this.state[kind].set(group, topicId, topic.queues, queueId, value);
    if (!topic.memory && !this.#isFollower()) {
      this.#changes.number(kind, group, topicId, queueId, value);
      this.#schedule();
    }
  }

  /** Takes a record that nobody waits for. In the log with the next batch. */
  appendLater(record: GroupRecord): void {
    if (this.#isFollower()) {
      return;
    }
    this.state.apply(record);
    this.#changes.add(record);
    if (record.type === 'startsDropped' && !this.state.hasGroup(record.group)) {
      // With its last start the group is gone. Said outright: who applies this again, later, may have such a
      // group.
      this.appendLater({ type: 'groupDeleted', group: record.group });
    }
    this.#schedule();
  }

  /** Says whose term begins, before anything else is said in the log, whatever the disk is like. `position`: the log's end, in bytes. */
  beginEpoch(epoch: number, position: number, name: string): void {
    this.#take([{ type: 'epoch', epoch, position, name, time: Date.now() }]);
    this.#push();
  }

  /**
   * Resolves once the records, and all that was taken before them, are acked at the broker's policy: written,
   * or on disk. One caller of each kind at a time.
   * @throws RingMQError DISK_FULL, BAD_ARGUMENT (a record that is too long for the log; nothing was changed by either),
   * DISK_FAILED, BROKER_CLOSED
   */
  append(records: readonly ControlRecord[]): Promise<void> {
    const refusal = this.#writer.controlRefusal();
    if (this.#failure !== null || refusal !== 0) {
      return Promise.reject(this.#failure ?? errorOf(errorCodeOfWire(refusal)));
    }
    this.#gather();
    try {
      this.#take(records);
    } catch (error) {
      return Promise.reject(error);
    }
    const promise = this.#waiters.until(this.#appended + this.#waiting.length);
    this.#push();
    return promise;
  }

  /**
   * Resolves once all that was taken so far is acked at the broker's policy. With a full disk it is not
   * waited for.
   * @throws RingMQError DISK_FULL (what was taken is kept, and written when there is room), DISK_FAILED,
   * BROKER_CLOSED
   */
  settled(): Promise<void> {
    if (this.#failure !== null) {
      return Promise.reject(this.#failure);
    }
    if (this.#isFollower()) {
      return this.#held?.settled() ?? Promise.resolve();
    }
    if (this.isSettled) {
      return Promise.resolve();
    }
    const settled = this.#waiters.untilTurn();
    this.#schedule();
    return settled;
  }

  /** To be called a few times a second: looks whether a full disk has room again, or has become full. */
  tick(): void {
    if (this.#isFollower()) {
      return;
    }
    const refusal = this.#writer.controlRefusal();
    if (refusal !== 0) {
      this.#refuse(errorOf(errorCodeOfWire(refusal)));
      return;
    }
    this.#heldUpBy = null;
    if (!this.isEmpty) {
      this.#run();
    }
  }

  /** Puts what was gathered into the ring now. False: there is no room for all of it. */
  flush(): boolean {
    if (this.#isFollower()) {
      return this.#isApplied();
    }
    this.#run();
    return this.isEmpty;
  }

  /**
   * The state as it is, as the part of a checkpoint that reflects the log up to `position`; to be taken when
   * {@link isEmpty}. `ends`: where the queues end there.
   */
  snapshot(position: number, ends: Iterable<QueueEnd> = []): StateSnapshot {
    this.state.tombstones.expire(Date.now());
    this.state.audit.expire(Date.now());
    const bytes = encodeState(this.state.records(ends), position);
    const taken = this.#appended;
    let last: number | null = null;
    return {
      bytes,
      isCovered: (flushed) => {
        if (last === null && this.#acked >= taken) {
          last = this.#ackedPosition;
        }
        return last !== null && flushed > last;
      },
    };
  }

  /**
   * Waits until all is acked, for `limitMs` at most, and not for a disk that has failed: that is told
   * already. Nor for slaves that are not there.
   * @throws RingMQError DISK_FULL at once where there is no room for what is left
   */
  async drained(limitMs: number): Promise<void> {
    if (this.#isFollower()) {
      return;
    }
    const until = monotonicMs() + limitMs;
    this.#run();
    while (!this.isSettled && this.#failure === null && monotonicMs() < until) {
      const refusal = this.#writer.controlRefusal();
      if (refusal === ERRORS.NOT_MASTER.wire) {
        return; // Nobody takes it from a master that is none any more.
      }
      if (refusal !== 0) {
        this.#refuse(errorOf(errorCodeOfWire(refusal)));
        if (this.#heldUpBy?.code === 'DISK_FULL') {
          throw this.#heldUpBy;
        }
        return;
      }
      await delay(2);
    }
  }

  /** Nothing is taken any more; who still waits is told BROKER_CLOSED. */
  close(): void {
    this.#fail(new RingMQError('BROKER_CLOSED'));
  }

  /** From the lane. */
  onAppended(
    _id: number,
    status: number,
    _durability: number,
    _flags: number,
    _base: number,
    position: number,
  ): void {
    if (status !== 0) {
      this.#fail(errorOf(errorCodeOfWire(status)));
      return;
    }
    this.#acked++;
    this.#ackedPosition = position;
    this.#waiters.acked(this.#acked);
  }

  #schedule(): void {
    if (!this.#isScheduled && this.#failure === null) {
      this.#isScheduled = true;
      this.#later(() => {
        this.#isScheduled = false;
        this.#run();
      });
    }
  }

  #run(): void {
    if (this.#failure !== null || this.#isFollower()) {
      return;
    }
    const refusal = this.#writer.controlRefusal();
    if (refusal !== 0) {
      this.#refuse(errorOf(errorCodeOfWire(refusal)));
      return;
    }
    // What is gathered grows no longer than there are queues; what waits in line would.
    if (this.#waiting.length === 0) {
      this.#gather();
      // Who waits for what was gathered waits for the batches that it has become.
      this.#waiters.endTurn(this.#appended + this.#waiting.length, this.#acked);
    }
    this.#push();
    if (this.#waiting.length === 0 && !this.#changes.isEmpty) {
      this.#schedule();
    }
  }

  /** What was gathered becomes batches. */
  #gather(): void {
    if (!this.#changes.isEmpty) {
      this.#waiting.push(...controlBatches(this.#changes.take(), this.#spanBytes, Date.now()));
    }
  }

  #take(records: readonly ControlRecord[]): void {
    const batches = controlBatches(records, this.#spanBytes, Date.now());
    for (const record of records) {
      this.state.apply(record);
    }
    this.#waiting.push(...batches);
  }

  #push(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const outcome = this.#writer.appendControl(this, this.#appended >>> 0, next);
      if (outcome === APPEND.full) {
        this.#askForRoom();
        return;
      }
      if (outcome !== APPEND.ok) {
        this.#fail(errorOf(errorCodeOfWire(outcome)));
        return;
      }
      this.#waiting.shift();
      this.#appended++;
    }
  }

  #askForRoom(): void {
    if (!this.#wantsRoom) {
      this.#wantsRoom = true;
      this.#writer.onRoom(() => {
        this.#wantsRoom = false;
        this.#run();
      });
    }
  }

  /** A full disk, or too few slaves: what was taken is kept. A disk that has failed: nothing will be written any more. */
  #refuse(error: RingMQError): void {
    if (!error.retryable) {
      this.#fail(error);
      return;
    }
    this.#heldUpBy = error;
    this.#waiters.refuse(error);
  }

  #fail(error: RingMQError): void {
    this.#failure ??= error;
    this.#waiters.fail(error);
  }
}

function errorOf(code: ErrorCode): RingMQError {
  return new RingMQError(code);
}
