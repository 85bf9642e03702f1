/**
 * A master that comes back waits for its slaves before it says how far groups are: what was committed at one
 * of them while it was away counts, and may be more. Over at once when each of them has handed over what it
 * had, or when the time is up: soon for one that nobody knows to be there, later for one that is and only slow
 * to come.
 */
import { clearTimeout, setTimeout, unref } from '../../native-free/time/index.js';

export interface WaitLimits {
  /** For all of them. */
  readonly limitMs: number;
  /** For those that are on their way. */
  readonly longestMs: number;
  /** Then it is looked so often whether any of them still is. All waiting is in pieces no longer than this. */
  readonly lookMs: number;
}

export interface WaitHooks {
  /** Of those that are awaited, who is there and may still come. Must not reject. */
  onTheWay(awaited: readonly string[]): Promise<readonly string[]>;
  /** Once, with those that have not come; not after {@link HandOverWait.close}. */
  onOver(missing: readonly string[]): void;
}

export class HandOverWait {
  readonly over: Promise<void>;
  readonly #awaited: Set<string>;
  readonly #came = new Set<string>();
  readonly #hooks: WaitHooks;
  readonly #limits: WaitLimits;
  #waitedMs = 0;
  #timer: ReturnType<typeof setTimeout>;
  #end: () => void = () => {};
  #isOver = false;

  constructor(slaves: Iterable<string>, limits: WaitLimits, hooks: WaitHooks) {
    this.#awaited = new Set(slaves);
    this.#hooks = hooks;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#limits = limits;
    this.#timer = this.#waitOn();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Slaves can come only now: the time begins. */
  begin(): void {
    if (!this.#isOver) {
      clearTimeout(this.#timer);
      this.#waitedMs = 0;
      this.#timer = this.#waitOn();
    }
  }

  /** This slave has come. One that has to cut its log first opens it again, and is known to nobody meanwhile. */
  came(slave: string): void {
    this.#came.add(slave);
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

  /** Piece by piece: while this thread, or the machine, stood still, nobody was heard, and that counts as one piece, however long it was. */
  #waitOn(): ReturnType<typeof setTimeout> {
    const { limitMs, lookMs } = this.#limits;
    const leftMs = limitMs - this.#waitedMs;
    const ms = leftMs > 0 ? Math.min(leftMs, lookMs) : lookMs;
    const timer = setTimeout(() => {
      this.#waitedMs += ms;
      if (this.#waitedMs < limitMs) {
        this.#timer = this.#waitOn();
      } else {
        void this.#look();
      }
    }, ms);
    unref(timer);
    return timer;
  }

  async #look(): Promise<void> {
    const { longestMs } = this.#limits;
    const isLate = this.#waitedMs >= longestMs;
    const isComing =
      !isLate && ([...this.#awaited].some((slave) => this.#came.has(slave)) || (await this.#isThere()));
    if (this.#isOver) {
      return;
    }
    if (!isComing) {
      this.#finish();
    } else {
      this.#timer = this.#waitOn();
    }
  }

  async #isThere(): Promise<boolean> {
    return (await this.#hooks.onTheWay([...this.#awaited])).length > 0;
  }

  #finish(): void {
    if (!this.#isOver) {
      this.close();
      this.#hooks.onOver([...this.#awaited]);
    }
  }
}
