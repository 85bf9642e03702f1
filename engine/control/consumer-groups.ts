/**
 * The consumer groups of a broker: who is in them, how far they have come, how long they have been without
 * members, and when their queues are given out anew.
 */
import { randomBytes } from 'node:crypto';
import { DEFAULT_GROUP_RETENTION_MS, GroupAges, GroupCoordinator, GroupOffsets } from '../group/index.js';
import type { HeldEntry } from '../meta/held-offsets.js';
import type { CatalogTopic } from '../meta/topic-catalog.js';
import { memberKey } from './consumer-calls.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { ExpiredLog, type ExpiredReport } from './expired-log.js';
import { GroupSettling } from './group-settling.js';
import { takeOver } from './take-over.js';

export interface ConsumerGroupsDeps {
  readonly options: ControlPlaneOptions;
  /** Milliseconds; only differences count. */
  now(): number;
  /** Runs a function in a later turn of the event loop. */
  later(run: () => void): void;
  /** Runs what nobody waits for: a failure of the disk or a defect is told, a full disk is passed over. */
  guard(action: () => void): void;
  /** @throws RingMQError TOPIC_NOT_FOUND */
  requireTopic(topicId: number): CatalogTopic;
}

export class ConsumerGroups {
  readonly offsets: GroupOffsets;
  readonly coordinator: GroupCoordinator;
  readonly ages: GroupAges;
  readonly #deps: ConsumerGroupsDeps;
  readonly #settling: GroupSettling;
  readonly #expiredLog: ExpiredLog;
  #isClosed = false;

  constructor(deps: ConsumerGroupsDeps) {
    const { options, now, later } = deps;
    this.#deps = deps;
    this.#settling = new GroupSettling({ run: () => this.#settle(), now, later });
    this.offsets = new GroupOffsets(options.log);
    this.coordinator = this.#makeCoordinator(options);
    this.ages = this.#makeAges(options);
    this.#expiredLog = new ExpiredLog((message, details) => options.onWarning?.(message, details));
  }

  /** Takes back commits beyond the queues' ends. */
  cutToEnds(): void {
    this.offsets.cutToEnds((topicId, queueId) => this.#queueState(topicId, queueId).maxOffset);
  }

  /** What was committed at a slave counts here as if it had been committed here. */
  takeOver(entries: readonly HeldEntry[]): void {
    const { offsets, coordinator, ages } = this;
    const { state } = this.#deps.options.log;
    const maxOffset = (topicId: number, queueId: number): number =>
      this.#queueState(topicId, queueId).maxOffset;
    for (const entry of entries) {
      takeOver(entry, { state, offsets, coordinator, ages, maxOffset });
    }
  }

  /** Queues are to be given out anew: something has changed that members did not. */
  settle(): void {
    this.#settling.want();
  }

  /** Groups that there are, and the members of all. */
  totals(): { groups: number; members: number } {
    const live = this.coordinator.liveGroups();
    const members = live.reduce((sum, group) => sum + this.coordinator.memberCount(group), 0);
    return { groups: new Set([...live, ...this.offsets.groups()]).size, members };
  }

  /** A thread's consumer came upon messages that were deleted before it read them. */
  expired(seat: number, { consumerKey, ...queue }: ExpiredReport): void {
    this.coordinator.held.expired(memberKey(seat, consumerKey), queue);
  }

  /** What is due by now: revoke deadlines, ages, losses to tell of. To be called often. */
  tick(): void {
    this.coordinator.expire();
    const now = this.#deps.now();
    if (this.#deps.options.isFollower?.() !== true) {
      this.ages.step(now);
    }
    this.#expiredLog.step(now);
  }

  close(): void {
    this.#isClosed = true;
    this.#settling.close();
    this.ages.close();
  }

  #makeCoordinator(options: ControlPlaneOptions): GroupCoordinator {
    const { maxGroups, maxMembersPerGroup, maxGroupQueues } = options;
    return new GroupCoordinator({
      epoch: options.epoch,
      offsets: this.offsets,
      ...(maxGroups === undefined ? {} : { maxGroups }),
      ...(maxMembersPerGroup === undefined ? {} : { maxMembersPerGroup }),
      ...(maxGroupQueues === undefined ? {} : { maxGroupQueues }),
      hooks: {
        now: this.#deps.now,
        newMemberId: () => `m-${randomBytes(8).toString('hex')}`,
        queueState: (topicId, queueId) => this.#queueState(topicId, queueId),
        findOffsetByTime: (topicId, queueId, time) =>
          options.findOffsetByTime(this.#deps.requireTopic(topicId), queueId, time),
        isPaused: (group, topicId) => options.log.state.isPaused(group, topicId),
        isHeld: () => (options.handOver?.() ?? null) !== null,
        wantRun: () => this.#settling.want(),
        persist: (send) => this.#persist(send),
        expired: (group, topic, _queueId, count) =>
          this.#expiredLog.add(group, topic.topic, count, this.#deps.now()),
      },
    });
  }

  #makeAges(options: ControlPlaneOptions): GroupAges {
    const groupRetentionMs = options.groupRetentionMs ?? DEFAULT_GROUP_RETENTION_MS;
    return new GroupAges(
      {
        store: options.log,
        offsets: this.offsets,
        groupRetentionMs,
        hasMembers: (group) => this.coordinator.memberCount(group) > 0,
        onDeleted: (groups) => {
          const days = (groupRetentionMs / 86_400_000).toLocaleString('en', { maximumFractionDigits: 3 });
          const shown = groups.slice(0, 5).join(', ') + (groups.length > 5 ? ', …' : '');
          options.onWarning?.(
            `${groups.length} consumer ${groups.length === 1 ? 'group' : 'groups'} without members for ${days} days deleted: ${shown}`,
            { groups: groups.slice(0, 100), count: groups.length, groupRetentionMs },
          );
        },
      },
      this.#deps.now(),
    );
  }

  #queueState(topicId: number, queueId: number): { minOffset: number; maxOffset: number } {
    return this.#deps.options.queueState(this.#deps.requireTopic(topicId), queueId);
  }

  /** False: there is more to do. */
  #settle(): boolean {
    let isSettled = true;
    this.#deps.guard(() => {
      isSettled = this.coordinator.run();
    });
    return isSettled;
  }

  /** Neither a full disk nor one that has failed stops consumers: what the log does not take is told to who commits. */
  #persist(send: () => void): void {
    const sendNow = (): void => {
      if (!this.#isClosed) {
        this.#deps.guard(send);
      }
    };
    this.#deps.options.log.settled().then(sendNow, sendNow);
  }
}
