/** Whether the broker still lives: a link that nothing comes from is pinged, and one that does not answer is given up. */
import { clearInterval, setInterval } from '../../time/index.js';
import { unref } from '../abort.js';

export interface PulseOwner {
  isOpen(): boolean;
  ping(): void;
  onNoPulse(): void;
}

export class Pulse {
  readonly #owner: PulseOwner;
  #heard = false;
  #pinged = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(owner: PulseOwner) {
    this.#owner = owner;
  }

  /** Looks every so often; 0: never. */
  start(intervalMs: number): void {
    if (intervalMs > 0) {
      this.#timer = setInterval(() => this.#check(), intervalMs);
      unref(this.#timer);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Something came. */
  heard(): void {
    this.#heard = true;
  }

  #check(): void {
    if (!this.#owner.isOpen()) {
      return;
    }
    if (this.#heard) {
      this.#pinged = false;
    } else if (this.#pinged) {
      this.#pinged = false;
      this.#owner.onNoPulse();
      return;
    } else {
      this.#pinged = true;
      this.#owner.ping();
    }
    this.#heard = false;
  }
}
