/**
 * Which segments may go. Whole segments, oldest first, never the current one, never one that the
 * checkpoint still needs. A segment's age is that of its last batch.
 */
import {
  BATCH,
  BATCH_HEADER_BYTES,
  readUint32,
  readUint64,
  slotAligned,
} from '../../native-free/wire/batch-layout.js';
import { headerIsValid } from '../batch/header.js';
import { type Disk, diskErrorCode } from '../disk/disk.js';
import { HELD_MS } from '../queue/store-time.js';
import { PERSIST_WORD } from './persist-layout.js';
import { type SegmentFiles, segmentName } from './segment-files.js';

const HEADER_READ_BYTES = 64 * 1024;

export interface RetentionOptions {
  disk: Disk;
  files: SegmentFiles;
  spanBytes: number;
  /** Segments whose last batch is older go. Default 72 h; 0 = no limit. */
  retentionMs?: number | undefined;
  /** Oldest segments go while more bytes than this lie in whole segments and the current one. Default 0 = no limit. */
  retentionBytes?: number | undefined;
  /** The ring's control words, and where its spare words begin: the oldest segment is said there before a file goes. */
  control: Int32Array;
  spare: number;
  now?: (() => number) | undefined;
}

/** Says that recovery will begin at `position`, a durable checkpoint's: retention leaves its segment and all behind it. From any thread. */
export function keepSegmentsFrom(
  control: Int32Array,
  spare: number,
  position: number,
  segmentBytes: number,
): void {
  Atomics.store(control, spare + PERSIST_WORD.keptSegment, Math.floor(position / segmentBytes));
}

/**
 * Keeps the segment at `base`, and all behind it, until what is returned is called: it is written into, and
 * as a file that retention has given to another stretch of the log it must not be. False: retention was
 * faster. On the thread that writes checkpoints, which must not do so meanwhile.
 */
export function holdSegment(
  control: Int32Array,
  spare: number,
  base: number,
  segmentBytes: number,
): (() => void) | false {
  const word = spare + PERSIST_WORD.keptSegment;
  const kept = Atomics.load(control, word);
  // Said first, looked at then; retention does it the other way round, so one of the two finds the other.
  Atomics.store(control, word, Math.min(kept, base / segmentBytes));
  const release = (): void => {
    Atomics.store(control, word, kept);
  };
  if (Atomics.load(control, spare + PERSIST_WORD.oldestSegment) * segmentBytes > base) {
    release();
    return false;
  }
  return release;
}

/** Held by the thread that has the segment files, and called under the persist role. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #retentionMs: number;
  readonly #retentionBytes: number;
  readonly #now: () => number;
  /** Base and last store time of the oldest segment, so that its end is read once. */
  #knownBase = -1;
  #knownTime = 0;
  /** A segment has told it. Else another look is worth it once there is another whole one. */
  #isTold = false;
  #seenCurrent = -1;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#retentionMs = options.retentionMs ?? 72 * 3600 * 1000;
    this.#retentionBytes = options.retentionBytes ?? 0;
    this.#now = options.now ?? Date.now;
  }

  /** Retires at most one segment: the log's new first position, or null when none is due. Cheap then. Throws disk errors. */
  step(): number | null {
    const { files, control, spare } = this.#options;
    const oldest = files.bases[0];
    if (oldest === undefined || !this.#mayGo(oldest)) {
      return null;
    }
    const start = oldest + files.segmentBytes;
    // First the word, then the file: a reader that finds other bytes than it should, finds the word moved,
    // too.
    Atomics.store(control, spare + PERSIST_WORD.oldestSegment, start / files.segmentBytes);
    // Somebody may have begun to write into it since it was looked at: then no other stretch of the log gets
    // the file.
    files.retireOldest(this.#keptFrom() > oldest);
    return start;
  }

  #keptFrom(): number {
    const { files, control, spare } = this.#options;
    return Atomics.load(control, spare + PERSIST_WORD.keptSegment) * files.segmentBytes;
  }

  #mayGo(oldest: number): boolean {
    const { files } = this.#options;
    const current = files.current.base;
    if (oldest >= current || oldest >= this.#keptFrom()) {
      return false;
    }
    if (this.#retentionBytes > 0) {
      const stored = files.bases.filter((base) => base <= current).length * files.segmentBytes;
      if (stored > this.#retentionBytes) {
        return true;
      }
    }
    if (this.#retentionMs <= 0) {
      return false;
    }
    return this.#now() - this.#lastTime(oldest) > this.#retentionMs;
  }

  /**
   * When the oldest segment ended; that of a later one where it cannot be read, so that damage makes nothing
   * older than it is, or lies in the future: then the clock was ahead when it was written. With no later one
   * to tell, it is as old as this knows of it.
   */
  #lastTime(oldest: number): number {
    const { disk, files, spanBytes } = this.#options;
    if (oldest === this.#knownBase && (this.#isTold || files.current.base === this.#seenCurrent)) {
      return this.#knownTime;
    }
    const now = this.#now();
    this.#seenCurrent = files.current.base;
    for (const base of files.bases) {
      if (base >= files.current.base) {
        break;
      }
      const time = lastStoreTime(disk, files, spanBytes, base);
      if (time === 0 || time > now + HELD_MS) {
        continue;
      }
      this.#know(oldest, time, true);
      return time;
    }
    if (oldest !== this.#knownBase) {
      this.#know(oldest, now, false);
    }
    return this.#knownTime;
  }

  #know(oldest: number, time: number, isTold: boolean): void {
    this.#knownBase = oldest;
    this.#knownTime = time;
    this.#isTold = isTold;
  }
}

/** Store time of the last batch or pad in a whole segment: a walk along the headers of its last span. 0: none can be read. */
export function lastStoreTime(disk: Disk, files: SegmentFiles, spanBytes: number, base: number): number {
  let fd: number;
  try {
    fd = disk.open(`${files.dir}/${segmentName(base)}`, 'read');
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return 0;
    }
    throw error;
  }
  try {
    for (let span = files.segmentBytes - spanBytes; span >= 0; span -= spanBytes) {
      const time = lastTimeInSpan(disk, fd, base, span, spanBytes);
      if (time > 0) {
        return time;
      }
    }
    return 0;
  } finally {
    disk.close(fd);
  }
}

function lastTimeInSpan(disk: Disk, fd: number, base: number, span: number, spanBytes: number): number {
  const bytes = new Uint8Array(Math.min(spanBytes, HEADER_READ_BYTES));
  let last = 0;
  let at = 0;
  let from = -1;
  let filled = 0;
  while (at < spanBytes) {
    if (from < 0 || at - from + BATCH_HEADER_BYTES > filled) {
      from = at;
      filled = disk.read(fd, bytes, 0, Math.min(bytes.length, spanBytes - at), span + at);
    }
    const index = at - from;
    if (!headerIsValid(bytes.subarray(0, filled), index, base + span + at)) {
      break;
    }
    last = readUint64(bytes, index + BATCH.storeTime);
    at += slotAligned(readUint32(bytes, index + BATCH.length));
  }
  return last;
}
