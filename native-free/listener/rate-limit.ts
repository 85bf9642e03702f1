import { monotonicMs } from '../time/index.js';

/** WebSocket pings and pongs of one connection: a client that looks after itself sends a few a minute. */
export const MAX_PINGS_PER_SECOND = 1_024;
/** A peer that has so much to read gets no pongs any more, and is cut. */
export const MAX_UNREAD_PONG_BYTES = 16 * 1024 * 1024;

/** So much at once, and so much a second: what a peer may ask for that costs this side and is of no use to it. */
export class RateLimit {
  readonly perSecond: number;
  readonly #atOnce: number;
  #left: number;
  #filledAt = monotonicMs();

  constructor(perSecond: number, atOnce = perSecond) {
    this.perSecond = perSecond;
    this.#atOnce = atOnce;
    this.#left = atOnce;
  }

  /** Takes `cost`. False: that is more than it may be. The clock is read only when what was left is used up. */
  take(cost = 1): boolean {
    this.#left -= cost;
    if (this.#left >= 0) {
      return true;
    }
    const now = monotonicMs();
    const gained = ((now - this.#filledAt) / 1000) * this.perSecond;
    this.#filledAt = now;
    this.#left = Math.min(this.#atOnce, this.#left + gained);
    return this.#left >= 0;
  }
}
