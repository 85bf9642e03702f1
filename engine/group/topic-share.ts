/**
 * One group's hold on one topic: which member has which queue. Each queue goes round this circle:
 *
 *     free ──▶ owned ──(another should have it)──▶ revoking ──(released, 10 s, owner gone)──▶ free
 *       └▶ resolving (its start position is being looked up) ──▶ free
 *
 * A queue has an owner in `owned` and `revoking` only, and gets one only from `free`: so never two at once.
 * Who should have it (`target`) may change at any time without touching the owner.
 */
import type { ControlEvent, StartPosition } from '../../native-free/wire/index.js';
import { assignQueues, dealtQuotas, NOBODY } from './assignment.js';

/** How far a queue is on its way to a reader; see the picture above. */
export const OWNERSHIP = { free: 0, owned: 1, revoking: 2, resolving: 3 } as const;

/** Who reads in no group: nothing of it is kept, and nobody shares with it. */
export interface Reader {
  /** The only queues it wants; null: all. */
  readonly queueIds: ReadonlySet<number> | null;
  /** Where it begins on queues, by their numbers; others where its start position says. */
  readonly positions: Map<number, number>;
}

/** A consumer in a group. Immutable; compared by identity, since a member id may come back with another connection. */
export interface Member {
  /** Unique among the members of all groups now: which thread's which consumer. */
  readonly key: string;
  /** Unique in its group; kept by the client over reconnects. */
  readonly memberId: string;
  /** Where it begins on queues nobody of its group has committed anything on. */
  readonly from: StartPosition;
  readonly share: TopicShare;
  /** Queues of the topic in other broker sets, before this one's; null: nobody counts those of others. */
  readonly queueBase: number | null;
  /** It shares with no other member. */
  readonly alone: boolean;
  /** null: of a group. */
  readonly reader: Reader | null;
  /** Takes events in their order; must not call back into the coordinator. */
  send(event: ControlEvent): void;
}

export interface SharedTopic {
  readonly topic: string;
  readonly topicId: number;
  readonly queues: number;
}

/** What a share asks of its coordinator while it {@link TopicShare.settle}s. */
export interface ShareActions {
  /** The owner is to stop reading the queue. */
  revoke(owner: Member, queueId: number, generation: number): void;
  /**
   * Where `target` begins to read the queue; null: it is being looked up, and the queue is `resolving` until
   * {@link TopicShare.resolved}.
   */
  start(share: TopicShare, queueId: number, target: Member): number | null;
  /** Nobody gets a queue of it, and who has one gives it back. */
  isPaused(share: TopicShare): boolean;
  /** Higher than any before. */
  nextGeneration(): number;
  assign(owner: Member, queueId: number, generation: number, offset: number): void;
  /** There is no queue for a member that has just joined; it is told, or it would not know what it waits for. */
  assignNone(member: Member): void;
}

export class TopicShare {
  readonly group: string;
  #topic: SharedTopic;
  /** The filter of all members; it goes with the last one. */
  readonly filter: string;
  /** In the order they joined. */
  readonly members: Member[] = [];
  #state: Uint8Array;
  readonly #owner: (Member | null)[];
  readonly #target: (Member | null)[];
  #generation: Float64Array;
  #deadline: Float64Array;
  /** When the owner got the queue, or committed on it; of the clock that deadlines are of. */
  #progress: Float64Array;
  #revoking = 0;
  /** Where the pass over all queues that is under way goes on; 0: none is. */
  #passAt = 0;
  #membersChanged = false;
  /** Members that have joined since the last choice. */
  #joined: Member[] = [];

  constructor(group: string, topic: SharedTopic, filter: string) {
    this.group = group;
    this.#topic = topic;
    this.filter = filter;
    this.#state = new Uint8Array(topic.queues);
    this.#owner = new Array<Member | null>(topic.queues).fill(null);
    this.#target = new Array<Member | null>(topic.queues).fill(null);
    this.#generation = new Float64Array(topic.queues);
    this.#deadline = new Float64Array(topic.queues);
    this.#progress = new Float64Array(topic.queues);
  }

  get topic(): SharedTopic {
    return this.#topic;
  }

  /** The topic has more queues now: they are shared out with the next {@link settle}, and no other one changes hands but for that. */
  grow(topic: SharedTopic): void {
    const { queues } = topic;
    this.#state = longer(this.#state, new Uint8Array(queues));
    this.#generation = longer(this.#generation, new Float64Array(queues));
    this.#deadline = longer(this.#deadline, new Float64Array(queues));
    this.#progress = longer(this.#progress, new Float64Array(queues));
    while (this.#owner.length < queues) {
      this.#owner.push(null);
      this.#target.push(null);
    }
    this.#topic = topic;
    this.#membersChanged = true;
  }

  /** It is of a reader that is in no group. */
  get isReaders(): boolean {
    return this.members.some(({ reader }) => reader !== null);
  }

  state(queueId: number): number {
    return this.#state[queueId] as number;
  }

  /** Who reads the queue now. */
  owner(queueId: number): Member | null {
    return this.#owner[queueId] ?? null;
  }

  /** Of the queue's last assignment; 0 before the first. */
  generation(queueId: number): number {
    return this.#generation[queueId] as number;
  }

  /** True if the queue is this member's, by this assignment. */
  isHeldBy(member: Member, queueId: number, generation: number): boolean {
    return this.#owner[queueId] === member && this.#generation[queueId] === generation;
  }

  /** The owner has come further, or got the queue, at `now`. */
  progressed(queueId: number, now: number): void {
    this.#progress[queueId] = now;
  }

  progress(queueId: number): number {
    return this.#progress[queueId] as number;
  }

  add(member: Member): void {
    this.members.push(member);
    this.#joined.push(member);
    this.#membersChanged = true;
  }

