/**
 * How a connection is let in by whoever it comes to: as whom it comes, the handshake over each new link, what
 * the broker says against it, and the token that is renewed while it is in.
 */
import type { RingMQError, Welcome } from '../../wire/index.js';
import type { ClientOptions } from '../types.js';
import { userOf } from './credentials.js';
import { Handshake } from './handshake.js';
import type { LinkUser } from './link-user.js';
import { Renewal, type RenewalHost } from './renewal.js';

export class Admission {
  /** As whom it comes; null: as nobody. */
  readonly user: LinkUser | null;
  /** null: nothing expires, or there is no other token to be had. */
  readonly #renewal: Renewal | null;
  /** With the link that is greeted, while one is. */
  #handshake: Handshake | null = null;
  /** What the broker said last before it closed. */
  #lastError: RingMQError | null = null;

  constructor(credentials: ClientOptions['credentials'], host: Omit<RenewalHost, 'token'>) {
    this.user = credentials === undefined ? null : userOf(credentials);
    const token = this.user?.renewal ?? null;
    this.#renewal = token === null ? null : new Renewal({ ...host, token });
  }

  /** A link is greeted, and not in yet. */
  get isUnderWay(): boolean {
    return this.#handshake !== null;
  }

  get lastError(): RingMQError | null {
    return this.#lastError;
  }

  /** The handshake over a new link. */
  begin(send: (frame: Uint8Array) => void): Handshake {
    this.#handshake = new Handshake(send, this.user);
    return this.#handshake;
  }

  /** A `challenge` frame came. False: nothing was asked that one could come from. */
  challenged(frame: Uint8Array): boolean {
    if (this.#handshake?.logsIn !== true) {
      return false;
    }
    this.#handshake.challenged(frame);
    return true;
  }

  /** Of a `welcome` frame, while the handshake is under way; see {@link Handshake.welcomed}. */
  welcomed(frame: Uint8Array, mayBeNameServer: boolean | undefined): Welcome {
    return (this.#handshake as Handshake).welcomed(frame, mayBeNameServer);
  }

  /** It is in. */
  succeed({ expiresInMs }: Welcome): void {
    this.#lastError = null;
    this.#handshake?.succeed();
    this.#handshake = null;
    if (expiresInMs !== undefined) {
      this.#renewal?.begin(expiresInMs);
    }
  }

  /** Ends the handshake that is under way. False: there is none. */
  fail(reason: RingMQError): boolean {
    this.#handshake?.fail(reason);
    return this.#handshake !== null;
  }

  /** The broker says why it will close. */
  refused(error: RingMQError): void {
    this.#lastError = error;
    this.fail(error);
  }

  /** The link is given up. */
  end(): void {
    this.#renewal?.stop();
    this.#handshake = null;
  }
}
