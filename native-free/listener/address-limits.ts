/** How many connections one address may have, and how many it may make a second. */
import { monotonicMs } from '../time/index.js';
import { networkOf } from '../wire/index.js';

/** Seconds' worth of new connections that may come at once. */
const AT_ONCE_SECONDS = 5;
/** Addresses whose pace is remembered; the one that came least lately is forgotten first. */
const MAX_PACES = 16_384;

interface Pace {
  left: number;
  filledAt: number;
}

export interface AddressLimitOptions {
  /** 0: no limit. */
  readonly connections: number;
  /** New ones, a second. 0: no limit. */
  readonly perSecond: number;
}

export class AddressLimits {
  readonly #options: AddressLimitOptions;
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  readonly #paces = new Map<string, Pace>();

  constructor(options: AddressLimitOptions, now: () => number = monotonicMs) {
    this.#options = options;
    this.#now = now;
  }

  get isOff(): boolean {
    return this.#options.connections === 0 && this.#options.perSecond === 0;
  }

  /** Counts one that has come, whatever is said of it: `gone` is to be called. What it is too many of; null: it may stay. */
  come(address: string): string | null {
    const key = networkOf(address);
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    const { connections, perSecond } = this.#options;
    if (perSecond > 0 && !this.#take(key, perSecond)) {
      return `new connections a second from its address, of which there may be ${perSecond}`;
    }
    return connections > 0 && count > connections
      ? `connections from its address, of which there may be ${connections}`
      : null;
  }

  gone(address: string): void {
    const key = networkOf(address);
    const count = (this.#counts.get(key) ?? 0) - 1;
    if (count > 0) {
      this.#counts.set(key, count);
    } else {
      this.#counts.delete(key);
    }
  }

  #take(key: string, perSecond: number): boolean {
    const now = this.#now();
    const atOnce = perSecond * AT_ONCE_SECONDS;
    const pace = this.#paces.get(key) ?? { left: atOnce, filledAt: now };
    this.#paces.delete(key);
    this.#paces.set(key, pace);
    for (const oldest of this.#paces.keys()) {
      if (this.#paces.size <= MAX_PACES) {
        break;
      }
      this.#paces.delete(oldest);
    }
    pace.left = Math.min(atOnce, pace.left + ((now - pace.filledAt) / 1_000) * perSecond);
    pace.filledAt = now;
    if (pace.left < 1) {
      return false;
    }
    pace.left--;
    return true;
  }
}
