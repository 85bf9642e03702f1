/** Looks now and then at what is in hand without an ack: a lost promise or a stuck handler shows in nothing else but a lag that grows. */
import { clearInterval, monotonicMs, setInterval, unref } from '../../time/index.js';
import type { GroupMember } from './group-member.js';
import type { HeldQueue } from './held-queue.js';
import type { Warnings } from './warnings.js';

/** It looks a few times within the age that is warned of, but not without end. */
const MIN_PERIOD_MS = 20;
const MAX_PERIOD_MS = 5_000;

export class UnackedWatch {
  readonly #warnings: Warnings;
  readonly #afterMs: number;
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  /** `afterMs`: the age that is warned of, 0: none. `members`: with their topics. */
  constructor(
    members: () => Iterable<{ topic: string; member: GroupMember }>,
    warnings: Warnings,
    afterMs: number,
  ) {
    this.#warnings = warnings;
    this.#afterMs = afterMs;
    if (afterMs === 0) {
      return;
    }
    const periodMs = Math.min(Math.max(afterMs / 4, MIN_PERIOD_MS), MAX_PERIOD_MS);
    this.#timer = setInterval(() => {
      const now = monotonicMs();
      for (const { topic, member } of members()) {
        for (const queue of member.held) {
          this.#look(topic, queue, now);
        }
      }
    }, periodMs);
    unref(this.#timer);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(topic: string, queue: HeldQueue, now: number): void {
    const ageMs = queue.unackedForMs(now);
    if (ageMs === null) {
      return;
    }
    const { queueId, done: offset } = queue;
    if (queue.warnOffset !== offset) {
      queue.warnOffset = offset;
      queue.warnAtMs = this.#afterMs;
    }
    if (ageMs < queue.warnAtMs) {
      return;
    }
    queue.warnAtMs = ageMs * 2;
    const behind = queue.waitingAcks;
    const others =
      behind === 0
        ? 'nothing behind it is acked either: its handler may be stuck'
        : `${behind} acked ${behind === 1 ? 'message' : 'messages'} behind it cannot be committed: its ack may have been forgotten`;
    const message = `the message at offset ${offset} of ${topic} queue ${queueId} was handed out ${Math.round(ageMs)} ms ago and is not acked; ${others}`;
    this.#warnings.tell({ type: 'unacked', message, topic, queueId }, offset);
  }
}
