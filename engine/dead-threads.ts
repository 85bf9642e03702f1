/**
 * Clearing up after threads that were terminated while they had a seat: roles are taken from them, their unpublished claims become
 * padding, their pins and watches go, their consumers leave their groups, and the seat is free again.
 */

import type { IndexStage } from './queue/index.js';
import { type Ring, repairSeat } from './ring/index.js';
import type { ThreadParts } from './thread-parts.js';

const SWEEP_MS = 1_000;
/** A repair that had to wait for a living writer's next step is tried again this soon. */
const RETRY_MS = 5;

export class DeadThreads {
  readonly #parts: ThreadParts;
  readonly #onGone: (seat: number) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #stopWatching: () => void;
  #retry: NodeJS.Timeout | null = null;

  constructor(parts: ThreadParts, onGone: (seat: number) => void) {
    this.#parts = parts;
    this.#onGone = onGone;
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.#timer.unref();
    this.#stopWatching = parts.seats.watchWorkers(() => this.sweep());
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
    const { seats, persistSeat } = this.#parts;
    for (const dead of seats.deadSeats()) {
      if (dead !== persistSeat) {
        this.#clear(dead);
      }
    }
  }

  #clear(dead: number): void {
    const { logRing, memoryRing, logIndex, memoryIndex, queueTable, seats } = this.#parts;
    logRing.persistRole.breakIfHeldBy(dead);
    const log = this.#repair(logRing, logIndex, dead);
    const memory = this.#repair(memoryRing, memoryIndex, dead);
    if (!log || !memory) {
      this.#retry ??= setTimeout(() => {
        this.#retry = null;
        this.sweep();
      }, RETRY_MS);
      return;
    }
    queueTable.clearSeat(dead);
    this.#onGone(dead);
    seats.release(dead);
  }

  #repair(ring: Ring, index: IndexStage, dead: number): boolean {
    const { seat, seats } = this.#parts;
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
      return repaired;
    } finally {
      ring.indexRole.release(seat);
    }
  }
}
