/**
 * Work that would hold the thread if it were done in one go: thousands of queues of a consumer, chunks of
 * costly frames, hundreds of answers. It is done in pieces, one of each in turn, for a slice of each turn of
 * the event loop.
 */
import { setImmediate } from 'node:timers';
import { monotonicMs } from '../time/index.js';

export interface SlicedWork {
  /** Does a piece of a fraction of a millisecond. False: nothing is left. Must not throw. */
  step(): boolean;
}

/** Pieces of one turn end after this. */
const SLICE_MS = 2;

export class WorkTurns {
  readonly #waiting = new Set<SlicedWork>();
  #isDue = false;
  readonly #go = (): void => {
    this.#isDue = false;
    this.#serve();
  };

  /** There is something to do for it; one that is here already stays where it is. */
  add(work: SlicedWork): void {
    this.#waiting.add(work);
    this.#serveSoon();
  }

  /** What is one short piece. */
  do(piece: () => void): void {
    this.add({
      step: () => {
        piece();
        return false;
      },
    });
  }

  #serveSoon(): void {
    if (!this.#isDue && this.#waiting.size > 0) {
      this.#isDue = true;
      setImmediate(this.#go);
    }
  }

  #serve(): void {
    const from = monotonicMs();
    // A set goes on with what is added to it while it is walked through: one that has more to do goes to its
    // end.
    for (const work of this.#waiting) {
      this.#waiting.delete(work);
      if (work.step()) {
        this.#waiting.add(work);
      }
      if (monotonicMs() - from > SLICE_MS) {
        break;
      }
    }
    this.#serveSoon();
  }
}
