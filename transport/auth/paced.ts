/** Keeps a connection to what its user may send, or be sent, a second: it waits, and is refused nothing. */
import type { UserPace } from '../../engine/engine-thread.js';
import { clearTimeout, setTimeout } from '../../native-free/time/index.js';

/** So much may go at once. */
const AT_ONCE_MS = 1_000;
/** Connections of one user that wait for the same word do not all look at once again. */
const LEAST_WAIT_MS = 5;

export class Paced {
  readonly #pace: UserPace;
  readonly #resume: () => void;
  readonly #meter: { pacedWaits: number };
  #timer: NodeJS.Timeout | null = null;

  /** `resume`: it may go on. */
  constructor(pace: UserPace, meter: { pacedWaits: number }, resume: () => void) {
    this.#meter = meter;
    this.#pace = pace;
    this.#resume = resume;
  }

  spend(bytes: number, messages: number): void {
    this.#pace.spend(bytes, messages);
  }

  /** Whether it has to wait; then it is told when not. */
  get isHeld(): boolean {
    if (this.#timer !== null) {
      return true;
    }
    const waitMs = this.#pace.aheadMs - AT_ONCE_MS;
    if (waitMs <= 0) {
      return false;
    }
    this.#meter.pacedWaits++;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#resume();
      },
      Math.max(LEAST_WAIT_MS, waitMs),
    );
    this.#timer.unref();
    return true;
  }

  close(): void {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
    }
  }
}
