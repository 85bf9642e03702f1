/**
 * States in a file how far the log is on the disk, once it is quiet: behind its last group there is no header
 * that does.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import { diskErrorCode } from '../disk/disk.js';
import type { PositionMark } from '../log/position-mark.js';
import { type Ring, WORD } from '../ring/index.js';

/** The log counts as quiet when nothing was flushed for so long; its watermark is stated then. */
const QUIET_MS = 100;
/** How often a quiet log is looked at, as other threads write without a word to this one. */
const FLUSHED_LOOK_MS = 250;
/** How soon stating it is tried again. */
const STATE_RETRY_MS = 10_000;

export interface QuietMarkHost {
  /** It could not be stated: the directory may have lost its files. */
  lookAfterFiles(): void;
  /** Why it could not; not where the log has ended over it. */
  failed(error: Error): void;
}

/** Of the persist worker. It needs no role. */
export class QuietMark {
  readonly #ring: Ring;
  readonly #mark: PositionMark;
  readonly #host: QuietMarkHost;
  #flushedSeen: number;
  #indexedSeen: number;
  #flushedStated = Number.NaN;
  #flushedMovedAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;

  constructor(ring: Ring, mark: PositionMark, host: QuietMarkHost) {
    this.#ring = ring;
    this.#mark = mark;
    this.#host = host;
    this.#flushedSeen = ring.flushed();
    this.#indexedSeen = ring.flushed();
  }

  /** How soon {@link step} is due, at the latest. */
  nextDueMs(): number {
    return this.#flushedSeen === this.#flushedStated ? FLUSHED_LOOK_MS : QUIET_MS;
  }

  step(): void {
    const ring = this.#ring;
    const flushed = ring.flushed();
    const indexed = ring.indexed();
    const now = monotonicMs();
    // A batch that came after it says it in its header.
    if (flushed !== this.#flushedSeen || indexed !== this.#indexedSeen) {
      this.#flushedSeen = flushed;
      this.#indexedSeen = indexed;
      this.#flushedMovedAt = now;
    }
    if (flushed === this.#flushedStated || now - this.#flushedMovedAt < QUIET_MS || this.#isOver()) {
      return;
    }
    try {
      const position = ring.toBytes(flushed);
      if (this.#mark.stated !== position) {
        this.#mark.state(position);
      }
      this.#flushedStated = flushed;
      this.#hasFailed = false;
    } catch (error) {
      if (diskErrorCode(error) === undefined) {
        throw error;
      }
      this.#flushedMovedAt = now + STATE_RETRY_MS;
      // A directory that has lost its files is told of as that.
      this.#host.lookAfterFiles();
      if (!this.#hasFailed && !this.#isOver()) {
        this.#hasFailed = true;
        this.#host.failed(error as Error);
      }
    }
  }

  #isOver(): boolean {
    return Atomics.load(this.#ring.control, WORD.fatal) !== 0;
  }
}
