/**
 * The persist stage: writes the ring's indexed bytes to the current segment as they are, and syncs as the
 * flush policy says. A role: only the thread that holds it calls anything here, whichever thread that is.
 *
 * One `step()` writes at most up to the next multiple of the span (no batch crosses one, so `written` is
 * always a batch boundary, and neither the ring's end nor the segment's comes in between), then syncs if that
 * is due. Called again at once when it returns true, this is the group commit: what arrived during one
 * fdatasync goes into the next.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import { SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import type { BackgroundSync } from '../disk/background-sync.js';
import type { Disk } from '../disk/disk.js';
import { type ControlWords, PERSIST_WORD, type PersistRing } from './persist-layout.js';
import { OUTCOME, PersistWriter, type WriteGuard } from './persist-writer.js';
import type { SegmentFiles } from './segment-files.js';
import { SpaceAhead } from './space-ahead.js';
import { SpaceWatch } from './space-watch.js';

/** An inline step that syncs writes no more than this; more is the worker's. */
export const INLINE_MAX_BYTES = 64 * 1024;
/** sync flush: a group of up to this is synced by the stage itself, a larger one by the sync thread. */
const IN_PLACE_MAX_BYTES = 256 * 1024;
/** How soon a full disk is tried again. */
const FULL_RETRY_MS = 100;

export interface PersistStageOptions {
  ring: PersistRing;
  disk: Disk;
  /** null on threads that only step inline. */
  files: SegmentFiles | null;
  words: ControlWords;
  /** The broker's policy. A batch that wants more raises `syncWanted`. */
  flush: 'sync' | 'async';
  /** async: oldest unsynced write waits no longer. Default 500. */
  flushIntervalMs?: number | undefined;
  /** async: sync when so much is written and not synced. Default 64 MiB. */
  flushBytes?: number | undefined;
  /** An inline step that need not sync writes no more than this. Default {@link INLINE_MAX_BYTES}. */
  inlineMaxBytes?: number | undefined;
  /** Where large syncs, and those that nobody waits for, are made. Without it the stage makes them itself, and writing waits. */
  background?: BackgroundSync | undefined;
  /**
   * At most so much is zeroed ahead of the end; 0 never zeroes, and then nothing is ever synced inline except
   * in recycled segments. Default 64 MiB under sync flush, 0 under async.
   */
  zeroAheadBytes?: number | undefined;
  /** Sends are refused when less is free. Default: 5 % of the file system, at most 1 GiB; 0 = no such limit. */
  minFreeBytes?: number | undefined;
  /** A clock that all threads share and no step of the wall clock moves, ms. Default `monotonicMs`. */
  now?: (() => number) | undefined;
  /** Throws `ESTALE` when a segment in use is not in its directory any more; asked before the log leaves one. */
  checkFiles?: (() => void) | undefined;
  /** Told how long each fdatasync took, µs. */
  onSync?: ((micros: number) => void) | undefined;
  /** For the log line: the log has stopped, or the disk is full. */
  onDiskError?: ((what: string, error: Error) => void) | undefined;
  /** Looks whether the directory is still this broker's. */
  guard?: WriteGuard | undefined;
}

