/**
 * The files of the commit log: `log/<position of its first byte, 16 hex digits>.seg`, each of `segmentBytes`,
 * a power of two. All but the last used one are whole; one more may lie ready behind it.
 *
 *      log/ 0000000000000000.seg  0000000040000000.seg  0000000080000000.seg   0000000040000000.old
 *           kept by retention     current: appended to  ready: the next one    spare: recycled as the next
 *
 * A name is durable before a byte is written under it: files are made or renamed, sized, and the directory is
 * synced before they become current. Only the holder of the persist role calls what changes anything here;
 * readers open the files by name for themselves (log-reader.ts).
 */
import { type Disk, diskErrorCode, removeIfThere } from '../disk/disk.js';

export const SEGMENT_SUFFIX = '.seg';
export const SPARE_SUFFIX = '.old';
/** Retired segments kept to be renamed; more are deleted. */
export const MAX_SPARE_SEGMENTS = 2;

/** A segment's file name for the position of its first byte. */
export function segmentName(base: number): string {
  return base.toString(16).padStart(16, '0') + SEGMENT_SUFFIX;
}

/** The position in a segment's name; undefined for any other name. */
export function segmentBaseOfName(name: string): number | undefined {
  if (!/^[0-9a-f]{16}\.seg$/.test(name)) {
    return undefined;
  }
  const base = Number.parseInt(name.slice(0, 16), 16);
  return Number.isSafeInteger(base) ? base : undefined;
}

/** Positions of the segments in `dir`, ascending. Names at no multiple of `segmentBytes` are not segments. */
export function listSegments(disk: Disk, dir: string, segmentBytes: number): number[] {
  return namesIn(disk, dir)
    .map(segmentBaseOfName)
    .filter((base): base is number => base !== undefined && base % segmentBytes === 0)
    .sort((a, b) => a - b);
}

/** A segment that is open for appending. `allocated`: all its blocks exist already, so it needs no zeroing. */
export interface OpenSegment {
  readonly base: number;
  readonly fd: number;
  readonly allocated: boolean;
}

export interface SegmentFilesOptions {
  /** The broker's `log/` directory; made when missing. */
  dir: string;
  /** Power of two, 64 KiB … 1 GiB in a broker; tests go lower. Fixed for the life of the data directory. */
  segmentBytes: number;
}

/** The current segment, the next one, and the spares. See the top of the file for who may call it. */
export class SegmentFiles {
  readonly dir: string;
  readonly segmentBytes: number;
  readonly #disk: Disk;
  #current: OpenSegment | null = null;
  #next: OpenSegment | null = null;
  #bases: number[] = [];

  constructor(disk: Disk, options: SegmentFilesOptions) {
    this.#disk = disk;
    this.dir = options.dir;
    this.segmentBytes = options.segmentBytes;
  }

  /** Segments that exist, ascending, the ready one included. */
  get bases(): readonly number[] {
    return this.#bases;
  }

  get current(): OpenSegment {
    if (this.#current === null) {
      throw new Error('the segment files are not open');
    }
    return this.#current;
  }

  get next(): OpenSegment | null {
    return this.#next;
  }

