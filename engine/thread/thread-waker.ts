/**
 * When a thread with an event loop sleeps and who wakes it. It parks only while it has something to wait for,
 * so that nobody pays 26 µs to wake a thread that has no interest.
 */
import { setImmediate } from 'node:timers';
import type { IndexStage } from '../queue/index.js';
import type { Ring, SeatTable } from '../ring/index.js';
import { EventLoopParker, WORD, wake } from '../ring/index.js';
import type { ReplicaMarks } from '../term/replica-marks.js';

export interface WakerDeps {
  seats: SeatTable;
  seat: number;
  /** Seat of the persist worker, which is woken for work only, not for news. */
  persistSeat: number;
  logRing: Ring;
  memoryRing: Ring;
  replicas: ReplicaMarks;
}

export class ThreadWaker {
  readonly #deps: WakerDeps;
  readonly #parker: EventLoopParker;
  readonly #onWake: () => void;
  readonly #seen = new Int32Array(8);
  #parked = false;
  readonly #wakeSeat = (seat: number): void => {
    if (seat !== this.#deps.seat) {
      wake(this.#deps.seats.control, this.#deps.seats.parkedWord(seat));
    }
  };

  constructor(deps: WakerDeps, onWake: () => void) {
    this.#deps = deps;
    this.#onWake = onWake;
    this.#parker = new EventLoopParker(deps.seats.control, deps.seats.parkedWord(deps.seat));
  }

  /** The thread is at work: nobody need notify it. */
  awake(): void {
    if (this.#parked) {
      this.#parked = false;
      this.#parker.disarm();
    }
  }

  /** Notes how far everything is. What moves after this is not missed by {@link park}. */
  look(): void {
    this.#compare(true);
  }

  /** Ends a turn. With interest, the thread is woken as soon as anything has moved since {@link look}. */
  park(interested: boolean): void {
    if (!interested) {
      return;
    }
    this.#parked = true;
    this.#parker.arm(this.#onWake);
    if (this.#compare(false)) {
      this.awake();
      setImmediate(this.#onWake);
    }
  }

  /** Tells all other threads that wait for news. Make the news visible first. */
  wakeOthers(): void {
    const { seats, seat, persistSeat } = this.#deps;
    for (let other = 0; other < seats.maxThreads; other++) {
      if (other !== seat && other !== persistSeat) {
        wake(seats.control, seats.parkedWord(other));
      }
    }
  }

  /** Tells the threads whose queues the index stage has moved, or whose results it has put. */
  wakeTouched(index: IndexStage): void {
    index.takeTouched(this.#wakeSeat);
  }

  wakePersist(): void {
    const { seats, persistSeat } = this.#deps;
    wake(seats.control, seats.parkedWord(persistSeat));
  }

  close(): void {
    this.#parker.close();
  }

  /** True when a cursor is not where it was; with `keep`, what is seen now is what later looks are compared with. */
  #compare(keep: boolean): boolean {
    const { logRing, memoryRing, replicas } = this.#deps;
    const seen = this.#seen;
    let moved = false;
    for (let i = 0; i < seen.length; i++) {
      const now = cursor(i, logRing, memoryRing, replicas);
      if (now !== seen[i]) {
        moved = true;
        if (keep) {
          seen[i] = now;
        }
      }
    }
    return moved;
  }
}

function cursor(which: number, log: Ring, memory: Ring, replicas: ReplicaMarks): number {
  switch (which) {
    case 0:
      return log.indexed();
    case 1:
      return log.written();
    case 2:
      return log.flushed();
    case 3:
      return log.gate();
    case 4:
      return memory.indexed();
    case 5:
      // The disk's failure is news to everybody who waits for an ack.
      return Atomics.load(log.control, WORD.fatal);
    case 6:
      return replicas.version;
    default:
      return memory.gate();
  }
}
