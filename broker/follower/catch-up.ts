/** Whether a slave is so far behind its master that whoever looks at it should see how it gets on. */

/** How far it is, in positions of the log. */
export interface CatchUpReport {
  /** Where this log ended when it was found to be far behind. */
  begin: number;
  /** Where it ends now. */
  position: number;
  /** Where the master's ended when it was last heard. */
  end: number;
  bytesPerSecond: number;
}

export interface CatchUpEnd {
  /** False: the connection was lost, or following ended, and much is missing yet. */
  isNear: boolean;
  begin: number;
  position: number;
  /** Since it was found to be far behind. */
  ms: number;
}

/** Less is a matter of a second on a link that is not held back. */
const NEAR_BYTES = 64 * 1024 * 1024;
/** On one that is, what takes no longer than this. */
const NEAR_SECONDS = 2;
/** What the newest second counts for in the rate that is told. */
const NEWEST_SHARE = 0.3;

export class CatchUp {
  readonly #nearBytes: number;
  #begin: number | null = null;
  #beganAt = 0;
  #position = 0;
  #heardAt = 0;
  #rate: number | null = null;
  /** The connection is gone; what was begun goes on over the next. */
  #isHeld = true;

  /** `rateBytes`: as many a second are fetched at most; 0: no bound. */
  constructor(rateBytes: number) {
    this.#nearBytes = rateBytes > 0 ? Math.min(NEAR_BYTES, rateBytes * NEAR_SECONDS) : NEAR_BYTES;
  }

  /**
   * As of now: when the log begins to flow, and every second or so from then on. What to tell; null: nothing,
   * or not before there is a rate.
   */
  heard(position: number, behindBytes: number, now: number): CatchUpReport | CatchUpEnd | null {
    if (behindBytes <= this.#nearBytes) {
      const end = this.#end(true, position, now);
      this.#begin = null;
      return end;
    }
    if (this.#begin === null) {
      this.#begin = position;
      this.#beganAt = now;
      this.#rate = null;
    } else if (!this.#isHeld && now > this.#heardAt) {
      const newest = ((position - this.#position) * 1000) / (now - this.#heardAt);
      this.#rate = this.#rate === null ? newest : this.#rate + (newest - this.#rate) * NEWEST_SHARE;
    }
    this.#isHeld = false;
    this.#position = position;
    this.#heardAt = now;
    const rate = this.#rate;
    return rate === null
      ? null
      : { begin: this.#begin, position, end: position + behindBytes, bytesPerSecond: Math.round(rate) };
  }

  /** The log does not flow any more. What to tell; null: nothing. */
  held(position: number, now: number): CatchUpEnd | null {
    const end = this.#end(false, position, now);
    this.#isHeld = true;
    return end;
  }

  #end(isNear: boolean, position: number, now: number): CatchUpEnd | null {
    return this.#begin === null || this.#rate === null || (this.#isHeld && !isNear)
      ? null
      : { isNear, begin: this.#begin, position, ms: now - this.#beganAt };
  }
}
