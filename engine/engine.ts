/** A broker without sockets: opens the data directory, recovers it, makes the shared memories, starts the persist worker, and wires all that works on them. */

import { setImmediate } from 'node:timers';
import type { BrokerStats } from '../native-free/wire/index.js';
import type { AccessDesk } from './access/access-desk.js';
import type { AuditKeeper } from './access/audit-keeper.js';
import type { ClusterSecrets } from './access/cluster-secrets.js';
import { accessParts, auditParts } from './access-parts.js';
import { type ClosingParts, closeParts } from './closing.js';
import type { AuditTopic } from './control/audit-topic.js';
import { ControlServer } from './control/channel-server.js';
import { ControlLog } from './control/control-log.js';
import type { ControlPlane } from './control/index.js';
import { TopicQueues } from './control/topic-queues.js';
import { HeldKeeper } from './data/held-keeper.js';
import { KnownDamage } from './data/known-damage.js';
import type { DataOptions } from './data/open-data.js';
import { asOpenError } from './data/open-error.js';
import { checkIsWhole } from './data/part-of-another.js';
import { QueueBegins } from './data/queue-begins.js';
import { type DataDirLock, lockDataDir, OwnedDisk } from './disk/index.js';
import type { EngineEvents } from './engine-events.js';
import type { WorkOwner } from './engine-thread.js';
import { Figures } from './figures.js';
import { FindDesk } from './find/find-desk.js';
import type { BrokerHandle } from './handle.js';
import { Housekeeping } from './housekeeping.js';
import { LogEnding } from './log-ending.js';
import type { TopicCatalog } from './meta/index.js';
import { type OpenedParts, openParts } from './opened-parts.js';
import { type EngineOptions, type ResolvedEngineOptions, resolveEngineOptions } from './options.js';
import { onPersistMessage } from './persist-news.js';
import { planePart } from './plane-part.js';
import { Mastership } from './set/mastership.js';
import type { Replication } from './set/replication.js';
import { setPart } from './set-part.js';
import { BrokerThread } from './thread/broker-thread.js';
import { threadCalls } from './thread-calls.js';

/** For log lines: its work is many connections'. */
const CONTROL_PLANE: WorkOwner = { label: '' };

