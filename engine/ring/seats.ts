/**
 * Who sits where: the shared table of threads that write or read rings, and whether they are still alive.
 *
 * One 64-byte line of Int32 words a seat:
 *
 *   0 owner      0 = free, -1 = being freed, else the thread's tag + 1; taken by compare-and-swap
 *   1 task       Linux: the kernel's number of the thread; 0 = not known
 *   2 startLow   Linux: when the kernel started it, in clock ticks, so that a reused number is not mistaken for it
 *   3 startHigh
 *   4 gone       1 = the thread's exit was seen, or it has left the seat to the sweep
 *   5 parked     1 = the thread parks, see parking.ts
 *
 * A seat is released by its thread or, when that is dead, by the one thread that sweeps the table, after
 * every ring has been repaired and all that it had published is indexed. Elsewhere than on Linux a death is
 * known only by {@link SeatTable.markGone}.
 */
import type { Worker } from 'node:worker_threads';
import { readProcStat } from '../disk/proc-stat.js';

const SEAT_LINE_WORDS = 16;
const OWNER = 0;
const TASK = 1;
const START_LOW = 2;
const START_HIGH = 3;
const GONE = 4;
const PARKED = 5;
/** Owner of a dead thread's seat while its words are cleared. */
const BEING_FREED = -1;

/** Memory of a seat table; goes through postMessage as it is. */
export function createSeatMemory(maxThreads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(maxThreads * SEAT_LINE_WORDS * 4);
}

export class SeatTable {
  /** For `wake` and `park`, with {@link parkedWord}. */
  readonly control: Int32Array;
  readonly maxThreads: number;

  constructor(memory: SharedArrayBuffer) {
    this.control = new Int32Array(memory);
    this.maxThreads = this.control.length / SEAT_LINE_WORDS;
  }

  /**
   * A seat for the calling thread, or -1 when all are taken. `threadTag` is a number that no other thread of
   * the process ever has: `threadId` of node:worker_threads.
   */
  take(threadTag: number): number {
    const task = readProcStat('thread-self');
    for (let seat = 0; seat < this.maxThreads; seat++) {
      const at = seat * SEAT_LINE_WORDS;
      if (Atomics.compareExchange(this.control, at + OWNER, 0, threadTag + 1) === 0) {
        if (typeof task !== 'string') {
          Atomics.store(this.control, at + START_LOW, task.start | 0);
          Atomics.store(this.control, at + START_HIGH, Math.floor(task.start / 2 ** 32));
          // Last: from here on the two words before are looked at.
          Atomics.store(this.control, at + TASK, task.number);
        }
        return seat;
      }
    }
    return -1;
  }

  /** Gives the calling thread's seat back. The thread must have nothing claimed, pinned, or held any more, and no role. */
  release(seat: number): void {
    this.#clear(seat);
  }

  /**
   * Gives the seat of a dead thread back, for the one thread that sweeps. `threadTag` is what it was taken
   * with when it was found dead. False, and nothing changed, when it is not that thread's any more, or that
   * lives.
   */
  releaseDead(seat: number, threadTag: number): boolean {
    if (!this.#isDeadOwner(seat, threadTag + 1)) {
      return false;
    }
    // Not free before its words are clear: whoever took it would have them cleared behind his back.
    const owner = seat * SEAT_LINE_WORDS + OWNER;
    if (Atomics.compareExchange(this.control, owner, threadTag + 1, BEING_FREED) !== threadTag + 1) {
      return false;
    }
    this.#clear(seat);
    return true;
  }

