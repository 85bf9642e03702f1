/** Creating and deleting topics, across the catalog, the queue table and the groups; one change at a time. */
import type {
  ControlMethods,
  GrownTopic,
  QueueDamage,
  QueueInfo,
  RetentionInfo,
  TopicInfo,
} from '../../native-free/wire/index.js';
import { AUDIT_TOPIC } from '../../native-free/wire/index.js';
import type { GroupCoordinator } from '../group/index.js';
import type { ControlRecord, TopicCreatedRecord } from '../meta/control-records.js';
import {
  type CatalogTopic,
  checkName,
  checkRetention,
  type TopicCatalog,
  type TopicParams,
  topicInfo,
} from '../meta/topic-catalog.js';
import { diagnose } from '../stats/index.js';
import {
  firstAfter,
  type NamedPageRequest,
  nameFilter,
  Page,
  type PageRequest,
  pageEnd,
  queueCursor,
} from './page.js';

export interface TopicHooks {
  /** Makes the queue table ready for queues that nobody has seen yet, from the one with the number `from` on. */
  openQueues(topic: CatalogTopic, from: number): void | Promise<void>;
  /**
   * Ends queues, those that are open, from the one with the number `from` on. When it is done no thread uses
   * their slots, which may then go to another topic.
   */
  closeQueues(topic: CatalogTopic, from: number): void | Promise<void>;
  /** First offset stored and next one to be given out. */
  queueState(topic: CatalogTopic, queueId: number): { minOffset: number; maxOffset: number };
  /** Places of the queue that could not be read, in the order of offsets. */
  queueDamage?(topic: CatalogTopic, queueId: number): readonly QueueDamage[];
  /** How long the log keeps messages, and what it has now. */
  retention?(): RetentionInfo;
  /** Resolves once the log has the records at the broker's flush policy. @throws RingMQError DISK_FULL, DISK_FAILED, BROKER_CLOSED */
  appendRecords(records: readonly ControlRecord[]): Promise<void>;
  /** A topic was created or deleted. */
  onTopicChanged?(topic: string, topicId: number): void;
  /** A topic has more queues: what refers to the others holds. */
  onTopicGrown?(topic: CatalogTopic): void;
  /** A topic has another retention. */
  onTopicRetained?(topic: CatalogTopic): void;
  /** Other work of the thread comes first. Absent: nothing waits. */
  pause?(): Promise<void>;
}

/** What the numbers and keys of an item take in an answer. */
const INFO_BYTES = 120;

/** What the log says of a topic. */
function recordOf(topic: CatalogTopic): TopicCreatedRecord {
  return { type: 'topicCreated', ...topicInfo(topic) };
}

export class TopicAdmin {
  readonly #catalog: TopicCatalog;
  readonly #coordinator: GroupCoordinator;
  readonly #hooks: TopicHooks;
  #last: Promise<unknown> = Promise.resolve();
  /** Changes that have not ended. */
  #pendingCount = 0;

  constructor(catalog: TopicCatalog, coordinator: GroupCoordinator, hooks: TopicHooks) {
    this.#catalog = catalog;
    this.#coordinator = coordinator;
    this.#hooks = hooks;
  }