  /** The member is gone, and its queues are free at once: nobody is left to answer. */
  remove(member: Member): void {
    this.members.splice(this.members.indexOf(member), 1);
    this.#membersChanged = true;
    for (let queueId = 0; queueId < this.topic.queues; queueId++) {
      if (this.#target[queueId] === member) {
        this.#target[queueId] = null;
      }
      if (this.#owner[queueId] === member) {
        this.#setFree(queueId);
      }
    }
  }

  /** The member has stopped reading the queue. False if it has not got it (any more). */
  release(member: Member, queueId: number, generation: number): boolean {
    if (!this.isHeldBy(member, queueId, generation)) {
      return false;
    }
    this.#setFree(queueId);
    return true;
  }

  /** The owner goes on with the queue under a new generation. */
  renew(queueId: number, generation: number): void {
    this.#generation[queueId] = generation;
  }

  /** Frees the queues whose owners have not answered a revoke in time. True if there were any. */
  expire(now: number): boolean {
    let any = false;
    if (this.#revoking > 0) {
      for (let queueId = 0; queueId < this.topic.queues; queueId++) {
        if (this.#state[queueId] === OWNERSHIP.revoking && (this.#deadline[queueId] as number) <= now) {
          this.#setFree(queueId);
          any = true;
        }
      }
    }
    return any;
  }

  /** The earliest time at which {@link expire} will free something; Infinity if nothing is being revoked. */
  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    if (this.#revoking > 0) {
      for (let queueId = 0; queueId < this.topic.queues; queueId++) {
        if (this.#state[queueId] === OWNERSHIP.revoking) {
          next = Math.min(next, this.#deadline[queueId] as number);
        }
      }
    }
    return next;
  }

  /** The start position is known now, or not to be had: the queue may be tried again. */
  resolved(queueId: number): void {
    if (this.#state[queueId] === OWNERSHIP.resolving) {
      this.#state[queueId] = OWNERSHIP.free;
    }
  }

  /**
   * Goes as far as it can, a piece of all queues at a time: decides who should have what, revokes what
   * another should have, assigns what is free. True: that was the last piece. Between two of them the share
   * stays whole, and what changes meanwhile is for the next pass.
   */
  settle(actions: ShareActions, deadline: number, queuesAtOnce: number): boolean {
    if (this.#passAt === 0 && this.#membersChanged) {
      this.#membersChanged = false;
      this.#choose();
      for (const member of this.#joined) {
        if (!this.#target.includes(member) || actions.isPaused(this)) {
          actions.assignNone(member);
        }
      }
      this.#joined = [];
    }
    const { queues } = this.topic;
    const isPaused = actions.isPaused(this);
    const to = Math.min(this.#passAt + queuesAtOnce, queues);
    for (let queueId = this.#passAt; queueId < to; queueId++) {
      const target = this.#target[queueId] ?? null;
      const owner = this.#owner[queueId] ?? null;
      if (this.#state[queueId] === OWNERSHIP.owned && owner !== null && (owner !== target || isPaused)) {
        this.#state[queueId] = OWNERSHIP.revoking;
        this.#deadline[queueId] = deadline;
        this.#revoking++;
        actions.revoke(owner, queueId, this.#generation[queueId] as number);
      } else if (
        this.#state[queueId] === OWNERSHIP.free &&
        target !== null &&
        !isPaused &&
        wants(target, queueId)
      ) {
        this.#begin(queueId, target, actions);
      }
    }
    this.#passAt = to < queues ? to : 0;
    return this.#passAt === 0;
  }

  #begin(queueId: number, target: Member, actions: ShareActions): void {
    const offset = actions.start(this, queueId, target);
    if (offset === null) {
      this.#state[queueId] = OWNERSHIP.resolving;
      return;
    }
    const generation = actions.nextGeneration();
    this.#state[queueId] = OWNERSHIP.owned;
    this.#owner[queueId] = target;
    this.#generation[queueId] = generation;
    actions.assign(target, queueId, generation, offset);
  }

  /** Sticks to earlier choices, not to owners: a queue on its way to a member stays on its way there. */
  #choose(): void {
    const index = new Map<Member | null, number>(this.members.map((member, i) => [member, i]));
    const current = new Int32Array(this.topic.queues);
    let member: Member | null = null;
    let number = NOBODY;
    for (let queueId = 0; queueId < current.length; queueId++) {
      // Queues of one member lie together as a rule.
      if (this.#target[queueId] !== member) {
        member = this.#target[queueId] ?? null;
        number = index.get(member) ?? NOBODY;
      }
      current[queueId] = number;
    }
    const target = assignQueues(current, this.members.length, this.#quota());
    for (let queueId = 0; queueId < target.length; queueId++) {
      this.#target[queueId] = this.members[target[queueId] as number] ?? null;
    }
  }

  /** undefined: as evenly as the queues here alone allow. The base that was told last is the one that holds now. */
  #quota(): Int32Array | undefined {
    const base = this.members.findLast(({ queueBase }) => queueBase !== null)?.queueBase ?? null;
    if (base === null) {
      return undefined;
    }
    const ids = this.members.map(({ memberId }) => memberId);
    return dealtQuotas(ids, base, this.topic.queues);
  }

  #setFree(queueId: number): void {
    if (this.#state[queueId] === OWNERSHIP.revoking) {
      this.#revoking--;
    }
    this.#state[queueId] = OWNERSHIP.free;
    this.#owner[queueId] = null;
  }
}

function wants({ reader }: Member, queueId: number): boolean {
  return reader === null || reader.queueIds === null || reader.queueIds.has(queueId);
}

/** What was there, at the beginning of what takes its place. */
function longer<T extends Uint8Array | Float64Array>(before: T, after: T): T {
  after.set(before);
  return after;
}
