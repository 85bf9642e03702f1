/**
 * The persist stage as a listener or host thread takes part in it: it writes what little has come in during
 * its turn by itself, which saves two thread wakes, and leaves everything else to the worker.
 */

import { availableParallelism } from 'node:os';
import { monotonicMs } from '../../native-free/time/index.js';
import { SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import { PERSIST_WORD } from '../log/persist-layout.js';
import { INLINE_MAX_BYTES, type PersistStage } from '../log/persist-stage.js';
import { type Ring, WORD } from '../ring/index.js';
import type { DiskState } from './disk-state.js';

/**
 * What a thread writes by itself under async flush. Handing over to the worker costs two wakes, some 50 µs of
 * two cores, and gains only where a third core is free to do the writing meanwhile.
 */
export const INLINE_ASYNC_BYTES = availableParallelism() <= 2 ? 1024 * 1024 : INLINE_MAX_BYTES;
/** A small write with its fdatasync, or a large write, that took longer than this holds up an event loop too much. */
const SLOW_MS = { sync: 1, async: 5 } as const;
const MAX_SLOW_IN_A_ROW = 3;
/** So long the worker does it alone then. */
const LEAVE_TO_WORKER_MS = 1_000;

export interface InlinePersistDeps {
  ring: Ring;
  stage: PersistStage;
  disk: DiskState;
  seat: number;
  syncFlush: boolean;
}

export class InlinePersist {
  readonly #deps: InlinePersistDeps;
  readonly #control: Int32Array;
  #notBefore = 0;
  #slowInARow = 0;

  constructor(deps: InlinePersistDeps) {
    this.#deps = deps;
    this.#control = deps.ring.control;
  }

  /** Writes (and syncs) what waits, or sees to it that the worker does. True when a watermark moved here. */
  run(): boolean {
    const { disk } = this.#deps;
    let progress = false;
    // Whoever found the role taken relies on the holder to look again after it let go.
    for (let round = 0; round < 3 && this.#hasWork(); round++) {
      if (!disk.isWorkerParked()) {
        return progress;
      }
      if (!this.#tryInline()) {
        disk.wakeWorker();
        return progress;
      }
      progress = true;
    }
    if (progress && this.#hasWork()) {
      disk.wakeWorker();
    }
    return progress;
  }

  #hasWork(): boolean {
    const { ring, syncFlush } = this.#deps;
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
    const { ring, stage, seat } = this.#deps;
    const waiting = ((ring.indexed() - ring.written()) | 0) * SLOT_BYTES;
    if (waiting > (this.#deps.syncFlush ? INLINE_MAX_BYTES : INLINE_ASYNC_BYTES)) {
      return false;
    }
    const started = monotonicMs();
    if (started < this.#notBefore || !ring.persistRole.tryTake(seat)) {
      return false;
    }
    let done = false;
    try {
      done = stage.stepInline();
    } finally {
      ring.persistRole.release(seat);
    }
    this.#judge(started, monotonicMs());
    return done;
  }

  /** One slow step may be the scheduler's doing, several on end are the disk's. */
  #judge(started: number, ended: number): void {
    if (ended - started <= SLOW_MS[this.#deps.syncFlush ? 'sync' : 'async']) {
      this.#slowInARow = 0;
    } else if (++this.#slowInARow >= MAX_SLOW_IN_A_ROW) {
      this.#slowInARow = 0;
      this.#notBefore = ended + LEAVE_TO_WORKER_MS;
    }
  }
}
