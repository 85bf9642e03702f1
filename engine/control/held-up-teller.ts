/** Says once why acks of consumer groups stay in memory, and once more when they do not any more. */
import type { RingMQError } from '../../native-free/wire/index.js';

/** Slaves start after their master, or are started anew: so long nobody is told that they are missing. */
const SLAVES_GRACE_MS = 10_000;

const ACKS = 'what consumer groups ack is kept in memory, and comes again if the broker ends before then';

export class HeldUpTeller {
  readonly #say: (line: string) => void;
  #sinceMs: number | null = null;
  #isTold = false;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** To be called now and then. `heldUpBy`: why something cannot be put into the log; null: nothing is held up. */
  step(heldUpBy: RingMQError | null, nowMs: number): void {
    if (heldUpBy === null) {
      if (this.#isTold) {
        this.#say('acks of consumer groups are put into the log again');
      }
      this.#sinceMs = null;
      this.#isTold = false;
      return;
    }
    this.#sinceMs ??= nowMs;
    const lacksSlaves = heldUpBy.code === 'NOT_ENOUGH_REPLICAS';
    if (this.#isTold || (lacksSlaves && nowMs - this.#sinceMs < SLAVES_GRACE_MS)) {
      return;
    }
    this.#isTold = true;
    this.#say(
      lacksSlaves
        ? `fewer slaves are in sync than this master waits for: until there are enough, messages are refused, and ${ACKS}`
        : `the log takes nothing now (${heldUpBy.message}): until it does, ${ACKS}`,
    );
  }
}
