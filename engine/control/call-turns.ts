/**
 * The turns of calls on the control plane's thread. Each asker (a connection of a thread) has a queue of its
 * own, and the first call of each is begun in turn, for a slice of each turn of the event loop: who asks much
 * waits for himself. How many an asker may have here is bounded by who takes them in.
 */
import { setImmediate } from 'node:timers';
import { monotonicMs } from '../../native-free/time/index.js';

/** A call, or the word that a consumer has gone, which must not overtake its calls. */
export interface Turn {
  begin(): void;
  /** Its asker has gone: it is not begun. False: it counts even so, and is begun in its turn. */
  giveUp(): boolean;
}

/** Beginnings in one turn of the event loop end after so long, ms, and after so many: what follows a beginning comes behind all of them. */
const SLICE_MS = 2;
const MAX_BEGUN_IN_TURN_COUNT = 32;

/** Runs a piece of work, and may measure it. */
type Measured = (run: () => void) => void;

export class CallTurns {
  readonly #measured: Measured;
  /** In the order in which they come to their turn. */
  readonly #queues = new Map<string, Turn[]>();
  #isDue = false;
  readonly #serveNow = (): void => this.#serve();
  readonly #go = (): void => {
    this.#isDue = false;
    this.#measured(this.#serveNow);
  };

  constructor(measured: Measured = (run) => run()) {
    this.#measured = measured;
  }

  add(asker: string, turn: Turn): void {
    const queue = this.#queues.get(asker);
    if (queue === undefined) {
      this.#queues.set(asker, [turn]);
    } else {
      queue.push(turn);
    }
    this.#serveSoon();
  }

  /** An asker has gone. */
  giveUp(asker: string): void {
    const kept = this.#queues.get(asker)?.filter((turn) => !turn.giveUp()) ?? [];
    if (kept.length === 0) {
      this.#queues.delete(asker);
    } else {
      this.#queues.set(asker, kept);
    }
  }

  /** Begins all that askers whose names begin so have here. */
  finish(prefix: string): void {
    for (const [asker, queue] of this.#queues) {
      if (asker.startsWith(prefix)) {
        this.#queues.delete(asker);
        for (const turn of queue) {
          turn.begin();
        }
      }
    }
  }

  clear(): void {
    this.#queues.clear();
  }

  #serveSoon(): void {
    if (!this.#isDue && this.#queues.size > 0) {
      this.#isDue = true;
      setImmediate(this.#go);
    }
  }

  #serve(): void {
    const from = monotonicMs();
    let begun = 0;
    // A map goes on with what is added to it while it is walked through: who has more comes again behind the
    // others.
    for (const [asker, queue] of this.#queues) {
      this.#queues.delete(asker);
      const turn = queue.shift();
      if (queue.length > 0) {
        this.#queues.set(asker, queue);
      }
      turn?.begin();
      begun++;
      if (begun >= MAX_BEGUN_IN_TURN_COUNT || monotonicMs() - from > SLICE_MS) {
        break;
      }
    }
    this.#serveSoon();
  }
}
