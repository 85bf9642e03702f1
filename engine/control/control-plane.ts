/**
 * Answers every control request of the broker, whichever thread and connection it comes from. It runs on
 * the thread that opened the broker and owns topics, groups and offsets there; nothing per message or
 * batch passes through it. What must last goes into the log (control-log.ts).
 */

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
import type { HeldEntry } from '../meta/held-offsets.js';
import { type CatalogTopic, printable, type TopicCatalog } from '../meta/topic-catalog.js';
import { AccessView } from './access-view.js';
import type { ControlCaller } from './channel-messages.js';
import { ConnectionsView } from './connections-view.js';
import { ConsumerCalls, memberKey } from './consumer-calls.js';
import { ConsumerGroups } from './consumer-groups.js';
import { controlHandlers, type Handlers } from './control-handlers.js';
import type { ControlLog } from './control-log.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import type { ExpiredReport } from './expired-log.js';
import { GroupAdmin } from './group-admin.js';
import { GroupView } from './group-view.js';
import { HeldUpTeller } from './held-up-teller.js';
import { parseParams } from './params.js';
import { RetentionWatch, type WatchedQueue } from './retention-watch.js';
import { TopicAdmin } from './topic-admin.js';
import { TopicRetention } from './topic-retention.js';

const TICK_MS = 250;

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #log: ControlLog;
  readonly #catalog: TopicCatalog;
  readonly #groups: ConsumerGroups;
  readonly #access: AccessView;
  readonly #retentionWatch: RetentionWatch;
  readonly #topicRetention: TopicRetention;
  readonly #handlers: Handlers;
  readonly #now: () => number;
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
    this.#groups = new ConsumerGroups({
      options,
      now: this.#now,
      later,
      guard: (action) => this.#guard(action),
      requireTopic: (topicId) => this.#requireById(topicId),
    });
    const { offsets, coordinator, ages } = this.#groups;
    const view = new GroupView(
      options.catalog,
      coordinator,
      offsets,
      (topic, queueId) => options.queueState(topic, queueId),
      {
        unreadTime: (topic, queueId, offset) => options.unreadTime?.(topic, queueId, offset) ?? null,
        pausedTopics: (group) => options.log.state.pausedGroups.get(group) ?? [],
        wallMs: options.wallMs ?? Date.now,
        now: this.#now,
        pause,
      },
    );
    const groups = new GroupAdmin({
      log: options.log,
      catalog: options.catalog,
      offsets,
      coordinator,
      ages,
      view,
      queueState: (topic, queueId) => options.queueState(topic, queueId),
      findOffsetByTime: (topic, queueId, time) => options.findOffsetByTime(topic, queueId, time),
      pause,
    });
    this.#access = new AccessView(options.log, options.access);
    const consumers = new ConsumerCalls({
      catalog: options.catalog,
      coordinator,
      epoch: options.epoch,
      settled: () => options.log.settled(),
      pause,
      positionOf: (topic, queueId, to) => groups.positionOf(topic, queueId, to),
      requireTopic: (topicId) => this.#requireById(topicId),
    });
    const connections = new ConnectionsView({
      askThreads: (question) => options.askThreads(question),
      isOwn: (id) => options.isOwnConnection?.(id) ?? false,
      requireTopic: (topic) => void options.catalog.require(topic),
    });
    this.#heldUp = new HeldUpTeller((line) => options.onWarning?.(line, {}));
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
    const topics = new TopicAdmin(options.catalog, coordinator, {
      ...options,
      appendRecords: (records) => options.log.append(records),
      pause,
    });
    this.#handlers = controlHandlers({
      options,
      catalog: options.catalog,
      topics,
      groups,
      view,
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
    this.#groups.cutToEnds();
    this.#log.tick();
  }

  /**
   * What was committed at a slave, while this master was away, counts here as if it had been committed here.
   * Resolves once the log has it.
   */
  async takeOver(entries: readonly HeldEntry[]): Promise<void> {
    this.#groups.takeOver(entries);
    await this.#log.settled();
  }

  /** What slaves had of groups is here, or was not waited for any longer: groups begin to read. */
  handedOver(): void {
    this.#groups.settle();
  }

  /** Users and rights as another master of the cluster has them. Resolves with how many were newer there. */
  takeAccess(records: readonly unknown[]): Promise<number> {
    return this.#access.take(records);
  }

  /** On a slave: its master has deleted the topic. */
  topicGone({ topic, topicId }: CatalogTopic): void {
    this.#groups.coordinator.endTopic(topicId, 'TOPIC_NOT_FOUND', `the topic '${topic}' was deleted`);
  }

  /** On a slave: its master has given the topic more queues. */
  topicGrown(topic: CatalogTopic): void {
    this.#groups.coordinator.growTopic(topic);
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
    return this.#groups.totals();
  }

  /** A consumer's connection or thread is gone: it leaves its group at once. */
  callerGone(seat: number, consumerKey: string): void {
    this.#groups.coordinator.lost(memberKey(seat, consumerKey));
  }

  /** A thread's consumer came upon messages that were deleted before it read them. */
  expired(seat: number, report: ExpiredReport): void {
    this.#groups.expired(seat, report);
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
      this.#groups.tick();
      const now = this.#now();
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
    this.#groups.close();
  }

  async #call<M extends ControlMethod>(
    method: M,
    params: unknown,
    caller: ControlCaller,
  ): Promise<ControlMethods[M]['result']> {
    return await this.#handlers[method](parseParams(method, params), caller);
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
