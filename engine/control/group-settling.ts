/** When groups are settled: soon after something has changed, and for no more than a part of the thread's time. */
import { setTimeout } from '../../native-free/time/index.js';

/** For at most one part in so many of the thread's time: who joins and leaves all the time waits for himself. */
const SETTLE_SHARE = 4;
const MAX_REST_MS = 1_000;

export interface GroupSettlingDeps {
  /** Settles what has changed; false: there is more to do. */
  run(): boolean;
  /** Milliseconds; only differences count. */
  now(): number;
  /** Runs a function in a later turn of the event loop. */
  later(run: () => void): void;
}

export class GroupSettling {
  readonly #deps: GroupSettlingDeps;
  #isWanted = false;
  #isClosed = false;
  /** Not again before, by `now()`. */
  #notBefore = 0;

  constructor(deps: GroupSettlingDeps) {
    this.#deps = deps;
  }

  /** Something has changed. */
  want(): void {
    if (this.#isWanted) {
      return;
    }
    this.#isWanted = true;
    const restMs = this.#notBefore - this.#deps.now();
    if (restMs < 1) {
      this.#deps.later(this.#runNow);
    } else {
      setTimeout(this.#runNow, restMs).unref();
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Rests in proportion to what it took: a millisecond or less for ordinary groups. */
  readonly #runNow = (): void => {
    this.#isWanted = false;
    if (this.#isClosed) {
      return;
    }
    const { now, run } = this.#deps;
    const from = now();
    const isSettled = run();
    const to = now();
    this.#notBefore = to + Math.min((to - from) * (SETTLE_SHARE - 1), MAX_REST_MS);
    if (!isSettled) {
      this.want();
    }
  };
}
