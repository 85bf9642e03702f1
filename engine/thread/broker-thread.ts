/**
 * One thread's seat at the broker: it writes into the rings, indexes, takes the persist role for small
 * writes, hears of watermarks, tells producers and consumers of its thread. The work is done in *turns*: what
 * a turn of the event loop has appended is settled together at its end (`setImmediate`), which is a natural
 * group commit.
 */
import { clearImmediate, setImmediate } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';
import { hadKeys } from '../../native-free/batch/record-check.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { BATCH, BATCH_ATTRIBUTE, ERRORS, readUint32 } from '../../native-free/wire/index.js';
import { checkBatch } from '../batch/check.js';
import type { ControlListener, ControlPort } from '../control/channel-messages.js';
import { connectionIdsOf } from '../control/connection-desk.js';
import type { ControlWriter } from '../control/control-log.js';
import { ESTALE } from '../disk/index.js';
import {
  APPEND,
  type AppendSink,
  type ClusterPlace,
  type EngineInfo,
  type EngineThread,
  type QueueReader,
  type TopicEntry,
  type WorkOwner,
} from '../engine-thread.js';
import { IndexStall } from '../lane/index-stall.js';
import type { Lane } from '../lane/lane.js';
import { ThreadReaders } from '../lane/readers.js';
import type { DiskState } from '../persist/disk-state.js';
import type { InlinePersist } from '../persist/inline.js';
import { SeatMeter } from '../stats/index.js';
import { BROKER_WORD, ROLE } from '../term/shared-words.js';
import { ThreadAccess } from './access-door.js';
import { BrokerRole } from './broker-role.js';
import { ControlHalf } from './control-half.js';
import { type FollowHost, FollowSeat } from './follow-seat.js';
import { MemoryDuty } from './memory-duty.js';
import { type ReplicaHost, ThreadReplicas } from './replica-door.js';
import { RoomWaiters } from './room-waiters.js';
import type { ThreadParts } from './thread-parts.js';
import { ThreadWaker } from './thread-waker.js';
import type { TurnWork } from './turn-work.js';

/** Work that is done for all connections of a thread at once. */
const NOBODY: WorkOwner = { label: '' };

export class BrokerThread extends ControlHalf implements EngineThread, ControlWriter {
  readonly info: EngineInfo;
  readonly meter: SeatMeter;
  readonly queueTable: ThreadParts['queueTable'];
  readonly logReader: ThreadParts['logReader'];
  readonly #log: Lane;
  readonly #memory: Lane;
  readonly #disk: DiskState;
  readonly #inline: InlinePersist;
  readonly #stall: IndexStall;
  readonly #waker: ThreadWaker;
  readonly #release: () => void;
  readonly #readers: ThreadReaders;
  readonly replicas: ThreadReplicas;
  readonly access: ThreadAccess;
  readonly #host: ReplicaHost & FollowHost;
  readonly #words: Int32Array;
  readonly #works = new Set<TurnWork>();
  readonly #room: RoomWaiters;
  /** The turn to come; null: none is scheduled. */
  #immediate: NodeJS.Immediate | null = null;
  readonly #memoryDuty: MemoryDuty;
  readonly #isClosing: () => boolean;
  readonly #term: ThreadParts['term'];
  readonly #role: BrokerRole;
  readonly #turn = (): void => this.#runTurn();
  #beforeTurn: (() => void)[] = [];

