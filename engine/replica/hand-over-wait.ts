/**
 * A master that comes back waits for its slaves before it says how far groups are: what was committed at one
 * of them while it was away counts, and may be more. Over at once when each of them has handed over what it
 * had, or when the time is up.
 */
import { clearTimeout, setTimeout, unref } from '../../native-free/time/index.js';

export class HandOverWait {
  readonly over: Promise<void>;
  readonly #awaited: Set<string>;
  readonly #onOver: (missing: readonly string[]) => void;
  readonly #limitMs: number;
  #timer: ReturnType<typeof setTimeout>;
  #end: () => void = () => {};
  #isOver = false;

  /** `slaves`: whom it waits for, for `limitMs`. `onOver`: once, with those that have not come; not after {@link close}. */
  constructor(slaves: Iterable<string>, limitMs: number, onOver: (missing: readonly string[]) => void) {
    this.#awaited = new Set(slaves);
    this.#onOver = onOver;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#limitMs = limitMs;
    this.#timer = this.#newTimer();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Slaves can come only now: the time begins. */
  begin(): void {
    if (!this.#isOver) {
      clearTimeout(this.#timer);
      this.#timer = this.#newTimer();
    }
  }

  /** This slave has nothing left that the master does not have. */
  done(slave: string): void {
    if (this.#awaited.delete(slave) && this.#awaited.size === 0) {
      this.#finish();
    }
  }

  /** The broker ends: nobody is told anything any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
    this.#end();
  }

  #newTimer(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#finish(), this.#limitMs);
    unref(timer);
    return timer;
  }

  #finish(): void {
    if (!this.#isOver) {
      this.close();
      this.#onOver([...this.#awaited]);
    }
  }
}
