/**
 * How long old log rests between its pieces, for a slave that catches up, so that those who write and read the
 * most keep the machine. Where new log comes faster than the slave could ever come up with it, it yields: it
 * cannot succeed now, and would only slow the writers down.
 */

/** After each piece of half a MiB, while new log comes: some 200 MB/s at most. */
const PRESS_REST_MS = 2;
/** The same while it yields: some 40 MB/s. */
const YIELD_REST_MS = 12;
/** New log that comes faster than this is not caught up with at the pace of {@link PRESS_REST_MS}. */
const HOPELESS_BYTES_PER_SECOND = 180e6;
/** What comes is measured over so long. */
const WINDOW_MS = 250;
/** Writers that are held up by the catching up write less than they would: so often it yields for a window, to see what comes then. */
const LOOK_EVERY_MS = 4_000;

export class CatchUpPace {
  #endBefore: number | null = null;
  /** Where the log ended, and when, as the window began. */
  #windowEnd = 0;
  #windowFromMs = 0;
  /** It begins so: what the writers want is not known yet. */
  #isYielding = true;
  #pressingFromMs = 0;

  /** A piece was read when the log ended at `endBytes`: milliseconds until the next one. 0: no new log has come since the last. */
  restMs(endBytes: number, nowMs: number): number {
    const before = this.#endBefore;
    this.#endBefore = endBytes;
    if (before === null) {
      this.#begin(endBytes, nowMs);
      return 0;
    }
    const elapsedMs = nowMs - this.#windowFromMs;
    if (elapsedMs >= WINDOW_MS) {
      this.#decide(((endBytes - this.#windowEnd) * 1000) / elapsedMs, nowMs);
      this.#begin(endBytes, nowMs);
    }
    if (endBytes === before) {
      return 0;
    }
    return this.#isYielding ? YIELD_REST_MS : PRESS_REST_MS;
  }

  #begin(endBytes: number, nowMs: number): void {
    this.#windowEnd = endBytes;
    this.#windowFromMs = nowMs;
  }

  #decide(bytesPerSecond: number, nowMs: number): void {
    if (bytesPerSecond > HOPELESS_BYTES_PER_SECOND) {
      this.#isYielding = true;
    } else if (this.#isYielding) {
      this.#isYielding = false;
      this.#pressingFromMs = nowMs;
    } else {
      this.#isYielding = nowMs - this.#pressingFromMs >= LOOK_EVERY_MS;
    }
  }
}
