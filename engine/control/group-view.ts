/** Consumer groups as operators see them: what members hold and what is committed, put together. */
import {
  type ConsumedByGroup,
  type ControlMethods,
  type GroupInfo,
  type GroupLag,
  type GroupPause,
  type GroupQueueInfo,
  LATE_MS,
  MAX_MEMBER_ID_BYTES,
  MAX_NAME_BYTES,
  type MemberState,
  RingMQError,
} from '../../native-free/wire/index.js';
import type { GroupCoordinator, GroupOffsets } from '../group/index.js';
import { type CatalogTopic, cutName, printable, type TopicCatalog } from '../meta/topic-catalog.js';
import { type NamedPageRequest, nameFilter, Page, type PageRequest, pageEnd, queueCursor } from './page.js';

/** Topics named where groups are listed; `describeGroup` has the rest among its queues. */
const MAX_TOPICS_LISTED = 100;
/** What the numbers and keys of an item take in an answer. */
const INFO_BYTES = 180;
/** Queues whose oldest unread message is looked up before other work has its turn. */
const LOOKUPS_PER_TURN = 64;

/** What ages are told by. */
export interface GroupTimes {
  /** When the next message from `offset` on was stored, ms since 1970; null: there is none, or nobody can tell. */
  unreadTime(topic: CatalogTopic, queueId: number, offset: number): number | null;
  /** Ids of topics on which the group is paused; 0: on all. */
  pausedTopics(group: string): Iterable<number>;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** The clock of {@link GroupCoordinator}. */
  now(): number;
  /** Other work of the thread comes first. */
  pause(): Promise<void>;
}

export class GroupView {
  readonly #catalog: TopicCatalog;
  readonly #coordinator: GroupCoordinator;
  readonly #offsets: GroupOffsets;
  readonly #queueState: (topic: CatalogTopic, queueId: number) => { minOffset: number; maxOffset: number };
  readonly #times: GroupTimes;
  #looked = 0;

  constructor(
    catalog: TopicCatalog,
    coordinator: GroupCoordinator,
    offsets: GroupOffsets,
    queueState: (topic: CatalogTopic, queueId: number) => { minOffset: number; maxOffset: number },
    times: GroupTimes,
  ) {
    this.#times = times;
    this.#catalog = catalog;
    this.#coordinator = coordinator;
    this.#offsets = offsets;
    this.#queueState = queueState;
  }

