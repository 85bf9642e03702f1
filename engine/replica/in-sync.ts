/** Whether a slave is near enough to its master to be counted on: by bytes, and by how long ago it had all that there was then. */

export interface InSyncLimits {
  readonly maxLagBytes: number;
  readonly maxLagMs: number;
}

export class InSync {
  readonly #limits: InSyncLimits;
  #received = 0;
  /** When it was known to have had everything; none yet: never. */
  #caughtUpAt = Number.NEGATIVE_INFINITY;
  /** Where the log ended at some moment, and when that was: once the slave has that much, it had everything then. */
  #aim: number | null = null;
  #aimAt = 0;

  constructor(limits: InSyncLimits) {
    this.#limits = limits;
  }

  /** The slave has the log up to `received`; the log ends at `end`. Whether it counts. */
  heard(received: number, end: number, now: number): boolean {
    this.#received = received;
    if (received >= end) {
      this.#caughtUpAt = now;
      this.#aim = null;
    } else {
      if (this.#aim !== null && received >= this.#aim) {
        this.#caughtUpAt = this.#aimAt;
        this.#aim = null;
      }
      if (this.#aim === null) {
        this.#aim = end;
        this.#aimAt = now;
      }
    }
    return this.stillIs(end, now);
  }

  /** As of now, without news of it. A slave that has everything is heard from all the same: silence counts as being behind. */
  stillIs(end: number, now: number): boolean {
    return this.behind(end) <= this.#limits.maxLagBytes && this.lagMs(now) <= this.#limits.maxLagMs;
  }

  behind(end: number): number {
    return Math.max(0, end - this.#received);
  }

  /** Milliseconds since it had everything. */
  lagMs(now: number): number {
    return Math.max(0, now - this.#caughtUpAt);
  }
}
