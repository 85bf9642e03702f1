/**
 * Answers every control request of the broker, whichever thread and connection it comes from. It runs on
 * the thread that opened the broker and owns topics, groups and offsets there; nothing per message or
 * batch passes through it. What must last goes into the log (control-log.ts).
 */

import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers';
import { clearInterval, monotonicMs, setInterval, setTimeout } from '../../native-free/time/index.js';
import {
  type BrokerStats,
  type ControlMethod,
  type ControlMethods,
  isControlMethod,
  isRingMQError,
  type QueueStats,
  RingMQError,
} from '../../native-free/wire/index.js';
import type { TopicEntry } from '../engine-thread.js';
import {
  DEFAULT_GROUP_RETENTION_MS,
  GENERATIONS_PER_EPOCH,
  GroupAges,
  GroupCoordinator,
  GroupOffsets,
  type Reader,
} from '../group/index.js';
import {
  type CatalogTopic,
  checkName,
  printable,
  type TopicCatalog,
  topicInfo,
} from '../meta/topic-catalog.js';
import type { ControlCaller } from './channel-messages.js';
import type { ControlLog } from './control-log.js';
import { ExpiredLog, type ExpiredReport } from './expired-log.js';
import { GroupAdmin, LOOKUPS_PER_TURN } from './group-admin.js';
import { GroupView } from './group-view.js';
import { parseParams } from './params.js';
import { RetentionWatch, type UnreadMessage, type WatchedQueue } from './retention-watch.js';
import { TopicAdmin, type TopicHooks } from './topic-admin.js';

export interface ControlPlaneOptions extends Omit<TopicHooks, 'appendRecords'> {
  log: ControlLog;
  /** Of this opening. */
  epoch: number;
  catalog: TopicCatalog;
  /** First offset stored at or after `time`; the queue's end if there is none. */
  findOffsetByTime(topic: CatalogTopic, queueId: number, time: number): number | Promise<number>;
  /** The broker's counters and gauges. */
  stats(): BrokerStats;
  queueStats(): QueueStats;
  /** The disk has failed, or a defect has shown where no caller waits for an answer. */
  onFatal?(error: unknown): void;
  /** A clock for deadlines, ms, that no step of the wall clock moves. Default `monotonicMs`. */
  now?(): number;
  /** Runs a function in a later turn of the event loop. Default `setImmediate`. */
  later?(run: () => void): void;
  /** Something an operator should know. */
  onWarning?(message: string, details: Record<string, unknown>): void;
  /** Default 10,000. */
  maxGroups?: number;
  /** Default 1,024. */
  maxMembersPerGroup?: number;
  /** Default 1,048,576. */
  maxGroupQueues?: number;
  /** The message at `offset` of a queue, as retention sees it; null if nothing is there. */
  unread?(topic: CatalogTopic, queueId: number, offset: number): UnreadMessage | null;
  /** How long a group without members is kept, ms; 0: for ever. Default 7 days. */
  groupRetentionMs?: number;
}

type Params<M extends ControlMethod> = ControlMethods[M]['params'];
type Result<M extends ControlMethod> = ControlMethods[M]['result'];
type Handlers = {
  [M in ControlMethod]: (params: Params<M>, caller: ControlCaller) => Result<M> | Promise<Result<M>>;
};

