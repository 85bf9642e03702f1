/** The log's segments for whoever puts back what was damaged in them: read and written by name, beside the stages that append. */
import { BATCH_HEADER_BYTES } from '../../native-free/wire/index.js';
import { type Disk, diskErrorCode } from '../disk/disk.js';
import { segmentName } from '../log/index.js';

export interface LogPatchDeps {
  readonly disk: Disk;
  readonly dataDir: string;
  readonly segmentBytes: number;
  /** Keeps the segment at `base` from retention until what is returned is called; false: it is gone. */
  hold(base: number): (() => void) | false;
}

export class LogPatch {
  readonly #deps: LogPatchDeps;

  constructor(deps: LogPatchDeps) {
    this.#deps = deps;
  }

  /** A batch header's bytes; null: they cannot be read. */
  headerAt(position: number): Uint8Array | null {
    return this.read(position, BATCH_HEADER_BYTES);
  }

  /** `length` bytes of one segment; null: they cannot be read. */
  read(position: number, length: number): Uint8Array | null {
    const { disk, segmentBytes } = this.#deps;
    const bytes = new Uint8Array(length);
    try {
      const fd = disk.open(this.#pathOf(position), 'read');
      try {
        return disk.read(fd, bytes, 0, length, position % segmentBytes) === length ? bytes : null;
      } finally {
        disk.close(fd);
      }
    } catch (error) {
      if (diskErrorCode(error) === undefined) {
        throw error;
      }
      return null;
    }
  }

  /**
   * Durably. A file that is missing is made, one that was cut short has its length again. False: retention
   * has taken a segment of it. Throws disk errors.
   */
  write(position: number, run: Uint8Array): boolean {
    const { segmentBytes } = this.#deps;
    for (let at = 0; at < run.length; ) {
      const inFile = (position + at) % segmentBytes;
      const length = Math.min(run.length - at, segmentBytes - inFile);
      const release = this.#deps.hold(position + at - inFile);
      if (release === false) {
        return false;
      }
      try {
        this.#writeFile(this.#pathOf(position + at), run.subarray(at, at + length), inFile);
      } finally {
        release();
      }
      at += length;
    }
    return true;
  }

  #writeFile(path: string, bytes: Uint8Array, inFile: number): void {
    const { disk, dataDir, segmentBytes } = this.#deps;
    let fd: number;
    let isNew = false;
    try {
      fd = disk.open(path, 'write');
    } catch (error) {
      if (diskErrorCode(error) !== 'ENOENT') {
        throw error;
      }
      fd = disk.create(path);
      isNew = true;
    }
    try {
      if (isNew || disk.size(path) < segmentBytes) {
        disk.truncate(fd, segmentBytes);
      }
      disk.write(fd, bytes, 0, bytes.length, inFile);
      disk.fdatasync(fd);
    } finally {
      disk.close(fd);
    }
    if (isNew) {
      disk.fsyncDir(`${dataDir}/log`);
    }
  }

  #pathOf(position: number): string {
    const { dataDir, segmentBytes } = this.#deps;
    return `${dataDir}/log/${segmentName(position - (position % segmentBytes))}`;
  }
}
