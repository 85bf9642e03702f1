/**
 * `log/flushed`: up to where the log is on the disk, said once more when nothing has been written for a moment. Every batch header says it too, but of what
 * lay before that batch: the last group before a crash has no header behind it. Without this, damage in it would look like an append
 * that never finished, though it had been acked as on disk; so would a last file that was cut short or removed.
 *
 *        0        4         8        12       16
 *        ┌────────┬─────────┬────────┬────────┬────────────────┐
 *     0  │ "RMQF" │ version │ zero   │ crc    │ flushed        │     two of these, 512 bytes apart, written in turn: one is always whole
 *        └────────┴─────────┴────────┴────────┴────────────────┘     crc: CRC-32 of bytes 0–12 followed by 16–24
 */
import { crc32 } from 'node:zlib';
import {
  readUint32,
  readUint64,
  SLOT_BYTES,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';
import { type Disk, diskErrorCode, readWholeFile } from '../disk/disk.js';

export const FLUSHED_FILE = 'flushed';
const MAGIC = 0x46514d52;
const VERSION = 1;
const MARK_BYTES = 24;
const PLACE_BYTES = 512;
const FILE_BYTES = 2 * PLACE_BYTES;

/** The highest watermark that the file in a `log/` directory states; 0 when there is none, or none that is whole. Throws disk errors. */
export function readFlushedMark(disk: Disk, dir: string): number {
  let bytes: Uint8Array | undefined;
  try {
    bytes = readWholeFile(disk, `${dir}/${FLUSHED_FILE}`, FILE_BYTES);
  } catch (error) {
    if (diskErrorCode(error) !== 'EFBIG') {
      throw error;
    }
  }
  let highest = 0;
  for (let at = 0; bytes !== undefined && at + MARK_BYTES <= bytes.length; at += PLACE_BYTES) {
    highest = Math.max(highest, markAt(bytes, at));
  }
  return highest;
}

function markAt(bytes: Uint8Array, at: number): number {
  if (readUint32(bytes, at) !== MAGIC || readUint32(bytes, at + 4) !== VERSION) {
    return 0;
  }
  if (readUint32(bytes, at + 12) !== crcOf(bytes, at)) {
    return 0;
  }
  const flushed = readUint64(bytes, at + 16);
  return Number.isSafeInteger(flushed) && flushed % SLOT_BYTES === 0 ? flushed : 0;
}

function crcOf(bytes: Uint8Array, at: number): number {
  return crc32(bytes.subarray(at + 16, at + MARK_BYTES), crc32(bytes.subarray(at, at + 12)));
}

/** Writes the file; of the thread that has the segment files. */
export class FlushedMark {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #bytes = new Uint8Array(MARK_BYTES);
  #fd = -1;
  #stated: number;
  #place = 0;

  /** Throws disk errors. */
  constructor(disk: Disk, dir: string) {
    this.#disk = disk;
    this.#dir = dir;
    this.#stated = readFlushedMark(disk, dir);
  }

  /** What the file states now. */
  get stated(): number {
    return this.#stated;
  }

  /** States, durably, that the log is on disk below `flushed`. Throws disk errors; the old mark then still holds. */
  state(flushed: number): void {
    const bytes = this.#bytes;
    writeUint32(bytes, 0, MAGIC);
    writeUint32(bytes, 4, VERSION);
    writeUint64(bytes, 16, flushed);
    writeUint32(bytes, 12, crcOf(bytes, 0));
    if (this.#fd < 0) {
      this.#open();
    }
    this.#disk.write(this.#fd, bytes, 0, MARK_BYTES, this.#place);
    this.#disk.fdatasync(this.#fd);
    this.#place = PLACE_BYTES - this.#place;
    this.#stated = flushed;
  }

  close(): void {
    if (this.#fd >= 0) {
      this.#disk.close(this.#fd);
      this.#fd = -1;
    }
  }

  /** The place that does not have the highest mark is written first. */
  #open(): void {
    const path = `${this.#dir}/${FLUSHED_FILE}`;
    try {
      this.#fd = this.#disk.open(path, 'write');
    } catch (error) {
      if (diskErrorCode(error) !== 'ENOENT') {
        throw error;
      }
      this.#fd = this.#disk.create(path);
      this.#disk.truncate(this.#fd, FILE_BYTES);
      this.#disk.fsyncDir(this.#dir);
    }
    const bytes = new Uint8Array(FILE_BYTES);
    this.#disk.read(this.#fd, bytes, 0, FILE_BYTES, 0);
    this.#place = markAt(bytes, 0) > markAt(bytes, PLACE_BYTES) ? PLACE_BYTES : 0;
  }
}
