/**
 * A consumer while it reads: a membership for each of its topics, what they have to hand out in turn, and how it ends. It begins with the
 * first loop, poll or wish to know the assignment, and is over when the group is left.
 */
import { clearInterval, setInterval, unref } from '../../time/index.js';
import { isRingMQError, type RingMQError } from '../../wire/index.js';
import { Deferred } from '../abort.js';
import type { Connection } from '../link/connection.js';
import { Delivery } from './delivery.js';
import type { TagFilter } from './filter.js';

import { GroupMember } from './group-member.js';
import type { MemberOptions } from './member-options.js';

import type { ReceivedBatch } from './received-batch.js';
import type { AssignedQueue, ConsumedMessage } from './types.js';
import { UnackedWatch } from './unacked-watch.js';

/** How often queues that stand still are looked at. */
const RELIEF_MS = 500;

export interface ReadingOptions extends Omit<MemberOptions, 'topic' | 'filter' | 'onAssigned' | 'onChange'> {
  topics: readonly string[];
  tagFilter: TagFilter;
  verifyChecksums: boolean | undefined;
  unackedWarningMs: number;
  onAssigned: ((queues: AssignedQueue[]) => void) | undefined;
}

export interface TopicReading {
  readonly topic: string;
  readonly member: GroupMember;
  readonly delivery: Delivery;
}

export class Reading {
  readonly #topics: readonly TopicReading[];
  readonly #isOfMany: boolean;
  readonly #assigned = new Deferred<AssignedQueue[]>();
  /** By topic, until every topic has had its first. */
  readonly #firstAssigned = new Map<string, AssignedQueue[]>();
  readonly #watch: UnackedWatch;
  readonly #relief: ReturnType<typeof setInterval>;
  #turn = 0;
  /** Ends the reading: null for a plain end. */
  #end: { error: RingMQError | null } | null = null;
  #change: Deferred<void> | null = null;
  /** Batches begun with when their queue was paused: the rest of them comes first when it goes on. */
  #putBack: ReceivedBatch[] = [];

