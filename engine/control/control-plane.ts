/**
 * Answers every control request of the broker, whichever thread and connection it comes from. It runs on
 * the thread that opened the broker and owns topics, groups and offsets there; nothing per message or
 * batch passes through it. What must last goes into the log (control-log.ts).
 */

import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers';
import { clearInterval, monotonicMs, setInterval } from '../../native-free/time/index.js';
import {
  type ControlMethod,
  type ControlMethods,
  isControlMethod,
  isRingMQError,
  RingMQError,
} from '../../native-free/wire/index.js';
import type { TopicEntry } from '../engine-thread.js';
import { DEFAULT_GROUP_RETENTION_MS, GroupAges, GroupCoordinator, GroupOffsets } from '../group/index.js';
import type { HeldEntry } from '../meta/held-offsets.js';
import { type CatalogTopic, printable, type TopicCatalog } from '../meta/topic-catalog.js';
import { AccessView } from './access-view.js';
import type { ControlCaller } from './channel-messages.js';
import { ConnectionsView } from './connections-view.js';
import { ConsumerCalls, memberKey } from './consumer-calls.js';
import { controlHandlers, type Handlers } from './control-handlers.js';
import type { ControlLog } from './control-log.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { ExpiredLog, type ExpiredReport } from './expired-log.js';
import { GroupAdmin } from './group-admin.js';
import { GroupSettling } from './group-settling.js';
import { GroupView } from './group-view.js';
import { HeldUpTeller } from './held-up-teller.js';
import { parseParams } from './params.js';
import { RetentionWatch, type WatchedQueue } from './retention-watch.js';
import { takeOver } from './take-over.js';
import { TopicAdmin } from './topic-admin.js';
import { TopicRetention } from './topic-retention.js';

