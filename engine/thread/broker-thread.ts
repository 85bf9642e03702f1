/**
 * One thread's seat at the broker: it writes into the rings, indexes, takes the persist role for small
 * writes, hears of watermarks, tells producers and consumers of its thread. The work is done in *turns*: what a turn of the event loop
 * has appended is settled together at its end (`setImmediate`), which is a natural group commit.
 */
import { clearImmediate, setImmediate } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import {
  BATCH,
  type ControlEvent,
  type ControlMethod,
  type ControlMethods,
  ERRORS,
  RingMQError,
  readUint32,
} from '../../native-free/wire/index.js';
import { checkBatch } from '../batch/check.js';
import type { ControlListener, ControlPort } from '../control/channel-messages.js';
import type { ControlWriter } from '../control/control-log.js';
import type { DamageReport } from '../control/damage-list.js';
import type { ExpiredReport } from '../control/expired-log.js';
import { ESTALE } from '../disk/index.js';
import {
  APPEND,
  type AppendSink,
  type ClusterPlace,
  type EngineInfo,
  type EngineThread,
  type MemberSink,
  type QueueReader,
  type TopicEntry,
  type WorkOwner,
} from '../engine-thread.js';
import { IndexStall } from '../lane/index-stall.js';
import type { Lane } from '../lane/lane.js';
import { holdForReaders } from '../lane/memory-hold.js';
import type { LaneReader } from '../lane/queue-reader.js';
import { ThreadReaders } from '../lane/readers.js';
import type { DiskState } from '../persist/disk-state.js';
import type { InlinePersist } from '../persist/inline.js';
import { type DiagnosticEvents, SeatMeter } from '../stats/index.js';
import { ROLE } from '../term/shared-words.js';
import { type FollowHost, FollowSeat } from './follow-seat.js';
import { type ReplicaHost, ThreadReplicas } from './replica-door.js';
import type { ThreadParts } from './thread-parts.js';
import { ThreadWaker } from './thread-waker.js';
import type { TurnWork } from './turn-work.js';

/** Facts about a topic as the control plane hands them to another thread. */
export interface TopicFacts {
  topicId: number;
  topic: string;
  queues: number;
  memory: boolean;
  slots: Int32Array;
}

/** What a thread tells the one that opened the broker: something is wrong. */
export interface ThreadWarning {
  message: string;
  details: Record<string, unknown>;
}

/** … and what the thread at a seat is called. */
export interface SeatedThread {
  seat: number;
  name: string;
}

/** Work that is done for all connections of a thread at once. */
const NOBODY: WorkOwner = { label: '' };

export class BrokerThread implements EngineThread, ControlListener, ControlWriter {
  readonly info: EngineInfo;
  readonly seat: number;
  readonly meter: SeatMeter;
  readonly queueTable: ThreadParts['queueTable'];
  readonly logReader: ThreadParts['logReader'];
  readonly #log: Lane;
  readonly #memory: Lane;
  readonly #disk: DiskState;
  readonly #inline: InlinePersist;
  readonly #stall: IndexStall;
  readonly #waker: ThreadWaker;
  readonly #port: ControlPort;
  readonly #release: () => void;
  readonly #topics = new Map<number, TopicEntry>();
  readonly #members = new Map<string, MemberSink>();
  readonly #topicListeners = new Set<(topic: string, topicId: number) => void>();
  readonly #readers: ThreadReaders;
  readonly replicas: ThreadReplicas;
  readonly #host: ReplicaHost & FollowHost;
  readonly #works = new Set<TurnWork>();
  #roomWaiters: (() => void)[] = [];
  /** The turn to come; null: none is scheduled. */
  #immediate: NodeJS.Immediate | null = null;
  #memoryGate = 0;
  #holdsMemory = false;
  readonly #memoryHoldMs: number;
  readonly #memoryIndex: ThreadParts['memoryIndex'];
  readonly #isClosing: () => boolean;
  readonly #term: ThreadParts['term'];
  readonly #place: ThreadParts['place'];
  readonly #replicas: ThreadParts['replicas'];
  readonly #waitsForSlaves: boolean;
  readonly #isLeased: boolean;
  readonly #wantsConnections: () => boolean;
  #onBrokerClosed: (() => void) | null = null;
  #closed = false;
  readonly #turn = (): void => this.#runTurn();
  #beforeTurn: (() => void)[] = [];

