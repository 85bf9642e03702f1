/**
 * Which master's term each stretch of the log is of: the beginnings of epochs, in their order. Two logs that
 * once were one are the same up to where their histories part.
 */

/** A term, and where in the log it began. */
export interface EpochStart {
  readonly epoch: number;
  /** Log position in bytes: from here on, up to the next term's. */
  readonly position: number;
  /** Of the broker that was master. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** More terms than this are not kept; the oldest are forgotten. */
export const MAX_EPOCHS_KEPT = 4096;

export class EpochHistory {
  #starts: EpochStart[] = [];

  /** Oldest first; epochs and positions rise. */
  get starts(): readonly EpochStart[] {
    return this.#starts;
  }

  /** The newest epoch; 0 before the first. */
  get last(): number {
    return this.#starts.at(-1)?.epoch ?? 0;
  }

  /** A term begins. One that is known already changes nothing; what is known to begin behind it was not to be. */
  add({ epoch, position, name, time }: EpochStart): void {
    const known = this.#starts.findIndex((start) => start.epoch >= epoch);
    if (known >= 0 && this.#starts[known]?.epoch === epoch) {
      return;
    }
    const earlier = known < 0 ? this.#starts : this.#starts.slice(0, known);
    const kept = earlier.filter((start) => start.position <= position);
    this.#starts = [...kept, { epoch, position, name, time }].slice(-MAX_EPOCHS_KEPT);
  }

  /** The log below `position` is gone: terms that ended there are forgotten. */
  trim(position: number): void {
    const first = this.#starts.findLastIndex((start) => start.position <= position);
    if (first > 0) {
      this.#starts = this.#starts.slice(first);
    }
  }

  /** The log from `position` on is given up, and with it the terms that began there. */
  cut(position: number): void {
    this.#starts = this.#starts.filter((start) => start.position < position);
  }
}
