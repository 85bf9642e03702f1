/**
 * Sleeping and waking, flag-gated. `Atomics.notify` costs a process-wide lock even when nobody waits, and 26
 * µs when somebody does, so a waiter first raises a flag and a waker looks at it before it notifies.
 *
 *     waiter                                   waker
 *     ──────                                   ─────
 *     flag = 1                                 makes work visible (an Atomics.store)
 *     looks for work once more; none:          flag is 1?
 *     wait while flag is 1                         flag = 0, notify
 *
 * All of these are sequentially consistent, so either the waiter's second look finds the work or the waker
 * finds the flag. If the waker comes between the look and the wait, the wait finds 0 and returns at once. A
 * late waker can only wake for nothing. The flag is written by both sides; each thread has one (seats.ts).
 */
import { setImmediate } from 'node:timers';
import { clearInterval, setInterval } from '../../native-free/time/index.js';

/** Wakes the thread that parks on `word`, if it does. Make the work visible first. True when it was parked. */
export function wake(control: Int32Array, word: number): boolean {
  if (Atomics.load(control, word) !== 1) {
    return false;
  }
  Atomics.store(control, word, 0);
  Atomics.notify(control, word);
  return true;
}

/**
 * Parks this thread until it is woken, `timeoutMs` is over, or `hasWork` (asked once, after the flag is up)
 * says true. Only for threads without an event loop of their own to serve.
 */
export function park(
  control: Int32Array,
  word: number,
  hasWork: () => boolean,
  timeoutMs: number = Number.POSITIVE_INFINITY,
): void {
  Atomics.store(control, word, 1);
  if (!hasWork()) {
    Atomics.wait(control, word, 1, timeoutMs);
  }
  Atomics.store(control, word, 0);
}

/** How long a lost wake-up could go unnoticed, in milliseconds. */
export const GUARD_INTERVAL_MS = 1000;

/**
 * Parking for a thread with an event loop: one `Atomics.waitAsync` outstanding at a time, without a timeout
 * (a timeout leaks its timer), and one slow interval, which keeps the loop alive and would catch a lost
 * wake-up.
 */
export class EventLoopParker {
  readonly #control: Int32Array;
  readonly #word: number;
  readonly #interval: NodeJS.Timeout;
  readonly #onNotified = () => {
    this.#waiting = false;
    this.#wakeUp();
  };
  #onWake: (() => void) | null = null;
  #waiting = false;
  #closed = false;

  /** `intervalMs` defaults to {@link GUARD_INTERVAL_MS}. The loop stays alive until {@link close} or {@link unref}. */
  constructor(control: Int32Array, word: number, intervalMs: number = GUARD_INTERVAL_MS) {
    this.#control = control;
    this.#word = word;
    this.#interval = setInterval(() => this.#wakeUp(), intervalMs);
  }

  /**
   * From now on the thread counts as parked; `onWake` is called once, in a later turn, when it is woken or
   * the interval comes round. Look for work once more after arming; if there is some, {@link disarm} and do
   * it. Drain everything in `onWake`, then arm again.
   */
  arm(onWake: () => void): void {
    if (this.#closed) {
      return;
    }
    this.#onWake = onWake;
    Atomics.store(this.#control, this.#word, 1);
    if (this.#waiting) {
      return; // The wait from an earlier arming still stands: a notify reaches it.
    }
    this.#waiting = true;
    const result = Atomics.waitAsync(this.#control, this.#word, 1);
    if (result.async) {
      result.value.then(this.#onNotified);
    } else {
      setImmediate(this.#onNotified);
    }
  }

  /** The thread is awake and looks for itself: nobody need notify it. */
  disarm(): void {
    this.#onWake = null;
    Atomics.store(this.#control, this.#word, 0);
  }

  /** Do not keep the process alive for this. */
  unref(): void {
    this.#interval.unref();
  }

  /** Ends the wait; `onWake` is not called any more. */
  close(): void {
    this.#closed = true;
    this.disarm();
    clearInterval(this.#interval);
    Atomics.notify(this.#control, this.#word);
  }

  #wakeUp(): void {
    const onWake = this.#onWake;
    if (onWake !== null) {
      this.disarm();
      onWake();
    }
  }
}
