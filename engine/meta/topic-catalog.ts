/**
 * The broker's topics, and which slots of the shared queue table belong to whom: slots are this opening's
 * own, and stored nowhere. Creating goes in two steps, reserve and publish, so that a topic's queues can be
 * opened, and the log can have it, before anybody can see it; deleting goes in two, remove and free, so that
 * a slot is not handed out again while a thread may still be at it.
 */
import {
  AUDIT_TOPIC,
  MAX_NAME_BYTES,
  MAX_QUEUES_PER_TOPIC,
  MAX_TIME_MS,
  NAME_PATTERN,
  RingMQError,
  type TopicInfo,
} from '../../native-free/wire/index.js';
import type { TopicCreatedRecord } from './control-records.js';
import type { MetaState } from './meta-state.js';
import { SlotPool } from './slot-pool.js';

/** A topic as the broker knows it. Immutable. */
export interface CatalogTopic {
  readonly topic: string;
  readonly topicId: number;
  readonly queues: number;
  readonly memory: boolean;
  /** Milliseconds since 1970. */
  readonly createdTime: number;
  /** Names of the broker sets that it belongs to; null: all of the cluster. */
  readonly sets: readonly string[] | null;
  /** Age from which its messages are not given out any more; null: the broker's own. */
  readonly retentionMs: number | null;
  /** When that was said last, ms since 1970; 0: never. */
  readonly retentionSetTime: number;
  /** Queue table slot of each queue. */
  readonly slots: Int32Array;
}

export interface TopicCatalogOptions {
  /** Queue slots there are in all. Default 65,536. */
  maxQueues?: number;
  /** Milliseconds since 1970. */
  now(): number;
}

export interface TopicParams {
  topic: string;
  queues: number;
  memory: boolean;
  /** Of a topic that another broker set has already; null: now. */
  createdTime?: number | null;
  /** Names of broker sets; null: all. */
  sets?: readonly string[] | null;
  /** Null: the broker's own. */
  retentionMs?: number | null;
  /** Of a topic that another broker set has already; null: now. */
  retentionSetTime?: number | null;
}

/** Names of the broker's own topics and groups, such as `%DLQ%billing`: `%`, then an ordinary name with more of them. */
const INTERNAL_NAME_PATTERN = /^%[A-Za-z0-9._/%-]{1,126}$/;

export const DEFAULT_MAX_QUEUES = 65_536;

export class TopicCatalog {
  readonly #state: MetaState;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly #pool: SlotPool;
  readonly #byId = new Map<number, CatalogTopic>();
  readonly #byName = new Map<string, CatalogTopic>();
  /** In the order of their names, once somebody has asked; null after a change. */
  #sorted: CatalogTopic[] | null = null;
  /** Names between reserve and publish. */
  readonly #reserved = new Set<string>();
  #nextTopicId: number;
  /** The least `createdTime` of a topic of this name: one that was deleted elsewhere in the cluster was older. */
  leastCreatedTime: (topic: string) => number = () => 0;

  /** Of the topics that `state` has. @throws RingMQError BAD_CONFIG if they have more queues than `maxQueues` allows. */
  constructor(state: MetaState, options: TopicCatalogOptions) {
    this.#state = state;
    this.now = () => options.now();
    this.#pool = new SlotPool(options.maxQueues ?? DEFAULT_MAX_QUEUES);
    this.#nextTopicId = state.nextTopicId;
    for (const stored of state.topics.values()) {
      this.restore(stored);
    }
  }

  /** Topics deleted within the last days: names, and the `createdTime` up to which those of the name are deleted. */
  *deletedTopics(): Generator<[topic: string, upTo: number]> {
    for (const { topic, createdTime } of this.#state.tombstones.values()) {
      yield [topic, createdTime];
    }
  }

  /** null: none of its name was deleted within the last days. */
  deletedUpTo(topic: string): number | null {
    return this.#state.tombstones.get(topic)?.createdTime ?? null;
  }

  /** Topics there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** Queues they have, all together. */
  get queueCount(): number {
    return this.#pool.size - this.#pool.free;
  }

  /** Queue slots nobody has. */
  get freeQueues(): number {
    return this.#pool.free;
  }

  get maxQueues(): number {
    return this.#pool.size;
  }

  /** All topics, in the order of their names. */
  list(): readonly CatalogTopic[] {
    this.#sorted ??= [...this.#byName.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1));
    return this.#sorted;
  }

  byId(topicId: number): CatalogTopic | undefined {
    return this.#byId.get(topicId);
  }

  byName(topic: string): CatalogTopic | undefined {
    return this.#byName.get(topic);
  }

  /** @throws RingMQError TOPIC_NOT_FOUND */
  require(topic: string): CatalogTopic {
    // A name that none can have is not looked for: hashing it would cost its length.
    const found = topic.length > MAX_NAME_BYTES ? undefined : this.#byName.get(topic);
    if (found === undefined) {
      throw new RingMQError('TOPIC_NOT_FOUND', `there is no topic '${printable(topic)}'`, {
        details: { topic: cutName(topic) },
      });
    }
    return found;
  }

