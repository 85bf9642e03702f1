/** How long a connection has for its hello: `handshakeTimeoutMs`, or a part of it while many have not said theirs. */
import { clearTimeout, setTimeout, unref } from '../native-free/time/index.js';
import { RingMQError } from '../native-free/wire/index.js';

/** What part of its time a connection has for its hello when many have not said theirs. */
const CROWDED_PART = 5;

export class HandshakeTimer {
  readonly #late: (error: RingMQError) => void;
  #timer: ReturnType<typeof setTimeout>;

  /** `late` is called once, with HANDSHAKE_TIMEOUT, unless `stop` is called before. */
  constructor(timeoutMs: number, crowd: { readonly isCrowded: boolean }, late: (error: RingMQError) => void) {
    this.#late = late;
    const crowdedMs = Math.ceil(timeoutMs / CROWDED_PART);
    this.#timer = this.#after(crowdedMs, () => {
      if (crowd.isCrowded) {
        this.#isLate(crowdedMs);
      } else {
        this.#timer = this.#after(timeoutMs - crowdedMs, () => this.#isLate(timeoutMs));
      }
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #after(ms: number, work: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(work, ms);
    unref(timer);
    return timer;
  }

  #isLate(limitMs: number): void {
    this.#late(new RingMQError('HANDSHAKE_TIMEOUT', undefined, { details: { limitMs } }));
  }
}
