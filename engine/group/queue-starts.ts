/**
 * Where a queue begins for its next owner: where its group has come to, else where the member wants to begin,
 * which may have to be looked up.
 */
import { type ErrorCode, isRingMQError, type StartPosition } from '../../native-free/wire/index.js';
import type { CoordinatorHooks } from './coordinator-options.js';
import { Lookups } from './lookups.js';
import type { GroupOffsets } from './offsets.js';
import type { Member, TopicShare } from './topic-share.js';

export interface QueueStartsDeps {
  hooks: Pick<CoordinatorHooks, 'queueState' | 'findOffsetByTime' | 'expired'>;
  offsets: GroupOffsets;
  /** The share is in use still. */
  isLive(share: TopicShare): boolean;
  /** A queue of the share may be given now. */
  resolved(share: TopicShare): void;
  /** The member is told what its group has missed. */
  passedOver(target: Member, queue: { queueId: number; from: number; to: number }): void;
  /** Where the member would begin was not found; it may be gone by now. */
  failed(target: Member, code: ErrorCode, why: string): void;
}

export class QueueStarts {
  readonly #deps: QueueStartsDeps;
  readonly #lookups = new Lookups();

  constructor(deps: QueueStartsDeps) {
    this.#deps = deps;
  }

  /** Where a queue begins for its next owner; null while that is being looked up. */
  start(share: TopicShare, queueId: number, target: Member): number | null {
    try {
      return this.#startNow(share, queueId, target);
    } catch (error) {
      this.#later(share, queueId, target, () => Promise.reject(error));
      return null;
    }
  }

  #startNow(share: TopicShare, queueId: number, target: Member): number | null {
    const { group, topic } = share;
    const { minOffset, maxOffset } = this.#deps.hooks.queueState(topic.topicId, queueId);
    const own = target.reader?.positions.get(queueId);
    if (own !== undefined) {
      return startOffset({ offset: own }, minOffset, maxOffset);
    }
    const position = this.#deps.offsets.position(group, topic.topicId, queueId);
    if (position !== null && position < minOffset) {
      this.expire(share, queueId, position, minOffset);
      this.#deps.passedOver(target, { queueId, from: position, to: minOffset });
    }
    if (position !== null) {
      return Math.max(position, minOffset);
    }
    const { from } = target;
    if (typeof from === 'object' && 'time' in from) {
      this.#later(share, queueId, target, () => this.#startAtTime(share, queueId, target, from.time));
      return null;
    }
    const offset = startOffset(from, minOffset, maxOffset);
    this.#begin(share, queueId, target, offset);
    return offset;
  }

  /** Keeps where a group begins; of a reader only until its queue is assigned. */
  #begin(share: TopicShare, queueId: number, { reader }: Member, offset: number): void {
    if (reader === null) {
      this.#deps.offsets.begin(share.group, share.topic.topicId, queueId, offset);
    } else {
      reader.positions.set(queueId, offset);
    }
  }

  /** What lies between was deleted unread. Nobody will read it, so that the group's position moves behind it, and it counts once. */
  expire(share: TopicShare, queueId: number, from: number, to: number): void {
    const { group, topic } = share;
    this.#deps.offsets.addExpired(group, topic.topicId, queueId, to - from);
    this.#deps.offsets.begin(group, topic.topicId, queueId, to);
    this.#deps.hooks.expired?.(group, topic, queueId, to - from);
  }

  async #startAtTime(share: TopicShare, queueId: number, target: Member, time: number): Promise<void> {
    const { topic } = share;
    const found = await this.#deps.hooks.findOffsetByTime(topic.topicId, queueId, time);
    if (this.#deps.isLive(share)) {
      const { minOffset, maxOffset } = this.#deps.hooks.queueState(topic.topicId, queueId);
      this.#begin(share, queueId, target, startOffset({ offset: found }, minOffset, maxOffset));
    }
  }

  /** Does `lookUp` when it is its turn, then tries the queue again; if it fails, the member that wanted it is put out. */
  #later(share: TopicShare, queueId: number, target: Member, lookUp: () => Promise<void>): void {
    this.#lookups.add(async () => {
      if (!this.#deps.isLive(share)) {
        return;
      }
      try {
        await lookUp();
      } catch (error) {
        const code = isRingMQError(error) ? error.code : 'INTERNAL';
        const topic = share.topic.topic;
        const why = `where to begin on queue ${queueId} of '${topic}' was not found: ${String(error)}`;
        this.#deps.failed(target, code, why);
      }
      if (this.#deps.isLive(share)) {
        share.resolved(queueId);
        this.#deps.resolved(share);
      }
    });
  }
}

/** The offset that a start position other than a time means on a queue. */
export function startOffset(
  from: Exclude<StartPosition, { time: number }>,
  minOffset: number,
  maxOffset: number,
): number {
  if (from === 'earliest') {
    return minOffset;
  }
  if (from === 'latest') {
    return maxOffset;
  }
  return Math.min(Math.max(from.offset, minOffset), maxOffset);
}
