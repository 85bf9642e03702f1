/**
 * How far a user's connections, on whatever threads, have come with what their user may send or be sent a second: one word
 * for each user and direction, the time at which all that has gone would be paid for. Whoever moves bytes moves it on.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import type { PaceLimits, UserPace } from '../engine-thread.js';

/** Users that are told apart; of more, two may share their words. */
export const MAX_PACED_USERS = 16_384;
export const PACE_WORDS_BYTES = MAX_PACED_USERS * 2 * 4;

/** A word counts the process's monotonic clock in these; it comes round after 37 hours, either way. */
const UNITS_PER_MS = 16;
/** No word is farther ahead of the clock: one that is was left behind when it came round. */
const MAX_AHEAD_UNITS = 3_600_000 * UNITS_PER_MS;

/** One connection's view of its user's word. */
export class SharedPace implements UserPace {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #unitsPerByte: number;
  readonly #unitsPerMessage: number;
  /** Of a unit, not counted yet. */
  #rest = 0;

  /** `words`: of all users; `place`: the user's among them. */
  constructor(words: Int32Array, place: number, direction: 0 | 1, limits: PaceLimits) {
    const { bytesPerSecond, messagesPerSecond } = limits;
    this.#words = words;
    this.#at = place * 2 + direction;
    const perSecond = 1_000 * UNITS_PER_MS;
    this.#unitsPerByte = bytesPerSecond === 0 ? 0 : perSecond / bytesPerSecond;
    this.#unitsPerMessage = messagesPerSecond === 0 ? 0 : perSecond / messagesPerSecond;
  }

  /** They have gone. */
  spend(bytes: number, messages: number): void {
    const exact = Math.max(bytes * this.#unitsPerByte, messages * this.#unitsPerMessage) + this.#rest;
    const units = Math.floor(exact);
    this.#rest = exact - units;
    const cost = Math.min(units, MAX_AHEAD_UNITS);
    for (;;) {
      const before = Atomics.load(this.#words, this.#at);
      const now = nowUnits();
      const ahead = Math.min(aheadOf(before, now) + cost, MAX_AHEAD_UNITS);
      if (Atomics.compareExchange(this.#words, this.#at, before, (now + ahead) | 0) === before) {
        return;
      }
    }
  }

  /** How long until all that has gone is paid for, ms. */
  get aheadMs(): number {
    return aheadOf(Atomics.load(this.#words, this.#at), nowUnits()) / UNITS_PER_MS;
  }
}

function nowUnits(): number {
  return Math.floor(monotonicMs() * UNITS_PER_MS) | 0;
}

function aheadOf(word: number, now: number): number {
  const ahead = (word - now) | 0;
  return ahead > 0 && ahead <= MAX_AHEAD_UNITS ? ahead : 0;
}
