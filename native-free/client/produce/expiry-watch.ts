/** Looks now and then for batches whose time is over, as long as there are any. */
import { clearTimeout, setTimeout } from '../../time/index.js';

export class ExpiryWatch {
  readonly #stepMs: number;
  /** False: there is nothing left to look after. */
  readonly #look: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeoutMs: number, look: () => boolean) {
    this.#stepMs = Math.min(1_000, Math.max(5, timeoutMs / 8));
    this.#look = look;
  }

  /** It will look again. */
  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  start(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#look()) {
        this.start();
      }
    }, this.#stepMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
