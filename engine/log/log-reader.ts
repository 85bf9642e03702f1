/**
 * Reads the commit log from its files, for the batches that the ring no longer has. One per thread: it has
 * its own read-only file descriptors, the last used few of them.
 *
 * Retention may rename a segment and overwrite it under a reader that has it open. So the persist stage first
 * says which segment is the oldest (a shared word), and only later, when the log has moved on by a segment,
 * writes into a recycled file; and a reader asks for the oldest segment *after* it has read. If what it read
 * is below that, it read nothing.
 */
import { type Disk, diskErrorCode } from '../disk/disk.js';
import { PERSIST_WORD } from './persist-layout.js';
import { segmentName } from './segment-files.js';

/** Descriptors kept open by one reader. */
export const MAX_OPEN_SEGMENTS = 8;

export interface LogReaderOptions {
  /** The broker's `log/` directory. */
  dir: string;
  segmentBytes: number;
  /**
   * base / segmentBytes of the oldest segment that retention has left; {@link oldestSegmentIn} makes one.
   * Without it none is ever too old.
   */
  oldestSegment?: (() => number) | undefined;
}

/** The `oldestSegment` of a running broker: the shared word that retention moves. */
export function oldestSegmentIn(control: Int32Array, spare: number): () => number {
  return () => Atomics.load(control, spare + PERSIST_WORD.oldestSegment);
}

export class LogReader {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #oldest: () => number;
  /** Segment number → descriptor, least recently used first. */
  readonly #open = new Map<number, number>();
  #oldestSeen = 0;

  constructor(disk: Disk, options: LogReaderOptions) {
    this.#disk = disk;
    this.#dir = options.dir;
    this.#segmentBytes = options.segmentBytes;
    this.#oldest = options.oldestSegment ?? (() => 0);
  }

  /** Where the oldest segment begins that retention has left. */
  get oldestPosition(): number {
    return this.#oldest() * this.#segmentBytes;
  }

  /**
   * Reads `length` bytes from a log position into `target` at `at`, across segments if need be. Returns how
   * many are there: fewer when a file is missing or cut short, 0 when retention has taken the segment at
   * `position`. What it returns are bytes, not batches: check headers with `headerIsValid`. Throws other disk
   * errors (`EIO`).
   */
  read(position: number, length: number, target: Uint8Array, at: number): number {
    let done = 0;
    while (done < length) {
      const number = Math.floor((position + done) / this.#segmentBytes);
      const inFile = position + done - number * this.#segmentBytes;
      const wanted = Math.min(length - done, this.#segmentBytes - inFile);
      const fd = this.#fdOf(number);
      if (fd < 0) {
        break;
      }
      const read = this.#disk.read(fd, target, at + done, wanted, inFile);
      done += read;
      if (read < wanted) {
        break;
      }
    }
    this.prune();
    return position < this.#oldestSeen * this.#segmentBytes ? 0 : done;
  }

  /**
   * Closes the files that retention has taken, whose room is not free before. Reads do this; a thread that
   * has read and may not read again should also do it now and then. One look at a shared word when there is
   * nothing to do.
   */
  prune(): void {
    const oldest = this.#oldest();
    if (oldest === this.#oldestSeen) {
      return;
    }
    this.#oldestSeen = oldest;
    for (const [number, fd] of this.#open) {
      if (number >= oldest) {
        continue;
      }
      this.#open.delete(number);
      this.#disk.close(fd);
    }
  }

  /** Closes all files. A later read opens them again. */
  close(): void {
    for (const fd of this.#open.values()) {
      this.#disk.close(fd);
    }
    this.#open.clear();
  }

  /** -1: there is no such file. */
  #fdOf(number: number): number {
    const known = this.#open.get(number);
    if (known !== undefined) {
      this.#open.delete(number);
      this.#open.set(number, known);
      return known;
    }
    let fd: number;
    try {
      fd = this.#disk.open(`${this.#dir}/${segmentName(number * this.#segmentBytes)}`, 'read');
    } catch (error) {
      if (diskErrorCode(error) === 'ENOENT') {
        return -1;
      }
      throw error;
    }
    if (this.#open.size >= MAX_OPEN_SEGMENTS) {
      const [oldest] = this.#open as unknown as Iterable<[number, number]>;
      if (oldest !== undefined) {
        this.#open.delete(oldest[0]);
        this.#disk.close(oldest[1]);
      }
    }
    this.#open.set(number, fd);
    return fd;
  }
}