  /** True if the group has members, lasts, or has begun to read and lost its members a moment ago. */
  exists(group: string): boolean {
    // A name that none can have is not looked for: hashing it would cost its length.
    return (
      group.length <= MAX_NAME_BYTES &&
      (this.#coordinator.memberCount(group) > 0 || this.#offsets.hasGroup(group))
    );
  }

  /** @throws RingMQError GROUP_NOT_FOUND */
  require(group: string): void {
    if (!this.exists(group)) {
      throw new RingMQError(
        'GROUP_NOT_FOUND',
        `there is no consumer group '${printable(group)}': it has neither members nor committed offsets`,
        { details: { group: cutName(group) } },
      );
    }
  }

  /** A page of the groups, in the order of their names. */
  list(request: NamedPageRequest): ControlMethods['listGroups']['result'] {
    const isWanted = nameFilter(request.filter);
    const after = request.cursor ?? '';
    const names = new Set([...this.#coordinator.liveGroups(), ...this.#offsets.groups()]);
    const left = [...names].filter((name) => name > after && isWanted(name)).sort();
    const page = new Page<GroupInfo>(request);
    for (const name of left) {
      if (page.isFull) {
        break;
      }
      const info = this.info(name);
      page.add(
        info,
        info.topics.reduce((sum, topic) => sum + topic.length + 3, INFO_BYTES + name.length),
      );
    }
    const { items } = page;
    return {
      groups: items,
      ...pageEnd(items.length < left.length ? (left[items.length - 1] ?? null) : null),
    };
  }

  /** The group, and a page of its queues. @throws RingMQError GROUP_NOT_FOUND, BAD_ARGUMENT (the cursor) */
  async describe(group: string, request: PageRequest): Promise<ControlMethods['describeGroup']['result']> {
    this.require(group);
    const { cursor = null } = request;
    const from = cursor === null ? { queueId: 0, rest: '' } : queueCursor(cursor);
    const topics = this.#topics(group);
    const page = new Page<GroupQueueInfo>(request);
    let next: string | null = null;
    const memberIds = cursor === null ? this.#coordinator.memberIds(group).sort() : [];
    for (const topic of topics) {
      if (topic.topic < from.rest) {
        continue;
      }
      let queueId = topic.topic === from.rest ? from.queueId : 0;
      for (; queueId < topic.queues && !page.isFull; queueId++) {
        if (page.items.length % LOOKUPS_PER_TURN === LOOKUPS_PER_TURN - 1) {
          await this.#times.pause();
        }
        page.add(this.#queue(group, topic, queueId), INFO_BYTES + topic.topic.length + MAX_MEMBER_ID_BYTES);
      }
      if (queueId < topic.queues) {
        next = `${queueId}/${topic.topic}`;
        break;
      }
    }
    return {
      ...this.#info(group, topics),
      memberIds,
      ...this.pausedOf(group),
      queues: page.items,
      ...pageEnd(next),
    };
  }

  /**
   * How far groups have come on one message: a page of those that have committed on its topic or have members
   * there, in the order of their names. @throws RingMQError QUEUE_NOT_FOUND
   */
  consumedBy(
    topic: CatalogTopic,
    queueId: number,
    offset: number,
    request: PageRequest,
  ): ControlMethods['consumedBy']['result'] {
    if (queueId >= topic.queues) {
      throw new RingMQError('QUEUE_NOT_FOUND', `the topic '${topic.topic}' has no queue ${queueId}`, {
        details: { topic: topic.topic, queueId, queues: topic.queues },
      });
    }
    const after = request.cursor ?? '';
    const { topicId } = topic;
    const names = new Set([...this.#coordinator.liveGroups(), ...this.#offsets.groups()]);
    const left = [...names].filter((name) => name > after).sort();
    const page = new Page<ConsumedByGroup>(request);
    let last = after;
    for (const group of left) {
      if (page.isFull) {
        return { groups: page.items, ...pageEnd(last) };
      }
      last = group;
      const committedOffset = this.#offsets.committed(group, topicId, queueId);
      if (committedOffset !== null || this.#coordinator.share(group, topicId) !== undefined) {
        const consumed = committedOffset !== null && committedOffset > offset;
        page.add({ group, committedOffset, consumed }, INFO_BYTES + group.length);
      }
    }
    return { groups: page.items, ...pageEnd(null) };
  }

  /** What the group is paused on. */
  pausedOf(group: string): GroupPause {
    const ids = [...this.#times.pausedTopics(group)];
    return {
      paused: ids.includes(0),
      pausedTopics: ids
        .map((topicId) => this.#catalog.byId(topicId)?.topic)
        .filter((topic) => topic !== undefined)
        .sort()
        .slice(0, MAX_TOPICS_LISTED),
    };
  }

  /** How far groups are behind, topic by topic: a page of that. */
  async lags(request: PageRequest): Promise<ControlMethods['groupLags']['result']> {
    const after = request.cursor ?? '';
    const [afterGroup = ''] = after.split(' ');
    const names = new Set([...this.#coordinator.liveGroups(), ...this.#offsets.groups()]);
    const page = new Page<GroupLag>(request);
    let next: string | null = null;
    for (const group of [...names].filter((name) => name >= afterGroup).sort()) {
      for (const topic of this.#topics(group)) {
        // No name has a space, so this is the order of both.
        if (`${group} ${topic.topic}` <= after) {
          continue;
        }
        if (page.isFull) {
          const last = page.items.at(-1) as GroupLag;
          next = `${last.group} ${last.topic}`;
          break;
        }
        page.add(await this.#lag(group, topic), INFO_BYTES + group.length + topic.topic.length);
      }
      if (next !== null) {
        break;
      }
    }
    return { lags: page.items, ...pageEnd(next) };
  }

  async #lag(group: string, topic: CatalogTopic): Promise<GroupLag> {
    const members = this.#coordinator.memberCount(group);
    const sum: GroupLag = {
      group,
      topic: topic.topic,
      members,
      lag: 0,
      lagMs: 0,
      expired: 0,
      slow: 0,
      stuck: 0,
    };
    for (let queueId = 0; queueId < topic.queues; queueId++) {
      if (++this.#looked % LOOKUPS_PER_TURN === 0) {
        await this.#times.pause();
        if (this.#catalog.byId(topic.topicId) === undefined) {
          return sum;
        }
      }
      const { lag, lagMs, expired, state } = this.#queue(group, topic, queueId);
      sum.lag += lag;
      sum.lagMs = sum.lagMs === null || lagMs === null ? null : Math.max(sum.lagMs, lagMs);
      sum.expired += expired;
      sum.slow += Number(state === 'slow');
      sum.stuck += Number(state === 'stuck');
    }
    return sum;
  }

  /** The group as a list has it. */
  info(group: string): GroupInfo {
    return this.#info(group, this.#topics(group));
  }

  #info(group: string, topics: readonly CatalogTopic[]): GroupInfo {
    return {
      group,
      topics: topics.slice(0, MAX_TOPICS_LISTED).map((topic) => topic.topic),
      topicCount: topics.length,
      members: this.#coordinator.memberCount(group),
    };
  }

  #topics(group: string): CatalogTopic[] {
    const ids = new Set([...this.#coordinator.liveTopicsOf(group), ...this.#offsets.topicsOf(group)]);
    return [...ids]
      .map((topicId) => this.#catalog.byId(topicId))
      .filter((topic) => topic !== undefined)
      .sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  #queue(group: string, topic: CatalogTopic, queueId: number): GroupQueueInfo {
    const { minOffset, maxOffset } = this.#queueState(topic, queueId);
    const position = this.#offsets.position(group, topic.topicId, queueId);
    const share = this.#coordinator.share(group, topic.topicId);
    const owner = share?.owner(queueId) ?? null;
    // What nobody has come upon yet is counted when somebody does. Who holds the queue may have read it
    // before it was deleted.
    const expired = this.#offsets.expired(group, topic.topicId, queueId);
    // What retention has taken is not read any more, so it is not behind either.
    const lag = Math.max(0, maxOffset - Math.max(position ?? 0, minOffset));
    const lagMs = lag === 0 ? 0 : this.#lagMs(topic, queueId, position ?? 0);
    const sinceCommitMs =
      share === undefined || owner === null ? null : Math.max(0, this.#times.now() - share.progress(queueId));
    return {
      topic: topic.topic,
      queueId,
      committedOffset: this.#offsets.committed(group, topic.topicId, queueId),
      maxOffset,
      lag,
      lagMs,
      expired: expired + (owner === null ? Math.max(0, minOffset - (position ?? minOffset)) : 0),
      memberId: owner?.memberId ?? null,
      sinceCommitMs: sinceCommitMs === null ? null : Math.round(sinceCommitMs),
      state: sinceCommitMs === null ? null : stateOf(lagMs ?? 0, sinceCommitMs),
    };
  }

  #lagMs(topic: CatalogTopic, queueId: number, position: number): number | null {
    const time = this.#times.unreadTime(topic, queueId, position);
    return time === null ? null : Math.max(0, this.#times.wallMs() - time);
  }
}

function stateOf(lagMs: number, sinceCommitMs: number): MemberState {
  if (lagMs < LATE_MS) {
    return 'ok';
  }
  return sinceCommitMs < LATE_MS ? 'slow' : 'stuck';
}
