/**
 * Consumer groups: who is in them, who reads which queue, how far they have come. A state machine without
 * threads, timers or disk: calls change it, {@link GroupCoordinator.run} carries the changes through and
 * sends the events, and the hooks are its only way out. It asks for a `run` by `wantRun`; the later that
 * comes, the more joins and leaves it settles at once. A caller therefore has its answer before the events
 * that follow from it.
 *
 * What holds at every moment: a queue has at most one owner; it gets the next one only after the last has
 * released it, has left, or has not answered for 10 s; each assignment has a higher generation than all
 * before, over restarts too, and a commit under an older one is refused. Committed offsets only grow, but for
 * a reset.
 */
import { type ErrorCode, RingMQError } from '../../native-free/wire/index.js';
import { checkName } from '../meta/topic-catalog.js';
import { diagnose } from '../stats/index.js';
import {
  type CoordinatorHooks,
  type CoordinatorOptions,
  DEFAULT_MAX_GROUP_QUEUES,
  DEFAULT_MAX_GROUPS,
  DEFAULT_MAX_MEMBERS_PER_GROUP,
  type JoinRequest,
} from './coordinator-options.js';
import { normalizeFilter } from './filter.js';
import { HeldCalls } from './held-calls.js';
import {
  checkAlone,
  checkFilter,
  checkMemberId,
  checkMembers,
  checkQueues,
  checkReader,
  makeRoom,
} from './join-limits.js';
import type { GroupOffsets } from './offsets.js';
import { Settling } from './settling.js';
import { type Member, type SharedTopic, TopicShare } from './topic-share.js';

/** Begins the name that a reader in no group has here. No group's name begins so. */
const READER_PREFIX = '%reader/';

/** A group with members: id → member, and topic id → share. */
interface LiveGroup {
  readonly members: Map<string, Member>;
  readonly shares: Map<number, TopicShare>;
}

export class GroupCoordinator {
  readonly #hooks: CoordinatorHooks;
  readonly #offsets: GroupOffsets;
  readonly #maxGroups: number;
  readonly #maxMembers: number;
  readonly #maxQueues: number;
  /** Queues of all shares. */
  #queueCount = 0;
  readonly #groups = new Map<string, LiveGroup>();
  readonly #byKey = new Map<string, Member>();
  #readerCount = 0;
  readonly #settling: Settling;
  /** What members do with queues that are theirs. */
  readonly held: HeldCalls;

