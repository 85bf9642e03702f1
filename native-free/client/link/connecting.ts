/** How a connection comes to its links: the first one within its time, later ones for as long as it takes, with waits between tries. */
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import { type ErrorCode, isRingMQError, RingMQError } from '../../wire/index.js';
import { pause, whenAborted } from '../abort.js';
import { asConnectError, isHopeless } from '../failures.js';
import type { ConnectionOptions } from './connection-options.js';
import type { Link, LinkFactory } from './link.js';
import type { LinkUser } from './link-user.js';

/** Errors after which trying again is of no use. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNSUPPORTED_VERSION',
  'ORIGIN_REFUSED',
  'NOT_AUTHENTICATED',
  'TOKEN_EXPIRED',
  // From a link factory: there will be no other link.
  'CLOSED',
]);

/** For the first connection, and for each try to make it anew. */
const DEFAULT_CONNECT_MS = 10_000;

/** Does a connection that was lost over this end for good? `user`: one that gets other tokens comes back with another. */
export function isFinal(error: unknown, user: LinkUser | null): boolean {
  if (!isRingMQError(error) || !FINAL.has(error.code)) {
    return false;
  }
  return error.code !== 'TOKEN_EXPIRED' || (user?.renewal ?? null) === null;
}

/** Whose links they are. */
export interface ConnectingOwner {
  /** As whom it comes; null: as nobody. */
  readonly user: LinkUser | null;
  /** Why the connection is over for good, if it is. */
  failure(): RingMQError | null;
  isOpen(): boolean;
  /** Shakes hands over a new link. Rejects when the signal is aborted. */
  greet(link: Link, signal: AbortSignal): Promise<void>;
  /** A try failed and there will be another one. `isNew`: the one before did not fail in the same way. */
  onTrouble(trouble: RingMQError, isNew: boolean): void;
  /** There will be no other link. */
  close(failure: RingMQError): void;
}

export class Connecting {
  readonly #factory: LinkFactory;
  readonly #options: ConnectionOptions;
  readonly #owner: ConnectingOwner;
  readonly #ended = new AbortController();
  readonly #firstTries = new AbortController();
  #attempt = 0;
  /** The wait between two tries, while there is one. */
  #resting: AbortController | null = null;
  #isTryingAgain = false;

  constructor(factory: LinkFactory, options: ConnectionOptions, owner: ConnectingOwner) {
    this.#factory = factory;
    this.#options = options;
    this.#owner = owner;
  }

  /** Tries until the first link stands, or until the time is over, or trying is of no use. */
  async first(signal: AbortSignal | undefined): Promise<void> {
    const unwatch = whenAborted(signal, () => this.#firstTries.abort());
    try {
      await this.#tryFirst(signal);
    } finally {
      unwatch();
    }
  }

  async #tryFirst(signal: AbortSignal | undefined): Promise<void> {
    const timeoutMs = this.#connectTimeoutMs;
    const deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : monotonicMs() + timeoutMs;
    const within = ` within ${timeoutMs} ms`;
    let told = '';
    let last: unknown;
    for (;;) {
      try {
        await this.#establish(Math.min(deadline - monotonicMs(), this.#tryMs), signal);
        return;
      } catch (error) {
        const failure = this.#owner.failure();
        if (signal?.aborted || failure !== null) {
          throw failure ?? error;
        }
        if (isHopeless(error) && this.#options.isPatient !== true) {
          throw asConnectError(error, '');
        }
        // That the time is over says less than what was said before.
        last = isTimeout(error) ? (last ?? error) : error;
      }
      const waitMs = this.#nextWait();
      if (monotonicMs() + waitMs >= deadline) {
        throw asConnectError(last, within);
      }
      told = this.#tellTrouble(last, told);
      await this.#rest(waitMs, this.#firstTries.signal);
    }
  }

  /**
   * Tries until a link stands. There is one such loop at a time: a link that is lost again within its
   * welcome, before the loop has seen that it stood, is this loop's to replace; a second loop would later
   * replace a link that is good.
   */
  async again(): Promise<void> {
    if (this.#isTryingAgain) {
      return;
    }
    this.#isTryingAgain = true;
    const owner = this.#owner;
    let told = '';
    while (owner.failure() === null && !owner.isOpen()) {
      await this.#rest(this.#nextWait(), this.#ended.signal);
      if (owner.failure() !== null) {
        break;
      }
      try {
        await this.#establish(this.#tryMs, undefined);
      } catch (error) {
        if (isRingMQError(error) && isFinal(error, owner.user) && this.#options.isPatient !== true) {
          owner.close(error);
        } else if (owner.failure() === null) {
          told = this.#tellTrouble(error, told);
        }
      }
    }
    this.#isTryingAgain = false;
  }

  /** Another try may succeed now: whoever waits for the next one waits no longer. */
  hurry(): void {
    this.#attempt = 0;
    this.#resting?.abort();
  }

  async #rest(waitMs: number, ended: AbortSignal): Promise<void> {
    const resting = new AbortController();
    const unwatch = whenAborted(ended, () => resting.abort());
    this.#resting = resting;
    if (ended.aborted) {
      resting.abort();
    }
    await pause(waitMs, resting.signal);
    this.#resting = null;
    unwatch();
  }

  /** The broker has answered something: the next wait is a short one. */
  answered(): void {
    this.#attempt = 0;
  }

  /** No more tries, and an end to the one that is under way. */
  stop(): void {
    this.#ended.abort();
    this.#firstTries.abort();
  }

  async #establish(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController();
    const giveUp = () => stop.abort(new RingMQError('ABORTED'));
    const timer = setTimeout(() => stop.abort(new RingMQError('TIMEOUT', 'nobody answers')), timeoutMs);
    const unwatch = whenAborted(signal, giveUp);
    const unwatchEnd = whenAborted(this.#ended.signal, giveUp);
    try {
      if (signal?.aborted || this.#ended.signal.aborted) {
        giveUp();
      }
      stop.signal.throwIfAborted();
      const prepared = this.#owner.user?.prepare(stop.signal);
      if (prepared !== undefined) {
        await prepared;
      }
      const made = this.#factory(stop.signal);
      // A link that is there at once is greeted at once.
      const link = made instanceof Promise ? await made : made;
      if (stop.signal.aborted) {
        link.close();
        stop.signal.throwIfAborted();
      }
      await this.#owner.greet(link, stop.signal);
    } finally {
      clearTimeout(timer);
      unwatch();
      unwatchEnd();
    }
  }

  /** Of a try that failed. Returns what was told. */
  #tellTrouble(error: unknown, told: string): string {
    const trouble = asConnectError(error, '');
    this.#owner.onTrouble(trouble, trouble.message !== told);
    return trouble.message;
  }

  get #connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs ?? DEFAULT_CONNECT_MS;
  }

  /** For one try. */
  get #tryMs(): number {
    return this.#connectTimeoutMs === 0 ? DEFAULT_CONNECT_MS : this.#connectTimeoutMs;
  }

  /** Doubled with each try, between half and all of it at random. */
  #nextWait(): number {
    const minMs = this.#options.reconnectMinMs ?? 50;
    const maxMs = this.#options.reconnectMaxMs ?? 5_000;
    const ceilingMs = Math.min(maxMs, minMs * 2 ** Math.min(this.#attempt++, 20));
    return ceilingMs * (0.5 + 0.5 * Math.random());
  }
}

function isTimeout(error: unknown): boolean {
  return isRingMQError(error) && error.code === 'TIMEOUT';
}
