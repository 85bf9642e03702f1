/**
 * Whether a file of the log is in its directory still: what is written to one that was moved away, removed or replaced is not found
 * again, so it is asked after each sync, before anybody is told of it.
 *
 * Linux says it by the path of a descriptor, which takes 6 µs (`fstat` of the file would do for some of it, but makes the write and the
 * sync that follow 40 µs longer: whoever is told of a file's times has the next write set them). A file leaves its directory by a change of
 * that only, so while it has not changed since the file was found in it there is nothing to ask: 2 µs.
 */
import { closeSync, fstatSync, openSync, readlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { monotonicMs } from '../../native-free/time/index.js';
import { diskErrorCode } from './disk.js';
import { identityOfFile } from './file-identity.js';
import { NodeDisk } from './node-disk.js';
import { checkInPlace, isStale, staleError } from './opened-dir.js';

/** What Linux writes behind the path of an open file that has no name any more. */
const DELETED = ' (deleted)';
const SEGMENT_SUFFIX = '.seg';
/**
 * Two changes may have one time when they are as near as that: a tick of the kernel's coarse clock, and where a file system has no
 * parts of a second 2 s.
 */
const SETTLED_MS = 20;
const SETTLED_COARSE_MS = 2_100;
/** Without a descriptor of the directory: each file is asked for itself. */
const NO_DIR = -1;

/** A descriptor of the log's directory, for {@link SegmentPlace} in any thread of the process; to be closed by {@link closeLogDir}. */
export function openLogDir(path: string): number {
  try {
    return process.platform === 'linux' ? openSync(path, 'r') : NO_DIR;
  } catch (error) {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    return NO_DIR;
  }
}

export function closeLogDir(fd: number): void {
  if (fd !== NO_DIR) {
    closeSync(fd);
  }
}

/** One of each thread that syncs. */
export class SegmentPlace {
  readonly #dirFd: number;
  readonly #now: () => number;
  /** The file that was found in the directory, and the time of the directory's last change then. */
  #fd = -1;
  #changed = 0;
  /** The time that the directory had last, and since when, by `now`. */
  #seen = 0;
  #seenAt = 0;

  /** `now`: ms, monotonic. */
  constructor(dirFd: number, now: () => number = monotonicMs) {
    this.#dirFd = dirFd;
    this.#now = now;
  }

  /** Throws `ESTALE` when the file is not in its directory any more. */
  check(fd: number): void {
    const changed = this.#dirChanged();
    if (fd === this.#fd && changed === this.#changed) {
      return;
    }
    this.#fd = -1;
    if (changed !== this.#seen) {
      this.#seen = changed;
      this.#seenAt = this.#now();
    }
    // Once more, as the directory itself may have been given another name in between.
    if (!this.#isInPlace(fd) && !this.#isInPlace(fd)) {
      throw staleError('a segment of the log was moved, removed or replaced while the broker had it open');
    }
    if (this.#now() - this.#seenAt > (changed % 1_000 === 0 ? SETTLED_COARSE_MS : SETTLED_MS)) {
      this.#fd = fd;
      this.#changed = changed;
    }
  }

  #isInPlace(fd: number): boolean {
    const path = pathOf(fd);
    if (path === undefined) {
      return fstatSync(fd).nlink > 0;
    }
    const dir = this.#dirFd === NO_DIR ? undefined : pathOf(this.#dirFd);
    if (dir === undefined) {
      return !path.endsWith(DELETED);
    }
    return dirname(path) === dir ? path.endsWith(SEGMENT_SUFFIX) : leadsTo(`${dir}/${basename(path)}`, fd); // What lies there may be a link to it.
  }

  /** NaN, which equals nothing: not known. */
  #dirChanged(): number {
    if (this.#dirFd === NO_DIR) {
      return Number.NaN;
    }
    try {
      return fstatSync(this.#dirFd).ctimeMs;
    } catch {
      return Number.NaN;
    }
  }
}

/** Where the open file is now; undefined: the system does not say. */
function pathOf(fd: number): string | undefined {
  if (process.platform !== 'linux') {
    return undefined;
  }
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/** Whether `path` leads to the open file. */
function leadsTo(path: string, fd: number): boolean {
  try {
    checkInPlace(path, identityOfFile(fd));
    return true;
  } catch (error) {
    if (isStale(error)) {
      return false;
    }
    throw error;
  }
}

/** The real disk, for segments of the log: nothing in a file that has left its directory counts as synced. */
export class SegmentDisk extends NodeDisk {
  readonly #place: SegmentPlace;

  constructor(dirFd: number) {
    super();
    this.#place = new SegmentPlace(dirFd);
  }

  override fdatasync(fd: number): void {
    super.fdatasync(fd);
    this.#place.check(fd);
  }
}
