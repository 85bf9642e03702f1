/** A producer's patience with a broker that asked for it: nothing is sent for a while, longer with each refusal in a row. */
import { clearTimeout, setTimeout } from '../../time/index.js';

/** Waits between tries after a refusal that may pass, doubled each time. */
const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 1_000;

export class RefusalWait {
  readonly #isBusy: () => boolean;
  readonly #goOn: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextMs = RETRY_MIN_MS;

  /** `isBusy`: something under way is not answered yet. `goOn`: the wait is over. */
  constructor(isBusy: () => boolean, goOn: () => void) {
    this.#isBusy = isBusy;
    this.#goOn = goOn;
  }

  /** Nothing is to be sent. */
  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  /** Ends when its time is over and all that is under way has been answered, so that order is kept as far as it can be. */
  start(): void {
    if (this.#timer !== undefined) {
      return;
    }
    const waitMs = this.#nextMs * (0.5 + 0.5 * Math.random());
    this.#nextMs = Math.min(RETRY_MAX_MS, this.#nextMs * 2);
    const end = () => {
      if (this.#isBusy()) {
        this.#timer = setTimeout(end, RETRY_MIN_MS);
        return;
      }
      this.#timer = undefined;
      this.#goOn();
    };
    this.#timer = setTimeout(end, waitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Something was stored: the next wait is a short one. */
  reset(): void {
    this.#nextMs = RETRY_MIN_MS;
  }
}
