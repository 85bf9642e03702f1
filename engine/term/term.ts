/** What this broker is in its set, and of which epoch the log is at its end: two shared words, as the stages of any thread read them. */
import { monotonicMs } from '../../native-free/time/index.js';
import { BROKER_WORD, BROKER_WORDS_BYTES, LEASE, LEASE_UNIT_MS, ROLE } from './shared-words.js';

export class Term {
  readonly #words: Int32Array;

  /** `words`: the broker's (shared-words.ts). */
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

  /** A controller decides who is master. */
  get isLeased(): boolean {
    return Atomics.load(this.#words, BROKER_WORD.lease) !== LEASE.none;
  }

  /**
   * Whether a master may take and ack: always without a controller, else while its lease runs. To be asked
   * right before acks go out, as the process may have stood still since it was asked last.
   */
  get isHeld(): boolean {
    const lease = Atomics.load(this.#words, BROKER_WORD.lease);
    return (
      lease === LEASE.none ||
      (lease === LEASE.held &&
        ((leaseTime(monotonicMs()) - Atomics.load(this.#words, BROKER_WORD.leaseEnd)) | 0) < 0)
    );
  }

  /** The opener: until when acks may go out, by the monotonic clock; -Infinity: not at all. */
  setLease(untilMs: number): void {
    if (untilMs <= monotonicMs()) {
      Atomics.store(this.#words, BROKER_WORD.lease, LEASE.ended);
    } else {
      Atomics.store(this.#words, BROKER_WORD.leaseEnd, leaseTime(untilMs));
      Atomics.store(this.#words, BROKER_WORD.lease, LEASE.held);
    }
  }
}

/** Of the monotonic clock, which a process that was stopped finds gone on. */
function leaseTime(ms: number): number {
  return Math.floor(ms / LEASE_UNIT_MS) | 0;
}

/** The words of a broker that stands alone, for stages that replay, or are tested by themselves. */
export function masterTerm(epoch: number): Term {
  const term = new Term(new Int32Array(BROKER_WORDS_BYTES / 4));
  term.setEpoch(epoch);
  return term;
}