const TICK_MS = 250;

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #log: ControlLog;
  readonly #catalog: TopicCatalog;
  readonly #offsets: GroupOffsets;
  readonly #coordinator: GroupCoordinator;
  readonly #view: GroupView;
  readonly #ages: GroupAges;
  readonly #groups: GroupAdmin;
  readonly #access: AccessView;
  readonly #expiredLog: ExpiredLog;
  readonly #retentionWatch: RetentionWatch;
  readonly #topicRetention: TopicRetention;
  readonly #handlers: Handlers;
  readonly #now: () => number;
  readonly #settling: GroupSettling;
  readonly #heldUp: HeldUpTeller;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#catalog = options.catalog;
    this.#now = options.now === undefined ? monotonicMs : () => options.now?.() as number;
    const later = (run: () => void): void =>
      options.later === undefined ? void setImmediate(run) : options.later(run);
    const pause = (): Promise<void> => new Promise((resolve) => later(resolve));
    this.#settling = new GroupSettling({ run: () => this.#settle(), now: this.#now, later });
    this.#offsets = new GroupOffsets(options.log);
    this.#coordinator = this.#makeCoordinator(options);
    this.#view = new GroupView(
      options.catalog,
      this.#coordinator,
      this.#offsets,
      (topic, queueId) => options.queueState(topic, queueId),
      {
        unreadTime: (topic, queueId, offset) => options.unreadTime?.(topic, queueId, offset) ?? null,
        pausedTopics: (group) => options.log.state.pausedGroups.get(group) ?? [],
        wallMs: options.wallMs ?? Date.now,
        now: this.#now,
        pause,
      },
    );
    this.#ages = this.#makeAges(options);
    this.#groups = new GroupAdmin({
      log: options.log,
      catalog: options.catalog,
      offsets: this.#offsets,
      coordinator: this.#coordinator,
      ages: this.#ages,
      view: this.#view,
      queueState: (topic, queueId) => options.queueState(topic, queueId),
      findOffsetByTime: (topic, queueId, time) => options.findOffsetByTime(topic, queueId, time),
      pause,
    });
    this.#access = new AccessView(options.log, options.access);
    const consumers = new ConsumerCalls({
      catalog: options.catalog,
      coordinator: this.#coordinator,
      epoch: options.epoch,
      settled: () => options.log.settled(),
      pause,
      positionOf: (topic, queueId, to) => this.#groups.positionOf(topic, queueId, to),
      requireTopic: (topicId) => this.#requireById(topicId),
    });
    const connections = new ConnectionsView({
      askThreads: (question) => options.askThreads(question),
      requireTopic: (topic) => void options.catalog.require(topic),
    });
    this.#heldUp = new HeldUpTeller((line) => options.onWarning?.(line, {}));
    this.#expiredLog = new ExpiredLog((message, details) => options.onWarning?.(message, details));
    this.#retentionWatch = this.#makeRetentionWatch(options);
    this.#topicRetention = new TopicRetention({
      topics: () => options.catalog.list(),
      topic: (topicId) => options.catalog.byId(topicId),
      lastStoreTime: options.lastStoreTime?.() ?? 0,
      wallMs: options.wallMs ?? Date.now,
      monotonicMs: this.#now,
      isFollower: () => options.isFollower?.() === true,
      beginAfter: (topic, queueId, before, latest) =>
        options.queueBegin?.(topic, queueId, before, latest) ?? null,
      say: (records) => options.log.append(records),
      follow: () => options.followBegins?.(),
    });
    const topics = new TopicAdmin(options.catalog, this.#coordinator, {
      ...options,
      appendRecords: (records) => options.log.append(records),
      pause,
    });
    this.#handlers = controlHandlers({
      options,
      catalog: options.catalog,
      topics,
      groups: this.#groups,
      view: this.#view,
      consumers,
      connections,
      access: this.#access,
    });
  }

  /**
   * To be called once the queues are recovered and before anything is appended: starts the timer behind
   * revoke deadlines.
   */
  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Takes back commits beyond the queues' ends, once the log is this broker's to write. */
  becomeMaster(): void {
    this.#options.followBegins?.();
    this.#offsets.cutToEnds((topicId, queueId) => this.#queueState(topicId, queueId).maxOffset);
    this.#log.tick();
  }

  /**
   * What was committed at a slave, while this master was away, counts here as if it had been committed here.
   * Resolves once the log has it.
   */
  async takeOver(entries: readonly HeldEntry[]): Promise<void> {
    const deps = {
      state: this.#log.state,
      offsets: this.#offsets,
      coordinator: this.#coordinator,
      ages: this.#ages,
      maxOffset: (topicId: number, queueId: number) => this.#queueState(topicId, queueId).maxOffset,
    };
    for (const entry of entries) {
      takeOver(entry, deps);
    }
    await this.#log.settled();
  }

  /** What slaves had of groups is here, or was not waited for any longer: groups begin to read. */
  handedOver(): void {
    this.#settling.want();
  }

  /** Users and rights as another master of the cluster has them. Resolves with how many were newer there. */
  takeAccess(records: readonly unknown[]): Promise<number> {
    return this.#access.take(records);
  }

  /** On a slave: its master has deleted the topic. */
  topicGone({ topic, topicId }: CatalogTopic): void {
    this.#coordinator.endTopic(topicId, 'TOPIC_NOT_FOUND', `the topic '${topic}' was deleted`);
  }

  /** On a slave: its master has given the topic more queues. */
  topicGrown(topic: CatalogTopic): void {
    this.#coordinator.growTopic(topic);
  }

  /**
   * Answers one request.
   * @throws RingMQError always of this class: NOT_SUPPORTED for an unknown method, BAD_REQUEST for malformed
   * parameters, INTERNAL for a defect.
   */
  async handle(method: string, params: unknown, caller: ControlCaller): Promise<unknown> {
    if (this.#closed) {
      throw new RingMQError('BROKER_CLOSED');
    }
    if (!isControlMethod(method)) {
      throw new RingMQError('NOT_SUPPORTED', `there is no method '${printable(method)}' in this version`, {
        details: { method: printable(method) },
      });
    }
    try {
      return await this.#call(method, params, caller);
    } catch (error) {
      if (isRingMQError(error)) {
        if (error.code === 'DISK_FAILED') {
          this.#options.onFatal?.(error);
        }
        if (error.code === 'NOT_MASTER') {
          throw new RingMQError('NOT_MASTER', undefined, {
            details: { master: this.#options.masterUrl?.() ?? null },
          });
        }
        throw error;
      }
      throw new RingMQError('INTERNAL', `${method} failed: ${String(error)}`, { cause: error });
    }
  }

  /** Groups that there are, and the members of all. */
  groupTotals(): { groups: number; members: number } {
    const live = this.#coordinator.liveGroups();
    const members = live.reduce((sum, group) => sum + this.#coordinator.memberCount(group), 0);
    return { groups: new Set([...live, ...this.#offsets.groups()]).size, members };
  }

  /** A consumer's connection or thread is gone: it leaves its group at once. */
  callerGone(seat: number, consumerKey: string): void {
    this.#coordinator.lost(memberKey(seat, consumerKey));
  }

  /** A thread's consumer came upon messages that were deleted before it read them. */
  expired(seat: number, { consumerKey, ...queue }: ExpiredReport): void {
    this.#coordinator.held.expired(memberKey(seat, consumerKey), queue);
  }

  /** The topic as the hot path wants it; a new object each time. */
  topicEntry(topicId: number): TopicEntry | undefined {
    const found = this.#catalog.byId(topicId);
    if (found === undefined) {
      return undefined;
    }
    const { topic, queues, memory, slots } = found;
    return { topicId, topic, queues, memory, slots, dead: false };
  }

  /** What is due by now: revoke deadlines, ages, and what a full disk has no room for yet. The timer calls it. */
  tick(): void {
    if (this.#closed) {
      return;
    }
    this.#guard(() => {
      this.#coordinator.expire();
      const now = this.#now();
      if (this.#options.isFollower?.() !== true) {
        this.#ages.step(now);
      }
      this.#expiredLog.step(now);
      this.#retentionWatch.step(now);
      this.#topicRetention.step(now);
      this.#log.tick();
      this.#heldUp.step(this.#log.heldUpBy, now);
    });
  }

  /** Refuses requests from now on, and has the log take what is left to say. The log stays open: it is its opener's to close. */
  close(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    clearInterval(this.#timer);
    this.#settling.close();
    this.#ages.close();
  }

  async #call<M extends ControlMethod>(
    method: M,
    params: unknown,
    caller: ControlCaller,
  ): Promise<ControlMethods[M]['result']> {
    return await this.#handlers[method](parseParams(method, params), caller);
  }

  #makeCoordinator(options: ControlPlaneOptions): GroupCoordinator {
    const { maxGroups, maxMembersPerGroup, maxGroupQueues } = options;
    return new GroupCoordinator({
      epoch: options.epoch,
      offsets: this.#offsets,
      ...(maxGroups === undefined ? {} : { maxGroups }),
      ...(maxMembersPerGroup === undefined ? {} : { maxMembersPerGroup }),
      ...(maxGroupQueues === undefined ? {} : { maxGroupQueues }),
      hooks: {
        now: this.#now,
        newMemberId: () => `m-${randomBytes(8).toString('hex')}`,
        queueState: (topicId, queueId) => this.#queueState(topicId, queueId),
        findOffsetByTime: (topicId, queueId, time) =>
          options.findOffsetByTime(this.#requireById(topicId), queueId, time),
        isPaused: (group, topicId) => options.log.state.isPaused(group, topicId),
        isHeld: () => (this.#options.handOver?.() ?? null) !== null,
        wantRun: () => this.#settling.want(),
        persist: (send) => this.#persist(send),
        expired: (group, topic, _queueId, count) =>
          this.#expiredLog.add(group, topic.topic, count, this.#now()),
      },
    });
  }

  #makeAges(options: ControlPlaneOptions): GroupAges {
    const groupRetentionMs = options.groupRetentionMs ?? DEFAULT_GROUP_RETENTION_MS;
    return new GroupAges(
      {
        store: options.log,
        offsets: this.#offsets,
        groupRetentionMs,
        hasMembers: (group) => this.#coordinator.memberCount(group) > 0,
        onDeleted: (groups) => {
          const days = (groupRetentionMs / 86_400_000).toLocaleString('en', { maximumFractionDigits: 3 });
          const shown = groups.slice(0, 5).join(', ') + (groups.length > 5 ? ', …' : '');
          options.onWarning?.(
            `${groups.length} consumer ${groups.length === 1 ? 'group' : 'groups'} without members for ${days} days deleted: ${shown}`,
            { groups: groups.slice(0, 100), count: groups.length, groupRetentionMs },
          );
        },
      },
      this.#now(),
    );
  }

  #makeRetentionWatch(options: ControlPlaneOptions): RetentionWatch {
    const { retentionMs = 0, retentionBytes = 0 } = options.retention?.() ?? {};
    return new RetentionWatch({
      retentionMs,
      retentionBytes,
      queues: () => this.#positions(),
      unread: ({ topicId, queueId, position }) => {
        const topic = this.#catalog.byId(topicId);
        return topic === undefined ? null : (options.unread?.(topic, queueId, position) ?? null);
      },
      warn: (message, details) => options.onWarning?.(message, details),
    });
  }

  /** Where groups stand on the queues of topics on disk. */
  *#positions(): Generator<WatchedQueue> {
    for (const { group, topicId, pairs } of this.#log.state.offsets.entries()) {
      const topic = this.#catalog.byId(topicId);
      for (let i = 0; i + 1 < pairs.length && topic?.memory === false; i += 2) {
        const [queueId, position] = [pairs[i] as number, pairs[i + 1] as number];
        yield { group, topic: topic.topic, topicId, queueId, position };
      }
    }
  }

  #requireById(topicId: number): CatalogTopic {
    const topic = this.#catalog.byId(topicId);
    if (topic === undefined) {
      throw new RingMQError('TOPIC_NOT_FOUND', `the topic with id ${topicId} was deleted`);
    }
    return topic;
  }

  #queueState(topicId: number, queueId: number): { minOffset: number; maxOffset: number } {
    return this.#options.queueState(this.#requireById(topicId), queueId);
  }

  /** False: there is more to do. */
  #settle(): boolean {
    let isSettled = true;
    this.#guard(() => {
      isSettled = this.#coordinator.run();
    });
    return isSettled;
  }

  /** Neither a full disk nor one that has failed stops consumers: what the log does not take is told to who commits. */
  #persist(send: () => void): void {
    const sendNow = (): void => {
      if (!this.#closed) {
        this.#guard(send);
      }
    };
    this.#log.settled().then(sendNow, sendNow);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (isRingMQError(error) && error.code === 'DISK_FULL') {
        return;
      }
      if (this.#options.onFatal === undefined) {
        throw error;
      }
      this.#options.onFatal(error);
    }
  }
}