  constructor(connection: Connection, options: ReadingOptions) {
    const { topics, tagFilter, verifyChecksums, ...rest } = options;
    this.#isOfMany = topics.length > 1;
    // Whoever asks for it sees it fail; a reading that nobody asks about fails its loop.
    this.#assigned.promise.catch(() => {});
    const perMember = {
      ...rest,
      windowBytes: Math.max(Math.floor(rest.windowBytes / topics.length), 65_536),
    };
    this.#topics = topics.map((topic) => ({
      topic,
      delivery: new Delivery(topic, tagFilter, verifyChecksums),
      member: new GroupMember(connection, {
        ...perMember,
        topic,
        filter: tagFilter.expression,
        onAssigned: (queues) => this.#onAssigned(topic, queues, options.onAssigned),
        onChange: () => this.#onChange(),
      }),
    }));
    this.#relief = setInterval(() => {
      for (const { member } of this.#topics) {
        member.control.relieve();
      }
    }, RELIEF_MS);
    unref(this.#relief);
    this.#watch = new UnackedWatch(() => this.#topics, options.warnings, options.unackedWarningMs);
  }

  get topics(): readonly TopicReading[] {
    return this.#topics;
  }

  get assigned(): Promise<AssignedQueue[]> {
    return this.#assigned.promise;
  }

  get queues(): AssignedQueue[] {
    return this.#topics.flatMap(({ topic, member }) => this.#named(topic, member.queues));
  }

  get bufferedBytes(): number {
    return this.#topics.reduce((sum, { member }) => sum + member.inbox.bufferedBytes, 0);
  }

  get isEnding(): boolean {
    return this.#end !== null;
  }

  /** A batch that is there to be handed out; null: none now, or it is over. */
  tryNext(): ReceivedBatch | null {
    if (this.#end !== null || this.#failure !== null) {
      return null;
    }
    const batch = this.#putBack.length === 0 ? undefined : this.#takeBack();
    if (batch !== undefined) {
      return batch;
    }
    const count = this.#topics.length;
    for (let i = 0; i < count; i++) {
      const { member, delivery } = this.#topics[this.#turn] as TopicReading;
      this.#turn = (this.#turn + 1) % count;
      const batch = delivery.next(member);
      if (batch !== null) {
        return batch;
      }
    }
    return null;
  }

  /** A batch whose queue was paused while it was being read, to go on with `messages`. */
  putBack(batch: ReceivedBatch, messages: Iterator<ConsumedMessage, undefined>): void {
    batch.putBack(messages);
    this.#putBack.push(batch);
  }

  #takeBack(): ReceivedBatch | undefined {
    this.#putBack = this.#putBack.filter(({ info }) => info.held);
    const at = this.#putBack.findIndex(({ info }) => !info.hold.isPaused);
    return at < 0 ? undefined : this.#putBack.splice(at, 1)[0];
  }

  memberOf(topic: string): GroupMember | undefined {
    return this.#topics.find((reading) => reading.topic === topic)?.member;
  }

  /** Waits for a batch; null at the end. Throws what ended the memberships, or all that was to be read. */
  async next(): Promise<ReceivedBatch | null> {
    for (;;) {
      if (this.checkEnd()) {
        return null;
      }
      const batch = this.tryNext();
      if (batch !== null) {
        return batch;
      }
      this.checkDamage();
      await this.changed();
    }
  }

  /** Throws the damage that all queues have stopped at, if they have. */
  checkDamage(): void {
    const damage = this.#damageOfAll;
    if (damage !== null) {
      throw damage;
    }
  }

  /** True: it has come to its plain end. Throws what ended it otherwise. */
  checkEnd(): boolean {
    if (this.#end !== null) {
      if (this.#end.error !== null) {
        throw this.#end.error;
      }
      return true;
    }
    const failure = this.#failure;
    if (failure === null) {
      return false;
    }
    // The client was closed in an orderly way: the loop just ends.
    if (isRingMQError(failure) && failure.code === 'CLOSED') {
      return true;
    }
    throw failure;
  }

  /** Resolves when something may be there to hand out, or it has ended. */
  changed(): Promise<void> {
    this.#change ??= new Deferred<void>();
    return this.#change.promise;
  }

  endWith(error: RingMQError | null): void {
    this.#end ??= { error };
    this.wake();
  }

  wake(): void {
    this.#change?.resolve();
    this.#change = null;
  }

  async commit(): Promise<void> {
    const results = await Promise.allSettled(this.#topics.map(({ member }) => member.commit()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      throw failed.reason;
    }
  }

  /** Commits and leaves the group, with every topic. */
  async leave(): Promise<void> {
    this.#watch.stop();
    clearInterval(this.#relief);
    await Promise.all(this.#topics.map(({ member }) => member.leave()));
  }

  get #failure(): RingMQError | null {
    for (const { member } of this.#topics) {
      if (member.failure !== null) {
        return member.failure;
      }
    }
    return null;
  }

  get #damageOfAll(): RingMQError | null {
    let damage: RingMQError | null = null;
    for (const { member } of this.#topics) {
      damage = member.damageOfAll;
      if (damage === null) {
        return null;
      }
    }
    return damage;
  }

  #onChange(): void {
    const failure = this.#failure;
    if (failure !== null) {
      this.#assigned.reject(failure);
    }
    this.wake();
  }

  #onAssigned(
    topic: string,
    queues: AssignedQueue[],
    tell: ((queues: AssignedQueue[]) => void) | undefined,
  ): void {
    const named = this.#named(topic, queues);
    if (!this.#firstAssigned.has(topic)) {
      this.#firstAssigned.set(topic, named);
      if (this.#firstAssigned.size === this.#topics.length) {
        this.#assigned.resolve([...this.#firstAssigned.values()].flat());
      }
    }
    tell?.(named);
  }

  #named(topic: string, queues: AssignedQueue[]): AssignedQueue[] {
    return this.#isOfMany ? queues.map((queue) => ({ topic, ...queue })) : queues;
  }
}