  constructor(parts: ThreadParts, openPort: (seat: number, listener: ControlListener) => ControlPort) {
    this.info = parts.info;
    this.seat = parts.seat;
    this.queueTable = parts.queueTable;
    this.logReader = parts.logReader;
    this.#log = parts.log;
    this.#memory = parts.memory;
    this.#disk = parts.disk;
    this.#inline = parts.inline;
    this.#stall = new IndexStall(parts.log, parts.disk, this.#turn);
    this.#release = parts.release;
    this.#memoryHoldMs = parts.memoryHoldMs;
    this.#isClosing = parts.isClosing;
    this.#term = parts.term;
    this.#place = parts.place;
    this.#replicas = parts.replicas;
    this.#waitsForSlaves = parts.replicas.isSync;
    this.#isLeased = parts.term.isLeased;
    this.#wantsConnections = parts.wantsConnections;
    this.#memoryGate = parts.memoryRing.gate();
    this.#memoryIndex = parts.memoryIndex;
    this.#waker = new ThreadWaker(parts, () => this.#runTurn());
    this.meter = new SeatMeter(parts.stats, parts.seat, (message, details) => this.warn(message, details));
    this.#readers = new ThreadReaders(
      parts,
      this.meter,
      () => this.#schedule(),
      (isLog) => this.gateIsHeldBack(isLog),
      (reader) => this.#tellDamage(reader),
    );
    this.#port = openPort(parts.seat, this);
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
    this.replicas = new ThreadReplicas(this.#host, this.#port);
  }

  get place(): ClusterPlace {
    const { cluster, brokerSet, master } = this.#place;
    const isMaster = this.#term.role === ROLE.master;
    return {
      role: isMaster ? 'master' : 'slave',
      cluster,
      brokerSet,
      epoch: this.#term.epoch,
      master: isMaster ? null : master.get(),
    };
  }

  /** Tells the broker's host, whichever thread this is. */
  warn(message: string, details: Record<string, unknown> = {}): void {
    // Nobody is left to be told when the broker has gone.
    this.#port.callInternal('warn', { message, details } satisfies ThreadWarning).catch(() => undefined);
  }

  noteConnection(event: 'opened' | 'closed', connection: string, client: string): void {
    if (this.#wantsConnections()) {
      const message: DiagnosticEvents['connection'] = { event, thread: this.seat, connection, client };
      this.#port.callInternal('connection', message).catch(() => undefined);
    }
  }

  /** Says what the thread is called, for statistics. */
  introduce(name: string): void {
    this.#port
      .callInternal('seated', { seat: this.seat, name } satisfies SeatedThread)
      .catch(() => undefined);
  }

  topicById(topicId: number): TopicEntry | undefined {
    return this.#topics.get(topicId);
  }

  async resolveTopicById(topicId: number): Promise<TopicEntry | undefined> {
    const facts = (await this.#port.callInternal('topicEntry', { topicId })) as TopicFacts | null;
    if (facts === null) {
      return undefined;
    }
    const known = this.#topics.get(topicId);
    if (known !== undefined) {
      return known;
    }
    const entry: TopicEntry = { ...facts, dead: false };
    this.#topics.set(topicId, entry);
    return entry;
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
    if (this.#closed || this.#isClosing()) {
      return ERRORS.BROKER_CLOSED.wire;
    }
    const lane = topic.memory ? this.#memory : this.#log;
    if (bytes.length > lane.ring.spanBytes) {
      return ERRORS.MESSAGE_TOO_LARGE.wire;
    }
    const status = checkBatch(bytes, sink.hasTravelled);
    if (status !== 0) {
      return status;
    }
    if (topic.dead) {
      return ERRORS.TOPIC_NOT_FOUND.wire;
    }
    if (readUint32(bytes, BATCH.queueId) >= topic.queues) {
      return ERRORS.QUEUE_NOT_FOUND.wire;
    }
    const refusal = this.#refusalOfRole(lane);
    if (refusal !== 0) {
      return refusal;
    }
    if (lane.persisted) {
      const refusal = this.#disk.refusal();
      if (refusal !== 0) {
        // The thread that could not store an index block may be gone: a turn of this one takes its refusal back.
        this.#schedule();
        return refusal;
      }
    }
    const outcome = lane.append(sink, id, bytes);
    if (outcome === APPEND.full && !lane.persisted) {
      // Only consumers' threads can move a memory lane's gate: tell them that room is wanted.
      this.#waker.wakeOthers();
    }
    this.#schedule();
    return outcome;
  }

  /** With a controller: the time that it has given this broker as master is over. It may get more. */
  get #isOverdue(): boolean {
    return this.#isLeased && !this.#term.isHeld;
  }

