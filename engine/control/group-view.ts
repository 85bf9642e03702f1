/** Consumer groups as operators see them: what members hold and what is committed, put together. */
import {
  type GroupDescription,
  type GroupInfo,
  type GroupQueueInfo,
  MAX_NAME_BYTES,
  RingMQError,
} from '../../native-free/wire/index.js';
import type { GroupCoordinator, GroupOffsets } from '../group/index.js';
import { type CatalogTopic, cutName, printable, type TopicCatalog } from '../meta/topic-catalog.js';

export class GroupView {
  readonly #catalog: TopicCatalog;
  readonly #coordinator: GroupCoordinator;
  readonly #offsets: GroupOffsets;
  readonly #queueState: (topic: CatalogTopic, queueId: number) => { minOffset: number; maxOffset: number };

  constructor(
    catalog: TopicCatalog,
    coordinator: GroupCoordinator,
    offsets: GroupOffsets,
    queueState: (topic: CatalogTopic, queueId: number) => { minOffset: number; maxOffset: number },
  ) {
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

  /** All groups, in the order of their names. */
  list(): GroupInfo[] {
    const names = new Set([...this.#coordinator.liveGroups(), ...this.#offsets.groups()]);
    return [...names].sort().map((group) => this.info(group));
  }

  /** @throws RingMQError GROUP_NOT_FOUND */
  describe(group: string): GroupDescription {
    this.require(group);
    const queues = this.#topics(group).flatMap((topic) => this.#queues(group, topic));
    return { ...this.info(group), memberIds: this.#coordinator.memberIds(group).sort(), queues };
  }

  /** The group as a list has it. */
  info(group: string): GroupInfo {
    return {
      group,
      topics: this.#topics(group).map((topic) => topic.topic),
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

  #queues(group: string, topic: CatalogTopic): GroupQueueInfo[] {
    const share = this.#coordinator.share(group, topic.topicId);
    return Array.from({ length: topic.queues }, (_, queueId) => {
      const { minOffset, maxOffset } = this.#queueState(topic, queueId);
      const position = this.#offsets.position(group, topic.topicId, queueId);
      const committedOffset = this.#offsets.committed(group, topic.topicId, queueId);
      return {
        topic: topic.topic,
        queueId,
        committedOffset,
        maxOffset,
        // What retention has taken is not read any more, so it is not behind either.
        lag: Math.max(0, maxOffset - Math.max(position ?? 0, minOffset)),
        memberId: share?.owner(queueId)?.memberId ?? null,
      };
    });
  }
}
