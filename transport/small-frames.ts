/** Frames that cost little each, and much when there are many: how many of them one connection may send. */
import { RateLimit } from '../native-free/listener/rate-limit.js';
import { RingMQError } from '../native-free/wire/index.js';
import type { SessionOptions } from './session-options.js';

/** What part of a second's may come at once. */
const AT_ONCE_PART = 4;

export class SmallFrames {
  readonly #limit: RateLimit;
  readonly #limitPerSecond: number;

  constructor({ listener, maxSmallFramesPerSecond }: SessionOptions) {
    this.#limitPerSecond = maxSmallFramesPerSecond;
    // A client in this process costs its own.
    const perSecond = listener === 'embedded' ? Number.POSITIVE_INFINITY : maxSmallFramesPerSecond;
    this.#limit = new RateLimit(perSecond, perSecond / AT_ONCE_PART);
  }

  /** False: that was too many. */
  take(cost: number): boolean {
    return this.#limit.take(cost);
  }

  error(): RingMQError {
    const message = 'more pings, pongs, credit or refused requests than are answered';
    return new RingMQError('TOO_MANY_REQUESTS', message, {
      details: { limitPerSecond: this.#limitPerSecond },
    });
  }
}
