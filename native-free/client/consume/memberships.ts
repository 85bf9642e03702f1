/**
 * The memberships of a reading: one for each of its topics, over a cluster one for each broker set that has
 * the topic. They come and go with the sets; to the reader they are one.
 */

import { isRingMQError, RingMQError } from '../../wire/index.js';
import { Deferred, pause } from '../abort.js';
import type { BrokerLink, Brokers, TopicPlace } from '../brokers.js';
import { randomWords } from '../cryptography.js';
import { asRingMQError } from '../failures.js';
import { Delivery } from './delivery.js';
import type { TagFilter } from './filter.js';
import { GroupMember } from './group-member.js';
import type { MemberOptions } from './member-options.js';
import type { AssignedQueue } from './types.js';

/** Before a topic that cannot be found now is asked for again. */
const ASK_AGAIN_MS = 500;
const MIN_WINDOW_BYTES = 65_536;

type PerMember = 'topic' | 'filter' | 'set' | 'memberId' | 'queueBase' | 'aside' | 'onAssigned' | 'onChange';

export interface MembershipOptions extends Omit<MemberOptions, PerMember> {
  topics: readonly string[];
  tagFilter: TagFilter;
  verifyChecksums: boolean | undefined;
  /** Over a cluster: the only set to read from. */
  brokerSet?: string | undefined;
  onAssigned: ((queues: AssignedQueue[]) => void) | undefined;
  /** Something may be there to hand out, or it has ended. */
  onChange: () => void;
}

export interface TopicReading {
  readonly topic: string;
  readonly link: BrokerLink;
  readonly member: GroupMember;
  readonly delivery: Delivery;
  /** Its first assignment has come. */
  isAssigned: boolean;
}

/** Which members, and which of their queues; undefined: all. */
export interface MemberSelection {
  topic?: string | undefined;
  brokerSet?: string | undefined;
  queueIds?: readonly number[] | undefined;
}

/** Is a topic's part at a set among those wanted? */
export function isSelected({ topic, link }: TopicReading, wanted: MemberSelection): boolean {
  return (
    (wanted.topic === undefined || wanted.topic === topic) &&
    (wanted.brokerSet === undefined || wanted.brokerSet === link.set)
  );
}

/** Is all that the one selects selected by the other? */
function isWithin(one: MemberSelection, other: MemberSelection): boolean {
  return (
    (other.topic === undefined || other.topic === one.topic) &&
    (other.brokerSet === undefined || other.brokerSet === one.brokerSet)
  );
}

/** A topic whose sets are looked after. */
interface FollowedTopic {
  readonly topic: string;
  readonly memberId: string;
  /** It is known where the topic is. */
  isKnown: boolean;
  isAsking: boolean;
  /** Something has changed since it was asked for. */
  isStale: boolean;
}

export class Memberships {
  readonly #brokers: Brokers;
  readonly #options: MembershipOptions;
  readonly #left = new AbortController();
  readonly #assigned = new Deferred<AssignedQueue[]>();
  readonly #firstQueues: AssignedQueue[] = [];
  readonly #followed: FollowedTopic[] = [];
  readonly #unwatch: () => void;
  /** Of sets that have lost the topic. */
  readonly #leaving = new Set<Promise<void>>();
  #failure: RingMQError | null = null;
  /** What is paused as a whole, over a cluster: members that come later are, too. */
  #paused: MemberSelection[] = [];
  all: readonly TopicReading[] = [];

