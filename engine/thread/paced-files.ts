/**
 * Old log, read for a slave that catches up, with the rests of {@link CatchUpPace} between its pieces. What the
 * link has not taken yet goes on meanwhile, so that only a link faster than the pace notices.
 */
import type { ReplicateFiles } from '../replica/replicate-stage.js';
import { CatchUpPace } from './catch-up-pace.js';

/** What it looks at, and how it waits. */
export interface PaceClock {
  /** Where the log ends, in bytes; it moves while there is work. */
  end(): number;
  /** The monotonic clock. */
  now(): number;
  rest(ms: number): Promise<void>;
}

export class PacedFiles implements ReplicateFiles {
  readonly #files: ReplicateFiles;
  readonly #clock: PaceClock;
  readonly #pace = new CatchUpPace();

  constructor(files: ReplicateFiles, clock: PaceClock) {
    this.#files = files;
    this.#clock = clock;
  }

  start(): number {
    return this.#files.start();
  }

  async read(position: number, length: number, target: Uint8Array): Promise<number> {
    const bytes = await this.#files.read(position, length, target);
    const restMs = this.#pace.restMs(this.#clock.end(), this.#clock.now());
    if (restMs > 0) {
      await this.#clock.rest(restMs);
    }
    return bytes;
  }
}
