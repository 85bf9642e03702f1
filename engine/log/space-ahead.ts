/**
 * Space ahead of the log's end: blocks written with zeros before they are needed, and the next segment made
 * before the current one is full. An fdatasync after an append into such blocks takes half the time of one
 * into a hole, because the file system has no allocation to journal.
 *
 * How far ahead follows use: twice what has been written since the start, from 1 MiB up to the limit, so that
 * a broker that does nothing costs no disk work. Done in bounded pieces when the stage is idle, each synced
 * by itself: zeros left dirty would be paid for by the next group commit.
 */
import { SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import { PERSIST_WORD } from './persist-layout.js';
import { OUTCOME, type PersistWriter } from './persist-writer.js';
import type { SegmentFiles } from './segment-files.js';

const PIECE_BYTES = 1024 * 1024;
const LEAST_AHEAD_BYTES = 1024 * 1024;
/** What is zeroed within a group commit when a busy, small-stepped log has used up what was ahead. */
const ALONGSIDE_BYTES = 256 * 1024;
/** Steps that write more than this gain nothing from zeroing: moving the data dominates. */
const SMALL_STEP_BYTES = 128 * 1024;
const RETRY_MS = 100;
/** Between large writes there is no idle time to be used. */
const AFTER_LARGE_MS = 100;

export class SpaceAhead {
  /** The last try got no room; sends are refused until one does. */
  noSpace = false;
  readonly #writer: PersistWriter;
  readonly #files: SegmentFiles;
  readonly #limitBytes: number;
  readonly #zeros: Uint8Array;
  #writtenSeen: number;
  #writtenBytes = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #largeAt = Number.NEGATIVE_INFINITY;

  constructor(writer: PersistWriter, files: SegmentFiles, limitBytes: number) {
    this.#writer = writer;
    this.#files = files;
    this.#limitBytes = limitBytes;
    this.#zeros = new Uint8Array(Math.min(PIECE_BYTES, files.segmentBytes));
    this.#writtenSeen = writer.ring.written();
  }

  /** One piece, when there is less ahead than there should be. True when one was done. */
  prepare(now: number): boolean {
    if (now >= this.#largeAt && now - this.#largeAt < AFTER_LARGE_MS) {
      return false;
    }
    const missing = this.#wantedSlots() - this.#aheadSlots();
    if (missing <= 0) {
      this.#hasRoom();
      return false;
    }
    if (now >= this.#failedAt && now - this.#failedAt < RETRY_MS) {
      return false;
    }
    const writer = this.#writer;
    try {
      const segment = this.#segmentAhead();
      if (segment === undefined) {
        return false;
      }
      this.#zeroPiece(segment.fd, segment.end, this.#zeros.length);
      // In the current segment this covers what was appended, too; let it count.
      if (segment.fd === this.#files.current.fd) {
        if (writer.sync(segment.fd) !== OUTCOME.done) {
          return false;
        }
      } else {
        writer.disk.fdatasync(segment.fd);
      }
    } catch (error) {
      this.#failedAt = now;
      this.noSpace = writer.failed('preallocate', error) === OUTCOME.noSpace;
      if (this.noSpace && writer.wantsRoom && this.#files.dropSpares()) {
        this.#failedAt = Number.NEGATIVE_INFINITY;
      }
      return false;
    }
    this.#hasRoom();
    return true;
  }

  /**
   * Zeroes a little in the current segment, for the fdatasync that is about to be made, after a small write
   * of `slots`. Large writes gain nothing from zeroed blocks, and would only be written twice.
   */
  alongside(slots: number, now: number): void {
    if (slots * SLOT_BYTES > SMALL_STEP_BYTES) {
      this.#largeAt = now;
      this.#writtenSeen = this.#writer.ring.written();
      return;
    }
    if (this.#limitBytes === 0 || this.noSpace) {
      return;
    }
    // A small step between large ones: the next of these would write over the zeros at once.
    if (now >= this.#largeAt && now - this.#largeAt < AFTER_LARGE_MS) {
      return;
    }
    if (this.#aheadSlots() > 0) {
      return;
    }
    const end = this.#writer.get(PERSIST_WORD.segmentEnd);
    try {
      this.#zeroPiece(this.#files.current.fd, end, ALONGSIDE_BYTES);
    } catch (error) {
      this.noSpace = this.#writer.failed('preallocate', error) === OUTCOME.noSpace;
    }
  }

  /** Zeroes from where that ended up to `end` of the segment behind `fd`, at most `maxBytes`. Returns the bytes. */
  #zeroPiece(fd: number, end: number, maxBytes: number): number {
    const writer = this.#writer;
    const from = this.#zeroedUpTo();
    const bytes = Math.min(maxBytes, this.#zeros.length, ((end - from) | 0) * SLOT_BYTES);
    if (bytes <= 0) {
      return 0;
    }
    const filePosition = this.#files.segmentBytes - ((end - from) | 0) * SLOT_BYTES;
    writer.disk.write(fd, this.#zeros, 0, bytes, filePosition);
    writer.set(PERSIST_WORD.zeroedUpTo, (from + bytes / SLOT_BYTES) | 0);
    return bytes;
  }

  /** The segment in which zeroing goes on; makes the next one when the current is done. undefined: both are. */
  #segmentAhead(): { fd: number; end: number } | undefined {
    const writer = this.#writer;
    const end = writer.get(PERSIST_WORD.segmentEnd);
    if (((end - this.#zeroedUpTo()) | 0) > 0) {
      return { fd: this.#files.current.fd, end };
    }
    const next = this.#files.prepareNext();
    const nextEnd = (end + this.#files.segmentBytes / SLOT_BYTES) | 0;
    if (next.allocated) {
      writer.set(PERSIST_WORD.zeroedUpTo, nextEnd);
    }
    return ((nextEnd - this.#zeroedUpTo()) | 0) > 0 ? { fd: next.fd, end: nextEnd } : undefined;
  }

  #zeroedUpTo(): number {
    const written = this.#writer.ring.written();
    const zeroed = this.#writer.get(PERSIST_WORD.zeroedUpTo);
    return ((zeroed - written) | 0) > 0 ? zeroed : written;
  }

  #aheadSlots(): number {
    return (this.#zeroedUpTo() - this.#writer.ring.written()) | 0;
  }

  #wantedSlots(): number {
    const written = this.#writer.ring.written();
    this.#writtenBytes += ((written - this.#writtenSeen) | 0) * SLOT_BYTES;
    this.#writtenSeen = written;
    const wanted = Math.max(LEAST_AHEAD_BYTES, 2 * this.#writtenBytes);
    return Math.floor(Math.min(this.#limitBytes, wanted) / SLOT_BYTES);
  }

  #hasRoom(): void {
    if (!this.noSpace) {
      return;
    }
    this.noSpace = false;
    this.#failedAt = Number.NEGATIVE_INFINITY;
    this.#writer.setRoom();
  }
}
