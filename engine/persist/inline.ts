/**
 * The persist stage as a listener or host thread takes part in it: it writes what little has come in during its
 * turn by itself, which saves two thread wakes, and leaves everything else to the worker.
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { ERRORS } from '../../native-free/wire/index.js';
import { FULL, INLINE_MAX_BYTES, PERSIST_WORD, type PersistStage } from '../log/index.js';
import type { Ring, SeatTable } from '../ring/index.js';
import { WORD, wake } from '../ring/index.js';

const SLOT_BYTES = 64;
const EIO = 5;
/**
 * What a thread writes by itself under async flush. Handing over to the worker costs two wakes, some 50 µs of two cores, and gains
 * only where a third core is free to do the writing meanwhile.
 */
export const INLINE_ASYNC_BYTES = availableParallelism() <= 2 ? 1024 * 1024 : INLINE_MAX_BYTES;
/** A small write with its fdatasync, or a large write, that took longer than this holds up an event loop too much. */
const SLOW_MS = { sync: 1, async: 5 } as const;
const MAX_SLOW_IN_A_ROW = 3;
/** So long the worker does it alone then. */
const LEAVE_TO_WORKER_MS = 1_000;

export interface InlineParts {
  ring: Ring;
  stage: PersistStage;
  seats: SeatTable;
  seat: number;
  persistSeat: number;
  syncFlush: boolean;
}

export class InlinePersist {
  readonly #parts: InlineParts;
  readonly #control: Int32Array;
  readonly #workerWord: number;
  #notBefore = 0;
  #slowInARow = 0;

  constructor(parts: InlineParts) {
    this.#parts = parts;
    this.#control = parts.ring.control;
    this.#workerWord = parts.seats.parkedWord(parts.persistSeat);
  }

  /** The error number sends are refused with now, or 0. */
  refusal(): number {
    if (Atomics.load(this.#control, WORD.fatal) !== 0) {
      return ERRORS.DISK_FAILED.wire;
    }
    return Atomics.load(this.#control, WORD.full) !== 0 ? ERRORS.DISK_FULL.wire : 0;
  }

  /** The disk has failed for good. */
  failed(): boolean {
    return Atomics.load(this.#control, WORD.fatal) !== 0;
  }

  /** Whether an index block finds no room, or no descriptor. */
  get indexIsFull(): boolean {
    return (Atomics.load(this.#control, WORD.full) & FULL.index) !== 0;
  }

  /** Any thread may say so: sends are refused, and the worker tells. `ofResources`: for want of a descriptor or memory, not of room. */
  setIndexFull(ofResources: boolean): void {
    if (!this.indexIsFull) {
      Atomics.or(this.#control, WORD.full, ofResources ? FULL.index | FULL.resources : FULL.index);
      wake(this.#parts.seats.control, this.#workerWord);
    }
  }

  indexHasRoom(): void {
    if (this.indexIsFull) {
      Atomics.and(this.#control, WORD.full, ~(FULL.index | FULL.resources));
      wake(this.#parts.seats.control, this.#workerWord);
    }
  }

  /** The disk has failed where this thread found out: ends the log, and has the worker say so. */
  fail(error: unknown): void {
    const errno = Math.abs((error as NodeJS.ErrnoException).errno ?? EIO) || EIO;
    Atomics.compareExchange(this.#control, WORD.fatal, 0, errno);
    wake(this.#parts.seats.control, this.#workerWord);
  }

  /** Writes (and syncs) what waits, or sees to it that the worker does. True when a watermark moved here. */
  run(): boolean {
    let progress = false;
    // Whoever found the role taken relies on the holder to look again after it let go.
    for (let round = 0; round < 3 && this.#hasWork(); round++) {
      if (Atomics.load(this.#parts.seats.control, this.#workerWord) !== 1) {
        return progress;
      }
      if (!this.#tryInline()) {
        wake(this.#parts.seats.control, this.#workerWord);
        return progress;
      }
      progress = true;
    }
    if (progress && this.#hasWork()) {
      wake(this.#parts.seats.control, this.#workerWord);
    }
    return progress;
  }

  #hasWork(): boolean {
    const { ring, syncFlush } = this.#parts;
    const flushed = ring.flushed();
    const written = ring.written();
    if (((ring.indexed() - written) | 0) > 0) {
      return true;
    }
    if (syncFlush) {
      // What is being synced now is taken care of.
      if (Atomics.load(this.#control, WORD.spare + PERSIST_WORD.syncing) !== 0) {
        return false;
      }
      return ((written - flushed) | 0) > 0;
    }
    return ((Atomics.load(this.#control, WORD.syncWanted) - flushed) | 0) > 0;
  }

  #tryInline(): boolean {
    const { ring, stage, seat } = this.#parts;
    const waiting = ((ring.indexed() - ring.written()) | 0) * SLOT_BYTES;
    if (waiting > (this.#parts.syncFlush ? INLINE_MAX_BYTES : INLINE_ASYNC_BYTES)) {
      return false;
    }
    const started = performance.now();
    if (started < this.#notBefore || !ring.persistRole.tryTake(seat)) {
      return false;
    }
    let done = false;
    try {
      done = stage.stepInline();
    } finally {
      ring.persistRole.release(seat);
    }
    this.#judge(started, performance.now());
    return done;
  }

  /** One slow step may be the scheduler's doing, several on end are the disk's. */
  #judge(started: number, ended: number): void {
    if (ended - started <= SLOW_MS[this.#parts.syncFlush ? 'sync' : 'async']) {
      this.#slowInARow = 0;
    } else if (++this.#slowInARow >= MAX_SLOW_IN_A_ROW) {
      this.#slowInARow = 0;
      this.#notBefore = ended + LEAVE_TO_WORKER_MS;
    }
  }
}
