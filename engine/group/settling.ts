/**
 * What has changed in groups becomes events: each share that has something to settle gets its turn, a large
 * one in pieces, and its members hear of it when all of its queues have had theirs. Also the generations:
 * each one given out is higher than all before, over restarts too.
 */
import type { ErrorCode } from '../../native-free/wire/index.js';
import { type CoordinatorHooks, REVOKE_TIMEOUT_MS } from './coordinator-options.js';
import type { GroupOffsets } from './offsets.js';
import { Outbox } from './outbox.js';
import { QueueStarts } from './queue-starts.js';
import type { Member, ShareActions, TopicShare } from './topic-share.js';

/** Assignments of one epoch have generations below the next epoch's. */
export const GENERATIONS_PER_EPOCH = 2 ** 32;
/** Shares are settled for so long in one run, ms; the rest waits for the next. */
const SETTLE_SLICE_MS = 5;
/** Queues of a share that are settled in one go: a fraction of a millisecond. */
const DEFAULT_QUEUES_AT_ONCE = 1_024;

export interface SettlingDeps {
  hooks: CoordinatorHooks;
  offsets: GroupOffsets;
  epoch: number;
  queuesAtOnce: number | undefined;
  /** The share is in use still. */
  isLive(share: TopicShare): boolean;
  /** The member has not left. */
  isMember(member: Member): boolean;
  /** Where the member would begin was not found: it is to be put out. */
  failed(member: Member, code: ErrorCode, why: string): void;
}

export class Settling {
  readonly #deps: SettlingDeps;
  readonly #queuesAtOnce: number;
  /** Shares that have something to settle. */
  readonly #unsettled = new Set<TopicShare>();
  /** Of those, what each of a pass that is under way has for its members: they hear of it when all queues have had their turn. */
  readonly #passes = new Map<TopicShare, Outbox>();
  /** Shares in such a pass in which something has changed since it began. */
  readonly #changedInPass = new Set<TopicShare>();
  #outbox = new Outbox();
  /** Have joined a group that is paused: they are to be told why they get nothing. */
  #joinedPaused: Member[] = [];
  /** Of the share that is being settled. */
  #pass = new Outbox();
  readonly #starts: QueueStarts;
  readonly #actions: ShareActions;
  #lastGeneration: number;

  constructor(deps: SettlingDeps) {
    this.#deps = deps;
    this.#queuesAtOnce = deps.queuesAtOnce ?? DEFAULT_QUEUES_AT_ONCE;
    this.#lastGeneration = deps.epoch * GENERATIONS_PER_EPOCH;
    this.#starts = new QueueStarts({
      hooks: deps.hooks,
      offsets: deps.offsets,
      isLive: (share) => deps.isLive(share),
      resolved: (share) => this.want(share),
      passedOver: (target, queue) => this.#pass.expired(target, queue),
      failed: (target, code, why) => {
        if (deps.isMember(target)) {
          deps.failed(target, code, why);
        }
      },
    });
    this.#actions = {
      revoke: (owner, queueId, generation) => this.#pass.revoke(owner, { queueId, generation }),
      assign: (owner, queueId, generation, offset) => {
        owner.share.progressed(queueId, deps.hooks.now());
        this.#pass.assign(owner, { queueId, generation, offset });
      },
      assignNone: (member) => {
        this.#pass.assignNone(member);
        if (this.#actions.isPaused(member.share)) {
          this.#joinedPaused.push(member);
        }
      },
      isPaused: (share) =>
        !share.isReaders && deps.hooks.isPaused?.(share.group, share.topic.topicId) === true,
      nextGeneration: () => ++this.#lastGeneration,
      start: (share, queueId, target) => this.#starts.start(share, queueId, target),
    };
  }

  /** The share has something to settle. */
  want(share: TopicShare): void {
    this.#unsettled.add(share);
    if (this.#passes.has(share)) {
      this.#changedInPass.add(share);
    }
    this.#deps.hooks.wantRun();
  }

  /** The share is gone. */
  forget(share: TopicShare): void {
    this.#unsettled.delete(share);
    this.#passes.delete(share);
    this.#changedInPass.delete(share);
  }

  /** The member goes on at `offset` with a queue that it holds, by a new generation: an `assign` event tells it. */
  renew(member: Member, queueId: number, offset: number): void {
    const generation = ++this.#lastGeneration;
    member.share.renew(queueId, generation);
    this.#outbox.assign(member, { queueId, generation, offset });
  }

  /** The group goes on behind messages that were deleted before it read them: those from `from` up to, not including, `to`. */
  expire(share: TopicShare, queueId: number, from: number, to: number): void {
    this.#starts.expire(share, queueId, from, to);
  }

  /** Settles what has changed and sends the events, for a slice of time: false if there is more to settle. */
  run(): boolean {
    const { hooks, isMember } = this.#deps;
    const begun = hooks.now();
    const toSend = this.#outbox.empty ? [] : [this.#outbox];
    this.#outbox = new Outbox();
    const isHeld = hooks.isHeld?.() === true;
    let heldCount = 0;
    for (const share of this.#unsettled) {
      if (isHeld && !share.isReaders) {
        heldCount++;
        continue;
      }
      this.#unsettled.delete(share);
      this.#pass = this.#passes.get(share) ?? new Outbox();
      if (share.settle(this.#actions, begun + REVOKE_TIMEOUT_MS, this.#queuesAtOnce)) {
        this.#passes.delete(share);
        if (!this.#pass.empty) {
          toSend.push(this.#pass);
        }
        if (this.#changedInPass.delete(share)) {
          this.#unsettled.add(share);
        }
      } else {
        this.#passes.set(share, this.#pass);
        // Behind the others.
        this.#unsettled.add(share);
      }
      if (hooks.now() - begun > SETTLE_SLICE_MS) {
        break;
      }
    }
    if (toSend.length > 0) {
      const joinedPaused = this.#joinedPaused;
      this.#joinedPaused = [];
      hooks.persist(() => {
        for (const outbox of toSend) {
          outbox.send(isMember);
        }
        for (const member of joinedPaused.filter(isMember)) {
          member.send({ event: 'groupPaused', paused: true });
        }
      });
    }
    return this.#unsettled.size <= heldCount;
  }
}
