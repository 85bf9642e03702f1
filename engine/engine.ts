/** A broker without sockets: opens the data directory, recovers it, makes the shared memories, starts the persist worker, and wires all that works on them. */

import { setImmediate } from 'node:timers';
import {
  AUDIT_TOPIC,
  type BrokerStats,
  type ConfiguredOption,
  type LogLevel,
  type RingMQError,
} from '../native-free/wire/index.js';
import { AccessDesk } from './access/access-desk.js';
import { AuditKeeper } from './access/audit-keeper.js';
import { brokerPassword } from './access/broker-password.js';
import type { ClusterSecrets } from './access/cluster-secrets.js';
import { AUDIT_TOPIC_PARAMS, AuditTopic } from './control/audit-topic.js';
import { ControlServer } from './control/channel-server.js';
import { ControlLog } from './control/control-log.js';
import { ControlPlane } from './control/index.js';
import type { NameServerDoor } from './control/name-server-door.js';
import { queueHooks } from './control/queue-hooks.js';
import { StatsView } from './control/stats-view.js';
import { TopicQueues } from './control/topic-queues.js';
import { HeldKeeper } from './data/held-keeper.js';
import { KnownDamage } from './data/known-damage.js';
import type { DataOptions, OpenData } from './data/open-data.js';
import { asOpenError } from './data/open-error.js';
import { checkIsWhole } from './data/part-of-another.js';
import { QueueBegins } from './data/queue-begins.js';
import { type DataDirLock, lockDataDir, OwnedDisk } from './disk/index.js';
import type { WorkOwner } from './engine-thread.js';
import { FindDesk } from './find/find-desk.js';
import type { BrokerHandle } from './handle.js';
import { Housekeeping } from './housekeeping.js';
import { LogEnding } from './log-ending.js';
import type { TopicCatalog } from './meta/index.js';
import { type OpenedParts, openParts } from './opened-parts.js';
import { type EngineOptions, type ResolvedEngineOptions, resolveEngineOptions } from './options.js';
import { onPersistMessage } from './persist-news.js';
import { LANE } from './queue/index.js';
import { followedTopics } from './set/followed-topics.js';
import { Mastership } from './set/mastership.js';
import { Replication } from './set/replication.js';
import { Sampler, syncBuckets } from './stats/index.js';
import { SharedText } from './term/shared-text.js';
import { BROKER_WORD, PERSIST_SEAT, ROLE } from './term/shared-words.js';
import { BrokerThread } from './thread/broker-thread.js';
import type { PersistThreads } from './thread/persist-threads.js';
import type { ThreadParts } from './thread/thread-parts.js';
import { threadCalls } from './thread-calls.js';

/** What an engine says unasked. */
export interface EngineEvents {
  /** Another broker has become master of this one's set. `masterUrl`: where it is, if that is known. */
  onFenced?(masterUrl: string | null): void;
  /** The directory is to be opened again, which makes the queue index anew, or reads on from its last checkpoint. */
  onStale?(): void;
  /** Whether that may be done to a master, too. */
  mayOpenAgain?(): boolean;
  /** What it was started with, and its listeners. */
  configuration?(): ConfiguredOption[];
  setLogLevel?: (level: LogLevel) => void;
  nameServers?: () => NameServerDoor | null;
  onWarning(message: string, details: Record<string, unknown>): void;
  onFatal(error: RingMQError): void;
}