export class Engine {
  readonly handle: BrokerHandle;
  readonly options: ResolvedEngineOptions;
  /** The door of the thread that opened it. */
  readonly thread: BrokerThread;
  readonly catalog: TopicCatalog;
  /** Whether it is its set's master. */
  readonly mastership: Mastership;
  /** Its part in a set of master and slaves. */
  readonly replication: Replication;
  /** Users and rights. */
  readonly access: AccessDesk;
  /** Looks for stored messages. */
  readonly find: FindDesk;
  /** What administrators do. */
  readonly audit: AuditKeeper;
  readonly auditTopic: AuditTopic;
  readonly #events: EngineEvents;
  readonly #server: ControlServer;
  /** Work of the control plane, with what follows from it before anything else comes: it counts in what this thread tells of itself. */
  readonly #measured = (run: () => void): void => {
    const { meter } = this.thread;
    const begun = meter.begin();
    run();
    queueMicrotask(() => meter.end(begun, 'answering requests', CONTROL_PLANE));
  };
  readonly #plane: ControlPlane;
  readonly #figures: Figures;
  readonly #queues: TopicQueues;
  readonly #control: ControlLog;
  readonly #closing: ClosingParts;
  /** A listener has been opened: clients may come over a network. */
  #isServed = false;

  /**
   * `mustFollow`: it is opened as a slave, whatever it was.
   * @throws RingMQError BAD_CONFIG, DATA_DIR_LOCKED, LOG_CORRUPT, DISK_FULL, DISK_FAILED
   */
  static async open(
    given: EngineOptions,
    events: EngineEvents,
    secrets: ClusterSecrets | null = null,
    mustFollow = false,
  ): Promise<Engine> {
    const options: DataOptions = { ...resolveEngineOptions(given), mustFollow };
    try {
      checkIsWhole(options.dataDir);
      const lock = await lockDataDir(options.dataDir, (what) => events.onWarning(what, {}));
      try {
        return await Engine.#openLocked(options, lock, events, secrets);
      } catch (error) {
        lock.release();
        throw error;
      }
    } catch (error) {
      throw asOpenError(error, options.dataDir);
    }
  }

  static async #openLocked(
    options: DataOptions,
    lock: DataDirLock,
    events: EngineEvents,
    secrets: ClusterSecrets | null,
  ): Promise<Engine> {
    const opened = await openParts(options, lock, (what, details) => events.onWarning(what, details));
    const { data, persist } = opened;
    let engine: Engine;
    try {
      engine = new Engine(options, opened, lock, events, secrets);
    } catch (error) {
      await persist.stop();
      throw error;
    }
    try {
      // The tables may be from before the last segments went: retention makes no checkpoint.
      engine.#trim(data.recovery.startPosition);
      if (data.role === 'master') {
        engine.replication.promotion.wasMaster(data.node.epoch, data.recovery.endPosition);
      }
      engine.#plane.start();
      engine.#figures.sampler.start();
    } catch (error) {
      await engine.close();
      throw error;
    }
    return engine;
  }

  private constructor(
    options: ResolvedEngineOptions,
    { handle, parts, persist, data }: OpenedParts,
    lock: DataDirLock,
    events: EngineEvents,
    secrets: ClusterSecrets | null,
  ) {
    this.handle = handle;
    this.options = options;
    this.#events = events;
    const warn = (message: string, details: Record<string, unknown>): void => this.warn(message, details);
    const ending = new LogEnding(handle, (error) => events.onFatal(error));
    this.mastership = new Mastership(handle, {
      warn,
      onFenced: (masterUrl) => events.onFenced?.(masterUrl),
      wakeAll: () => ending.wakeAll(),
    });
    this.#queues = new TopicQueues(
      { ...parts, gateIsHeldBack: (isLog) => this.thread.gateIsHeldBack(isLog) },
      handle.dir,
    );
    const { state, catalog, table } = data;
    const committed = (): number => parts.logRing.toBytes(parts.log.committed());
    const begins = new QueueBegins({ state, catalog, table, committed });
    const held = new HeldKeeper(
      data.state,
      new OwnedDisk(handle.dir),
      `${handle.dir.path}/meta`,
      options.flush === 'sync',
    );
    const access = accessParts(handle, data.state.access, secrets);
    this.access = access.desk;
    data.state.onApplied = (record) => {
      access.applied(record);
      if (parts.term.isFollower) {
        held.applied(record);
      }
    };
    const damage = new KnownDamage(handle, parts, data, this.#queues, {
      onRepaired: () => this.find.keys?.repaired(),
      onStale: () => events.onStale?.(),
      mayOpenAgain: () => options.controller === undefined && (events.mayOpenAgain?.() ?? false),
      checkpointBytes: options.checkpointBytes,
      warn,
    });
    const control = new ControlLog({
      held,
      state: data.state,
      spanBytes: data.node.spanBytes,
      isFollower: () => parts.term.isFollower,
      isApplied: () => parts.replicas.controlIsApplied,
      later: (run) => this.thread.inTurn(run),
      writer: {
        controlRefusal: () => this.thread.controlRefusal(),
        appendControl: (sink, id, bytes) => this.thread.appendControl(sink, id, bytes),
        onRoom: (callback) => this.thread.onRoom(callback),
      },
    });
    this.#control = control;
    const audit = auditParts({
      state: data.state.audit,
      options,
      control,
      thread: () => this.thread,
      plane: () => this.#plane,
      topicId: (name) => data.catalog.byName(name)?.topicId,
      isFollower: () => parts.term.isFollower,
      warn,
    });
    this.audit = audit.keeper;
    this.auditTopic = audit.topic;
    this.catalog = data.catalog;
    this.find = new FindDesk({
      handle,
      catalog: data.catalog,
      parts,
      options,
      firstPosition: data.node.start ?? 0,
      gateIsHeldBack: () => this.thread.gateIsHeldBack(false),
      warn: (message) => this.warn(message, {}),
    });
    this.#plane = planePart({
      handle,
      options,
      parts,
      data,
      events,
      control,
      access: this.access,
      auditTopic: this.auditTopic,
      queues: this.#queues,
      begins,
      damage,
      find: this.find,
      ending,
      replication: () => this.replication,
      figures: () => this.#figures,
      server: () => this.#server,
      later: (run) => void setImmediate(this.#measured, run),
      warn,
    });
    this.#figures = new Figures(handle, parts, data, {
      queues: this.#queues,
      damage,
      plane: this.#plane,
      access: this.access,
      audit: this.audit,
      replication: () => this.replication,
      warn,
    });
    this.replication = setPart({
      options,
      handle,
      parts,
      data,
      secrets,
      queues: this.#queues,
      begins,
      held,
      damage,
      control,
      plane: this.#plane,
      mastership: this.mastership,
      ending,
      server: () => this.#server,
      warn,
    });
    this.#server = new ControlServer(handle.channel, {
      handle: threadCalls({
        plane: this.#plane,
        replication: this.replication,
        access: this.access,
        audit: this.audit,
        damage: damage.list,
        repair: damage.repair,
        named: (seat, name) => {
          this.#figures.stats.name(seat, name);
          if (!this.#isServed) {
            this.#isServed = true;
            this.replication.handOver.served();
          }
        },
        warn,
      }),
      callerGone: (seat, consumerKey) => this.#plane.callerGone(seat, consumerKey),
      measured: this.#measured,
    });
    this.thread = new BrokerThread(parts, (seat, listener) => this.#server.port(seat, listener));
    const house = new Housekeeping(handle, options, parts, {
      ending,
      state: control,
      mayPass: (end) => damage.repair.mayPass(end),
      seatGone: (seat) => {
        this.#server.seatGone(seat);
        // It may have had sends refused for want of room for an index block, which the sweep has stored since.
        this.thread.settleSoon();
      },
      nameOf: (seat) => this.#figures.stats.nameOf(seat),
      sweep: () => {
        this.replication.sweep();
        if (this.#isServed) {
          this.find.sweep();
        }
      },
      warn,
    });
    persist.listen({
      onMessage: (message) =>
        onPersistMessage(message, {
          ending,
          warn,
          retained: (startPosition) => this.#trim(startPosition),
        }),
      onDied: (which, error) => ending.threadDied(which, error),
    });
    this.#closing = {
      handle,
      access,
      house,
      sampler: this.#figures.sampler,
      replication: this.replication,
      thread: this.thread,
      audit: this.audit,
      auditTopic: this.auditTopic,
      plane: this.#plane,
      find: this.find,
      control,
      persist,
      ending,
      held,
      damage,
      server: this.#server,
      queues: this.#queues,
      lock,
    };
  }

  /** Users and rights as another master of the cluster has them. Resolves with how many were newer there. */
  takeAccess(records: readonly unknown[]): Promise<number> {
    return this.#plane.takeAccess(records);
  }

  /** Counters and gauges, as of now. */
  stats(): BrokerStats {
    return this.#figures.stats.read();
  }

  warn(message: string, details: Record<string, unknown>): void {
    this.#events.onWarning(message, details);
  }

  /**
   * Everything claimed is written and synced, the last checkpoint made, the directory given back. All of it is done, also when a part fails:
   * rejects with the first failure. A directory that is not this broker's any more is left as it is.
   */
  close(): Promise<void> {
    return closeParts(this.#closing);
  }

  /** Offsets of what retention took are not stored any more. What cannot be told now is told by the next segment that goes. */
  #trim(startPosition: number): void {
    this.thread.logReader.prune();
    this.find.keys?.changed();
    this.#control.state.epochs.trim(startPosition);
    try {
      this.#queues.trim(startPosition);
    } catch (error) {
      this.warn(`the queues' first offsets could not be moved up: ${String(error)}`, { startPosition });
    }
  }
}
