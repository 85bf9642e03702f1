/**
 * The log's files as one stretch of bytes that only is there in parts: what recovery and verification look
 * at. Nothing is written. Missing files and missing ends of files read as zeros.
 */
import { type Disk, diskErrorCode } from '../disk/disk.js';
import { listSegments, segmentName } from './segment-files.js';

/** Bytes fetched with one call while a span is walked: small enough that the checksum finds them in the cache. */
const FETCH_BYTES = 1024 * 1024;

/** What is lost to one bad sector. */
const BLOCK_BYTES = 4096;
/** So many are remembered; a disk with more is read as zeros there all the same. */
const MAX_UNREADABLE = 10_000;

export interface SegmentInfo {
  readonly base: number;
  readonly bytes: number;
}

export class LogFilesView {
  readonly segments: readonly SegmentInfo[];
  readonly segmentBytes: number;
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #byBase = new Map<number, SegmentInfo>();
  readonly #unreadable: { position: number; end: number; error: Error }[] = [];
  #fd = -1;
  #fdBase = -1;

  constructor(disk: Disk, dir: string, segmentBytes: number) {
    this.#disk = disk;
    this.#dir = dir;
    this.segmentBytes = segmentBytes;
    this.segments = listSegments(disk, dir, segmentBytes).map((base) => ({
      base,
      bytes: Math.min(segmentBytes, disk.size(`${dir}/${segmentName(base)}`)),
    }));
    for (const segment of this.segments) {
      this.#byBase.set(segment.base, segment);
    }
  }

  /** End of the last segment that exists; 0 without any. */
  get end(): number {
    const last = this.segments.at(-1);
    return last === undefined ? 0 : last.base + this.segmentBytes;
  }

  baseOf(position: number): number {
    return position - (position % this.segmentBytes);
  }

  fileOf(position: number): string {
    return segmentName(this.baseOf(position));
  }

  segmentAt(position: number): SegmentInfo | undefined {
    return this.#byBase.get(this.baseOf(position));
  }

  /** The first segment at or behind `position`. */
  segmentFrom(position: number): SegmentInfo | undefined {
    return this.segments.find((segment) => segment.base + this.segmentBytes > position);
  }

  /** Reads within one segment; what is not there, or cannot be read, becomes zero. */
  read(position: number, target: Uint8Array, at: number, length: number): void {
    const base = this.baseOf(position);
    let read = 0;
    if (this.#byBase.has(base)) {
      const fd = this.#fdOf(base);
      try {
        read = this.#disk.read(fd, target, at, length, position - base);
      } catch (error) {
        if (diskErrorCode(error) === undefined) {
          throw error;
        }
        this.#readAround(fd, position, target, at, length);
        return;
      }
    }
    if (read < length) {
      target.fill(0, at + read, at + length);
    }
  }

  /** The error that made a part of [from, to) unreadable, if one did. */
  readErrorIn(from: number, to: number): Error | undefined {
    return this.#unreadable.find((part) => part.position < to && part.end > from)?.error;
  }

  /** A stretch with a bad sector, block by block, so that no more is lost than the disk has lost. */
  #readAround(fd: number, position: number, target: Uint8Array, at: number, length: number): void {
    target.fill(0, at, at + length);
    for (let done = 0; done < length; done += BLOCK_BYTES) {
      const piece = Math.min(BLOCK_BYTES, length - done);
      try {
        this.#disk.read(fd, target, at + done, piece, position + done - this.baseOf(position));
      } catch (error) {
        if (diskErrorCode(error) === undefined) {
          throw error;
        }
        if (this.#unreadable.length < MAX_UNREADABLE) {
          this.#unreadable.push({
            position: position + done,
            end: position + done + piece,
            error: error as Error,
          });
        }
      }
    }
  }

  close(): void {
    if (this.#fd >= 0) {
      this.#disk.close(this.#fd);
    }
    this.#fd = -1;
    this.#fdBase = -1;
  }

  #fdOf(base: number): number {
    if (base !== this.#fdBase) {
      this.close();
      this.#fd = this.#disk.open(`${this.#dir}/${segmentName(base)}`, 'read');
      this.#fdBase = base;
    }
    return this.#fd;
  }
}

/** One span of the log, fetched piece by piece as a walk through it needs. No batch crosses a span's end. */
export class SpanWindow {
  readonly bytes: Uint8Array;
  /** Log position of `bytes[0]`. */
  base = -1;
  readonly #view: LogFilesView;
  /** What of `bytes` has been fetched. */
  #from = 0;
  #upTo = 0;

  constructor(view: LogFilesView, spanBytes: number) {
    this.#view = view;
    this.bytes = new Uint8Array(spanBytes);
  }

  /** Log position behind the span. */
  get end(): number {
    return this.base + this.bytes.length;
  }

  /** Makes the bytes from `position` on, `length` of them within its span, available; returns the index of the first. */
  fetch(position: number, length: number): number {
    const at = position % this.bytes.length;
    const pieceStart = at - (at % FETCH_BYTES);
    if (position - at !== this.base) {
      this.base = position - at;
      this.#from = pieceStart;
      this.#upTo = pieceStart;
    }
    if (pieceStart < this.#from) {
      this.#read(pieceStart, this.#from);
      this.#from = pieceStart;
    }
    while (this.#upTo < at + length) {
      const end = Math.min(this.#upTo + FETCH_BYTES, this.bytes.length);
      this.#read(this.#upTo, end);
      this.#upTo = end;
    }
    return at;
  }

  #read(from: number, end: number): void {
    this.#view.read(this.base + from, this.bytes, from, end - from);
  }
}
