/** How a slave that catches up shows it: a bar on a terminal, else a line of the log now and then. */
import type { ReplicationEvent } from '../broker/follower/follow.js';
import { monotonicMs } from '../native-free/time/index.js';
import type { ByteBar } from './progress.js';
import { roughDuration, roughSize } from './units.js';

const LINE_MS = 5_000;

/** Where lines go. */
export interface CatchUpLog {
  info(details: object, message: string): void;
}

export class CatchUpView {
  readonly #log: CatchUpLog;
  readonly #openBar: (() => ByteBar) | null;
  readonly #now: () => number;
  #bar: ByteBar | null = null;
  #lineAt = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  /** `openBar` null: there is no terminal to draw on. */
  constructor(log: CatchUpLog, openBar: (() => ByteBar) | null, now: () => number = monotonicMs) {
    this.#log = log;
    this.#openBar = openBar;
    this.#now = now;
  }

  get isDrawn(): boolean {
    return this.#bar !== null;
  }

  /** True: it was about catching up, and is shown. */
  take(event: ReplicationEvent): boolean {
    if (event.event === 'catchingUp') {
      this.#progress(event);
      return true;
    }
    if (event.event === 'catchUpEnded') {
      this.#end(event);
      return true;
    }
    return false;
  }

  /** Nothing is drawn any more. */
  stop(): void {
    this.#isStopped = true;
    this.#clear();
  }

  #progress(event: ReplicationEvent & { event: 'catchingUp' }): void {
    if (this.#isStopped) {
      return;
    }
    const { begin, position, end, behindBytes, bytesPerSecond } = event;
    const [doneBytes, totalBytes] = [position - begin, end - begin];
    const leftMs = bytesPerSecond > 0 ? Math.round((behindBytes * 1_000) / bytesPerSecond) : null;
    const rate = `${roughSize(bytesPerSecond)}/s`;
    const left = leftMs === null ? 'time left not known' : `${roughDuration(leftMs)} left`;
    if (this.#openBar !== null) {
      this.#bar ??= this.#openBar();
      this.#bar.update(doneBytes, totalBytes, rate, left);
      return;
    }
    const now = this.#now();
    if (now - this.#lineAt >= LINE_MS) {
      this.#lineAt = now;
      const percent = Math.floor((doneBytes * 1_000) / totalBytes) / 10;
      const sizes = `${roughSize(doneBytes)} of ${roughSize(totalBytes)}`;
      this.#log.info(
        { event: event.event, percent, doneBytes, behindBytes, bytesPerSecond, leftMs },
        `catching up: ${percent} %, ${sizes}, ${rate}, ${left}`,
      );
    }
  }

  #end({ event, isNear, begin, position, ms }: ReplicationEvent & { event: 'catchUpEnded' }): void {
    this.#clear();
    this.#lineAt = Number.NEGATIVE_INFINITY;
    if (isNear) {
      const doneBytes = position - begin;
      this.#log.info(
        { event, doneBytes, ms: Math.round(ms) },
        `caught up: ${roughSize(doneBytes)} in ${roughDuration(ms)}`,
      );
    }
  }

  #clear(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}
