/** What this broker is in its set, and of which epoch the log is at its end: two shared words, as the stages of any thread read them. */
import { BROKER_WORD, ROLE } from './shared-words.js';

export class Term {
  readonly #words: Int32Array;

  /** `words`: the broker's (persist/shared-words.ts). */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** One of {@link ROLE}. */
  get role(): number {
    return Atomics.load(this.#words, BROKER_WORD.role);
  }

  /** The log comes from a master: it is indexed as it is, and nothing is stamped. */
  get isFollower(): boolean {
    return Atomics.load(this.#words, BROKER_WORD.role) === ROLE.slave;
  }

  get epoch(): number {
    return Atomics.load(this.#words, BROKER_WORD.epoch) >>> 0;
  }

  /** The index role's holder of a follower, for each batch; the opener of a master, while nothing is stamped. */
  setEpoch(epoch: number): void {
    Atomics.store(this.#words, BROKER_WORD.epoch, epoch | 0);
  }

  /** The opener, while nothing is stamped. */
  setRole(role: number): void {
    Atomics.store(this.#words, BROKER_WORD.role, role);
  }
}

/** The words of a broker that stands alone, for stages that replay, or are tested by themselves. */
export function masterTerm(epoch: number): Term {
  const term = new Term(new Int32Array(BROKER_WORD.epoch + 1));
  term.setEpoch(epoch);
  return term;
}
