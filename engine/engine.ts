/**
 * A broker without sockets: opens the data directory, recovers it, makes the shared memories, starts the persist worker,
 * and keeps house (checkpoints, retention, threads that died).
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { threadId, Worker } from 'node:worker_threads';
import { ERRORS, RingMQError } from '../native-free/wire/index.js';
import { ControlServer } from './control/channel-server.js';
import { DamageList, type DamageReport } from './control/damage-list.js';
import type { ExpiredReport } from './control/expired-log.js';
import { ControlPlane } from './control/index.js';
import { TopicQueues } from './control/topic-queues.js';
import { CheckpointKeeper } from './data/checkpoint-keeper.js';
import { openData } from './data/open-data.js';
import { type DataDirLock, lockDataDir, SYNC_WORDS_BYTES } from './disk/index.js';
import type { BrokerHandle } from './handle.js';
import { type EngineOptions, type ResolvedEngineOptions, resolveEngineOptions } from './options.js';
import { BROKER_WORD, BROKER_WORDS_BYTES, PERSIST_SEAT } from './persist/shared-words.js';
import type { SyncWorkerData } from './persist/sync-worker.js';
import type { PersistWorkerData, PersistWorkerMessage } from './persist/worker.js';
import { createProducerMemory, createResultMemory } from './queue/index.js';
import { createRingMemory, createSeatMemory, Ring, SeatTable, WORD, wake } from './ring/index.js';
import { BrokerThread } from './thread/broker-thread.js';
import { DeadThreads } from './thread/dead-threads.js';
import { makeThreadParts, type ThreadParts } from './thread/thread-parts.js';
import { workerFlags } from './thread/worker-flags.js';

/** What an engine says unasked. */
export interface EngineEvents {
  onWarning(message: string, details: Record<string, unknown>): void;
  onFatal(error: RingMQError): void;
}

export class Engine {
  readonly handle: BrokerHandle;
  /** The door of the thread that opened it. */
  readonly thread: BrokerThread;
  readonly #events: EngineEvents;
  readonly #persistEnded: Promise<void>;
  readonly #seats: SeatTable;
  readonly #server: ControlServer;
  readonly #plane: ControlPlane;
  readonly #checkpoints: CheckpointKeeper;
  readonly #deadThreads: DeadThreads;
  readonly #queues: TopicQueues;
  readonly #damage = new DamageList();
  readonly #closeMeta: () => void;
  readonly #lock: DataDirLock;
  #hasFailed = false;

  /** @throws RingMQError BAD_CONFIG, DATA_DIR_LOCKED, LOG_CORRUPT, DISK_FULL, DISK_FAILED */
  static async open(given: EngineOptions, events: EngineEvents): Promise<Engine> {
    const options = resolveEngineOptions(given);
    const lock = takeLock(options.dataDir);
    try {
      return await Engine.#openLocked(options, lock, events);
    } catch (error) {
      lock.release();
      throw asOpenError(error, options.dataDir);
    }
  }

