/**
 * The turns of requests that cost much, for all connections of a thread: a few under way at a time, begun one
 * after the other for at most a slice of each turn of the event loop, and for at most half of the thread's
 * time. A connection has one here at a time, so each comes to its turn; one whose connection has gone is
 * given up.
 */
import { setImmediate } from 'node:timers';
import { monotonicMs, setTimeout } from '../native-free/time/index.js';

export interface HeavyJob {
  /** False: nobody waits for it any more. */
  isWanted(): boolean;
  /** Must not reject. */
  run(): Promise<void>;
}

/** Under way at a time, of one thread: what the thread that answers them has before it when another, cheap one comes. */
const MAX_RUNNING_COUNT = 2;
/** Beginnings in one turn end after this. */
const SLICE_MS = 2;

export class HeavyLane {
  #waiting: HeavyJob[] = [];
  #runningCount = 0;
  #isDue = false;
  /** `monotonicMs()` before which none begins: as long as the last ones took. */
  #restsUntil = 0;
  readonly #go = (): void => {
    this.#isDue = false;
    this.#begin();
  };

  add(job: HeavyJob): void {
    this.#waiting.push(job);
    if (!this.#isDue) {
      this.#begin();
    }
  }

  #begin(): void {
    const from = monotonicMs();
    let now = from;
    while (this.#runningCount < MAX_RUNNING_COUNT && this.#waiting.length > 0) {
      if (now - from > SLICE_MS || now < this.#restsUntil) {
        break;
      }
      const job = this.#waiting.shift() as HeavyJob;
      if (job.isWanted()) {
        this.#runningCount++;
        void job.run().finally(() => {
          this.#runningCount--;
          this.#beginLater();
        });
      }
      now = monotonicMs();
    }
    this.#restsUntil = Math.max(this.#restsUntil, now + (now - from));
    this.#beginLater();
  }

  #beginLater(): void {
    if (this.#isDue || this.#waiting.length === 0 || this.#runningCount >= MAX_RUNNING_COUNT) {
      return;
    }
    this.#isDue = true;
    const restMs = this.#restsUntil - monotonicMs();
    if (restMs < 1) {
      setImmediate(this.#go);
    } else {
      setTimeout(this.#go, restMs).unref();
    }
  }
}