  /**
   * Opens the segment that holds `position`, the end of the log as recovery found it, making it when there is
   * none and bringing it to full size when it was cut short. Segments further on than the next hold nothing
   * that is part of the log (recovery would have ended behind them) and are removed. Throws disk errors.
   */
  open(position: number): void {
    const disk = this.#disk;
    disk.mkdir(this.dir);
    const base = position - (position % this.segmentBytes);
    const found = listSegments(disk, this.dir, this.segmentBytes);
    for (const far of found.filter((other) => other > base + this.segmentBytes)) {
      removeIfThere(disk, this.#path(segmentName(far)));
    }
    disk.fsyncDir(this.dir);
    this.#bases = found.filter((other) => other <= base + this.segmentBytes);
    this.#current = this.#openOrMake(base);
    if (this.#bases.includes(base + this.segmentBytes)) {
      this.#next = this.#openOrMake(base + this.segmentBytes);
    }
  }

  /** Makes the segment behind the current one, from a spare when there is one. Throws disk errors; may be tried again. */
  prepareNext(): OpenSegment {
    if (this.#next === null) {
      this.#next = this.#openOrMake(this.current.base + this.segmentBytes);
    }
    return this.#next;
  }

  /** The next segment becomes the current one; the old one is closed and must be flushed already. */
  advance(): OpenSegment {
    const next = this.prepareNext();
    const old = this.current;
    this.#current = next;
    this.#next = null;
    this.#disk.close(old.fd);
    return next;
  }

  /**
   * Takes the oldest segment out of the log: it becomes a spare, or is deleted when there are enough. The
   * directory is synced before it returns, so that segments go in order even across a power cut. `mayRecycle`
   * false: it is deleted.
   */
  retireOldest(mayRecycle = true): void {
    const base = this.#bases[0] as number;
    if (base >= this.current.base) {
      throw new Error('the current segment is never retired');
    }
    const spares = namesIn(this.#disk, this.dir).filter((name) => name.endsWith(SPARE_SUFFIX));
    const path = this.#path(segmentName(base));
    const bytes = sizeOf(this.#disk, path);
    if (mayRecycle && spares.length < MAX_SPARE_SEGMENTS && bytes === this.segmentBytes) {
      this.#disk.rename(path, path.slice(0, -SEGMENT_SUFFIX.length) + SPARE_SUFFIX);
    } else {
      removeIfThere(this.#disk, path);
    }
    this.#bases.shift();
    this.#disk.fsyncDir(this.dir);
  }

  /** Deletes the spares: room for a full disk. Returns whether there were any. */
  dropSpares(): boolean {
    const spares = namesIn(this.#disk, this.dir).filter((name) => name.endsWith(SPARE_SUFFIX));
    for (const name of spares) {
      removeIfThere(this.#disk, this.#path(name));
    }
    return spares.length > 0;
  }

  close(): void {
    if (this.#current !== null) {
      this.#disk.close(this.#current.fd);
    }
    if (this.#next !== null) {
      this.#disk.close(this.#next.fd);
    }
    this.#current = null;
    this.#next = null;
  }

  #openOrMake(base: number): OpenSegment {
    const disk = this.#disk;
    const path = this.#path(segmentName(base));
    const isThere = this.#bases.includes(base);
    const recycled = !isThere && this.#takeSpare(path);
    const fd = isThere || recycled ? disk.open(path, 'write') : this.#create(path);
    try {
      if (disk.size(path) !== this.segmentBytes) {
        disk.truncate(fd, this.segmentBytes);
      }
      // The size must be on disk before data is: recovery takes a short file for a damaged one.
      disk.fdatasync(fd);
      disk.fsyncDir(this.dir);
    } catch (error) {
      disk.close(fd);
      throw error;
    }
    if (!isThere) {
      this.#bases.push(base);
    }
    return { base, fd, allocated: recycled };
  }

  /** A file left by a failed attempt to make this very segment is taken up again. */
  #create(path: string): number {
    try {
      return this.#disk.create(path);
    } catch (error) {
      if (diskErrorCode(error) !== 'EEXIST') {
        throw error;
      }
      return this.#disk.open(path, 'write');
    }
  }

  #takeSpare(path: string): boolean {
    for (const name of namesIn(this.#disk, this.dir).sort()) {
      if (!name.endsWith(SPARE_SUFFIX)) {
        continue;
      }
      const spare = this.#path(name);
      if (this.#disk.size(spare) === this.segmentBytes) {
        this.#disk.rename(spare, path);
        return true;
      }
      removeIfThere(this.#disk, spare);
    }
    return false;
  }

  #path(name: string): string {
    return `${this.dir}/${name}`;
  }
}

/** -1: somebody has removed it. */
function sizeOf(disk: Disk, path: string): number {
  try {
    return disk.size(path);
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return -1;
    }
    throw error;
  }
}

function namesIn(disk: Disk, dir: string): string[] {
  try {
    return disk.readdir(dir);
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
}