export class PersistStage {
  readonly #writer: PersistWriter;
  readonly #ring: PersistRing;
  readonly #files: SegmentFiles | null;
  readonly #ahead: SpaceAhead | null;
  readonly #space: SpaceWatch | null;
  readonly #background: BackgroundSync | null;
  readonly #inlineMaxBytes: number;
  readonly #syncAlways: boolean;
  readonly #flushIntervalMs: number;
  readonly #flushSlots: number;
  #writeFailedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PersistStageOptions) {
    this.#writer = new PersistWriter({ ...options, now: options.now ?? monotonicMs });
    this.#ring = options.ring;
    this.#files = options.files;
    // Under async flush nobody waits for the disk, and a write into a hole costs no more than any other.
    const defaultAhead = options.flush === 'sync' ? 64 * 1024 * 1024 : 0;
    this.#inlineMaxBytes =
      options.flush === 'sync' ? INLINE_MAX_BYTES : (options.inlineMaxBytes ?? INLINE_MAX_BYTES);
    this.#background = options.background ?? null;
    this.#ahead =
      options.files === null
        ? null
        : new SpaceAhead(this.#writer, options.files, options.zeroAheadBytes ?? defaultAhead);
    this.#space =
      options.files === null ? null : new SpaceWatch(this.#writer, options.files.dir, options.minFreeBytes);
    this.#syncAlways = options.flush === 'sync';
    this.#flushIntervalMs = options.flushIntervalMs ?? 500;
    this.#flushSlots = (options.flushBytes ?? 64 * 1024 * 1024) / SLOT_BYTES;
  }

  /**
   * Opens the segment at the ring's `written` (the end that recovery found). Once, by the thread that has the
   * files. Throws disk errors.
   */
  open(): void {
    const files = this.#requireFiles();
    const end = this.#ring.written();
    files.open(this.#ring.toBytes(end));
    this.#writer.set(PERSIST_WORD.oldestSegment, (files.bases[0] as number) / files.segmentBytes);
    this.#writer.set(PERSIST_WORD.zeroedUpTo, end);
    this.#publishSegment();
  }

  /**
   * Writes, syncs, frees ring space; with none of that to do or under way, prepares space ahead in one bounded piece. True
   * when it came further and wants to be called again at once. False: wait until something is indexed or
   * wanted, at most {@link nextDueMs}.
   */
  step(): boolean {
    const writer = this.#writer;
    if (writer.fatal) {
      return false;
    }
    const now = writer.now();
    this.#space?.step(now);
    let progress = this.#collectSync();
    if (this.#write(now)) {
      progress = true;
    }
    if (this.#syncIsDue(now) && this.#sync(now)) {
      progress = true;
    }
    writer.freeRing();
    // Behind a sync that is under way one more would keep what comes meanwhile from being written.
    if (!progress && !writer.fatal && this.#ahead !== null && this.#background?.busy !== true) {
      progress = this.#ahead.prepare(now);
    }
    return progress && !writer.fatal;
  }

  /**
   * The step of a listener that holds the role for a moment: only when everything that waits is small, and
   * lies in the current segment and, if it is to be synced, in blocks that exist. True: all that was indexed
   * is written, and synced where somebody waits for that. False: nothing was done (or the disk failed), the
   * worker must.
   */
  stepInline(): boolean {
    const writer = this.#writer;
    const ring = this.#ring;
    const fd = writer.get(PERSIST_WORD.fd) - 1;
    if (fd < 0 || writer.fatal || writer.full !== 0) {
      return false;
    }
    // An fdatasync behind another one would take as long as both.
    if (this.#syncAlways && writer.get(PERSIST_WORD.syncing) !== 0) {
      return false;
    }
    const end = ring.indexed();
    const written = ring.written();
    const slots = (end - written) | 0;
    if (slots * SLOT_BYTES > this.#inlineMaxBytes || slots < 0) {
      return false;
    }
    if (slots > 0) {
      if (((end - writer.get(PERSIST_WORD.segmentEnd)) | 0) > 0) {
        return false;
      }
      const syncs = this.#syncAlways || writer.syncIsWanted();
      if (syncs && ((end - writer.get(PERSIST_WORD.zeroedUpTo)) | 0) > 0) {
        return false;
      }
      // In a small ring its end, or more than one span's, may lie between.
      for (let from = written; from !== end; from = ring.written()) {
        const border = this.#nextSpan(from);
        const to = ((end - border) | 0) > 0 ? border : end;
        if (writer.write(fd, to) !== OUTCOME.done) {
          return false;
        }
      }
    }
    if (writer.unflushed() > 0 && (this.#syncAlways || writer.syncIsWanted())) {
      if (writer.sync(fd) !== OUTCOME.done) {
        return false;
      }
    }
    writer.freeRing();
    return true;
  }

  /** Ends the log for what was found beside it. Throws what is no disk error. */
  fail(what: string, error: unknown): void {
    this.#writer.fail(what, error);
  }

  /** How long, in ms, the worker may wait at most before it calls {@link step} unasked. */
  nextDueMs(): number {
    const writer = this.#writer;
    if (writer.full !== 0) {
      return FULL_RETRY_MS;
    }
    if (writer.fatal || writer.unflushed() === 0 || this.#background?.busy === true) {
      return this.#flushIntervalMs;
    }
    return Math.max(
      0,
      Math.min(this.#flushIntervalMs, this.#flushIntervalMs - this.#unsyncedMs(writer.now())),
    );
  }

  /** Writes and syncs all that is indexed now, whatever the policy. False when the disk is full or has failed. */
  flushAll(): boolean {
    const writer = this.#writer;
    this.#finishSync();
    const end = this.#ring.indexed();
    while (((end - this.#ring.written()) | 0) > 0) {
      this.#writeFailedAt = Number.NEGATIVE_INFINITY;
      if (writer.fatal || !this.#write(writer.now())) {
        return false;
      }
    }
    if (writer.fatal) {
      return false;
    }
    return writer.unflushed() === 0 || writer.sync(this.#fd()) === OUTCOME.done;
  }

  /** Closes the files; nobody can write inline from here on. Does not flush. */
  close(): void {
    this.#finishSync();
    this.#background?.stop();
    this.#writer.set(PERSIST_WORD.fd, 0);
    this.#requireFiles().close();
  }

  /** Writes one piece. True when `written` moved. */
  #write(now: number): boolean {
    const ring = this.#ring;
    const writer = this.#writer;
    const indexed = ring.indexed();
    const written = ring.written();
    if (((indexed - written) | 0) <= 0) {
      return false;
    }
    // A full disk is not asked at every turn: each try may cost a directory sync.
    if (now - this.#writeFailedAt >= 0 && now - this.#writeFailedAt < FULL_RETRY_MS) {
      return false;
    }
    if (written === writer.get(PERSIST_WORD.segmentEnd) && !this.#nextSegment(now)) {
      return false;
    }
    const border = this.#nextSpan(written);
    const end = ((indexed - border) | 0) > 0 ? border : indexed;
    const outcome = writer.write(this.#fd(), end);
    if (outcome !== OUTCOME.done) {
      this.#noRoom(outcome, now);
      return false;
    }
    this.#roomAgain();
    if (this.#syncAlways || writer.syncIsWanted()) {
      this.#ahead?.alongside((end - written) | 0, now);
    }
    return true;
  }

  /** The log moves on to the next file; the old one is synced first, so one fdatasync always covers all that is unflushed. */
  #nextSegment(now: number): boolean {
    const writer = this.#writer;
    // The file is closed below: no call may be under way in it.
    this.#finishSync();
    if (writer.unflushed() > 0 && writer.sync(this.#fd()) !== OUTCOME.done) {
      return false;
    }
    // All that is acked of the segment must be where the next start looks for it.
    if (!writer.filesAreInPlace()) {
      return false;
    }
    const files = this.#requireFiles();
    try {
      files.prepareNext();
    } catch (error) {
      this.#noRoom(writer.failed('create segment', error), now);
      return false;
    }
    // While the fd word is 0 a thread that takes the role over from us, should we die here, writes nothing.
    writer.set(PERSIST_WORD.fd, 0);
    files.advance();
    this.#publishSegment();
    return true;
  }

  #publishSegment(): void {
    const writer = this.#writer;
    const files = this.#requireFiles();
    const { base, fd, allocated } = files.current;
    const baseSlots = this.#ring.toSlots(base);
    const endSlots = (baseSlots + files.segmentBytes / SLOT_BYTES) | 0;
    writer.set(PERSIST_WORD.segmentBase, baseSlots);
    writer.set(PERSIST_WORD.segmentEnd, endSlots);
    if (allocated && ((endSlots - writer.get(PERSIST_WORD.zeroedUpTo)) | 0) > 0) {
      writer.set(PERSIST_WORD.zeroedUpTo, endSlots);
    }
    writer.set(PERSIST_WORD.fd, fd + 1);
  }

  #noRoom(outcome: number, now: number): void {
    if (outcome !== OUTCOME.noSpace) {
      return;
    }
    this.#writeFailedAt = now;
    // Spares are only a convenience; what was acked needs the room more.
    if (this.#writer.wantsRoom) {
      this.#requireFiles().dropSpares();
    }
  }

  #roomAgain(): void {
    this.#writeFailedAt = Number.NEGATIVE_INFINITY;
    if (this.#ahead?.noSpace !== true) {
      this.#writer.setRoom();
    }
  }

  #syncIsDue(now: number): boolean {
    const writer = this.#writer;
    const unflushed = writer.unflushed();
    if (unflushed <= 0 || writer.fatal) {
      return false;
    }
    return (
      this.#syncAlways ||
      writer.syncIsWanted() ||
      unflushed >= this.#flushSlots ||
      this.#unsyncedMs(now) >= this.#flushIntervalMs
    );
  }

  /** Syncs, or has it done on the sync thread. True when `flushed` moved. */
  #sync(now: number): boolean {
    const background = this.#background;
    const writer = this.#writer;
    if (background === null || this.#syncsInPlace(background)) {
      return writer.sync(this.#fd()) === OUTCOME.done;
    }
    if (!background.busy) {
      // What is written from here on is not covered, and its age counts from now.
      writer.set(PERSIST_WORD.unsyncedSince, now | 0);
      writer.set(PERSIST_WORD.syncing, 1);
      background.begin(this.#fd(), this.#ring.written());
    }
    return false;
  }

  /**
   * Under async flush what somebody waits for does not wait behind a background sync. Under sync flush only a
   * small group is worth no hand-over; while a large one is being synced, the next is being written.
   */
  #syncsInPlace(background: BackgroundSync): boolean {
    if (!this.#syncAlways) {
      return this.#writer.syncIsWanted();
    }
    return !background.busy && this.#writer.unflushed() * SLOT_BYTES <= IN_PLACE_MAX_BYTES;
  }

  /** Takes note of a background sync that is over. True when `flushed` moved. */
  #collectSync(): boolean {
    const background = this.#background;
    if (background === null || !background.over) {
      return false;
    }
    const { target, micros } = background;
    this.#writer.set(PERSIST_WORD.syncing, 0);
    return this.#writer.synced(background.collect(), target, micros);
  }

  #finishSync(): void {
    this.#background?.wait();
    this.#collectSync();
  }

  /** Age of the oldest unsynced write. The word holds 32 bits of the clock: what seems to lie ahead is older than they reach. */
  #unsyncedMs(now: number): number {
    const age = ((now | 0) - this.#writer.get(PERSIST_WORD.unsyncedSince)) | 0;
    return age < 0 ? Number.POSITIVE_INFINITY : age;
  }

  #nextSpan(position: number): number {
    const slots = this.#ring.spanBytes / SLOT_BYTES;
    return (position + slots - (position & (slots - 1))) | 0;
  }

  #fd(): number {
    return this.#requireFiles().current.fd;
  }

  #requireFiles(): SegmentFiles {
    if (this.#files === null) {
      throw new Error('this thread has the persist stage for inline steps only');
    }
    return this.#files;
  }
}
