/** How long a connection's login is good: it ends with it, unless the login is renewed in time. */
import type { LoginAnswer } from '../../engine/engine-thread.js';
import { LongTimer } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import type { Principal } from './principal.js';

export class Expiry {
  readonly #onExpired: (error: RingMQError) => void;
  #timer: LongTimer | null = null;

  constructor(onExpired: (error: RingMQError) => void) {
    this.#onExpired = onExpired;
  }

  /** Of a login, the first or a later one. */
  begin({ expires }: LoginAnswer): void {
    this.stop();
    if (expires !== undefined) {
      this.#timer = new LongTimer(Math.max(0, expires.inMs), () =>
        this.#onExpired(
          new RingMQError(
            'TOKEN_EXPIRED',
            'the token has expired, and was not renewed: log in with a new one',
          ),
        ),
      ).unref();
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

/** A token renews the login of its own user. @throws RingMQError BAD_ARGUMENT */
export function checkSame(before: Principal, { principal }: LoginAnswer): void {
  if (before.user !== principal.user) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `this connection is of '${before.user}', and the token is not: connect anew as another`,
    );
  }
}