/** A close waits no longer than this for acks. */
const CLOSE_MS = 5_000;

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
  readonly #persist: PersistThreads;
  readonly #server: ControlServer;
  /** Work of the control plane, with what follows from it before anything else comes: it counts in what this thread tells of itself. */
  readonly #measured = (run: () => void): void => {
    const { meter } = this.thread;
    const begun = meter.begin();
    run();
    queueMicrotask(() => meter.end(begun, 'answering requests', CONTROL_PLANE));
  };
  readonly #plane: ControlPlane;
  readonly #stats: StatsView;
  readonly #sampler: Sampler;
  readonly #house: Housekeeping;
  readonly #queues: TopicQueues;
  readonly #begins: QueueBegins;
  readonly #damage: KnownDamage;
  readonly #control: ControlLog;
  readonly #held: HeldKeeper;
  readonly #lock: DataDirLock;
  readonly #ending: LogEnding;
  readonly #forgetSecrets: () => void;
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
      engine.#sampler.start();
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
    this.#ending = new LogEnding(handle, (error) => events.onFatal(error));
    this.mastership = new Mastership(handle, {
      warn: (message, details) => this.warn(message, details),
      onFenced: (masterUrl) => events.onFenced?.(masterUrl),
      wakeAll: () => this.#ending.wakeAll(),
    });
    this.#lock = lock;
    this.#queues = new TopicQueues(
      { ...parts, gateIsHeldBack: (isLog) => this.thread.gateIsHeldBack(isLog) },
      handle.dir,
    );
    const { state, catalog, table } = data;
    const committed = (): number => parts.logRing.toBytes(parts.log.committed());
    this.#begins = new QueueBegins({ state, catalog, table, committed });
    this.#held = new HeldKeeper(
      data.state,
      new OwnedDisk(handle.dir),
      `${handle.dir.path}/meta`,
      options.flush === 'sync',
    );
    this.access = new AccessDesk({
      state: data.state.access,
      brokerPasswords: () => secrets?.all.map(brokerPassword) ?? [],
      version: () => Atomics.load(new Int32Array(handle.brokerWords), BROKER_WORD.accessVersion),
    });
    const accessChanged = (): void => {
      Atomics.add(new Int32Array(handle.brokerWords), BROKER_WORD.accessVersion, 1);
    };
    // Who has proved one that is taken no more is asked again.
    this.#forgetSecrets = secrets?.onChanged(accessChanged) ?? (() => {});
    data.state.onApplied = (record) => {
      if (record.type === 'user' || record.type === 'role' || record.type === 'principalGone') {
        accessChanged();
      }
      if (parts.term.isFollower) {
        this.#held.applied(record);
      }
    };
    this.#damage = new KnownDamage(handle, parts, data, this.#queues, {
      onRepaired: () => this.find.keys?.repaired(),
      onStale: () => events.onStale?.(),
      mayOpenAgain: () => options.controller === undefined && (events.mayOpenAgain?.() ?? false),
      checkpointBytes: options.checkpointBytes,
      warn: (message, details) => this.warn(message, details),
    });
    this.#control = new ControlLog({
      held: this.#held,
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
    const { audit } = data.state;
    audit.maxCount = options.auditMaxCount;
    audit.retentionMs = options.auditRetentionMs;
    this.audit = new AuditKeeper({
      state: audit,
      append: (records) => this.#control.append(records),
      isFollower: () => parts.term.isFollower,
      onWritten: () => this.auditTopic.publish(),
      warn: (message, details) => this.warn(message, details),
    });
    this.auditTopic = new AuditTopic({
      state: audit,
      topic: () => {
        const topicId = data.catalog.byName(AUDIT_TOPIC)?.topicId;
        return topicId === undefined ? null : (this.#plane.topicEntry(topicId) ?? null);
      },
      create: () => this.thread.call('createTopic', AUDIT_TOPIC_PARAMS),
      append: (sink, id, bytes, topic) => this.thread.append(sink, id, bytes, topic),
      isFollower: () => parts.term.isFollower,
    });
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
    this.#plane = new ControlPlane({
      later: (run) => void setImmediate(this.#measured, run),
      log: this.#control,
      access: this.access,
      wanted: (topic) => (topic === AUDIT_TOPIC ? this.auditTopic.ensure() : null),
      epoch: Math.max(data.node.epoch, data.recovery.lastEpoch),
      isFollower: () => parts.term.isFollower,
      masterUrl: () => new SharedText(handle.masterUrl).get(),
      promote: (epoch, force) => this.replication.promotion.promote(epoch, force),
      standing: () => this.replication.describe(),
      handOver: () => this.replication.handOver.waited,
      catalog: data.catalog,
      ...queueHooks(this.#queues, this.#damage.list, options),
      onTopicChanged: (topic, topicId) => this.#server.topicChanged(topic, topicId),
      onTopicRetained: ({ topic, topicId }) => this.#server.topicRetained(topic, topicId),
      lastStoreTime: () => data.table.lastStoreTime(LANE.log),
      followBegins: () => this.#begins.follow(),
      onTopicGrown: (topic) => this.#server.topicGrown(topic),
      findMessages: (params) => this.find.find(params),
      stats: () => this.#stats.read(),
      history: (params) => this.#sampler.read(params),
      configuration: () => events.configuration?.() ?? [],
      ...(events.setLogLevel === undefined ? {} : { setLogLevel: events.setLogLevel }),
      nameServers: () => events.nameServers?.() ?? null,
      brokerName: handle.brokerName,
      askThreads: (question) => this.#server.ask(question),
      queueStats: () => this.#stats.readQueues(),
      onFatal: (error) => this.#ending.fatal(error),
      onWarning: (message, details) => this.warn(message, details),
      maxGroups: options.maxGroups,
      maxMembersPerGroup: options.maxMembersPerGroup,
      maxGroupQueues: options.maxGroupQueues,
      groupRetentionMs: options.groupRetentionMs,
    });
    this.#stats = new StatsView({
      handle,
      seats: parts.seats,
      disk: parts.disk,
      logReader: parts.logReader,
      catalog: data.catalog,
      offsets: data.state.offsets,
      queueState: (topic, queueId) => this.#queues.state(topic, queueId),
      damagedCount: () => this.#damage.repair.count,
      groups: () => this.#plane.groupTotals(),
      logins: () => ({ ...this.access.logins }),
      audit: () => ({ entries: data.state.audit.size, lost: this.audit.lostCount }),
    });
    this.#sampler = new Sampler({
      stats: () => this.#stats.read(),
      syncCounts: () => new Uint32Array(syncBuckets(handle.stats)),
      replicas: () => (parts.term.role === ROLE.master ? this.replication.list() : []),
      warn: (message, details) => this.warn(message, details),
    });
    this.#stats.name(PERSIST_SEAT, 'ringmq-persist');
    this.#stats.name(parts.seat, 'main');
    this.replication = this.#makeReplication(options, parts, data, secrets);
    this.#server = new ControlServer(handle.channel, {
      handle: threadCalls({
        plane: this.#plane,
        replication: this.replication,
        access: this.access,
        audit: this.audit,
        damage: this.#damage.list,
        repair: this.#damage.repair,
        named: (seat, name) => {
          this.#stats.name(seat, name);
          if (!this.#isServed) {
            this.#isServed = true;
            this.replication.handOver.served();
          }
        },
        warn: (message, details) => this.warn(message, details),
      }),
      callerGone: (seat, consumerKey) => this.#plane.callerGone(seat, consumerKey),
      measured: this.#measured,
    });
    this.thread = new BrokerThread(parts, (seat, listener) => this.#server.port(seat, listener));
    this.#house = new Housekeeping(handle, options, parts, {
      ending: this.#ending,
      state: this.#control,
      mayPass: (end) => this.#damage.repair.mayPass(end),
      seatGone: (seat) => {
        this.#server.seatGone(seat);
        // It may have had sends refused for want of room for an index block, which the sweep has stored since.
        this.thread.settleSoon();
      },
      nameOf: (seat) => this.#stats.nameOf(seat),
      sweep: () => {
        this.replication.sweep();
        if (this.#isServed) {
          this.find.sweep();
        }
      },
      warn: (message, details) => this.warn(message, details),
    });
    this.#persist = persist;
    persist.listen({
      onMessage: (message) =>
        onPersistMessage(message, {
          ending: this.#ending,
          warn: (what, details) => this.warn(what, details),
          retained: (startPosition) => this.#trim(startPosition),
        }),
      onDied: (which, error) => this.#ending.threadDied(which, error),
    });
  }

  #makeReplication(
    options: ResolvedEngineOptions,
    parts: ThreadParts,
    data: OpenData,
    secrets: ClusterSecrets | null,
  ): Replication {
    return new Replication({
      options,
      handle: this.handle,
      node: data.node,
      secrets,
      term: parts.term,
      marks: parts.replicas,
      catalog: data.catalog,
      table: data.table,
      ring: parts.logRing,
      control: this.#control,
      replay: followedTopics(data, this.#queues, {
        changed: (topic, topicId) => this.#server.topicChanged(topic, topicId),
        retained: (topic, topicId) => this.#server.topicRetained(topic, topicId),
        begun: (position) => this.#begins.said(position),
        grown: (topic) => {
          this.#server.topicGrown(topic);
          this.#plane.topicGrown(topic);
        },
        gone: (topic) => {
          this.#plane.topicGone(topic);
          this.#damage.list.forget(topic.topicId);
        },
      }),
      held: this.#held,
      repair: this.#damage.repair,
      takeOver: (entries) => this.#plane.takeOver(entries),
      oldestPosition: () => parts.logReader.oldestPosition,
      onNode: () => this.#ending.nodeReplaced(),
      onMaster: () => this.#plane.becomeMaster(),
      onFenced: (epoch) => this.mastership.fence(epoch, null),
      wakeAll: () => this.#ending.wakeAll(),
      onHandedOver: () => this.#plane.handedOver(),
      warn: (message, details) => this.warn(message, details),
    });
  }

  /** Users and rights as another master of the cluster has them. Resolves with how many were newer there. */
  takeAccess(records: readonly unknown[]): Promise<number> {
    return this.#plane.takeAccess(records);
  }

  /** Counters and gauges, as of now. */
  stats(): BrokerStats {
    return this.#stats.read();
  }

  warn(message: string, details: Record<string, unknown>): void {
    this.#events.onWarning(message, details);
  }

  /**
   * Everything claimed is written and synced, the last checkpoint made, the directory given back. All of it is done, also when a part fails:
   * rejects with the first failure. A directory that is not this broker's any more is left as it is.
   */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    const part = async (work: () => unknown): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    Atomics.store(new Int32Array(this.handle.brokerWords), BROKER_WORD.closing, 1);
    this.#forgetSecrets();
    this.#house.rest();
    this.#sampler.close();
    await part(() => this.replication.handOver.close());
    await part(() => this.thread.access.tellCounted());
    await part(() => this.audit.close());
    await part(() => this.auditTopic.close());
    await part(() => this.#plane.close());
    await part(() => this.find.close());
    await part(() => this.#control.drained(CLOSE_MS));
    await part(() => this.thread.drained(CLOSE_MS));
    await part(() => this.#house.checkpoints.stop());
    this.#house.deadThreads.stop();
    await part(() => this.#persist.stop());
    const isLost = this.#ending.isLost();
    if (!isLost) {
      await part(() => this.#house.checkpoints.last());
      await part(() => this.#house.committed.note());
    }
    await part(() => this.#ending.endIndexing(this.thread.seat));
    await part(() => this.#house.committed.close());
    await part(() => this.#held.close());
    await part(() => this.#damage.repair.note());
    await part(() => this.thread.close());
    await part(() => this.#control.close());
    await part(() => this.#server.close());
    await part(() => this.#queues.closeFiles());
    // Told by `onFatal`; what could not be written for that reason is no failure of the close. Asked while LOCK is still there.
    const isToldAlready = failures.length > 0 && (isLost || this.#ending.isLost());
    await part(() => this.#lock.release());
    if (failures.length > 0 && !isToldAlready) {
      throw failures[0];
    }
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
