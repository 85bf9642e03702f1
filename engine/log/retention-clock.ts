/**
 * The wall clock as far as retention believes it. The age of what is stored is told by time stamps, so a
 * clock that is set ahead would make everything old at once, and what nobody has read yet would be gone for
 * good. Here a step ahead counts only after it has lasted; until then time goes on as it did. A clock that
 * goes back is believed at once: nothing is lost by that.
 */

/** Steps of this size are no steps: a server of time corrects the clock. */
const SLACK_MS = 60_000;
/** A step ahead that lasts so long is the time, if retention is not shorter still. */
const PATIENCE_MS = 3_600_000;

export interface RetentionClockOptions {
  /** Milliseconds since 1970. */
  wall: () => number;
  /** Moved by no step. */
  monotonic: () => number;
  /** When the last batch was stored, by the wall clock of then; 0: there is none. Time goes on from there. */
  lastStoreTime: number;
  retentionMs: number;
}

export class RetentionClock {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  readonly #patienceMs: number;
  /** A believed time, and when it was that. */
  #base: number;
  #baseAt: number;
  /** By how much the wall clock is ahead of what is believed, and since when. */
  #aheadMs = 0;
  #aheadSince = 0;

  constructor({ wall, monotonic, lastStoreTime, retentionMs }: RetentionClockOptions) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#patienceMs = Math.min(PATIENCE_MS, retentionMs);
    this.#base = lastStoreTime === 0 ? wall() : lastStoreTime;
    this.#baseAt = monotonic();
  }

  /** Milliseconds since 1970. */
  now(): number {
    const wall = this.#wall();
    const at = this.#monotonic();
    const expected = this.#base + (at - this.#baseAt);
    const aheadMs = wall - expected;
    if (aheadMs <= SLACK_MS) {
      return this.#believe(wall, at);
    }
    if (Math.abs(aheadMs - this.#aheadMs) > SLACK_MS) {
      this.#aheadMs = aheadMs;
      this.#aheadSince = at;
    }
    return at - this.#aheadSince >= this.#patienceMs ? this.#believe(wall, at) : expected;
  }

  #believe(wall: number, at: number): number {
    this.#base = wall;
    this.#baseAt = at;
    this.#aheadMs = 0;
    return wall;
  }
}