  static async #openLocked(
    options: ResolvedEngineOptions,
    lock: DataDirLock,
    events: EngineEvents,
  ): Promise<Engine> {
    const data = openData(options);
    for (const damage of data.recovery.damage) {
      events.onWarning(`damage in the log: ${damage.what}`, { ...damage });
    }
    const { store } = data;
    const ringSizes = { spanBytes: store.spanBytes, maxThreads: options.maxThreads };
    const handle: BrokerHandle = {
      kind: 'ringmq.handle.v1',
      brokerId: store.brokerId,
      openingId: randomBytes(8).toString('hex'),
      brokerName: options.name,
      epoch: store.epoch,
      flush: options.flush,
      dataDir: options.dataDir,
      segmentBytes: store.segmentBytes,
      channel: `ringmq-${randomUUID()}`,
      memoryHoldMs: options.memoryHoldMs,
      seats: createSeatMemory(options.maxThreads),
      brokerWords: new SharedArrayBuffer(BROKER_WORDS_BYTES),
      queues: data.table.memory,
      log: {
        ring: createRingMemory({
          ...ringSizes,
          ringBytes: options.ringBytes,
          startPosition: data.recovery.endPosition,
        }),
        producers: data.producers,
        results: createResultMemory(options.maxThreads),
      },
      memory: {
        // Positions of other openings are never given out again, so that message ids stay unique.
        ring: createRingMemory({
          ...ringSizes,
          ringBytes: options.memoryRingBytes,
          startPosition: (store.epoch % 4096) * 2 ** 40,
        }),
        producers: createProducerMemory(),
        results: createResultMemory(options.maxThreads),
      },
    };
    const worker = await startPersistWorker(handle, options).catch((error: unknown) => {
      store.close();
      throw error;
    });
    const seats = new SeatTable(handle.seats);
    const parts = makeThreadParts(handle, seats, seats.take(threadId));
    const engine = new Engine(options, handle, parts, worker, data, lock, events);
    try {
      // The tables may be from before the last segments went: retention makes no checkpoint.
      engine.#trim(data.recovery.startPosition);
      engine.#plane.start();
    } catch (error) {
      await engine.close();
      throw error;
    }
    return engine;
  }

  private constructor(
    options: ResolvedEngineOptions,
    handle: BrokerHandle,
    parts: ThreadParts,
    worker: Worker,
    data: ReturnType<typeof openData>,
    lock: DataDirLock,
    events: EngineEvents,
  ) {
    this.handle = handle;
    this.#events = events;
    this.#seats = parts.seats;
    this.#lock = lock;
    this.#queues = new TopicQueues(
      { ...parts, gateIsHeldBack: (isLog) => this.thread.gateIsHeldBack(isLog) },
      options.dataDir,
    );
    this.#plane = new ControlPlane({
      store: data.store,
      catalog: data.catalog,
      openQueues: (topic) => this.#queues.open(topic),
      closeQueues: (topic) => {
        this.#queues.close(topic);
        this.#damage.forget(topic.topicId);
      },
      queueDamage: ({ topicId }, queueId) => this.#damage.of(topicId, queueId),
      queueState: (topic, queueId) => this.#queues.state(topic, queueId),
      findOffsetByTime: (topic, queueId, time) => this.#queues.findByTime(topic, queueId, time),
      retention: () => ({
        retentionMs: options.retentionMs,
        retentionBytes: options.retentionBytes,
        ...this.#queues.logState(),
      }),
      unread: (topic, queueId, offset) => this.#queues.unread(topic, queueId, offset),
      onTopicChanged: (topic, topicId) => this.#server.topicChanged(topic, topicId),
      onFatal: (error) => this.#fatal(error),
      onWarning: (message, details) => this.warn(message, details),
      maxGroups: options.maxGroups,
      maxMembersPerGroup: options.maxMembersPerGroup,
      groupRetentionMs: options.groupRetentionMs,
    });
    this.#server = new ControlServer(handle.channel, {
      handle: async (method, params, caller) => {
        switch (method) {
          case 'topicEntry':
            return this.#plane.topicEntry((params as { topicId: number }).topicId) ?? null;
          case 'damage':
            return this.#onDamage(params as DamageReport);
          case 'expired':
            this.#plane.expired(caller.seat, params as ExpiredReport);
            return null;
          case 'warn':
            this.warn((params as { message: string }).message, {});
            return null;
          default:
            return this.#plane.handle(method, params, caller);
        }
      },
      callerGone: (seat, consumerKey) => this.#plane.callerGone(seat, consumerKey),
    });
    this.thread = new BrokerThread(parts, (seat, listener) => this.#server.port(seat, listener));
    this.#closeMeta = () => data.store.close();
    this.#checkpoints = new CheckpointKeeper(parts, handle, options, (message) => this.warn(message, {}));
    this.#deadThreads = new DeadThreads(parts, (seat) => {
      this.#server.seatGone(seat);
      // It may have had sends refused for want of room for an index block, which the sweep has stored since.
      this.thread.settleSoon();
    });
    worker.on('message', (message: PersistWorkerMessage) => this.#onPersist(message));
    worker.on('error', (error) => this.#persistDied(error));
    // Listened for from now on: it may end before anybody wants it to.
    this.#persistEnded = new Promise((resolve) => {
      worker.once('exit', () => resolve());
    });
  }

  warn(message: string, details: Record<string, unknown>): void {
    this.#events.onWarning(message, details);
  }

  /** Everything claimed is written and synced, the last checkpoint made, the directory given back. */
  async close(): Promise<void> {
    Atomics.store(new Int32Array(this.handle.brokerWords), BROKER_WORD.closing, 1);
    await this.thread.drained(5_000);
    await this.#checkpoints.stop();
    this.#deadThreads.stop();
    await this.#stopPersist();
    this.#checkpoints.last();
    await this.#endIndexing();
    try {
      this.#plane.close();
    } finally {
      await this.thread.close();
      this.#server.close();
      this.#queues.closeFiles();
      try {
        this.#closeMeta();
      } finally {
        this.#lock.release();
      }
    }
  }

  /**
   * Takes the index roles and keeps them. A thread that is still attached may have published a batch in the last moment: if it
   * indexed that later, it could write index blocks into a directory which has another owner by then.
   */
  async #endIndexing(): Promise<void> {
    for (const { indexRole } of [new Ring(this.handle.log.ring), new Ring(this.handle.memory.ring)]) {
      for (let tries = 0; tries < 1_000 && !indexRole.tryTake(this.thread.seat); tries++) {
        await delay(1);
      }
    }
  }

  async #stopPersist(): Promise<void> {
    Atomics.store(new Int32Array(this.handle.brokerWords), BROKER_WORD.stop, 1);
    wake(this.#seats.control, this.#seats.parkedWord(PERSIST_SEAT));
    await this.#persistEnded;
  }

  #onPersist(message: PersistWorkerMessage): void {
    if (message.type === 'diskError') {
      this.warn(message.what, { code: message.code });
      if (Atomics.load(new Ring(this.handle.log.ring).control, WORD.fatal) !== 0) {
        this.#fatal(new RingMQError('DISK_FAILED', message.what));
      }
    } else if (message.type === 'full' || message.type === 'room') {
      this.warn(message.what, {});
    } else if (message.type === 'retained') {
      this.#trim(message.startPosition);
    }
  }

  /** Told once for each place, whoever reads it. */
  #onDamage(report: DamageReport): null {
    const { topicId, queueId, offset, position, message } = report;
    const topic = this.#plane.topicEntry(topicId)?.topic;
    if (topic !== undefined && this.#damage.add(report)) {
      this.warn(`queue ${queueId} of ${topic} cannot be read at offset ${offset}: ${message}`, {
        topic,
        queueId,
        offset,
        position,
      });
    }
    return null;
  }

  /** Offsets of what retention took are not stored any more. What cannot be told now is told by the next segment that goes. */
  #trim(startPosition: number): void {
    this.thread.logReader.prune();
    try {
      this.#queues.trim(startPosition);
    } catch (error) {
      this.warn(`the queues' first offsets could not be moved up: ${String(error)}`, { startPosition });
    }
  }

  #persistDied(error: Error): void {
    const { control } = new Ring(this.handle.log.ring);
    Atomics.compareExchange(control, WORD.fatal, 0, ERRORS.INTERNAL.wire);
    this.#fatal(
      new RingMQError('DISK_FAILED', `the persist worker died: ${error.message}`, { cause: error }),
    );
  }

  /** Told once: what follows from the first failure is not news. */
  #fatal(error: unknown): void {
    if (this.#hasFailed) {
      return;
    }
    this.#hasFailed = true;
    this.#events.onFatal(
      error instanceof RingMQError ? error : new RingMQError('INTERNAL', String(error), { cause: error }),
    );
  }
}

