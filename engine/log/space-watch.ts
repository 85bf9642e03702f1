/** Asks the file system now and then how much is free, and has sends refused before it is full. */
import { type Disk, type DiskSpace, diskErrorCode } from '../disk/disk.js';
import { FULL } from './persist-layout.js';
import type { PersistWriter } from './persist-writer.js';

/** How often the disk is asked for its free space. */
const SPACE_WATCH_MS = 1000;

export class SpaceWatch {
  readonly #writer: PersistWriter;
  readonly #dir: string;
  readonly #minFreeBytes: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  /** `minFreeBytes`: as in `PersistStageOptions`. */
  constructor(writer: PersistWriter, dir: string, minFreeBytes: number | undefined) {
    this.#writer = writer;
    this.#dir = dir;
    this.#minFreeBytes = minFreeBytes;
  }

  step(now: number): void {
    if (now - this.#askedAt < SPACE_WATCH_MS && now >= this.#askedAt) {
      return;
    }
    this.#askedAt = now;
    if (this.#minFreeBytes === 0) {
      return;
    }
    const { free, total } = askSpace(this.#writer.disk, this.#dir);
    const limit = this.#minFreeBytes ?? Math.min(total / 20, 1024 ** 3);
    // Once refused, sends come back only with an eighth more than the limit, so that the answer does not
    // flicker.
    const refusing = (this.#writer.full & FULL.nearly) !== 0;
    this.#writer.setFull(FULL.nearly, free < (refusing ? limit + limit / 8 : limit));
  }
}

/** A file system that cannot say how full it is counts as empty: a refused write will tell. */
function askSpace(disk: Disk, dir: string): DiskSpace {
  try {
    return disk.space(dir);
  } catch (error) {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    return { free: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER };
  }
}