  /** Start times stay, for whoever is just comparing one; the next owner writes his over them before he writes TASK. */
  #clear(seat: number): void {
    const at = seat * SEAT_LINE_WORDS;
    for (const word of [TASK, GONE, PARKED]) {
      Atomics.store(this.control, at + word, 0);
    }
    Atomics.store(this.control, at + OWNER, 0);
  }

  /**
   * Gives a seat back of which batches are not indexed yet: its next owner would get their results. It counts
   * as dead, and is released by the sweep. Else as {@link release}.
   */
  leave(seat: number): void {
    Atomics.store(this.control, seat * SEAT_LINE_WORDS + GONE, 1);
  }

  /** The tag the seat was taken with, or -1 when it is free; some other negative number while it is being freed. */
  tag(seat: number): number {
    return Atomics.load(this.control, seat * SEAT_LINE_WORDS + OWNER) - 1;
  }

  /** Index into {@link control} of the seat's parked flag. */
  parkedWord(seat: number): number {
    return seat * SEAT_LINE_WORDS + PARKED;
  }

  /** Whether the seat is taken by a thread that may still run; true when in doubt. Reads a small file on Linux. */
  isLive(seat: number): boolean {
    const owner = Atomics.load(this.control, seat * SEAT_LINE_WORDS + OWNER);
    return owner !== 0 && !this.#isDeadOwner(seat, owner);
  }

  /** Whether the seat is taken by a thread that is dead; false when in doubt. True stays true until the sweep frees the seat. */
  isDead(seat: number): boolean {
    const owner = Atomics.load(this.control, seat * SEAT_LINE_WORDS + OWNER);
    return owner > 0 && this.#isDeadOwner(seat, owner);
  }

  /** Whether the seat still is that of `owner`, the word's value, and that thread is certainly dead. */
  #isDeadOwner(seat: number, owner: number): boolean {
    const { control } = this;
    const at = seat * SEAT_LINE_WORDS;
    if (Atomics.load(control, at + GONE) === 1) {
      return Atomics.load(control, at + OWNER) === owner;
    }
    const number = Atomics.load(control, at + TASK);
    const startLow = Atomics.load(control, at + START_LOW);
    const startHigh = Atomics.load(control, at + START_HIGH);
    const task = number === 0 ? 'unknown' : readProcStat(`self/task/${number}`);
    if (task === 'unknown') {
      return false;
    }
    // One that has begun to end is listed for a moment longer, also after it was waited for, and runs nothing
    // of ours.
    const isThere = task !== 'gone' && !task.isEnding;
    if (isThere && (task.start | 0) === startLow && Math.floor(task.start / 2 ** 32) === startHigh) {
      return false;
    }
    // Reading takes long enough for a release and another take, and the answer is about these four words. Who
    // changes one of them meanwhile is alive; a dead thread changes nothing any more.
    return (
      Atomics.load(control, at + START_HIGH) === startHigh &&
      Atomics.load(control, at + START_LOW) === startLow &&
      Atomics.load(control, at + TASK) === number &&
      Atomics.load(control, at + OWNER) === owner
    );
  }

  /** Seats whose threads are dead and that wait for repair and release. */
  deadSeats(): number[] {
    const dead: number[] = [];
    for (let seat = 0; seat < this.maxThreads; seat++) {
      if (this.isDead(seat)) {
        dead.push(seat);
      }
    }
    return dead;
  }

  /** The thread with this tag has exited: its seats are dead. */
  markGone(threadTag: number): void {
    for (let seat = 0; seat < this.maxThreads; seat++) {
      if (this.tag(seat) === threadTag) {
        Atomics.store(this.control, seat * SEAT_LINE_WORDS + GONE, 1);
      }
    }
  }

  /**
   * Watches the workers that the calling thread starts from now on, and calls `onGone` after the seats of one
   * that exited were marked. Returns the way to stop. Needed elsewhere than on Linux; there it only makes a
   * sweep come sooner.
   */
  watchWorkers(onGone: (threadTag: number) => void): () => void {
    const watch = (tag: number): void => {
      this.markGone(tag);
      onGone(tag);
    };
    if (watches.size === 0) {
      process.on('worker', onWorker);
    }
    watches.add(watch);
    return () => {
      if (watches.delete(watch) && watches.size === 0) {
        process.off('worker', onWorker);
      }
    };
  }
}

/** Of all brokers of this thread: however many they are, a worker has one listener. */
const watches = new Set<(threadTag: number) => void>();

function onWorker(worker: Worker): void {
  const tag = worker.threadId;
  worker.once('exit', () => {
    for (const watch of [...watches]) {
      watch(tag);
    }
  });
}
