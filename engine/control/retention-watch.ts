/**
 * Warns before retention deletes what a group has not read: when the next message of a group is near the age
 * or the place at which its segment may go. Looks at some queues at a time, so that it never takes long.
 */
import type { Warn } from './expired-log.js';

/** A message that waits to be read. */
export interface UnreadMessage {
  ageMs: number;
  /** Bytes of log from it to the end. */
  bytesToEnd: number;
}

export interface WatchedQueue {
  group: string;
  topic: string;
  topicId: number;
  queueId: number;
  /** Where the group goes on. */
  position: number;
}

export interface RetentionWatchOptions {
  /** 0: no bound. */
  retentionMs: number;
  /** 0: no bound. */
  retentionBytes: number;
  /** Queues of topics on disk that groups have a position on, in any order, one after the other. */
  queues(): Iterable<WatchedQueue>;
  /** The message at the group's position; null if nothing is unread, or if it cannot be told. */
  unread(queue: WatchedQueue): UnreadMessage | null;
  warn: Warn;
}

/** From this part of the bounds on it is told. */
const NEAR = 0.8;
const QUEUES_PER_STEP = 256;
/** Between two rounds over all queues. */
export const ROUND_EVERY_MS = 5_000;
/** One group on one topic is told of once in this time. */
const TELL_EVERY_MS = 3_600_000;
const MAX_TOLD = 10_000;

export class RetentionWatch {
  readonly #options: RetentionWatchOptions;
  #round: Iterator<WatchedQueue> | null = null;
  #nextRoundMs = Number.NEGATIVE_INFINITY;
  /** `group topic` → when it was told, ms. */
  readonly #told = new Map<string, number>();

  constructor(options: RetentionWatchOptions) {
    this.#options = options;
  }

  /** `nowMs`: only differences count. */
  step(nowMs: number): void {
    const { retentionMs, retentionBytes, queues } = this.#options;
    if (retentionMs === 0 && retentionBytes === 0) {
      return;
    }
    if (this.#round === null) {
      if (nowMs < this.#nextRoundMs) {
        return;
      }
      // A short retention is looked at more often, or it would be over before it was told of.
      this.#nextRoundMs =
        nowMs + Math.min(ROUND_EVERY_MS, retentionMs === 0 ? ROUND_EVERY_MS : retentionMs / 20);
      this.#round = queues()[Symbol.iterator]();
      this.#forgetOld(nowMs);
    }
    for (let i = 0; i < QUEUES_PER_STEP; i++) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = null;
        return;
      }
      this.#look(next.value, nowMs);
    }
  }

  #look(queue: WatchedQueue, nowMs: number): void {
    const key = `${queue.group} ${queue.topic}`;
    if (this.#told.has(key) || this.#told.size >= MAX_TOLD) {
      return;
    }
    const message = this.#options.unread(queue);
    if (message === null) {
      return;
    }
    const { retentionMs, retentionBytes } = this.#options;
    const isOld = retentionMs > 0 && message.ageMs >= NEAR * retentionMs;
    const isFarBack = retentionBytes > 0 && message.bytesToEnd >= NEAR * retentionBytes;
    if (!isOld && !isFarBack) {
      return;
    }
    this.#told.set(key, nowMs);
    const { group, topic, queueId, position } = queue;
    const why = isOld
      ? `is ${Math.round(message.ageMs / 1000)} s old and may be deleted at ${Math.round(retentionMs / 1000)} s`
      : `lies ${message.bytesToEnd} bytes behind the end of the log, which may be cut to ${retentionBytes}`;
    this.#options.warn(
      `the group '${group}' is about to lose unread messages of '${topic}': the next one of queue ${queueId} ${why}`,
      { group, topic, queueId, offset: position, ...message, retentionMs, retentionBytes },
    );
  }

  #forgetOld(nowMs: number): void {
    for (const [key, toldMs] of this.#told) {
      if (nowMs - toldMs >= TELL_EVERY_MS) {
        this.#told.delete(key);
      }
    }
  }
}