  /**
   * Returns when the log has the topic, at the broker's flush policy.
   * @throws RingMQError BAD_ARGUMENT, TOPIC_EXISTS, TOO_MANY_QUEUES, DISK_FULL, DISK_FAILED
   */
  create(params: TopicParams & { ifNotExists?: boolean }): Promise<TopicInfo> {
    return this.#inTurn(async () => {
      const existing = params.ifNotExists === true ? this.#catalog.byName(params.topic) : undefined;
      // Where a topic is kept is what its messages survive: that must be as asked for. Its queues may have
      // become more since.
      if (existing !== undefined && existing.memory === params.memory) {
        return topicInfo(existing);
      }
      const topic = this.#catalog.reserve(params);
      try {
        await this.#hooks.openQueues(topic, 0);
        await this.#hooks.appendRecords([recordOf(topic)]);
        this.#catalog.publish(topic);
        diagnose('topic', { event: 'created', topic: topic.topic, topicId: topic.topicId });
      } catch (error) {
        // Also when the opening itself failed: it may have come to some of the queues, whose slots are given
        // back here.
        await this.#hooks.closeQueues(topic, 0);
        this.#catalog.abandon(topic);
        throw error;
      }
      this.#hooks.onTopicChanged?.(topic.topic, topic.topicId);
      return topicInfo(topic);
    });
  }

  /**
   * Returns when the log has the additional queues, at the broker's flush policy, and groups that read the
   * topic have been told to share them. A topic that has so many is the answer.
   * @throws RingMQError TOPIC_NOT_FOUND, BAD_ARGUMENT (fewer than it has; one of the broker's own),
   * TOO_MANY_QUEUES, DISK_FULL, DISK_FAILED
   */
  grow({ topic: name, queues }: ControlMethods['growTopic']['params']): Promise<GrownTopic> {
    return this.#inTurn(async () => {
      const before = this.#catalog.require(name);
      checkName('topic', name);
      if (queues === before.queues) {
        return { ...topicInfo(before), before: before.queues };
      }
      const grown = this.#catalog.reserveGrown(before, queues);
      try {
        this.#coordinator.requireQueues(before, queues - before.queues);
        await this.#hooks.openQueues(grown, before.queues);
        await this.#hooks.appendRecords([recordOf(grown)]);
      } catch (error) {
        await this.#hooks.closeQueues(grown, before.queues);
        this.#catalog.abandonGrown(grown, before);
        throw error;
      }
      this.#catalog.publishGrown(grown);
      diagnose('topic', { event: 'grown', topic: name, topicId: grown.topicId });
      // Threads first: what they are told next may be of the new queues.
      this.#hooks.onTopicGrown?.(grown);
      this.#coordinator.growTopic(grown);
      return { ...topicInfo(grown), before: before.queues };
    });
  }

  /**
   * Returns when the log has it, at the broker's flush policy. `retentionMs` null: as the broker keeps its log.
   * `setTime`: when that was said elsewhere in the cluster; what was said here at that time or later stays.
   * @throws RingMQError TOPIC_NOT_FOUND, BAD_ARGUMENT (a memory topic; one of the broker's own), DISK_FULL, DISK_FAILED
   */
  retain({
    topic: name,
    retentionMs,
    setTime = null,
  }: ControlMethods['setTopicRetention']['params']): Promise<TopicInfo> {
    return this.#inTurn(async () => {
      const before = this.#catalog.require(name);
      checkName('topic', name);
      checkRetention(name, before.memory, retentionMs);
      const time = setTime ?? Math.max(this.#catalog.now(), before.retentionSetTime + 1);
      if (time <= before.retentionSetTime) {
        return topicInfo(before);
      }
      await this.#hooks.appendRecords([recordOf({ ...before, retentionMs, retentionSetTime: time })]);
      const retained = this.#catalog.retain(before, retentionMs, time);
      diagnose('topic', { event: 'retained', topic: name, topicId: retained.topicId });
      this.#hooks.onTopicRetained?.(retained);
      return topicInfo(retained);
    });
  }

  /**
   * Returns when the log has the deletion, at the broker's flush policy, and no thread uses the topic's
   * queues any more. Its members are put out of their groups, and what the groups had committed on it is
   * forgotten. `upTo`: only one whose `createdTime` is that or lower, and there need be none; remembered is
   * that all up to it are deleted.
   * @throws RingMQError TOPIC_NOT_FOUND, BAD_ARGUMENT (one of the broker's own), DISK_FULL, DISK_FAILED
   */
  delete(name: string, upTo: number | null = null): Promise<void> {
    return this.#inTurn(async () => {
      const topic = upTo === null ? this.#catalog.require(name) : this.#catalog.byName(name);
      if (topic === undefined || (upTo !== null && topic.createdTime > upTo)) {
        return;
      }
      checkName('topic', name);
      const { topicId } = topic;
      const createdTime = Math.max(topic.createdTime, upTo ?? 0);
      await this.#hooks.appendRecords([
        { type: 'topicDeleted', topic: name, topicId, createdTime, deletedTime: this.#catalog.now() },
      ]);
      this.#catalog.remove(topic);
      diagnose('topic', { event: 'deleted', topic: name, topicId: topic.topicId });
      this.#coordinator.endTopic(topic.topicId, 'TOPIC_NOT_FOUND', `the topic '${name}' was deleted`);
      this.#hooks.onTopicChanged?.(name, topic.topicId);
      // If this fails the slots stay taken until the next start, rather than being shared by two topics.
      await this.#hooks.closeQueues(topic, 0);
      this.#catalog.freeSlots(topic);
    });
  }

  /** A page of the topics, in the order of their names; the broker's own are left out. */
  list(request: NamedPageRequest): ControlMethods['listTopics']['result'] {
    const isWanted = nameFilter(request.filter);
    const topics = this.#catalog.list().filter(({ topic }) => topic !== AUDIT_TOPIC && isWanted(topic));
    const page = new Page<TopicInfo>(request);
    let at = firstAfter(topics, (topic) => topic.topic, request.cursor ?? null);
    for (; at < topics.length && !page.isFull; at++) {
      const topic = topics[at] as CatalogTopic;
      page.add(topicInfo(topic), INFO_BYTES + topic.topic.length);
    }
    return { topics: page.items, ...pageEnd(at < topics.length ? (topics[at - 1]?.topic ?? null) : null) };
  }

  /** The topic, and a page of its queues. @throws RingMQError TOPIC_NOT_FOUND, BAD_ARGUMENT (the cursor) */
  describe(name: string, request: PageRequest): ControlMethods['describeTopic']['result'] {
    const topic = this.#catalog.require(name);
    const page = new Page<QueueInfo>(request);
    let queueId = typeof request.cursor === 'string' ? queueCursor(request.cursor).queueId : 0;
    for (; queueId < topic.queues && !page.isFull; queueId++) {
      const state = this.#queueInfo(topic, queueId);
      const damageBytes = state.damage?.reduce((sum, each) => sum + each.message.length + INFO_BYTES, 0) ?? 0;
      page.add(state, INFO_BYTES + damageBytes);
    }
    return {
      ...topicInfo(topic),
      retention: topic.memory ? null : (this.#hooks.retention?.() ?? null),
      queueStates: page.items,
      ...pageEnd(queueId < topic.queues ? `${queueId}` : null),
    };
  }

  #queueInfo(topic: CatalogTopic, queueId: number): QueueInfo {
    const { minOffset, maxOffset } = this.#hooks.queueState(topic, queueId);
    const damage = (this.#hooks.queueDamage?.(topic, queueId) ?? []).filter(
      ({ offset }) => offset >= minOffset,
    );
    return { queueId, minOffset, maxOffset, ...(damage.length === 0 ? {} : { damage }) };
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const isBehind = this.#pendingCount++ > 0;
    // One of thousands of queues takes its time: a second one must not follow in the same turn.
    const before = isBehind ? this.#last.then(() => this.#hooks.pause?.()) : this.#last;
    const result = before.then(change).finally(() => {
      this.#pendingCount--;
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
}
