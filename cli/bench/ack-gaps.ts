/** A time without any ack while some were outstanding. Milliseconds since the run began. */
export interface AckGap {
  fromMs: number;
  /** null: it lasts. */
  toMs: number | null;
}

/** Gaps that a result lists; further ones are counted. */
export const MAX_GAPS_LISTED = 100;

/**
 * Notices when acks stay away: told again and again how many messages are acked and how many are outstanding.
 * Nobody waits for an ack where nothing is outstanding, so the time begins when something is.
 */
export class AckGapWatch {
  readonly gaps: AckGap[] = [];
  count = 0;
  /** Of all of them, also those that are not listed. ms */
  longestMs = 0;
  readonly #thresholdMs: number;
  #acked = 0;
  /** When the last ack came, or the first message since went out. */
  #sinceMs = 0;
  /** Some were outstanding at the last look. */
  #isAwaited = false;
  #open: AckGap | null = null;

  constructor(thresholdMs: number) {
    this.#thresholdMs = thresholdMs;
  }

  /** The gap that begins, or ends, with this look; both where one is over before it was seen. */
  look(nowMs: number, acked: number, outstanding: number): { begins: AckGap | null; ends: AckGap | null } {
    let begins: AckGap | null = null;
    let ends: AckGap | null = null;
    if (this.#open === null && this.#isAwaited && nowMs - this.#sinceMs >= this.#thresholdMs) {
      begins = this.#begin();
    }
    if (acked > this.#acked || outstanding === 0) {
      this.#acked = Math.max(this.#acked, acked);
      ends = this.#end(nowMs);
      this.#sinceMs = nowMs;
    }
    this.#isAwaited = outstanding > 0;
    return { begins, ends };
  }

  #begin(): AckGap {
    const gap: AckGap = { fromMs: this.#sinceMs, toMs: null };
    this.#open = gap;
    this.count++;
    if (this.gaps.length < MAX_GAPS_LISTED) {
      this.gaps.push(gap);
    }
    return gap;
  }

  #end(nowMs: number): AckGap | null {
    const gap = this.#open;
    if (gap !== null) {
      gap.toMs = nowMs;
      this.longestMs = Math.max(this.longestMs, nowMs - gap.fromMs);
      this.#open = null;
    }
    return gap;
  }
}