  /** A slave takes nothing but its master's log; a master under sync replication nothing that no slave would get. */
  #refusalOfRole(lane: Lane): number {
    if (this.#term.role !== ROLE.master || this.#isOverdue) {
      return ERRORS.NOT_MASTER.wire;
    }
    return this.#waitsForSlaves && lane.persisted && this.#replicas.refuses()
      ? ERRORS.NOT_ENOUGH_REPLICAS.wire
      : 0;
  }

  /** Also while the broker is closing: what it has to say last. Of the thread that opened it alone. */
  appendControl(sink: AppendSink, id: number, bytes: Uint8Array): number {
    if (this.#closed) {
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
    return this.#disk.controlRefusal() || this.#refusalOfRole(this.#log);
  }

  onRoom(callback: () => void): void {
    this.#roomWaiters.push(callback);
  }

  dropSink(sink: AppendSink): void {
    this.#log.forget(sink);
    this.#memory.forget(sink);
  }

  openReader(topic: TopicEntry, queueId: number, offset: number): QueueReader {
    const reader = this.#readers.open(topic.memory ? this.#memory : this.#log, topic, queueId, offset);
    // Before anybody hears that the queue is read: what is written from then on must not be lost to a ring that goes round meanwhile. A hold
    // that is there already lies at or before it.
    if (topic.memory && !this.#holdsMemory && this.#holdMemory()) {
      this.#waker.wakeOthers();
    }
    return reader;
  }

  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    consumerKey?: string,
  ): Promise<ControlMethods[M]['result']> {
    if (this.#closed) {
      return Promise.reject(new RingMQError('BROKER_CLOSED'));
    }
    return this.#port.call(method, params, consumerKey);
  }

  callForBytes(
    method: ControlMethod,
    params: unknown,
    consumerKey: string | undefined,
    asker: string,
  ): Promise<Uint8Array> {
    if (this.#closed) {
      return Promise.reject(new RingMQError('BROKER_CLOSED'));
    }
    return this.#port.callForBytes(method, params, consumerKey, asker);
  }

  askerGone(asker: string): void {
    this.#port.left(asker);
  }

  addMember(consumerKey: string, sink: MemberSink): void {
    this.#members.set(consumerKey, sink);
  }

  expired(consumerKey: string, queueId: number, generation: number, from: number, to: number): void {
    const report: ExpiredReport = { consumerKey, queueId, generation, from, to };
    // It is for operators; the consumer is told over its own connection.
    this.#port.callInternal('expired', report).catch(() => {});
  }

  removeMember(consumerKey: string): void {
    if (this.#members.delete(consumerKey)) {
      this.#port.gone(consumerKey);
    }
  }

  onTopicChanged(listener: (topic: string, topicId: number) => void): () => void {
    this.#topicListeners.add(listener);
    return () => this.#topicListeners.delete(listener);
  }

  /** From the control plane. */
  onEvent(consumerKey: string, event: ControlEvent): void {
    this.#members.get(consumerKey)?.onEvent(event);
  }

  /** `listener` is called once, when the broker has been closed by the thread that opened it. */
  onBrokerClosed(listener: () => void): void {
    this.#onBrokerClosed = listener;
  }

  /** From the control plane. */
  brokerClosed(hasDied: boolean): void {
    if (hasDied) {
      // Nothing may be written any more, by no thread that shares this memory: the files are somebody else's.
      this.#disk.fail(Object.assign(new Error('the broker died'), { errno: -ESTALE }));
    }
    this.#onBrokerClosed?.();
    this.#onBrokerClosed = null;
  }

  /** From the control plane. */
  topicChanged(topic: string, topicId: number): void {
    const entry = this.#topics.get(topicId);
    if (entry !== undefined) {
      entry.dead = true;
      this.#topics.delete(topicId);
      for (const slot of entry.slots) {
        this.#readers.slotMoved(slot);
      }
    }
    for (const listener of this.#topicListeners) {
      listener(topic, topicId);
    }
  }

  /** Who owns the gate should look again, as a pin may have kept it from moving: the log's persist worker, or any thread for memory topics. */
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

  /** Resolves once every batch of this thread has its ack, or none is to come, or after `limitMs`. */
  async drained(limitMs: number): Promise<void> {
    const until = monotonicMs() + limitMs;
    while (this.unacked > 0 && !this.#isOverdue && monotonicMs() < until) {
      await delay(2);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) {
      return;
    }
    // From here on no turn comes by itself, not even one that is due: the seat may have another owner by then.
    this.#closed = true;
    this.#readers.closeAll();
    this.#settle();
    this.#memory.reader.releaseHold();
    this.#stall.close();
    this.#waker.close();
    this.#port.close();
    this.logReader.close();
    this.meter.close();
    this.#release();
  }

  /** To the broker's own thread, which keeps the list. With the broker closing, nobody wants to know. */
  #tellDamage({ topic, queueId, offset, damage, damagePosition }: LaneReader): void {
    const report: DamageReport = {
      topicId: topic.topicId,
      queueId,
      offset,
      position: damagePosition < 0 ? null : damagePosition,
      message: damage,
    };
    this.#port.callInternal('damage', report).catch(() => {});
  }

  #schedule(): void {
    if (this.#immediate === null && !this.#closed) {
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
    if (this.#closed) {
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
    if (this.#closed) {
      return; // A callback has done it.
    }
    if (this.#log.indexBehind || this.#memory.indexBehind) {
      this.#schedule();
    } else {
      const interested =
        this.unacked > 0 || !this.#readers.isEmpty || this.#roomWaiters.length > 0 || this.#works.size > 0;
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
    this.#tendMemory();
    this.#waker.look();
    for (const work of this.#works) {
      work.afterDisk();
    }
    // Before results and watermarks are looked at: what was on the disk when it failed is acked as that.
    const hasFailed = this.#disk.hasFailed();
    this.#log.drainResults();
    this.#memory.drainResults();
    // Asked here, in one go with the acks: the process may have stood still since the turn began.
    const isOverdue = this.#isOverdue;
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
    this.#readers.run();
    this.#giveRoom();
    this.logReader.prune();
  }

  /** Hold, index and free the memory lane, and wake whom that concerns: no persist stage does it there. */
  #tendMemory(): void {
    const lane = this.#memory;
    const isNews = this.#holdMemory();
    lane.runIndex();
    const gate = lane.ring.gate();
    if (gate !== this.#memoryGate || isNews) {
      // Writers on any thread may be waiting for room.
      this.#memoryGate = gate;
      this.#waker.wakeOthers();
    } else {
      this.#waker.wakeTouched(this.#memoryIndex);
    }
  }

  /** True when that is news to writers that wait. */
  #holdMemory(): boolean {
    const readers = this.#readers.ofMemory;
    if (readers.size === 0 && !this.#holdsMemory) {
      return false;
    }
    this.#holdsMemory = readers.size > 0;
    return holdForReaders(this.#memory, this.queueTable, readers, monotonicMs(), this.#memoryHoldMs);
  }

  #giveRoom(): void {
    if (this.#roomWaiters.length === 0) {
      this.#memory.nobodyWaits();
      return;
    }
    if (!(this.#log.roomAgain() || this.#memory.roomAgain())) {
      return;
    }
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const waiter of waiters) {
      waiter();
    }
  }
}
