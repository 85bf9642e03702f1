/** The clock is read for one call in so many of a turn: reading it costs as much as packing a small message. */
const READ_EVERY = 16;

/** The wall clock, as exact as a turn of the event loop with small messages is short. */
export class TurnClock {
  #now = 0;
  #uses = 0;

  /** Milliseconds since 1970. */
  now(): number {
    if ((this.#uses++ & (READ_EVERY - 1)) === 0) {
      this.#now = Date.now();
      // The next turn begins with a look at the clock.
      if (this.#uses === 1) queueMicrotask(this.#onTurn);
    }
    return this.#now;
  }

  readonly #onTurn = (): void => {
    this.#uses = 0;
  };
}
