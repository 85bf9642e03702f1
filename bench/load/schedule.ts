/**
 * When each message is meant to go out. The schedule is open-loop and uniform: it does not wait for the
 * system, and latency is counted from it, so a stall shows in every message it held up and not only in the
 * one that met it.
 */
export interface Schedule {
  /** How many messages are meant to have gone out by then. */
  dueBy(nowMs: number): number;
  /** When message `number` is meant to go out; at full speed, now. */
  intendedMs(number: number, nowMs: number): number;
}

/** As fast as it goes. */
export const FULL_SPEED: Schedule = {
  dueBy: () => Number.POSITIVE_INFINITY,
  intendedMs: (_number, nowMs) => nowMs,
};

/**
 * One producer's part of an even rate that `producers` share: they take turns, so that all of them together
 * are as even as one would be. Numbers below `first` went out before it began.
 */
export class EvenSchedule implements Schedule {
  readonly #startMs: number;
  readonly #stepMs: number;
  readonly #first: number;

  constructor(startMs: number, perSecond: number, producers: number, index: number, first = 0) {
    this.#stepMs = (1000 * producers) / perSecond;
    this.#startMs = startMs + (1000 * index) / perSecond;
    this.#first = first;
  }

  dueBy(nowMs: number): number {
    return this.#first + Math.max(0, Math.floor((nowMs - this.#startMs) / this.#stepMs) + 1);
  }

  intendedMs(number: number): number {
    return this.#startMs + (number - this.#first) * this.#stepMs;
  }
}