  constructor(options: CoordinatorOptions) {
    this.#hooks = options.hooks;
    this.#offsets = options.offsets;
    this.#maxGroups = options.maxGroups ?? DEFAULT_MAX_GROUPS;
    this.#maxMembers = options.maxMembersPerGroup ?? DEFAULT_MAX_MEMBERS_PER_GROUP;
    this.#maxQueues = options.maxGroupQueues ?? DEFAULT_MAX_GROUP_QUEUES;
    this.#settling = new Settling({
      hooks: options.hooks,
      offsets: options.offsets,
      epoch: options.epoch,
      queuesAtOnce: options.queuesAtOnce,
      isLive: (share) => this.share(share.group, share.topic.topicId) === share,
      isMember: (member) => this.#byKey.get(member.key) === member,
      failed: (member, code, why) => this.#putOut(member, code, why),
    });
    const members = {
      find: (key: string) => this.#byKey.get(key),
      require: (key: string) => this.#require(key),
      share: (group: string, topicId: number) => this.share(group, topicId),
    };
    this.held = new HeldCalls(members, options.hooks, options.offsets, this.#settling);
  }

  /**
   * Adds a member; its queues come by `assign` events. A member of the same id in the group is put out: it is
   * the same consumer, whose earlier connection has not been seen to end.
   * @returns its member id.
   * @throws RingMQError BAD_ARGUMENT, BAD_REQUEST (joined already), BAD_FILTER, GROUP_BUSY (another filter, or one of the two shares with nobody),
   * TOO_MANY_GROUPS, TOO_MANY_MEMBERS
   */
  join(request: JoinRequest): string {
    const { key, topic, from, reader = null, queueBase = null, alone = false } = request;
    const name = reader === null ? request.group : READER_PREFIX + key;
    if (reader === null) {
      checkName('group', name, true);
    } else {
      checkReader(reader, topic, this.#readerCount, this.#maxGroups);
    }
    const filter = normalizeFilter(request.filter);
    const memberId = request.memberId ?? this.#hooks.newMemberId();
    checkMemberId(memberId);
    if (this.#byKey.has(key)) {
      throw new RingMQError('BAD_REQUEST', 'this consumer is in a group already; leave it first');
    }
    const earlier = this.#groups.get(name)?.members.get(memberId);
    this.#checkRoom(name, earlier !== undefined);
    const shared = this.share(name, topic.topicId);
    checkFilter(shared, filter, earlier);
    checkAlone(shared, alone, earlier);
    if (shared === undefined) {
      checkQueues(topic, this.#queueCount, this.#maxQueues);
    }
    if (earlier !== undefined) {
      this.#putOut(earlier, 'NOT_A_MEMBER', `the member ${memberId} joined again over another connection`);
    }
    const group = this.#groups.get(name) ?? {
      members: new Map<string, Member>(),
      shares: new Map<number, TopicShare>(),
    };
    const share = group.shares.get(topic.topicId) ?? this.#newShare(name, topic, filter);
    const send: Member['send'] = (event) => request.send(event);
    const member: Member = { key, memberId, from, share, queueBase, alone, reader, send };
    this.#groups.set(name, group);
    group.shares.set(topic.topicId, share);
    group.members.set(memberId, member);
    this.#byKey.set(key, member);
    this.#readerCount += reader === null ? 0 : 1;
    share.add(member);
    this.#settling.want(share);
    diagnose('group', { event: 'joined', group: name, topic: topic.topic, memberId });
    return memberId;
  }

  /** A member leaves by its own will; its queues go to others. False if there is no such member. */
  leave(key: string): boolean {
    const member = this.#byKey.get(key);
    if (member === undefined) {
      return false;
    }
    const { group, topic } = member.share;
    this.#remove(member);
    // Nobody is left who has begun to read there; who comes next begins where it wants to.
    if (member.reader === null && this.share(group, topic.topicId) === undefined) {
      this.#offsets.dropStarts(group, topic.topicId);
    }
    return true;
  }

  /** A member's connection or thread is gone. It may come back, so where its group began is kept for a while. */
  lost(key: string): void {
    const member = this.#byKey.get(key);
    if (member !== undefined) {
      this.#remove(member);
    }
  }

  /** The topic a member reads. @throws RingMQError NOT_A_MEMBER */
  topicOf(key: string): SharedTopic {
    return this.#require(key).share.topic;
  }

  /** A group was paused or resumed, on one topic or, `topicId` 0, on all: queues are taken back, or given out, and members are told. */
  pauseChanged(group: string, topicId: number, paused: boolean): void {
    for (const share of this.#groups.get(group)?.shares.values() ?? []) {
      if (topicId !== 0 && share.topic.topicId !== topicId) {
        continue;
      }
      this.#settling.want(share);
      for (const member of share.members) {
        member.send({ event: 'groupPaused', paused });
      }
    }
  }

  /**
   * Makes sure that groups and readers with members on the topic may share `more` queues of it.
   * @throws RingMQError TOO_MANY_QUEUES
   */
  requireQueues(topic: SharedTopic, more: number): void {
    let shares = 0;
    for (const share of this.#shares()) {
      shares += share.topic.topicId === topic.topicId ? 1 : 0;
    }
    const queues = this.#queueCount + shares * more;
    if (shares > 0 && queues > this.#maxQueues) {
      throw new RingMQError(
        'TOO_MANY_QUEUES',
        `groups and readers share ${this.#queueCount} queues already, and ${more} more for each of the ${shares} that read '${topic.topic}' are more than there may be (maxGroupQueues)`,
        { details: { value: queues, limit: this.#maxQueues } },
      );
    }
  }

  /**
   * The topic has more queues now. Who reads it already gets all of what comes into them, wherever it began on
   * the others; who has not begun anywhere begins on all of them as it wanted to.
   */
  growTopic(topic: SharedTopic): void {
    for (const share of this.#shares()) {
      const before = share.topic.queues;
      if (share.topic.topicId !== topic.topicId || before >= topic.queues) {
        continue;
      }
      this.#queueCount += topic.queues - before;
      share.grow(topic);
      this.#beginOnNew(share, before);
      this.#settling.want(share);
    }
  }

  #beginOnNew({ group, topic, members }: TopicShare, before: number): void {
    const { topicId, queues } = topic;
    const reader = members.find((member) => member.reader !== null)?.reader ?? null;
    let hasBegun = reader !== null && reader.positions.size > 0;
    for (let queueId = 0; queueId < before && !hasBegun && reader === null; queueId++) {
      hasBegun = this.#offsets.position(group, topicId, queueId) !== null;
    }
    for (let queueId = before; queueId < queues && hasBegun; queueId++) {
      if (reader !== null) {
        reader.positions.set(queueId, 0);
      } else if (this.#offsets.position(group, topicId, queueId) === null) {
        this.#offsets.begin(group, topicId, queueId, 0);
      }
    }
  }

  /** The topic is gone: its members are told so and put out. */
  endTopic(topicId: number, code: ErrorCode, message: string): void {
    for (const member of [...this.#byKey.values()]) {
      if (member.share.topic.topicId === topicId) {
        this.#putOut(member, code, message);
      }
    }
  }

  /** Takes queues from owners that were told to release them 10 s ago. */
  expire(): void {
    const now = this.#hooks.now();
    for (const share of this.#shares()) {
      if (share.expire(now)) {
        this.#settling.want(share);
      }
    }
  }

  /** When {@link expire} will next have something to do; Infinity: not as things stand. */
  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const share of this.#shares()) {
      next = Math.min(next, share.nextDeadline());
    }
    return next;
  }

  /** Settles what has changed and sends the events, for a slice of time: false if there is more to settle. */
  run(): boolean {
    return this.#settling.run();
  }

  /** Groups that have members. */
  liveGroups(): string[] {
    return [...this.#groups.keys()].filter((name) => !name.startsWith(READER_PREFIX));
  }

  memberCount(group: string): number {
    return this.#groups.get(group)?.members.size ?? 0;
  }

  memberIds(group: string): string[] {
    return [...(this.#groups.get(group)?.members.keys() ?? [])];
  }

  /** The group's hold on a topic; undefined if it has no member on it. For looking at only. */
  share(group: string, topicId: number): TopicShare | undefined {
    return this.#groups.get(group)?.shares.get(topicId);
  }

  /** Ids of the topics that the group has members on. */
  liveTopicsOf(group: string): number[] {
    return [...(this.#groups.get(group)?.shares.keys() ?? [])];
  }

  *#shares(): Generator<TopicShare> {
    for (const group of this.#groups.values()) {
      yield* group.shares.values();
    }
  }

  #require(key: string): Member {
    const member = this.#byKey.get(key);
    if (member === undefined) {
      throw new RingMQError('NOT_A_MEMBER', 'this consumer is in no group; it has left, or was put out');
    }
    return member;
  }

  #checkRoom(name: string, replacesOne: boolean): void {
    const members = this.memberCount(name);
    if (!replacesOne) {
      checkMembers(name, members, this.#maxMembers);
    }
    if (!name.startsWith(READER_PREFIX)) {
      this.requireRoom(name);
    }
  }

  /**
   * Makes sure that the broker may have the group, whether it is new or not. Where there are as many as may
   * be, one goes that nobody reads for and that has never committed.
   * @throws RingMQError TOO_MANY_GROUPS
   */
  requireRoom(name: string): void {
    if (this.#groups.has(name) || this.#offsets.hasGroup(name)) {
      return;
    }
    // Cheap and never too small; only near the limit it is counted exactly.
    if (this.#groups.size - this.#readerCount + this.#offsets.groupCountAtMost >= this.#maxGroups) {
      makeRoom(name, this.liveGroups(), this.#offsets, this.#maxGroups);
    }
  }

  #newShare(name: string, topic: SharedTopic, filter: string): TopicShare {
    this.#queueCount += topic.queues;
    return new TopicShare(name, topic, filter);
  }

  #putOut(member: Member, code: ErrorCode, message: string): void {
    this.#remove(member);
    member.send({ event: 'ended', code, message });
  }

  #remove(member: Member): void {
    const { share } = member;
    this.#byKey.delete(member.key);
    this.#readerCount -= member.reader === null ? 0 : 1;
    diagnose('group', {
      event: 'left',
      group: member.share.group,
      topic: member.share.topic.topic,
      memberId: member.memberId,
    });
    share.remove(member);
    const group = this.#groups.get(share.group) as LiveGroup;
    group.members.delete(member.memberId);
    if (share.members.length > 0) {
      this.#settling.want(share);
      return;
    }
    this.#settling.forget(share);
    group.shares.delete(share.topic.topicId);
    this.#queueCount -= share.topic.queues;
    if (group.members.size === 0) {
      this.#groups.delete(share.group);
    }
  }
}
