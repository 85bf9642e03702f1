import { MAX_TIME_MS } from '../wire/index.js';

/** The clock is read for one call in so many of a turn: reading it costs as much as packing a small message. */
const READ_EVERY = 32;
/** So many of a turn, and then the one behind each reading of the clock, are looked at closely. */
const CLOSE_FIRST = 8;

/** The wall clock, read anew in each turn of the event loop, and within one for every 32nd use: between two readings it stands still. */
export class TurnClock {
  /** Milliseconds since 1970, as of the last {@link tick}. A field, so that nothing is allocated to hand it over. */
  time = 0;
  /**
   * Whether the next use is to be looked at closely, where that costs as much as the work itself: true for the first
   * 8 of a turn, and then for one in 32. A field, as it is asked for each use.
   */
  isClose = true;
  #uses = 0;

  /** Reads the clock, if it is time to. */
  tick(): void {
    if ((this.#uses++ & (READ_EVERY - 1)) !== 0) {
      if (this.isClose) {
        this.isClose = this.#uses < CLOSE_FIRST;
      }
      return;
    }
    this.isClose = true;
    const now = Date.now();
    // Nobody takes a time before 1970, or one that is none: a message says then that it does not know when it was born.
    this.time = now >= 0 && now <= MAX_TIME_MS ? now : 0;
    // The next turn begins with a look at the clock.
    if (this.#uses === 1) {
      queueMicrotask(this.#onTurn);
    }
  }

  /** Milliseconds since 1970. */
  now(): number {
    this.tick();
    return this.time;
  }

  readonly #onTurn = (): void => {
    this.#uses = 0;
    this.isClose = true;
  };
}