const TICK_MS = 250;
/** Groups are settled for at most one part in so many of the thread's time: who joins and leaves all the time waits for himself. */
const SETTLE_SHARE = 4;
const MAX_REST_MS = 1_000;

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #log: ControlLog;
  readonly #catalog: TopicCatalog;
  readonly #offsets: GroupOffsets;
  readonly #coordinator: GroupCoordinator;
  readonly #view: GroupView;
  readonly #ages: GroupAges;
  readonly #groups: GroupAdmin;
  readonly #expiredLog: ExpiredLog;
  readonly #retentionWatch: RetentionWatch;
  readonly #topics: TopicAdmin;
  readonly #handlers: Handlers;
  readonly #now: () => number;
  readonly #later: (run: () => void) => void;
  #runWanted = false;
  /** `monotonicMs()` before which the groups are not settled again. */
  #nextRunAt = 0;
  #isWithoutRoom = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#catalog = options.catalog;
    this.#now = options.now === undefined ? monotonicMs : () => options.now?.() as number;
    this.#later = (run) => (options.later === undefined ? void setImmediate(run) : options.later(run));
    this.#offsets = new GroupOffsets(options.log);
    this.#coordinator = this.#makeCoordinator(options);
    this.#view = new GroupView(options.catalog, this.#coordinator, this.#offsets, (topic, queueId) =>
      options.queueState(topic, queueId),
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
      pause: () => this.#pause(),
    });
    this.#expiredLog = new ExpiredLog((message, details) => options.onWarning?.(message, details));
    this.#retentionWatch = this.#makeRetentionWatch(options);
    this.#topics = new TopicAdmin(options.catalog, this.#coordinator, {
      ...options,
      appendRecords: (records) => options.log.append(records),
      pause: () => this.#pause(),
    });
    this.#handlers = this.#makeHandlers();
  }

  /**
   * To be called once the queues are recovered and before anything is appended: takes back commits beyond the queues' ends
   * and starts the timer behind revoke deadlines.
   */
  start(): void {
    this.#offsets.cutToEnds((topicId, queueId) => this.#queueState(topicId, queueId).maxOffset);
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /**
   * Answers one request.
   * @throws RingMQError always of this class: NOT_SUPPORTED for an unknown method, BAD_REQUEST for malformed parameters, INTERNAL for a defect.
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
    this.#coordinator.expired(memberKey(seat, consumerKey), queue);
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
      this.#ages.step(now);
      this.#expiredLog.step(now);
      this.#retentionWatch.step(now);
      this.#log.tick();
      this.#tellRoom();
    });
  }

  /** What a full disk keeps in memory is told once, and once more when it has worked. */
  #tellRoom(): void {
    const { heldUpBy } = this.#log;
    if (heldUpBy !== null && !this.#isWithoutRoom) {
      this.#isWithoutRoom = true;
      this.#options.onWarning?.(
        `acks of consumer groups cannot be put on the disk; they are kept in memory, and what they are for comes again if the broker ends before there is room: ${heldUpBy.message}`,
        {},
      );
    } else if (heldUpBy === null && this.#isWithoutRoom) {
      this.#isWithoutRoom = false;
      this.#options.onWarning?.('acks of consumer groups are put on the disk again', {});
    }
  }

  /** Refuses requests from now on, and has the log take what is left to say. The log stays open: it is its opener's to close. */
  close(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    clearInterval(this.#timer);
    this.#ages.close();
  }

  async #call<M extends ControlMethod>(
    method: M,
    params: unknown,
    caller: ControlCaller,
  ): Promise<Result<M>> {
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
        wantRun: () => this.#wantRun(),
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

  #makeHandlers(): Handlers {
    return {
      topicMetadata: ({ topic }) => topicInfo(this.#catalog.require(topic)),
      createTopic: (params) => this.#topics.create(params),
      listTopics: (params) => this.#topics.list(params),
      describeTopic: ({ topic, ...page }) => this.#topics.describe(topic, page),
      deleteTopic: async ({ topic, upTo }) => {
        await this.#topics.delete(topic, upTo ?? null);
        return {};
      },
      listGroups: (params) => this.#view.list(params),
      describeGroup: ({ group, ...page }) => this.#view.describe(group, page),
      createGroup: (params) => this.#groups.create(params),
      deleteGroup: async ({ group }) => {
        await this.#groups.delete(group);
        return {};
      },
      resetOffset: async (params) => ({ queues: await this.#groups.resetOffset(params) }),
      stats: () => this.#options.stats(),
      queueStats: () => this.#options.queueStats(),
      join: (params, caller) => this.#join(params, caller),
      skipDamage: () => {
        throw new RingMQError('NOT_SUPPORTED', 'the connection of the consumer answers skipDamage');
      },
      flow: () => {
        throw new RingMQError('NOT_SUPPORTED', 'the connection of the consumer answers flow');
      },
      seek: (params, caller) => this.#seek(params, caller),
      leave: (_, caller) => {
        if (!this.#coordinator.leave(keyOf(caller))) {
          throw new RingMQError('NOT_A_MEMBER');
        }
        return {};
      },
      released: ({ queues }, caller) => {
        this.#coordinator.released(keyOf(caller), queues);
        return {};
      },
      commit: async ({ offsets }, caller) => {
        const fenced = this.#coordinator.commit(keyOf(caller), offsets);
        await this.#log.settled();
        return { fenced };
      },
    };
  }

  #join(params: Params<'join'>, caller: ControlCaller): Result<'join'> {
    const topic = this.#catalog.require(params.topic);
    const { group, filter, from, memberId, queueBase } = params;
    if (group !== null) {
      checkName('group', group);
    }
    const id = this.#coordinator.join({
      key: keyOf(caller),
      group: group ?? '',
      topic,
      filter,
      from,
      memberId,
      queueBase,
      reader: group === null ? this.#readerOf(params, topic) : null,
      send: (event) => caller.send(event),
    });
    return { memberId: id, topic: topicInfo(topic) };
  }

  #readerOf({ queueIds, positions }: Params<'join'>, topic: CatalogTopic): Reader {
    const own = new Map<number, number>();
    if (positions?.topicId === topic.topicId) {
      for (const { queueId, generation, offset } of positions.queues) {
        const isOfThisRun = Math.floor(generation / GENERATIONS_PER_EPOCH) === this.#options.epoch;
        if (isOfThisRun || !topic.memory) {
          own.set(queueId, offset);
        } else {
          // What it had read went with the memory: all that is there is new to it.
          own.set(queueId, 0);
        }
      }
    }
    return { queueIds: queueIds == null ? null : new Set(queueIds), positions: own };
  }

  async #seek({ queues, to }: Params<'seek'>, caller: ControlCaller): Promise<Result<'seek'>> {
    const { topicId } = this.#coordinator.topicOf(keyOf(caller));
    const topic = this.#requireById(topicId);
    const entries: { queueId: number; generation: number; offset: number }[] = [];
    for (const queue of queues.filter(({ queueId }) => queueId < topic.queues)) {
      entries.push({ ...queue, offset: await this.#groups.positionOf(topic, queue.queueId, to) });
      if (entries.length % LOOKUPS_PER_TURN === 0) {
        await this.#pause();
      }
    }
    // The topic may have gone while positions were looked up.
    this.#requireById(topicId);
    return { queues: this.#coordinator.seek(keyOf(caller), entries) };
  }

  /** Other work of the thread comes first. */
  #pause(): Promise<void> {
    return new Promise((resolve) => this.#later(resolve));
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

  #wantRun(): void {
    if (this.#runWanted) {
      return;
    }
    this.#runWanted = true;
    const restMs = this.#nextRunAt - this.#now();
    if (restMs < 1) {
      this.#later(this.#runNow);
    } else {
      setTimeout(this.#runNow, restMs).unref();
    }
  }

  /** Settles the groups, and rests in proportion to what it took: a millisecond or less for ordinary ones. */
  readonly #runNow = (): void => {
    this.#runWanted = false;
    if (this.#closed) {
      return;
    }
    const from = this.#now();
    let isSettled = true;
    this.#guard(() => {
      isSettled = this.#coordinator.run();
    });
    const to = this.#now();
    this.#nextRunAt = to + Math.min((to - from) * (SETTLE_SHARE - 1), MAX_REST_MS);
    if (!isSettled) {
      this.#wantRun();
    }
  };

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

function memberKey(seat: number, consumerKey: string): string {
  return `${seat}/${consumerKey}`;
}

function keyOf(caller: ControlCaller): string {
  if (caller.consumerKey === undefined) {
    throw new RingMQError('BAD_REQUEST', 'this request needs a consumer');
  }
  return memberKey(caller.seat, caller.consumerKey);
}
