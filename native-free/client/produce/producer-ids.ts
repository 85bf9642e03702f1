/**
 * Ids under which the broker tells a batch that is sent again. A producer has one while it has batches on
 * their way, and leaves it to the next one when all are settled: a producer made for each request costs the
 * broker's table, which is of bounded size, no place of its own.
 */
import { randomWords } from '../cryptography.js';

/** An id, and the sequence its next batch gets. Of a new one that is 1: the broker knows nothing of it. */
export interface ProducerId {
  readonly idLow: number;
  readonly idHigh: number;
  readonly epoch: number;
  nextSequence: number;
}

/** Where a sender's ids come from. */
export interface IdSource {
  /** `isFresh`: one that nobody has used. */
  take(isFresh: boolean): ProducerId;
  /** Nothing is under way under it any more. */
  give(id: ProducerId): void;
  /** What the broker knows nothing of under one id may be sent under another. */
  readonly hasOthers: boolean;
}

/** One message under an id and a sequence that somebody else has chosen, so that it is told when it comes again. */
export class ChosenId implements IdSource {
  readonly hasOthers = false;
  readonly #id: ProducerId;

  constructor(idLow: number, idHigh: number, sequence: number) {
    this.#id = { idLow, idHigh, epoch: 0, nextSequence: sequence };
  }

  take(): ProducerId {
    return this.#id;
  }

  give(): void {
    // Who has chosen it has it.
  }
}

/** Ids kept; beyond that they are forgotten, and new ones are made when they are needed. */
const MAX_KEPT = 1_024;

export class ProducerIds implements IdSource {
  readonly hasOthers = true;
  #free: ProducerId[] = [];
  #history = 0;
  /** The history in which an id was made. */
  readonly #historyOf = new WeakMap<ProducerId, number>();

  /** The one used last, which the broker forgets last. `isFresh`: one that nobody has used. */
  take(isFresh: boolean): ProducerId {
    return (isFresh ? undefined : this.#free.pop()) ?? this.#make();
  }

  /** Nothing is under way under it any more. */
  give(id: ProducerId): void {
    if (this.#historyOf.get(id) === this.#history && this.#free.length < MAX_KEPT) {
      this.#free.push(id);
    }
  }

  /** The broker of now knows none of them. */
  forgetAll(): void {
    this.#free = [];
    this.#history++;
  }

  #make(): ProducerId {
    // 0 would mean a producer the broker does not check.
    const random = randomWords(2);
    const id = {
      idLow: (random[0] as number) || 1,
      idHigh: random[1] as number,
      epoch: 0,
      nextSequence: 1,
    };
    this.#historyOf.set(id, this.#history);
    return id;
  }
}
