/**
 * How long who fails to log in waits: longer with each failure, per address and user, and from some failures
 * on per address. Who waits has its place in line, so many tries at once are no faster than one after the
 * other.
 */

/** The wait after the first failure; doubled with each. */
const FIRST_MS = 100;
/** No answer waits longer: a login has to end within the time for a hello. */
export const MAX_LOGIN_WAIT_MS = 3_000;
/** Failures of one address, whoever it says it is, before it waits for that. */
const FREE_FAILURES_OF_ADDRESS = 16;
/** Without another failure for so long, it begins anew. */
const FORGET_MS = 60_000;
/** Addresses, and users at addresses; the oldest are forgotten first. */
const MAX_ENTRIES = 16_384;

interface Entry {
  failures: number;
  /** Nobody else is answered before. */
  untilMs: number;
  lastMs: number;
}

export class LoginDelays {
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** How long a login waits before it is looked at; Infinity: it is refused, there are too many before it. */
  before(address: string, user: string, nowMs: number): number {
    let waitMs = 0;
    for (const key of [address, keyOf(address, user)]) {
      waitMs = Math.max(waitMs, (this.#entries.get(key)?.untilMs ?? 0) - nowMs);
    }
    return waitMs > MAX_LOGIN_WAIT_MS ? Number.POSITIVE_INFINITY : waitMs;
  }

  /** It has failed: how long the answer waits, and everybody behind it. */
  failed(address: string, user: string, nowMs: number): number {
    const ofUser = this.#count(keyOf(address, user), 0, nowMs);
    const ofAddress = this.#count(address, FREE_FAILURES_OF_ADDRESS, nowMs);
    return Math.min(MAX_LOGIN_WAIT_MS, Math.max(ofUser, ofAddress));
  }

  succeeded(address: string, user: string): void {
    this.#entries.delete(keyOf(address, user));
  }

  #count(key: string, free: number, nowMs: number): number {
    let entry = this.#entries.get(key);
    if (entry === undefined || nowMs - entry.lastMs > FORGET_MS) {
      entry = { failures: 0, untilMs: 0, lastMs: nowMs };
    }
    // Behind all others, as the newest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES) {
        break;
      }
      this.#entries.delete(oldest);
    }
    entry.failures++;
    entry.lastMs = nowMs;
    const over = entry.failures - free;
    if (over > 0) {
      const waitMs = Math.min(MAX_LOGIN_WAIT_MS, FIRST_MS * 2 ** Math.min(over - 1, 10));
      entry.untilMs = Math.max(nowMs, entry.untilMs) + waitMs;
      return entry.untilMs - nowMs;
    }
    return 0;
  }
}

function keyOf(address: string, user: string): string {
  return `${address} ${user}`;
}