  /**
   * Takes an id and slots for a topic that nobody sees yet; {@link publish} or {@link abandon} it.
   * `internal` allows names of the broker's own.
   * @throws RingMQError BAD_ARGUMENT (a name, a count, a `createdTime` that is deleted), TOPIC_EXISTS,
   * TOO_MANY_QUEUES
   */
  reserve(params: TopicParams, options: { internal?: boolean } = {}): CatalogTopic {
    const { topic, queues, memory } = params;
    checkName('topic', topic, options.internal === true || isAuditTopic(params));
    checkCount(topic, queues);
    checkRetention(topic, memory, params.retentionMs ?? null);
    const existing = this.#byName.get(topic);
    if (existing !== undefined) {
      throw new RingMQError(
        'TOPIC_EXISTS',
        `the topic '${topic}' exists already, with ${existing.queues} queues${existing.memory ? ' in memory' : ''}`,
        {
          details: { ...topicInfo(existing) },
        },
      );
    }
    if (this.#reserved.has(topic)) {
      throw new RingMQError('TOPIC_EXISTS', `the topic '${topic}' is being created`, { details: { topic } });
    }
    const createdTime = this.#createdTime(params);
    const slots = this.#pool.take(queues);
    if (slots === null) {
      throw this.#noSlots(topic, queues, 'queues');
    }
    const retentionMs = params.retentionMs ?? null;
    const retentionSetTime = params.retentionSetTime ?? (retentionMs === null ? 0 : createdTime);
    this.#reserved.add(topic);
    const topicId = Math.max(this.#nextTopicId, this.#state.nextTopicId);
    this.#nextTopicId = topicId + 1;
    const { sets = null } = params;
    return { topic, topicId, queues, memory, createdTime, sets, retentionMs, retentionSetTime, slots };
  }

  /** Makes a reserved topic visible: the log has it. */
  publish(topic: CatalogTopic): void {
    this.#reserved.delete(topic.topic);
    this.#show(topic);
  }

  /**
   * Takes slots for a topic that the log has, and makes it visible. Its queues are its caller's to open.
   * @throws RingMQError BAD_CONFIG when there are not so many
   */
  restore(stored: Omit<TopicCreatedRecord, 'type'>): CatalogTopic {
    const { topic, topicId, queues, memory, createdTime, sets = null } = stored;
    const { retentionMs = null, retentionSetTime = 0 } = stored;
    const slots = this.#slotsFor(topic, queues);
    const restored = {
      ...{ topic, topicId, queues, memory, createdTime, sets },
      ...{ retentionMs, retentionSetTime, slots },
    };
    this.#show(restored);
    return restored;
  }

  /**
   * The topic with more queues, which nobody sees yet; {@link publishGrown} or {@link abandonGrown} it.
   * @throws RingMQError BAD_ARGUMENT (fewer than it has, more than a topic may have), TOO_MANY_QUEUES
   */
  reserveGrown(topic: CatalogTopic, queues: number): CatalogTopic {
    checkCount(topic.topic, queues);
    if (queues < topic.queues) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `the topic '${topic.topic}' has ${topic.queues} queues, and can only get more: those that went would take their messages with them; make another topic with ${queues}`,
        { details: { topic: topic.topic, value: queues, queues: topic.queues } },
      );
    }
    const more = this.#pool.take(queues - topic.queues);
    if (more === null) {
      throw this.#noSlots(topic.topic, queues - topic.queues, 'more queues');
    }
    return grownBy(topic, more);
  }

  /** The log has the additional queues. */
  publishGrown(grown: CatalogTopic): void {
    this.#show(grown);
  }

  /** Gives the additional slots of {@link reserveGrown} back. */
  abandonGrown(grown: CatalogTopic, before: CatalogTopic): void {
    this.#pool.give(grown.slots.subarray(before.queues));
  }

  /**
   * The log says that a topic has more queues: takes slots for them, and makes them visible. They are its
   * caller's to open.
   * @throws RingMQError BAD_CONFIG when there are not so many
   */
  restoreGrown(topic: CatalogTopic, queues: number): CatalogTopic {
    const grown = grownBy(topic, this.#slotsFor(topic.topic, queues - topic.queues));
    this.#show(grown);
    return grown;
  }

  /** The log says how long the topic's messages are given out; what was said before `setTime`, or at it, is over. */
  retain(topic: CatalogTopic, retentionMs: number | null, retentionSetTime: number): CatalogTopic {
    const retained = { ...topic, retentionMs, retentionSetTime };
    this.#show(retained);
    return retained;
  }

  /** Gives a reserved topic's slots back. */
  abandon(topic: CatalogTopic): void {
    if (this.#reserved.delete(topic.topic)) {
      this.#pool.give(topic.slots);
    }
  }

  /** Nobody sees the topic any more. Its slots stay taken until {@link freeSlots}. */
  remove(topic: CatalogTopic): void {
    this.#byId.delete(topic.topicId);
    if (this.#byName.get(topic.topic) === topic) {
      this.#byName.delete(topic.topic);
    }
    this.#sorted = null;
  }

  /** The slots of a removed topic may be handed out again: no thread uses them any more. Once per topic. */
  freeSlots(topic: CatalogTopic): void {
    this.#pool.give(topic.slots);
  }

  /** Higher than that of any of its name that was deleted, though the clock may have been set back since. */
  #createdTime({ topic, createdTime }: TopicParams): number {
    const deletedUpTo = this.#state.tombstones.get(topic)?.createdTime ?? -1;
    if (typeof createdTime !== 'number') {
      const earliest = Math.max(this.now(), this.leastCreatedTime(topic), deletedUpTo + 1);
      if (earliest > MAX_TIME_MS) {
        throw new RingMQError(
          'BAD_ARGUMENT',
          `a topic '${topic}' of the last time there is was deleted: give the new one another name`,
          { details: { topic, deletedUpTo } },
        );
      }
      return earliest;
    }
    if (createdTime <= deletedUpTo) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `a topic '${topic}' of that time, or of a later one, was deleted here`,
        {
          details: { topic, createdTime, deletedUpTo },
        },
      );
    }
    return createdTime;
  }

  #noSlots(topic: string, needed: number, what: string): RingMQError {
    const { free, size } = this.#pool;
    return new RingMQError(
      'TOO_MANY_QUEUES',
      `'${topic}' needs ${needed} ${what}, and ${free} of the broker's ${size} are free`,
      { details: { value: needed, free, limit: size } },
    );
  }

  /** For queues that the log has. */
  #slotsFor(topic: string, queues: number): Int32Array {
    const slots = this.#pool.take(queues);
    if (slots === null) {
      const limit = this.#pool.size;
      throw new RingMQError(
        'BAD_CONFIG',
        `the stored topic '${topic}' has ${queues} queues, and ${this.#pool.free} of the ${limit} that the broker may have are left; raise that limit`,
        { details: { value: limit - this.#pool.free + queues, limit } },
      );
    }
    return slots;
  }

  #show(topic: CatalogTopic): void {
    this.#byId.set(topic.topicId, topic);
    this.#byName.set(topic.topic, topic);
    this.#sorted = null;
  }
}

