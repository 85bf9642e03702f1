/**
 * The data directory as it was opened, told from whatever may stand at its path later. Everything but the
 * segments in use is opened by path, long after the opening: whoever moves the directory, removes it, or puts
 * another there would have this broker write into that one.
 */
import { utimesSync } from 'node:fs';
import { diskErrorCode, isShortage } from './disk.js';
import { identityOf } from './file-identity.js';
import { readLock } from './lock-owner.js';
import { NodeDisk } from './node-disk.js';

export const LOCK_FILE = 'LOCK';
/** `ESTALE`: a handle of something that is not there any more. */
export const ESTALE = 116;

/** Plain data, for every thread of the broker. */
export interface OpenedDir {
  /** Absolute, without symbolic links: of the moment when it was opened. */
  readonly path: string;
  /** Device and inode. */
  readonly identity: string;
  /** Of the opening, 16 hexadecimal digits: what stands in `LOCK`. */
  readonly token: string;
}

/** Why the directory is not this opening's any more; undefined while it is. Takes no descriptor but for a moment. */
export function whyLost(dir: OpenedDir): string | undefined {
  const lost = (why: string): string => `the data directory ${dir.path} is no longer this broker's: ${why}`;
  const path = `${dir.path}/${LOCK_FILE}`;
  try {
    if (identityOf(dir.path) !== dir.identity) {
      return lost('another one stands in its place');
    }
    const lock = readLock(path);
    if (lock === undefined) {
      return lost('its LOCK was removed');
    }
    if (lock.token === dir.token) {
      return undefined;
    }
    return lost(lock.pid > 0 ? `its LOCK names another, process ${lock.pid}` : 'its LOCK was overwritten');
  } catch (error) {
    const code = diskErrorCode(error);
    if (code === undefined) {
      throw error;
    }
    if (isShortage(error)) {
      return undefined; // No descriptor for a look into LOCK; the next look may have one.
    }
    return lost(
      code === 'ENOENT' ? 'it was moved or removed' : `it cannot be looked at (${(error as Error).message})`,
    );
  }
}

/** Throws `ESTALE`, with the reason, when the directory is not this opening's any more. */
export function checkOwned(dir: OpenedDir): void {
  const why = whyLost(dir);
  if (why !== undefined) {
    throw staleError(why);
  }
}

/**
 * An open file that has no place in its directory any more: what is written to it is gone with the
 * descriptor. Throws `ESTALE`, or another disk error.
 */
export function checkInPlace(path: string, identity: string): void {
  let found: string | undefined;
  try {
    found = identityOf(path);
  } catch (error) {
    if (diskErrorCode(error) !== 'ENOENT') {
      throw error;
    }
  }
  if (found !== identity) {
    throw staleError(
      `${path} was ${found === undefined ? 'moved or removed' : 'replaced'} while the broker had it open`,
    );
  }
}

/** Tells others, who cannot ask otherwise, that this opening lives. */
export function beat(dir: OpenedDir): void {
  const now = Date.now() / 1000;
  try {
    utimesSync(`${dir.path}/${LOCK_FILE}`, now, now);
  } catch (error) {
    // A file system that is full or read-only; the next look says what else it may be.
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
  }
}

/** Whether a failure is that of {@link checkOwned} or {@link checkInPlace}. */
export function isStale(error: unknown): boolean {
  return diskErrorCode(error) === 'ESTALE';
}

export function staleError(why: string): Error {
  return Object.assign(new Error(why), { code: 'ESTALE', errno: -ESTALE });
}

/**
 * The real disk, for paths below one data directory: what is done by path is done only while that is this
 * opening's. Throws `ESTALE` otherwise.
 */
export class OwnedDisk extends NodeDisk {
  readonly #dir: OpenedDir;

  constructor(dir: OpenedDir) {
    super();
    this.#dir = dir;
  }

  override open(path: string, mode: 'read' | 'write'): number {
    checkOwned(this.#dir);
    return super.open(path, mode);
  }

  override create(path: string): number {
    checkOwned(this.#dir);
    return super.create(path);
  }

  override rename(from: string, to: string): void {
    checkOwned(this.#dir);
    super.rename(from, to);
  }

  override unlink(path: string): void {
    checkOwned(this.#dir);
    super.unlink(path);
  }

  override mkdir(path: string): void {
    checkOwned(this.#dir);
    super.mkdir(path);
  }
}
