/**
 * Whether a lease may still be relied on, judged by this machine alone.
 *
 * etcd counts a lease's time from when it took a keep-alive, which is after that was sent: so by the
 * monotonic clock a lease cannot have ended before the time of sending plus its length. The wall clock is
 * never asked, and an answer that comes late tells nothing about now. A keep-alive without an answer counts
 * for nothing, even if etcd took it.
 */

/** Clocks of two machines may run apart by this part of a lease, and a thread may look at its clock a moment before it acts. */
const SAFETY = 0.1;

export class LeaseJudge {
  #untilMs = Number.NEGATIVE_INFINITY;

  /** A grant or a keep-alive was answered. `sentAtMs`: read from the monotonic clock before the request was sent. */
  answered(sentAtMs: number, ttlSeconds: number): void {
    if (ttlSeconds <= 0) {
      this.lose();
      return;
    }
    // Answers may overtake each other.
    this.#untilMs = Math.max(this.#untilMs, sentAtMs + ttlSeconds * 1_000 * (1 - SAFETY));
  }

  /** etcd said that it has ended, or it was given back. */
  lose(): void {
    this.#untilMs = Number.NEGATIVE_INFINITY;
  }

  /** Until when, by the monotonic clock, whatever the lease stands for may be done. */
  get untilMs(): number {
    return this.#untilMs;
  }

  isHeld(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }
}
