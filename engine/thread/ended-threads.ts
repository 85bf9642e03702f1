/** Tells of threads that ended while they were attached. A host that ends threads all the time gets a line a minute. */
import { monotonicMs } from '../../native-free/time/index.js';

const EVERY_MS = 60_000;

export class EndedThreads {
  readonly #warn: (message: string, details: Record<string, unknown>) => void;
  #tellAt = 0;
  #untold = 0;

  constructor(warn: (message: string, details: Record<string, unknown>) => void) {
    this.#warn = warn;
  }

  tell(name: string): void {
    if (monotonicMs() < this.#tellAt) {
      this.#untold++;
      return;
    }
    const others = this.#untold > 0 ? ` (and ${this.#untold} others since the last such line)` : '';
    this.#warn(
      `thread ${name}${others} ended without closing what it had attached: what it had handed in is stored, its consumers have left their groups, its place is free again`,
      { thread: name },
    );
    this.#tellAt = monotonicMs() + EVERY_MS;
    this.#untold = 0;
  }
}