  constructor(brokers: Brokers, options: MembershipOptions) {
    this.#brokers = brokers;
    this.#options = options;
    // Whoever asks for it sees it fail; a reading that nobody asks about fails its loop.
    this.#assigned.promise.catch(() => {});
    const { only } = brokers;
    if (only !== null) {
      this.#unwatch = () => {};
      this.all = options.topics.map((topic) => this.#make(topic, only, null, null, options.topics.length));
      return;
    }
    for (const topic of options.topics) {
      this.#followed.push({
        topic,
        memberId: newMemberId(),
        isKnown: false,
        isAsking: false,
        isStale: false,
      });
    }
    this.#unwatch = brokers.watch((topic) => this.#onBrokersChanged(topic));
    for (const followed of this.#followed) {
      void this.#follow(followed);
    }
  }

  /** Resolves with the first assignments: of every topic, from every set that answers. */
  get assigned(): Promise<AssignedQueue[]> {
    return this.#assigned.promise;
  }

  get failure(): RingMQError | null {
    if (this.#failure !== null || this.#brokers.only === null) {
      return this.#failure ?? this.#brokers.failure;
    }
    for (const { member } of this.all) {
      if (member.failure !== null) {
        return member.failure;
      }
    }
    return null;
  }

  get damageOfAll(): RingMQError | null {
    let damage: RingMQError | null = null;
    for (const { member } of this.all) {
      damage = member.damageOfAll;
      if (damage === null) {
        return null;
      }
    }
    return damage;
  }

  /** A queue with what tells it from others. */
  named({ topic, link }: TopicReading, queue: AssignedQueue): AssignedQueue {
    return {
      ...(this.#options.topics.length > 1 ? { topic } : {}),
      ...(link.set === null ? {} : { brokerSet: link.set }),
      ...queue,
    };
  }

  /** Nothing of these queues is handed out until {@link resume}; without `queueIds` nothing of members that come later either. */
  pause(selection: MemberSelection): void {
    if (selection.queueIds === undefined) {
      this.#paused.push(selection);
    }
    for (const { member } of this.all.filter((reading) => isSelected(reading, selection))) {
      member.control.pause(selection.queueIds);
    }
  }

  resume(selection: MemberSelection): void {
    if (selection.queueIds === undefined) {
      this.#paused = this.#paused.filter((paused) => !isWithin(paused, selection));
    }
    for (const { member } of this.all.filter((reading) => isSelected(reading, selection))) {
      member.control.resume(selection.queueIds);
    }
  }

  async leave(): Promise<void> {
    this.#left.abort();
    this.#unwatch();
    this.#assigned.reject(new RingMQError('CLOSED', 'the group was left before any queue was assigned'));
    await Promise.all([...this.all.map(({ member }) => member.leave()), ...this.#leaving]);
  }

  #make(
    topic: string,
    link: BrokerLink,
    memberId: string | null,
    queueBase: number | null,
    shares: number,
  ): TopicReading {
    const { topics: _topics, tagFilter, verifyChecksums, windowBytes, onChange, ...rest } = this.#options;
    const reading: TopicReading = {
      topic,
      link,
      delivery: new Delivery(topic, tagFilter, verifyChecksums),
      member: new GroupMember(link.connection, {
        ...rest,
        windowBytes: Math.max(Math.floor(windowBytes / shares), MIN_WINDOW_BYTES),
        topic,
        set: link.set,
        memberId,
        queueBase,
        filter: tagFilter.expression,
        aside: (slaves) => link.aside(slaves),
        onAssigned: (queues) => this.#onAssigned(reading, queues),
        onChange: () => this.#onMemberChange(),
      }),
      isAssigned: false,
    };
    if (this.#paused.some((paused) => isSelected(reading, paused))) {
      reading.member.control.pause(undefined);
    }
    return reading;
  }

  #onAssigned(reading: TopicReading, queues: AssignedQueue[]): void {
    const named = queues.map((queue) => this.named(reading, queue));
    if (!reading.isAssigned) {
      reading.isAssigned = true;
      this.#firstQueues.push(...named);
      this.#checkAssigned();
    }
    this.#options.onAssigned?.(named);
  }

  /** A set that is away holds up nobody. */
  #checkAssigned(): void {
    const isOne = this.#brokers.only !== null;
    const isKnown = isOne ? this.all.length > 0 : this.#followed.every((topic) => topic.isKnown);
    const hasAny = this.all.some(({ isAssigned }) => isAssigned);
    const waitsForNone = this.all.every(
      ({ isAssigned, link }) => isAssigned || (!isOne && !link.connection.isOpen),
    );
    if (isKnown && hasAny && waitsForNone) {
      this.#assigned.resolve([...this.#firstQueues]);
    }
  }

  #onMemberChange(): void {
    if (this.#brokers.only === null) {
      for (const { topic, member } of this.all) {
        if (member.failure !== null) {
          this.#askAnew(topic);
        }
      }
    }
    this.#changed();
  }

  #changed(): void {
    const { failure } = this;
    if (failure !== null) {
      this.#assigned.reject(failure);
    }
    this.#options.onChange();
  }

  #onBrokersChanged(topic: string | null): void {
    for (const followed of this.#followed) {
      if (topic === null || topic === followed.topic) {
        this.#askAnew(followed.topic);
      }
    }
    if (this.#brokers.failure !== null) {
      this.#changed();
    }
  }

  #askAnew(topic: string): void {
    const followed = this.#followed.find((each) => each.topic === topic);
    if (followed !== undefined) {
      void this.#follow(followed);
    }
  }

  async #follow(followed: FollowedTopic): Promise<void> {
    followed.isStale = true;
    if (followed.isAsking) {
      return;
    }
    followed.isAsking = true;
    while (followed.isStale && !this.#left.signal.aborted && this.failure === null) {
      followed.isStale = false;
      try {
        this.#take(followed, await this.#brokers.places(followed.topic));
      } catch (error) {
        const failure = asRingMQError(error);
        if (!failure.retryable) {
          this.#failure ??= failure;
          this.#changed();
          break;
        }
        followed.isStale = true;
        await pause(ASK_AGAIN_MS, this.#left.signal);
      }
    }
    followed.isAsking = false;
  }

  /** Joins where the topic is now, and leaves where it is not any more. */
  #take(followed: FollowedTopic, places: readonly TopicPlace[]): void {
    if (this.#left.signal.aborted) {
      return;
    }
    const { topic, memberId } = followed;
    followed.isKnown = true;
    const { brokerSet, topics } = this.#options;
    const shares = topics.length * (brokerSet === undefined ? places.length : 1);
    const kept: TopicReading[] = [];
    let base = 0;
    for (const { link, info } of places) {
      const before = this.all.find((reading) => reading.topic === topic && reading.link === link);
      if (before?.member.failure) {
        // The set has the topic, and something else is wrong.
        this.#failure ??= before.member.failure;
      }
      if (brokerSet === undefined || brokerSet === link.set) {
        before?.member.moveTo(base);
        kept.push(before ?? this.#make(topic, link, memberId, base, shares));
      }
      base += info.queues;
    }
    const gone = this.all.filter((reading) => reading.topic === topic && !kept.includes(reading));
    this.all = [...this.all.filter((reading) => reading.topic !== topic), ...kept];
    for (const { member } of gone) {
      const left = member.leave().finally(() => this.#leaving.delete(left));
      this.#leaving.add(left);
    }
    this.#checkAssigned();
    this.#changed();
  }
}

/**
 * Random, so that no two members of a group have the same; and who comes later ranks behind, as far as clocks
 * agree, so that those who are there keep what they have.
 */
function newMemberId(): string {
  const random = Array.from(randomWords(2), (part) => part.toString(16).padStart(8, '0'));
  return Date.now().toString(16).padStart(12, '0') + random.join('');
}

/** Is the client closed in an orderly way? */
export function isPlainEnd(failure: RingMQError): boolean {
  return isRingMQError(failure) && failure.code === 'CLOSED';
}
