/**
 * A consumer while it reads: a membership for each of its topics, what they have to hand out in turn, and how
 * it ends. It begins with the first loop, poll or wish to know the assignment, and is over when the group is
 * left.
 */
import { clearInterval, setInterval, unref } from '../../time/index.js';
import type { RingMQError } from '../../wire/index.js';
import { Deferred } from '../abort.js';
import type { Brokers } from '../brokers.js';
import type { GroupMember } from './group-member.js';
import { isPlainEnd, type MembershipOptions, Memberships, type TopicReading } from './memberships.js';
import type { ReceivedBatch } from './received-batch.js';
import type { AssignedQueue, ConsumedMessage } from './types.js';
import { UnackedWatch } from './unacked-watch.js';

/** How often queues that stand still are looked at. */
const RELIEF_MS = 500;

export interface ReadingOptions extends Omit<MembershipOptions, 'onChange'> {
  unackedWarningMs: number;
}

export class Reading {
  readonly #members: Memberships;
  readonly #watch: UnackedWatch;
  readonly #relief: ReturnType<typeof setInterval>;
  #turn = 0;
  /** Ends the reading: null for a plain end. */
  #end: { error: RingMQError | null } | null = null;
  #change: Deferred<void> | null = null;
  /** Batches begun with when their queue was paused: the rest of them comes first when it goes on. */
  #putBack: ReceivedBatch[] = [];

  constructor(brokers: Brokers, options: ReadingOptions) {
    const { unackedWarningMs, ...rest } = options;
    this.#members = new Memberships(brokers, { ...rest, onChange: () => this.wake() });
    this.#relief = setInterval(() => {
      for (const { member } of this.topics) {
        member.control.relieve();
      }
    }, RELIEF_MS);
    unref(this.#relief);
    this.#watch = new UnackedWatch(() => this.topics, options.warnings, unackedWarningMs);
  }

  /** By topic, over a cluster by topic and broker set. */
  get topics(): readonly TopicReading[] {
    return this.#members.all;
  }

  get assigned(): Promise<AssignedQueue[]> {
    return this.#members.assigned;
  }

  get members(): Memberships {
    return this.#members;
  }

  get queues(): AssignedQueue[] {
    return this.topics.flatMap((reading) =>
      reading.member.queues.map((queue) => this.#members.named(reading, queue)),
    );
  }

  get bufferedBytes(): number {
    return this.topics.reduce((sum, { member }) => sum + member.inbox.bufferedBytes, 0);
  }

  get isEnding(): boolean {
    return this.#end !== null;
  }

  /** A batch that is there to be handed out; null: none now, or it is over. */
  tryNext(): ReceivedBatch | null {
    if (this.#end !== null || this.#members.failure !== null) {
      return null;
    }
    const batch = this.#putBack.length === 0 ? undefined : this.#takeBack();
    if (batch !== undefined) {
      return batch;
    }
    const { topics } = this;
    for (let i = 0; i < topics.length; i++) {
      this.#turn = (this.#turn + 1) % topics.length;
      const { member, delivery } = topics[this.#turn] as TopicReading;
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

  /** Who reads the queues that something is of. */
  memberOf({ topic, brokerSet }: { topic: string; brokerSet?: string | undefined }): GroupMember | undefined {
    return this.topics.find(
      (reading) => reading.topic === topic && (reading.link.set ?? undefined) === brokerSet,
    )?.member;
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
    const damage = this.#members.damageOfAll;
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
    const { failure } = this.#members;
    if (failure === null) {
      return false;
    }
    // The client was closed in an orderly way: the loop just ends.
    if (isPlainEnd(failure)) {
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
    const results = await Promise.allSettled(this.topics.map(({ member }) => member.commit()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      throw failed.reason;
    }
  }

  /** Commits and leaves the group, with every topic. */
  async leave(): Promise<void> {
    this.#watch.stop();
    clearInterval(this.#relief);
    await this.#members.leave();
  }
}
