/**
 * Places in the log that are said in small files of their own beside it:
 *
 * - `log/flushed`: up to where the log is on the disk, said once more when nothing has been written for a moment. Every batch header says it too, but of what
 *   lay before that batch: the last group before a crash has no header behind it. Without this, damage in it would look like an append
 *   that never finished, though it had been acked as on disk; so would a last file that was cut short or removed.
 * - `log/committed`: up to where the log was committed, as far as its broker knew. What lies above may be on no slave, so after a restart it is delivered only once
 *   slaves have it, or, on a slave, once its master says so.
 *
 *        0        4         8        12       16
 *        ┌────────┬─────────┬────────┬────────┬────────────────┐
 *     0  │ magic  │ version │ zero   │ crc    │ position       │     two of these, 512 bytes apart, written in turn: one is always whole
 *        └────────┴─────────┴────────┴────────┴────────────────┘     magic: "RMQF", "RMQK"; crc: CRC-32 of bytes 0–12 followed by 16–24
 */
import { crc32 } from 'node:zlib';
import {
  readUint32,
  readUint64,
  SLOT_BYTES,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/batch-layout.js';
import { type Disk, diskErrorCode, readWholeFile } from '../disk/disk.js';

/** Which of the files. */
export interface MarkKind {
  readonly file: string;
  readonly magic: number;
}

export const FLUSHED_MARK: MarkKind = { file: 'flushed', magic: 0x46514d52 };
export const COMMITTED_MARK: MarkKind = { file: 'committed', magic: 0x4b514d52 };
const VERSION = 1;
const MARK_BYTES = 24;
const PLACE_BYTES = 512;
const FILE_BYTES = 2 * PLACE_BYTES;

/** The highest position that the file in a `log/` directory states; 0 when there is none, or none that is whole. Throws disk errors. */
export function readMark(disk: Disk, dir: string, kind: MarkKind): number {
  let bytes: Uint8Array | undefined;
  try {
    bytes = readWholeFile(disk, `${dir}/${kind.file}`, FILE_BYTES);
  } catch (error) {
    if (diskErrorCode(error) !== 'EFBIG') {
      throw error;
    }
  }
  let highest = 0;
  for (let at = 0; bytes !== undefined && at + MARK_BYTES <= bytes.length; at += PLACE_BYTES) {
    highest = Math.max(highest, markAt(bytes, at, kind));
  }
  return highest;
}

function markAt(bytes: Uint8Array, at: number, { magic }: MarkKind): number {
  if (readUint32(bytes, at) !== magic || readUint32(bytes, at + 4) !== VERSION) {
    return 0;
  }
  if (readUint32(bytes, at + 12) !== crcOf(bytes, at)) {
    return 0;
  }
  const position = readUint64(bytes, at + 16);
  return Number.isSafeInteger(position) && position % SLOT_BYTES === 0 ? position : 0;
}

function crcOf(bytes: Uint8Array, at: number): number {
  return crc32(bytes.subarray(at + 16, at + MARK_BYTES), crc32(bytes.subarray(at, at + 12)));
}

/** Writes one of the files; of one thread. */
export class PositionMark {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #kind: MarkKind;
  readonly #bytes = new Uint8Array(MARK_BYTES);
  #fd = -1;
  #stated: number;
  #place = 0;

  /** Throws disk errors. */
  constructor(disk: Disk, dir: string, kind: MarkKind) {
    this.#disk = disk;
    this.#dir = dir;
    this.#kind = kind;
    this.#stated = readMark(disk, dir, kind);
  }

  /** What the file states now. */
  get stated(): number {
    return this.#stated;
  }

  /**
   * States `position`; durably, unless an older one does as well after a power cut. Throws disk errors; the
   * old mark then still holds.
   */
  state(position: number, isDurable = true): void {
    const bytes = this.#bytes;
    writeUint32(bytes, 0, this.#kind.magic);
    writeUint32(bytes, 4, VERSION);
    writeUint64(bytes, 16, position);
    writeUint32(bytes, 12, crcOf(bytes, 0));
    if (this.#fd < 0) {
      this.#open();
    }
    this.#disk.write(this.#fd, bytes, 0, MARK_BYTES, this.#place);
    if (isDurable) {
      this.#disk.fdatasync(this.#fd);
    }
    this.#place = PLACE_BYTES - this.#place;
    this.#stated = position;
  }

  close(): void {
    if (this.#fd >= 0) {
      this.#disk.close(this.#fd);
      this.#fd = -1;
    }
  }

  /** The place that does not have the highest mark is written first. */
  #open(): void {
    const path = `${this.#dir}/${this.#kind.file}`;
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
    const kind = this.#kind;
    this.#place = markAt(bytes, 0, kind) > markAt(bytes, PLACE_BYTES, kind) ? PLACE_BYTES : 0;
  }
}
