/**
 * How long who fails to log in waits: longer with each failure, per address and user, and from some failures
 * on per address. Who waits has its place in line, so many tries at once are no faster than one after the
 * other. Whoever has many addresses gets no more tries at one user than {@link USER_MS} lets it, all together;
 * addresses from which the user has logged in before do not wait for that.
 */
import { networkOf } from '../../native-free/wire/index.js';

/** The wait after the first failure; doubled with each. */
const FIRST_MS = 100;
/** No answer waits longer: a login has to end within the time for a hello. */
export const MAX_LOGIN_WAIT_MS = 3_000;
/** Failures of one address, whoever it says it is, before it waits for that. */
const FREE_FAILURES_OF_ADDRESS = 16;
/** Failures at one user, from whatever addresses, before tries from addresses that it has not come from wait in one line. */
const FREE_FAILURES_OF_USER = 32;
/** Between two tries in that line. */
const USER_MS = 250;
/** So long an address is one that the user comes from. */
const KNOWN_MS = 7 * 86_400_000;
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
  /** By user, of all addresses. Apart from the others: those of many addresses do not push it out. */
  readonly #users = new Map<string, Entry>();
  /** Addresses and users that have logged in, with when. */
  readonly #known = new Map<string, number>();

  get size(): number {
    return Math.max(this.#entries.size, this.#users.size, this.#known.size);
  }

  /** How long a login waits before it is looked at; Infinity: it is refused, there are too many before it. */
  before(remote: string, user: string, nowMs: number): number {
    const address = networkOf(remote);
    let waitMs = 0;
    for (const key of [address, keyOf(address, user)]) {
      waitMs = Math.max(waitMs, (this.#entries.get(key)?.untilMs ?? 0) - nowMs);
    }
    if (!this.#isKnown(address, user, nowMs)) {
      waitMs = Math.max(waitMs, (this.#users.get(user)?.untilMs ?? 0) - nowMs);
    }
    return waitMs > MAX_LOGIN_WAIT_MS ? Number.POSITIVE_INFINITY : waitMs;
  }

  /** It has failed: how long the answer waits, and everybody behind it. */
  failed(remote: string, user: string, nowMs: number): number {
    const address = networkOf(remote);
    const ofPair = count(this.#entries, keyOf(address, user), 0, nowMs);
    const ofAddress = count(this.#entries, address, FREE_FAILURES_OF_ADDRESS, nowMs);
    const ofUser = this.#isKnown(address, user, nowMs)
      ? 0
      : count(this.#users, user, FREE_FAILURES_OF_USER, nowMs, USER_MS);
    return Math.min(MAX_LOGIN_WAIT_MS, Math.max(ofPair, ofAddress, ofUser));
  }

  succeeded(remote: string, user: string, nowMs: number): void {
    const key = keyOf(networkOf(remote), user);
    this.#entries.delete(key);
    this.#known.delete(key);
    this.#known.set(key, nowMs);
    bound(this.#known);
  }

  #isKnown(address: string, user: string, nowMs: number): boolean {
    // Nobody guesses a broker's key or a token's signature, and nobody is to hold up all that have one.
    if (user.startsWith('%')) {
      return true;
    }
    const since = this.#known.get(keyOf(address, user));
    return since !== undefined && nowMs - since <= KNOWN_MS;
  }
}

/** One more failure: how long until what it counts under may try again. `sameMs`: each waits for so long, in place of longer with each. */
function count(
  entries: Map<string, Entry>,
  key: string,
  free: number,
  nowMs: number,
  sameMs: number | null = null,
): number {
  let entry = entries.get(key);
  if (entry === undefined || nowMs - entry.lastMs > FORGET_MS) {
    entry = { failures: 0, untilMs: 0, lastMs: nowMs };
  }
  // Behind all others, as the newest.
  entries.delete(key);
  entries.set(key, entry);
  bound(entries);
  entry.failures++;
  entry.lastMs = nowMs;
  const over = entry.failures - free;
  if (over <= 0) {
    return 0;
  }
  const waitMs = sameMs ?? Math.min(MAX_LOGIN_WAIT_MS, FIRST_MS * 2 ** Math.min(over - 1, 10));
  entry.untilMs = Math.max(nowMs, entry.untilMs) + waitMs;
  return entry.untilMs - nowMs;
}

/** The oldest are forgotten first. */
function bound(entries: Map<string, unknown>): void {
  for (const oldest of entries.keys()) {
    if (entries.size <= MAX_ENTRIES) {
      return;
    }
    entries.delete(oldest);
  }
}

function keyOf(address: string, user: string): string {
  return `${address} ${user}`;
}
