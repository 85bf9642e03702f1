/**
 * Clearing up after threads that were terminated while they had a seat: roles are taken from them, their
 * unpublished claims become padding, their pins and watches go, their consumers leave their groups, and once
 * all that they had published is indexed, the seat is free again.
 */

import { clearInterval, clearTimeout, setInterval, setTimeout } from '../../native-free/time/index.js';
import type { IndexStage, QueueTable } from '../queue/index.js';
import { type Ring, repairSeat, type SeatTable, WORD } from '../ring/index.js';

const SWEEP_MS = 1_000;
/** A repair that had to wait for a living writer's next step, or indexing that had to, is tried again this soon. */
const RETRY_MS = 5;

/** What a dead thread may have left something in. */
export interface DeadThreadsDeps {
  readonly seats: SeatTable;
  /** Of the thread that clears up. */
  readonly seat: number;
  readonly persistSeat: number;
  readonly logRing: Ring;
  readonly memoryRing: Ring;
  readonly logIndex: IndexStage;
  readonly memoryIndex: IndexStage;
  readonly queueTable: QueueTable;
}

export class DeadThreads {
  readonly #deps: DeadThreadsDeps;
  readonly #onGone: (seat: number) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #stopWatching: () => void;
  /** Where the rings' heads stood when a seat was first seen dead: all that it had claimed is below. */
  readonly #logEnds = new Map<number, number>();
  readonly #memoryEnds = new Map<number, number>();
  #retry: NodeJS.Timeout | null = null;

  constructor(deps: DeadThreadsDeps, onGone: (seat: number) => void) {
    this.#deps = deps;
    this.#onGone = onGone;
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.#timer.unref();
    this.#stopWatching = deps.seats.watchWorkers(() => this.sweep());
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#retry !== null) {
      clearTimeout(this.#retry);
    }
    this.#stopWatching();
  }

  /** Repairs and frees every dead seat that can be now. */
  sweep(): void {
    const { seats, persistSeat } = this.#deps;
    for (const dead of seats.deadSeats()) {
      if (dead !== persistSeat) {
        this.#clear(dead);
      }
    }
  }

  #clear(dead: number): void {
    const { logRing, memoryRing, logIndex, memoryIndex, queueTable, seats } = this.#deps;
    const tag = seats.tag(dead);
    logRing.persistRole.breakIfHeldBy(dead);
    const log = this.#repair(logRing, logIndex, dead, this.#logEnds);
    const memory = this.#repair(memoryRing, memoryIndex, dead, this.#memoryEnds);
    if (!log || !memory) {
      this.#retry ??= setTimeout(() => {
        this.#retry = null;
        this.sweep();
      }, RETRY_MS);
      return;
    }
    this.#logEnds.delete(dead);
    this.#memoryEnds.delete(dead);
    if (seats.tag(dead) !== tag || !seats.isDead(dead)) {
      return;
    }
    queueTable.clearSeat(dead);
    // It may have been a writer that waited for room. One that still does says so again.
    Atomics.store(memoryRing.control, WORD.wanted, 0);
    this.#onGone(dead);
    seats.releaseDead(dead, tag);
  }

  /**
   * False: not yet. The last owner's batches must be indexed before the seat is given away, or their results
   * would come to the next one; a living writer's open claim before them may keep them waiting.
   */
  #repair(ring: Ring, index: IndexStage, dead: number, ends: Map<number, number>): boolean {
    const { seat, seats } = this.#deps;
    const end = ends.get(dead) ?? ring.head();
    ends.set(dead, end);
    ring.indexRole.breakIfHeldBy(dead);
    if (!ring.indexRole.tryTake(seat)) {
      return false;
    }
    try {
      index.run();
      if (index.stalledBy !== null) {
        return false; // What the dead one began is not finished, so its marks cannot be judged yet.
      }
      const repaired = repairSeat(ring, dead, (other) => other !== dead && seats.isLive(other));
      index.run();
      return repaired && ((ring.indexed() - end) | 0) >= 0;
    } finally {
      ring.indexRole.release(seat);
    }
  }
}