  constructor(parts: ThreadParts, openPort: (seat: number, listener: ControlListener) => ControlPort) {
    super(parts, openPort);
    this.info = parts.info;
    this.#words = new Int32Array(parts.brokerWords);
    this.queueTable = parts.queueTable;
    this.logReader = parts.logReader;
    this.#log = parts.log;
    this.#memory = parts.memory;
    this.#disk = parts.disk;
    this.#inline = parts.inline;
    this.#stall = new IndexStall(parts.log, parts.disk, this.#turn);
    this.#room = new RoomWaiters(parts.log, parts.memory);
    this.#release = parts.release;
    this.#isClosing = parts.isClosing;
    this.#term = parts.term;
    this.#role = new BrokerRole(parts);
    this.#waker = new ThreadWaker(parts, () => this.#runTurn());
    this.meter = new SeatMeter(parts.stats, parts.seat, (message, details) => this.warn(message, details));
    this.#readers = new ThreadReaders(
      parts,
      this.meter,
      () => this.#schedule(),
      (isLog) => this.gateIsHeldBack(isLog),
      (reader) => this.tellDamage(reader),
    );
    this.#memoryDuty = new MemoryDuty(parts, this.#readers.ofMemory, this.#waker);
    this.#host = {
      ...parts,
      marks: parts.replicas,
      limits: parts.inSyncLimits,
      addWork: (work) => {
        this.#works.add(work);
        return () => this.#works.delete(work);
      },
      schedule: () => this.#schedule(),
      settle: () => this.#settleNow(),
      wakeOthers: () => this.#waker.wakeOthers(),
    };
    this.replicas = new ThreadReplicas(this.#host, this.port);
    this.access = new ThreadAccess(parts.brokerWords, this.port);
  }

  get place(): ClusterPlace {
    return this.#role.place;
  }

  newConnectionId(): string {
    const number = Atomics.add(this.#words, BROKER_WORD.connections, 1) >>> 0;
    return `${connectionIdsOf(this.info.openingId)}${this.seat}-${number + 1}`;
  }

  append(sink: AppendSink, id: number, bytes: Uint8Array, topic: TopicEntry): number {
    const outcome = this.#append(sink, id, bytes, topic);
    const { meter } = this;
    if (outcome === APPEND.ok) {
      meter.batchesIn++;
      meter.bytesIn += bytes.length;
      meter.messagesIn += readUint32(bytes, BATCH.recordCount);
    } else if (outcome !== APPEND.full) {
      meter.refusedBatches++;
    }
    return outcome;
  }

  #append(sink: AppendSink, id: number, bytes: Uint8Array, topic: TopicEntry): number {
    if (this.isClosed || this.#isClosing()) {
      return ERRORS.BROKER_CLOSED.wire;
    }
    const lane = topic.memory ? this.#memory : this.#log;
    if (bytes.length > lane.ring.spanBytes) {
      return ERRORS.MESSAGE_TOO_LARGE.wire;
    }
    const status = checkBatch(bytes, sink.hasTravelled, lane.persisted);
    if (status !== 0) {
      return status;
    }
    if (topic.dead) {
      return ERRORS.TOPIC_NOT_FOUND.wire;
    }
    if (readUint32(bytes, BATCH.queueId) >= topic.queues) {
      return ERRORS.QUEUE_NOT_FOUND.wire;
    }
    const refusal = this.#role.refusal(lane);
    if (refusal !== 0) {
      return refusal;
    }
    if (lane.persisted) {
      const refusal = this.#disk.refusal();
      if (refusal !== 0) {
        // The thread that could not store an index block may be gone: a turn of this one takes its refusal
        // back.
        this.#schedule();
        return refusal;
      }
    }
    // Keys of what memory holds are in no index.
    const isKeyed = lane.persisted && hadKeys();
    const outcome = isKeyed
      ? this.#appendKeyed(lane, sink, id, bytes)
      : lane.append(sink, id, bytes, lane.persisted ? BATCH_ATTRIBUTE.keyless : 0);
    if (outcome === APPEND.full && !lane.persisted) {
      // Only consumers' threads can move a memory lane's gate: tell them that room is wanted.
      this.#waker.wakeOthers();
    }
    this.#schedule();
    return outcome;
  }

  /** Counts it, so that who indexes keys knows of stretches that have none. */
  #appendKeyed(lane: Lane, sink: AppendSink, id: number, bytes: Uint8Array): number {
    Atomics.add(this.#words, BROKER_WORD.keyedBegun, 1);
    const outcome = lane.append(sink, id, bytes);
    Atomics.add(this.#words, BROKER_WORD.keyedDone, 1);
    return outcome;
  }

  /** Also while the broker is closing: what it has to say last. Of the thread that opened it alone. */
  appendControl(sink: AppendSink, id: number, bytes: Uint8Array): number {
    if (this.isClosed) {
      return ERRORS.BROKER_CLOSED.wire;
    }
    const outcome = this.#log.append(sink, id, bytes);
    this.#schedule();
    return outcome;
  }

  /** Runs `run` at the beginning of a turn to come: what it appends is settled in that turn. */
  inTurn(run: () => void): void {
    this.#beforeTurn.push(run);
    this.#schedule();
  }

  controlRefusal(): number {
    return this.#disk.controlRefusal() || this.#role.refusal(this.#log);
  }

  onRoom(callback: () => void): void {
    this.#room.add(callback);
  }

  dropSink(sink: AppendSink): void {
    this.#log.forget(sink);
    this.#memory.forget(sink);
  }

  openReader(topic: TopicEntry, queueId: number, offset: number): QueueReader {
    const reader = this.#readers.open(topic.memory ? this.#memory : this.#log, topic, queueId, offset);
    // Before anybody hears that the queue is read: what is written from then on must not be lost to a ring
    // that goes round meanwhile. A hold that is there already lies at or before it.
    if (topic.memory) {
      this.#memoryDuty.begin();
    }
    return reader;
  }

  protected topicGone(entry: TopicEntry): void {
    for (const slot of entry.slots) {
      this.#readers.slotMoved(slot);
    }
  }

  protected brokerDied(): void {
    // Nothing may be written any more, by no thread that shares this memory: the files are somebody else's.
    this.#disk.fail(Object.assign(new Error('the broker died'), { errno: -ESTALE }));
  }

  /**
   * Who owns the gate should look again, as a pin may have kept it from moving: the log's persist worker, or
   * any thread for memory topics.
   */
  gateIsHeldBack(isLog: boolean): void {
    if (isLog) {
      this.#waker.wakePersist();
    } else {
      this.#schedule();
    }
  }

  /** On a slave, of the one thread that follows its master. `onTurn`: called in each of its turns. */
  follow(onTurn: () => void): FollowSeat {
    return new FollowSeat(this.#host, onTurn);
  }

  /** Has the thread look at everything in a turn to come, as when another one has left something undone. */
  settleSoon(): void {
    this.#schedule();
  }

  /** Batches of this thread that have no ack yet: what a draining stop waits for. */
  get unacked(): number {
    return this.#log.unacked + this.#memory.unacked;
  }

  /** Resolves with true once every batch of this thread has its ack, or none is to come; with false after `limitMs`. */
  async drained(limitMs: number): Promise<boolean> {
    const until = monotonicMs() + limitMs;
    while (this.unacked > 0 && !this.#role.isOverdue && monotonicMs() < until) {
      await delay(2);
    }
    return this.unacked === 0 || this.#role.isOverdue;
  }

  async close(): Promise<void> {
    if (this.isClosed) {
      return;
    }
    // From here on no turn comes by itself, not even one that is due: the seat may have another owner by
    // then.
    this.isClosed = true;
    this.#readers.closeAll();
    this.#settle();
    this.#memory.reader.releaseHold();
    this.#stall.close();
    this.#waker.close();
    void this.access.tellCounted();
    this.port.close();
    this.logReader.close();
    this.meter.close();
    this.#release();
  }

  #schedule(): void {
    if (this.#immediate === null && !this.isClosed) {
      this.#immediate = setImmediate(this.#turn);
    }
  }

  #settleNow(): void {
    if (this.#immediate !== null) {
      clearImmediate(this.#immediate);
      this.#runTurn();
    }
  }

  /** Settles all there is, then parks for what comes from other threads. */
  #runTurn(): void {
    this.#immediate = null;
    if (this.isClosed) {
      return;
    }
    const { meter } = this;
    const begun = meter.begin();
    if (this.#beforeTurn.length > 0) {
      for (const run of this.#beforeTurn.splice(0)) {
        run();
      }
    }
    this.#settle();
    meter.end(begun, 'settling what was taken in', NOBODY);
    meter.turns++;
    meter.publish();
    if (this.isClosed) {
      return; // A callback has done it.
    }
    if (this.#log.indexBehind || this.#memory.indexBehind) {
      this.#schedule();
    } else {
      const interested =
        this.#works.size > 0 || !this.#readers.isEmpty || !this.#room.isEmpty || this.unacked > 0;
      this.#waker.park(interested);
    }
  }

  #settle(): void {
    this.#waker.awake();
    this.#log.runIndex();
    this.#stall.tend();
    for (const work of this.#works) {
      work.beforeDisk();
    }
    if (this.#inline.run()) {
      this.#waker.wakeOthers();
    }
    this.#memoryDuty.tend();
    this.#waker.look();
    // Before results and watermarks are looked at: what was on the disk when it failed is acked as that.
    const hasFailed = this.#disk.hasFailed();
    this.#log.drainResults();
    this.#memory.drainResults();
    // Asked here, in one go with the acks: the process may have stood still since the turn began.
    const isOverdue = this.#role.isOverdue;
    if (this.#term.role !== ROLE.fenced && !isOverdue) {
      // Of what a fenced master has taken nobody knows what becomes: it is for its successor to say.
      this.#log.releaseAcks();
    }
    if (hasFailed) {
      this.#log.failAll();
    }
    if (!isOverdue) {
      this.#memory.releaseAcks();
    }
    // Whoever waits for an ack does so for less long than whoever wants to know how far the log is committed.
    for (const work of this.#works) {
      work.afterDisk();
    }
    this.#readers.run();
    this.#room.tend();
    this.logReader.prune();
  }
}
