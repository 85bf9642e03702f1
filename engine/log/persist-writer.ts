/**
 * The two acts of the persist stage, write and sync, over state that every holder of the role shares. The
 * worker's stage (persist-stage.ts) and a listener's inline step do both through this, so there is one place
 * where a watermark moves.
 */

import { getSystemErrorName } from 'node:util';
import { monotonicMs } from '../../native-free/time/index.js';
import { SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import { MAX_BATCH_BYTES } from '../../native-free/wire/limits.js';
import { type Disk, diskErrorCode, EIO, isShortage, isShortOfResources } from '../disk/disk.js';
import { type ControlWords, FULL, PERSIST_WORD, type PersistRing } from './persist-layout.js';

/** What came of an act. */
export const OUTCOME = { done: 0, noSpace: 1, fatal: 2 } as const;

export interface PersistWriterOptions {
  ring: PersistRing;
  disk: Disk;
  words: ControlWords;
  /** A clock that all threads share and no step of the wall clock moves, ms. */
  now: () => number;
  /** Told how long each fdatasync took, µs. */
  onSync?: ((micros: number) => void) | undefined;
  /** Told once when the log stops for good, and each time the disk gets full. For the log line. */
  onDiskError?: ((what: string, error: Error) => void) | undefined;
  /** Throws `ESTALE` when a segment in use is not in its directory any more. Of the thread that has the segment files. */
  checkFiles?: (() => void) | undefined;
  /** Looks whether the directory is still this broker's. Without it, it always is. */
  guard?: WriteGuard | undefined;
}

/** What {@link DirGuard} is, as far as writing goes. */
export interface WriteGuard {
  /** False: look before the next write, and before saying of anything that it is on disk. */
  isFresh(): boolean;
  /** After a sync, before anybody is told of it. Throws a disk error when the file is not in its directory any more. */
  checkFile(fd: number): void;
  /** Throws a disk error when the directory is another's by now. */
  look(): void;
}

export class PersistWriter {
  readonly ring: PersistRing;
  readonly disk: Disk;
  readonly now: () => number;
  readonly #control: Int32Array;
  readonly #words: ControlWords;
  readonly #onDiskError: ((what: string, error: Error) => void) | undefined;
  readonly #onSync: ((micros: number) => void) | undefined;
  readonly #keepFreeSlots: number;
  readonly #guard: WriteGuard | undefined;
  readonly #checkFiles: (() => void) | undefined;

  constructor(options: PersistWriterOptions) {
    this.ring = options.ring;
    this.disk = options.disk;
    this.now = options.now;
    this.#control = options.ring.control;
    this.#words = options.words;
    this.#onDiskError = options.onDiskError;
    this.#guard = options.guard;
    this.#checkFiles = options.checkFiles;
    this.#onSync = options.onSync;
    const { ringBytes, spanBytes } = options.ring;
    // A batch that does not fit into the rest of its span takes that rest, too, which is shorter than the
    // batch.
    const largestClaim = 2 * Math.min(spanBytes, MAX_BATCH_BYTES);
    this.#keepFreeSlots = Math.ceil(Math.max(ringBytes / 4, largestClaim) / SLOT_BYTES);
  }

  get(word: number): number {
    return Atomics.load(this.#control, this.#words.spare + word);
  }

  set(word: number, value: number): void {
    Atomics.store(this.#control, this.#words.spare + word, value);
  }

  get fatal(): boolean {
    return Atomics.load(this.#control, this.#words.fatal) !== 0;
  }

  get full(): number {
    return Atomics.load(this.#control, this.#words.full);
  }

  /** Sets or clears bits of the `full` word; the index stage has one, too. */
  setFull(bits: number, on: boolean): void {
    const wrong = (on ? ~this.full : this.full) & bits;
    if (wrong === 0) {
      return;
    }
    if (on) {
      Atomics.or(this.#control, this.#words.full, bits);
    } else {
      Atomics.and(this.#control, this.#words.full, ~bits);
    }
  }

  /** What was wanted last is there again. */
  setRoom(): void {
    if ((this.full & FULL.noSpace) !== 0) {
      this.setFull(FULL.noSpace | FULL.resources, false);
    }
  }

  /** It is room on the disk that is wanted, not a descriptor: deleting files would help. */
  get wantsRoom(): boolean {
    return (this.full & FULL.resources) === 0;
  }

  /** Slots written that no fdatasync has covered. */
  unflushed(): number {
    return (this.ring.written() - this.ring.flushed()) | 0;
  }

  /** Somebody waits for the disk beyond what is flushed. */
  syncIsWanted(): boolean {
    return ((Atomics.load(this.#control, this.#words.syncWanted) - this.ring.flushed()) | 0) > 0;
  }

  /**
   * Writes from `written` to `end`, which must be batch boundaries in the current segment with no multiple of
   * the span strictly between. On a failure nothing has moved: the same bytes are written again at the next
   * try.
   */
  write(fd: number, end: number): number {
    const { ring } = this;
    const from = ring.written();
    const length = ((end - from) | 0) * SLOT_BYTES;
    const filePosition = ((from - this.get(PERSIST_WORD.segmentBase)) | 0) * SLOT_BYTES;
    if (!this.#isOurs()) {
      return OUTCOME.fatal;
    }
    try {
      this.disk.write(fd, ring.bytes, ring.place(from), length, filePosition);
    } catch (error) {
      return this.failed('write', error);
    }
    if (this.unflushed() === 0) {
      this.set(PERSIST_WORD.unsyncedSince, this.now() | 0);
    }
    if (((this.get(PERSIST_WORD.zeroedUpTo) - end) | 0) < 0) {
      this.set(PERSIST_WORD.zeroedUpTo, end);
    }
    ring.setWritten(end);
    return OUTCOME.done;
  }

  /**
   * One fdatasync of the current segment. All that is written and not flushed lies in it, because a segment
   * is synced before the log leaves it. A failure ends the log: the kernel may have dropped the pages, and a
   * second call would lie.
   */
  sync(fd: number): number {
    const written = this.ring.written();
    const begun = monotonicMs();
    try {
      this.disk.fdatasync(fd);
      this.#guard?.checkFile(fd);
    } catch (error) {
      return this.fail('fdatasync', error);
    }
    if (!this.#isOurs()) {
      return OUTCOME.fatal;
    }
    this.#onSync?.((monotonicMs() - begun) * 1000);
    this.ring.setFlushed(written);
    return OUTCOME.done;
  }

  /** Notes what became of a sync made elsewhere that covers all below `target`. True when `flushed` moved. */
  synced(errno: number, target: number, micros: number): boolean {
    if (errno !== 0) {
      const code = getSystemErrorName(-errno);
      this.fail('fdatasync', Object.assign(new Error(`${code}: fdatasync`), { errno: -errno, code }));
      return false;
    }
    if (!this.#isOurs()) {
      return false;
    }
    this.#onSync?.(micros);
    // A sync that somebody waited for may have come further meanwhile.
    if (((target - this.ring.flushed()) | 0) <= 0) {
      return false;
    }
    this.ring.setFlushed(target);
    return true;
  }

  /**
   * Frees ring space, no more than is needed for a quarter of the ring or the largest claim (and a sixteenth,
   * so that it is not done for every batch) to be claimable: what stays is a cache of the log's tail.
   */
  freeRing(): void {
    const { ring } = this;
    const slots = ring.ringBytes / SLOT_BYTES;
    const claimable = (((ring.gate() + slots) | 0) - ring.head()) | 0;
    if (claimable >= this.#keepFreeSlots) {
      return;
    }
    const wanted = (ring.head() + this.#keepFreeSlots + slots / 16 - slots) | 0;
    const written = ring.written();
    const upTo = ((wanted - written) | 0) < 0 ? wanted : written;
    if (((upTo - ring.gate()) | 0) > 0) {
      ring.free(upTo);
    }
  }

  /** Sorts a failure of anything but a sync: a shortage, or the end of the log. Errors that are not the disk's are thrown on. */
  failed(what: string, error: unknown): number {
    if (!isShortage(error)) {
      return this.fail(what, error);
    }
    if ((this.full & FULL.noSpace) === 0) {
      this.#onDiskError?.(what, error as Error);
    }
    if (isShortOfResources(error)) {
      this.setFull(FULL.noSpace | FULL.resources, true);
    } else {
      this.setFull(FULL.noSpace, true);
      this.setFull(FULL.resources, false);
    }
    return OUTCOME.noSpace;
  }

  /** False: a segment in use was moved, removed or replaced, and the log has ended over it. */
  filesAreInPlace(): boolean {
    try {
      this.#checkFiles?.();
      return true;
    } catch (error) {
      // Without a descriptor nothing is known; the next look may have one.
      if (isShortOfResources(error)) {
        return true;
      }
      this.#end('looking after the data directory', error);
      return false;
    }
  }

  /** A call, or this thread, may have stood still for longer than others wait for a sign of life. */
  #isOurs(): boolean {
    if (this.#guard === undefined || this.#guard.isFresh()) {
      return true;
    }
    try {
      this.#guard.look();
      return true;
    } catch (error) {
      this.fail('the data directory', error);
      return false;
    }
  }

  /** Ends the log. */
  fail(what: string, error: unknown): number {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    // What is missing may be missing because the directory has gone, which says more.
    const isMissing = ['ENOENT', 'ESTALE'].includes(diskErrorCode(error) ?? '');
    if (isMissing && !this.filesAreInPlace()) {
      return OUTCOME.fatal;
    }
    return this.#end(what, error);
  }

  #end(what: string, error: unknown): number {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    const errno = Math.abs((error as NodeJS.ErrnoException).errno ?? EIO) || EIO;
    if (Atomics.compareExchange(this.#control, this.#words.fatal, 0, errno) === 0) {
      this.#onDiskError?.(what, error as Error);
    }
    return OUTCOME.fatal;
  }
}
