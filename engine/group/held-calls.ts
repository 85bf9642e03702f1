/**
 * What comes of the queues that members hold: they release them, commit on them, or go on elsewhere with them; and an operator, or
 * retention, has them go on elsewhere. Who does not hold a queue by that generation (any more) is refused.
 */
import { RingMQError } from '../../native-free/wire/index.js';
import type { CoordinatorHooks, HeldQueue } from './coordinator-options.js';
import type { GroupOffsets } from './offsets.js';
import type { Settling } from './settling.js';
import { type Member, OWNERSHIP, type TopicShare } from './topic-share.js';

/** Who is in groups now. */
export interface Members {
  find(key: string): Member | undefined;
  /** @throws RingMQError NOT_A_MEMBER */
  require(key: string): Member;
  share(group: string, topicId: number): TopicShare | undefined;
}

export class HeldCalls {
  readonly #members: Members;
  readonly #hooks: CoordinatorHooks;
  readonly #offsets: GroupOffsets;
  readonly #settling: Settling;

  constructor(members: Members, hooks: CoordinatorHooks, offsets: GroupOffsets, settling: Settling) {
    this.#members = members;
    this.#hooks = hooks;
    this.#offsets = offsets;
    this.#settling = settling;
  }

  /**
   * A member has stopped reading these queues. What it does not hold by that generation is passed over.
   * @throws RingMQError NOT_A_MEMBER
   */
  released(key: string, queues: readonly HeldQueue[]): void {
    const member = this.#members.require(key);
    for (const { queueId, generation } of queues) {
      if (member.share.release(member, queueId, generation)) {
        this.#settling.want(member.share);
      }
    }
  }

  /**
   * Commits the next offsets to read. One that lies behind what is committed changes nothing.
   * @returns the queues whose entries were refused, because the member does not hold them by that generation
   * (any more).
   * @throws RingMQError NOT_A_MEMBER; QUEUE_NOT_FOUND, BAD_ARGUMENT (beyond the queue's end): then nothing is
   * committed
   */
  commit(key: string, entries: readonly (HeldQueue & { offset: number })[]): number[] {
    const member = this.#members.require(key);
    const { group, topic } = member.share;
    for (const { queueId, offset } of entries) {
      if (queueId < 0 || queueId >= topic.queues) {
        throw new RingMQError(
          'QUEUE_NOT_FOUND',
          `the topic '${topic.topic}' has ${topic.queues} queues, and no queue ${queueId}`,
          {
            details: { value: queueId, limit: topic.queues },
          },
        );
      }
      const { maxOffset } = this.#hooks.queueState(topic.topicId, queueId);
      if (offset < 0 || offset > maxOffset) {
        throw new RingMQError(
          'BAD_ARGUMENT',
          `offset ${offset} cannot be committed: queue ${queueId} of '${topic.topic}' ends at ${maxOffset}`,
          {
            details: { value: offset, limit: maxOffset },
          },
        );
      }
    }
    const fenced: number[] = [];
    const now = this.#hooks.now();
    for (const { queueId, generation, offset } of entries) {
      if (!member.share.isHeldBy(member, queueId, generation)) {
        fenced.push(queueId);
      } else if (member.reader === null) {
        if (offset > (this.#offsets.committed(group, topic.topicId, queueId) ?? 0)) {
          member.share.progressed(queueId, now);
        }
        this.#offsets.commit(group, topic.topicId, queueId, offset);
      }
    }
    return fenced;
  }

  /**
   * Lets a member go on elsewhere with queues that it holds: the group's offsets are set to it, and the
   * queues come anew by an `assign` event.
   * @returns those moved; a queue it does not hold by that generation (any more) is passed over.
   * @throws RingMQError NOT_A_MEMBER
   */
  seek(
    key: string,
    entries: readonly (HeldQueue & { offset: number })[],
  ): { queueId: number; offset: number }[] {
    const member = this.#members.require(key);
    const { share } = member;
    const moved: { queueId: number; offset: number }[] = [];
    for (const { queueId, generation, offset } of entries) {
      if (!share.isHeldBy(member, queueId, generation) || share.state(queueId) !== OWNERSHIP.owned) {
        continue;
      }
      if (member.reader === null) {
        this.#offsets.reset(share.group, share.topic.topicId, queueId, offset);
      }
      // A commit under way under the old generation must not undo it.
      this.#settling.renew(member, queueId, offset);
      moved.push({ queueId, offset });
    }
    this.#hooks.wantRun();
    return moved;
  }

  /** An operator sets where a group goes on; whoever holds the queue gets it anew there. */
  move(group: string, topicId: number, queueId: number, offset: number): void {
    this.#offsets.reset(group, topicId, queueId, offset);
    const share = this.#members.share(group, topicId);
    const owner = share?.owner(queueId) ?? null;
    if (share !== undefined && owner !== null && share.state(queueId) === OWNERSHIP.owned) {
      share.progressed(queueId, this.#hooks.now());
      this.#settling.renew(owner, queueId, offset);
      this.#hooks.wantRun();
    }
  }

  /** A member's reader came upon the end of what was deleted before it got there: messages from `from` up to, not including, `to`. */
  expired(key: string, queue: HeldQueue & { from: number; to: number }): void {
    const member = this.#members.find(key);
    const { queueId, generation, from, to } = queue;
    if (member?.reader === null && member.share.isHeldBy(member, queueId, generation)) {
      this.#settling.expire(member.share, queueId, from, to);
    }
  }
}
