/** How a connection comes to be welcome: its hello in time and, where users have rights, a login. A token may renew that later. */
import type { LoginAnswer } from '../engine/engine-thread.js';
import { RingMQError } from '../native-free/wire/index.js';
import type { Principal } from './auth/principal.js';
import { type LoginOwner, SessionLogin } from './auth/session-login.js';
import { HandshakeTimer } from './handshake-timer.js';
import { checkVersion, MAX_HELLO_BYTES, readHello } from './hello.js';

export interface EntryOwner extends LoginOwner {
  /** Who asks by plain HTTP has logged in before. */
  readonly isHttp: boolean;
  readonly principal: Principal | null;
  welcome(login?: LoginAnswer): void;
}

export class SessionEntry {
  readonly #owner: EntryOwner;
  readonly #timer: HandshakeTimer;
  readonly #login: SessionLogin;
  /** As the client calls itself; empty before its hello. */
  clientName = '';
  /** From its hello to its welcome. */
  isInLogin = false;
  #receivedBytes = 0;

  /** `late` is called once, with HANDSHAKE_TIMEOUT, when it is not welcome in time. */
  constructor(owner: EntryOwner, crowd: { readonly isCrowded: boolean }, late: (error: RingMQError) => void) {
    this.#owner = owner;
    this.#login = new SessionLogin(owner);
    this.#timer = new HandshakeTimer(owner.options.handshakeTimeoutMs, crowd, late);
  }

  /** Whom it says it is, in a login; empty: nobody knows yet. */
  get user(): string {
    return this.#login.user;
  }

  /** A frame before the welcome. @throws RingMQError why it may not go on */
  onFrame(bytes: Uint8Array): void {
    this.#receivedBytes += bytes.length;
    if (this.#receivedBytes > MAX_HELLO_BYTES) {
      throw new RingMQError('FRAME_TOO_LARGE', 'more bytes than a login has', {
        details: { limit: MAX_HELLO_BYTES },
      });
    }
    if (this.isInLogin) {
      this.#login.prove(bytes);
    } else {
      this.#hello(bytes);
    }
  }

  /** A later token. @throws RingMQError as `SessionLogin.renew` */
  renew(token: unknown): Promise<{ expiresInMs: number }> {
    return this.#login.renew(this.#owner.principal, token);
  }

  welcomed(): void {
    this.isInLogin = false;
    this.#timer.stop();
  }

  /** The connection has ended. */
  close(): void {
    this.welcomed();
    this.#login.close();
  }

  #hello(bytes: Uint8Array): void {
    const { client, version, credentials } = readHello(bytes);
    this.clientName = client;
    checkVersion(version);
    const { options, isHttp } = this.#owner;
    if (!options.authenticates || isHttp) {
      this.#owner.welcome();
      return;
    }
    this.#login.start(credentials);
    this.isInLogin = true;
    this.#login.begin();
  }
}
