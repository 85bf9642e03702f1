/** Keeps the senders of one thread to their schedules. */
import { clockMs } from './clock.js';
import type { Schedule } from './schedule.js';
import type { Sender } from './sender.js';

/**
 * Node's timers are good to a millisecond, turns of the event loop cost a core, and the system under load
 * needs that core. So what is due soon is waited for in naps: the thread sleeps so long, then looks at its
 * sockets and at the clock. A nap takes some 50 µs more than asked (the kernel's timer slack).
 */
const NAP_MS = 0.1;
/** Above this a timer is good enough for the larger part. */
const TIMER_MS = 3;

const never = new Int32Array(new SharedArrayBuffer(4));

export class SendLoop {
  readonly senders: readonly Sender[];
  #isRunning = false;
  /** A turn is coming by itself. */
  #isScheduled = false;

  constructor(senders: readonly Sender[]) {
    this.senders = senders;
    for (const sender of senders) {
      sender.onUnblocked = () => this.#onUnblocked(sender);
    }
  }

  /** `scheduleOf` gives each sender its schedule, by its place among this loop's. */
  start(scheduleOf: (sender: Sender, place: number) => Schedule): void {
    this.senders.forEach((sender, place) => {
      sender.follow(scheduleOf(sender, place));
    });
    this.#isRunning = true;
    this.#schedule();
  }

  stop(): void {
    this.#isRunning = false;
    for (const sender of this.senders) {
      sender.follow(null);
    }
  }

  /** Goes on at once: one that sends a message, awaits its ack and sends the next must not wait for a turn. */
  #onUnblocked(sender: Sender): void {
    if (!this.#isRunning) {
      return;
    }
    const nowMs = clockMs();
    sender.pump(nowMs);
    if (sender.nextDueMs(nowMs) !== Number.POSITIVE_INFINITY) {
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#isScheduled) {
      return;
    }
    this.#isScheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    if (!this.#isRunning) {
      return;
    }
    let nowMs = clockMs();
    for (const sender of this.senders) {
      sender.pump(nowMs);
    }
    nowMs = clockMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const sender of this.senders) {
      nextMs = Math.min(nextMs, sender.nextDueMs(nowMs));
    }
    // All are blocked: what unblocks one schedules the next turn.
    if (nextMs === Number.POSITIVE_INFINITY) {
      return;
    }
    const waitMs = nextMs - nowMs;
    if (waitMs > TIMER_MS) {
      this.#isScheduled = true;
      setTimeout(this.#turn, waitMs - TIMER_MS / 2);
      return;
    }
    if (waitMs > 0) {
      Atomics.wait(never, 0, 0, Math.min(waitMs, NAP_MS));
    }
    this.#schedule();
  };
}