function takeLock(dataDir: string): DataDirLock {
  try {
    return lockDataDir(dataDir);
  } catch (error) {
    throw asOpenError(error, dataDir);
  }
}

/** A disk error at the opening, as the caller can use it: what is no failure of the disk is no DISK_FAILED. */
function asOpenError(error: unknown, dataDir: string): RingMQError {
  const known = error instanceof RingMQError;
  if (known && (error.code !== 'DISK_FAILED' || !(error.cause instanceof Error))) {
    return error;
  }
  const code = ((known ? error.cause : error) as NodeJS.ErrnoException).code;
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new RingMQError('DISK_FULL', `no room to open ${dataDir}: ${text}`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST' || code === 'EPERM') {
    return new RingMQError('BAD_CONFIG', `the data directory ${dataDir} cannot be used: ${text}`, {
      cause: error,
    });
  }
  if (known) {
    return error;
  }
  // Node's own codes (`ERR_…`) are no errors of the system.
  const isErrno = typeof code === 'string' && /^E[A-Z0-9]+$/.test(code);
  return new RingMQError(isErrno ? 'DISK_FAILED' : 'INTERNAL', text, { cause: error });
}

async function startPersistWorker(handle: BrokerHandle, options: ResolvedEngineOptions): Promise<Worker> {
  const { flushIntervalMs, flushBytes, minFreeBytes, retentionMs, retentionBytes } = options;
  const syncWords = new SharedArrayBuffer(SYNC_WORDS_BYTES);
  const workerData: PersistWorkerData = {
    handle,
    syncWords,
    flushIntervalMs,
    flushBytes,
    minFreeBytes,
    retentionMs,
    retentionBytes,
  };
  const worker = startWorker('./persist/worker.js', 'ringmq-persist', workerData);
  await once(worker, 'message');
  const syncData: SyncWorkerData = { words: syncWords, seats: handle.seats };
  // The persist worker ends it; should that die, nothing is left to keep the process for.
  startWorker('./persist/sync-worker.js', 'ringmq-sync', syncData).unref();
  return worker;
}

/**
 * Segments' descriptors are used by other threads than the one that opened them, so they must not be closed behind
 * their backs when that one ends: their numbers would be given to other files, even sockets.
 */
function startWorker(file: string, name: string, workerData: unknown): Worker {
  return new Worker(new URL(file, import.meta.url), {
    workerData,
    name,
    trackUnmanagedFds: false,
    ...workerFlags(),
  });
}
