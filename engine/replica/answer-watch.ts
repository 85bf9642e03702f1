/**
 * Whether a slave's answer is so near that its master does better to look for it than to sleep until it comes:
 * to go to sleep and be woken takes a thread longer than a slave next to it takes to answer. Only while little
 * is under way, so that somebody may be waiting for just that, and only a slave that has answered as soon of
 * late is looked for: one in another room costs its master nothing.
 */

/** Nothing is looked for longer, nor a slave that takes longer. */
export const NEAR_MS = 0.15;
/** With more under way the master has other things to do meanwhile. */
const LITTLE_BYTES = 16 * 1024;
/** One late answer among near ones counts for no more. */
const FAR_MS = 1;
/** Each answer counts for so much of the mean. */
const WEIGHT = 1 / 8;

/** Positions in bytes of log, times in milliseconds, with fractions. */
export class AnswerWatch {
  #sent = 0;
  #received = 0;
  /** What an answer is awaited for, and since when; null: nothing is under way. */
  #awaited: number | null = null;
  #since = 0;
  /** Answers take so long. */
  #meanMs = FAR_MS;

  /** The log up to `position` is on its way. */
  sent(position: number, now: number): void {
    this.#sent = position;
    if (this.#awaited === null) {
      this.#awaited = position;
      this.#since = now;
    }
  }

  /** The slave has it up to `received`. */
  heard(received: number, now: number): void {
    this.#received = received;
    if (this.#awaited !== null && received >= this.#awaited) {
      this.#meanMs += (Math.min(FAR_MS, now - this.#since) - this.#meanMs) * WEIGHT;
      this.#awaited = null;
    }
  }

  /** It is worth to look again at once. */
  isNear(now: number): boolean {
    return (
      this.#awaited !== null &&
      this.#meanMs <= NEAR_MS &&
      now - this.#since <= NEAR_MS &&
      this.#sent - this.#received <= LITTLE_BYTES
    );
  }
}