function grownBy(topic: CatalogTopic, more: Int32Array): CatalogTopic {
  const queues = topic.queues + more.length;
  const slots = new Int32Array(queues);
  slots.set(topic.slots);
  slots.set(more, topic.queues);
  return { ...topic, queues, slots };
}

/** @throws RingMQError BAD_ARGUMENT */
function checkCount(topic: string, queues: number): void {
  if (!Number.isInteger(queues) || queues < 1 || queues > MAX_QUEUES_PER_TOPIC) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `a topic has 1 to ${MAX_QUEUES_PER_TOPIC} queues; '${topic}' was asked for with ${queues}`,
      { details: { value: queues, limit: MAX_QUEUES_PER_TOPIC } },
    );
  }
}

/** @throws RingMQError BAD_ARGUMENT */
export function checkRetention(topic: string, memory: boolean, retentionMs: number | null): void {
  if (memory && retentionMs !== null) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `'${topic}' is kept in memory, where messages stay as long as there is room for them: a retention is for topics on disk`,
      { details: { topic, retentionMs } },
    );
  }
}

/** One of the broker's own that every set of a cluster makes, just so. */
function isAuditTopic({ topic, queues, memory, createdTime, sets = null }: TopicParams): boolean {
  return topic === AUDIT_TOPIC && queues === 1 && !memory && createdTime === 1 && sets === null;
}

/** The topic as it goes over the wire. */
export function topicInfo(topic: CatalogTopic): TopicInfo {
  const { topicId, queues, memory, createdTime, sets } = topic;
  const { retentionMs, retentionSetTime } = topic;
  return {
    ...{ topic: topic.topic, topicId, queues, memory, createdTime },
    ...(sets === null ? {} : { sets: [...sets] }),
    ...(retentionMs === null ? {} : { retentionMs }),
    ...(retentionSetTime === 0 ? {} : { retentionSetTime }),
  };
}

/** @throws RingMQError BAD_ARGUMENT unless `name` may name a topic or group. */
export function checkName(what: 'topic' | 'group', name: string, internal = false): void {
  if (NAME_PATTERN.test(name) || (internal && INTERNAL_NAME_PATTERN.test(name))) {
    return;
  }
  throw new RingMQError(
    'BAD_ARGUMENT',
    `a ${what}'s name is 1 to ${MAX_NAME_BYTES} of A-Z a-z 0-9 . _ / -; '${printable(name)}' is not`,
    { details: { value: printable(name), limit: MAX_NAME_BYTES } },
  );
}

/** A name that somebody sent, as it goes into an error's details: as it is when it can be a name, else cut. */
export function cutName(name: string): string {
  return name.length > MAX_NAME_BYTES ? `${name.slice(0, MAX_NAME_BYTES)}…` : name;
}

/** A name that somebody sent, short enough and safe for a line of text. */
export function printable(name: string): string {
  const short = name.length > 64 ? `${name.slice(0, 64)}…` : name;
  return short.replace(/[^\x20-\x7e…]/gu, '?');
}
