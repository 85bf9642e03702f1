/**
 * How much of administrative work is written one by one. What a stranger can bring about as often as it likes
 * (logins that fail, requests that are denied) has a small share a second, and so has each kind: a flood of
 * one hides nothing of the others. The rest is counted, and told by one entry for each kind of thing.
 */
import type { AuditFacts } from '../../native-free/wire/index.js';

/** Between two entries that say how many there were. */
export const SUMMARY_MS = 10_000;
/** Kinds of things that are counted apart; more share one. */
const MAX_COUNTED = 64;
/** Addresses that are told apart in one count. */
const MAX_ADDRESSES = 256;

/** At once, and in a second from then on. */
const SHARES = {
  login: { atOnce: 20, perSecond: 1 },
  refused: { atOnce: 100, perSecond: 5 },
  done: { atOnce: 1_000, perSecond: 100 },
} as const;
type Share = keyof typeof SHARES;

interface Counted {
  readonly facts: AuditFacts;
  readonly addresses: Set<string>;
}

export class AuditLimit {
  readonly #left: Record<Share, number> = {
    login: SHARES.login.atOnce,
    refused: SHARES.refused.atOnce,
    done: SHARES.done.atOnce,
  };
  readonly #filledAt: Record<Share, number>;
  #counted = new Map<string, Counted>();

  constructor(nowMs: number) {
    this.#filledAt = { login: nowMs, refused: nowMs, done: nowMs };
  }

  /** True: it is written by itself. False: it is counted. */
  take(facts: AuditFacts, nowMs: number): boolean {
    // A count of another thread: it is one already.
    if (facts.count > 1 || this.#has(shareOf(facts), nowMs)) {
      return true;
    }
    this.#count(facts);
    return false;
  }

  get isEmpty(): boolean {
    return this.#counted.size === 0;
  }

  /** What was counted since the last call. */
  takeCounted(): AuditFacts[] {
    const counted = this.#counted;
    this.#counted = new Map();
    return [...counted.values()].map(({ facts, addresses }) => {
      const many = addresses.size >= MAX_ADDRESSES ? `${MAX_ADDRESSES} and more` : `${addresses.size}`;
      return addresses.size > 1 ? { ...facts, details: `from ${many} addresses` } : facts;
    });
  }

  #has(share: Share, nowMs: number): boolean {
    const { atOnce, perSecond } = SHARES[share];
    const gained = ((nowMs - this.#filledAt[share]) / 1000) * perSecond;
    this.#filledAt[share] = nowMs;
    this.#left[share] = Math.min(atOnce, this.#left[share] + gained);
    if (this.#left[share] < 1) {
      return false;
    }
    this.#left[share] -= 1;
    return true;
  }

  #count(facts: AuditFacts): void {
    const { method, code, result } = facts;
    // Whoever fails to log in may say any name.
    const user = method === 'login' ? '' : facts.user;
    let key = `${method} ${result} ${code} ${user}`;
    if (!this.#counted.has(key) && this.#counted.size >= MAX_COUNTED) {
      key = '';
    }
    const known = this.#counted.get(key);
    if (known === undefined) {
      const kind = key === '' ? { method: 'others', code: '' as const, user: '' } : {};
      this.#counted.set(key, { facts: { ...facts, ...kind }, addresses: new Set([facts.address]) });
      return;
    }
    const { facts: sum, addresses } = known;
    if (addresses.size < MAX_ADDRESSES) {
      addresses.add(facts.address);
    }
    known.facts.count += facts.count;
    // What is not the same of all is left out.
    for (const field of ['user', 'address', 'connection', 'resource', 'details'] as const) {
      if (sum[field] !== facts[field]) {
        sum[field] = '';
      }
    }
  }
}

function shareOf({ method, result }: AuditFacts): Share {
  if (method === 'login') {
    return 'login';
  }
  return result === 'done' ? 'done' : 'refused';
}
