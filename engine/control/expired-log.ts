/** Says in the log that groups lost messages they had not read, so often that it is seen and so seldom that it floods nothing. */

/** What a thread says of messages that were gone when one of its consumers came to them. */
export interface ExpiredReport {
  consumerKey: string;
  queueId: number;
  generation: number;
  /** First offset that is gone, and the first one that is not. */
  from: number;
  to: number;
}

/** One group on one topic is told of once in this time, with all it lost since. */
export const EXPIRED_EVERY_MS = 60_000;
/** Pairs of group and topic that are told apart; what is beyond waits for the others. */
const MAX_PAIRS = 1_000;

interface Loss {
  readonly group: string;
  readonly topic: string;
  count: number;
  /** When it may be told, ms. */
  dueMs: number;
}

export type Warn = (message: string, details: Record<string, unknown>) => void;

export class ExpiredLog {
  readonly #warn: Warn;
  readonly #losses = new Map<string, Loss>();

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** `nowMs`: only differences count. */
  add(group: string, topic: string, count: number, nowMs: number): void {
    const key = `${group} ${topic}`;
    const known = this.#losses.get(key);
    if (known !== undefined) {
      known.count += count;
    } else if (this.#losses.size < MAX_PAIRS) {
      this.#losses.set(key, { group, topic, count, dueMs: nowMs });
    }
  }

  /** Tells what is due; forgets who has lost nothing for a while. */
  step(nowMs: number): void {
    for (const [key, loss] of this.#losses) {
      if (loss.dueMs > nowMs) {
        continue;
      }
      if (loss.count === 0) {
        this.#losses.delete(key);
        continue;
      }
      const { group, topic, count } = loss;
      this.#warn(
        `the group '${group}' has lost ${count} unread ${count === 1 ? 'message' : 'messages'} of '${topic}': deleted before anybody read them; let consumers keep up, or keep messages longer (retentionMs, retentionBytes; of memory topics memoryRingBytes)`,
        { group, topic, count },
      );
      loss.count = 0;
      loss.dueMs = nowMs + EXPIRED_EVERY_MS;
    }
  }
}
