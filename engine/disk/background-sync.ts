/**
 * fdatasync on a thread of its own. Under async flush it may take a tenth of a second for what was written in
 * half a second, and nothing must wait for it; under sync flush the next group is written while a large one
 * is synced. One call at a time. The persist stage asks and collects, under its role; the sync thread only
 * calls fdatasync.
 *
 *     word 0  state       idle → asked (persist stage) → done | failed (sync thread) → idle (persist stage); stop
 *     word 1  fd          of the file to sync
 *     word 2  errno       after failed
 *     word 3  micros      how long the call took
 *     word 4  gone        1: the sync thread has ended
 */
import { monotonicMs } from '../../native-free/time/index.js';
import { type Disk, EIO } from './disk.js';

export const SYNC_STATE = { idle: 0, asked: 1, done: 2, failed: 3, stop: 4 } as const;
export const SYNC_WORD = { state: 0, fd: 1, errno: 2, micros: 3, gone: 4 } as const;
export const SYNC_WORDS_BYTES = 64;

/** The persist stage's end. */
export class BackgroundSync {
  readonly #words: Int32Array;
  #target = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** A call is under way, or over and not collected. */
  get busy(): boolean {
    return Atomics.load(this.#words, SYNC_WORD.state) !== SYNC_STATE.idle;
  }

  /** A call is over: {@link collect} has something to give. */
  get over(): boolean {
    const state = Atomics.load(this.#words, SYNC_WORD.state);
    return state === SYNC_STATE.done || state === SYNC_STATE.failed;
  }

  /** Ring position that the call covers. */
  get target(): number {
    return this.#target;
  }

  get micros(): number {
    return Atomics.load(this.#words, SYNC_WORD.micros);
  }

  /** Begins a call that covers what lies below `target`, all of it written before. Only when not busy. */
  begin(fd: number, target: number): void {
    this.#target = target;
    Atomics.store(this.#words, SYNC_WORD.fd, fd);
    Atomics.store(this.#words, SYNC_WORD.state, SYNC_STATE.asked);
    Atomics.notify(this.#words, SYNC_WORD.state);
  }

  /** Ends a call that is over: 0, or the errno it failed with. */
  collect(): number {
    const failed = Atomics.load(this.#words, SYNC_WORD.state) === SYNC_STATE.failed;
    const errno = failed ? Atomics.load(this.#words, SYNC_WORD.errno) : 0;
    Atomics.store(this.#words, SYNC_WORD.state, SYNC_STATE.idle);
    return errno;
  }

  /** Blocks until no call is under way. */
  wait(): void {
    while (Atomics.load(this.#words, SYNC_WORD.state) === SYNC_STATE.asked) {
      if (Atomics.load(this.#words, SYNC_WORD.gone) === 1) {
        failUnserved(this.#words);
      } else {
        Atomics.wait(this.#words, SYNC_WORD.state, SYNC_STATE.asked, 1_000);
      }
    }
  }

  /** Lets the sync thread end. Only when not busy. */
  stop(): void {
    Atomics.store(this.#words, SYNC_WORD.state, SYNC_STATE.stop);
    Atomics.notify(this.#words, SYNC_WORD.state);
  }
}

/** The sync thread has ended, asked to or not: a call that it leaves behind has failed. */
export function markSyncThreadGone(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory);
  Atomics.store(words, SYNC_WORD.gone, 1);
  failUnserved(words);
}

function failUnserved(words: Int32Array): void {
  Atomics.store(words, SYNC_WORD.errno, EIO);
  Atomics.compareExchange(words, SYNC_WORD.state, SYNC_STATE.asked, SYNC_STATE.failed);
  Atomics.notify(words, SYNC_WORD.state);
}

/** The sync thread: serves calls until it is stopped. `onOver` is called after each. Blocks. */
export function serveSyncs(
  memory: SharedArrayBuffer,
  disk: Pick<Disk, 'fdatasync'>,
  onOver: () => void,
): void {
  const words = new Int32Array(memory);
  for (;;) {
    const state = Atomics.load(words, SYNC_WORD.state);
    if (state === SYNC_STATE.stop) {
      return;
    }
    if (state !== SYNC_STATE.asked) {
      Atomics.wait(words, SYNC_WORD.state, state);
      continue;
    }
    Atomics.store(words, SYNC_WORD.state, syncOnce(words, disk));
    Atomics.notify(words, SYNC_WORD.state);
    onOver();
  }
}

function syncOnce(words: Int32Array, disk: Pick<Disk, 'fdatasync'>): number {
  const begun = monotonicMs();
  try {
    disk.fdatasync(Atomics.load(words, SYNC_WORD.fd));
  } catch (error) {
    Atomics.store(words, SYNC_WORD.errno, Math.abs((error as NodeJS.ErrnoException).errno ?? EIO) || EIO);
    return SYNC_STATE.failed;
  }
  Atomics.store(words, SYNC_WORD.micros, Math.round((monotonicMs() - begun) * 1000));
  return SYNC_STATE.done;
}
