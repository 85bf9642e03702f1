/**
 * How recently this broker looked whether its data directory is still its own. A thread that was stopped for
 * long (a paused container, a hung network file system) may have been taken for dead meanwhile, so it looks
 * again before it writes, and before it says of anything that it is on disk. The time is shared: one thread's
 * look serves all.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import { beat, checkOwned, type OpenedDir } from './opened-dir.js';
import { SegmentPlace } from './segment-place.js';

/** The persist worker looks so often. */
export const LOOK_MS = 1_000;
/** A look older than this is none: whoever writes looks for himself. */
const FRESH_MS = 2_000;

export class DirGuard {
  readonly #dir: OpenedDir;
  readonly #words: Int32Array;
  readonly #word: number;
  readonly #place: SegmentPlace;

  /** `words[word]`: when the last look was, ms of the monotonic clock modulo 2³². `logDirFd`: see {@link openLogDir}. */
  constructor(dir: OpenedDir, words: Int32Array, word: number, logDirFd: number) {
    this.#dir = dir;
    this.#words = words;
    this.#word = word;
    this.#place = new SegmentPlace(logDirFd);
  }

  /** False: {@link look} before the next write, or word that something is on disk. Costs a look at a clock. */
  isFresh(): boolean {
    return this.ageMs() < FRESH_MS;
  }

  ageMs(): number {
    return (nowMs() - Atomics.load(this.#words, this.#word)) | 0;
  }

  /** After a sync of a segment, before anybody is told of it. Throws `ESTALE` when the file is not in its directory any more. */
  checkFile(fd: number): void {
    this.#place.check(fd);
  }

  /** Throws `ESTALE` when the directory is not this opening's any more. */
  look(): void {
    checkOwned(this.#dir);
    beat(this.#dir);
    Atomics.store(this.#words, this.#word, nowMs());
  }
}

function nowMs(): number {
  return Math.floor(monotonicMs()) | 0;
}
