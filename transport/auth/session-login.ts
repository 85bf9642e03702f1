/** A session's login, from what its hello brings to a token that renews it; and who it is by then. */
import type { EngineThread, LoginAnswer } from '../../engine/engine-thread.js';
import { type ErrorCode, isRingMQError, RingMQError } from '../../native-free/wire/index.js';
import type { CountedSocket } from '../counted-socket.js';
import type { SessionOptions } from '../session-options.js';
import { type Asker, auditLogin } from './audited.js';
import { checkSame, Expiry } from './expiry.js';
import { type Login, type LoginStep, loginOf, tokenIn } from './login.js';
import type { Principal } from './principal.js';

/** What a login fails with over who it is. */
const OF_LOGINS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['NOT_AUTHENTICATED', 'TOKEN_EXPIRED']);

export interface LoginOwner {
  readonly engine: EngineThread;
  readonly options: SessionOptions;
  readonly socket: CountedSocket;
  readonly asker: Asker;
  readonly isOpen: boolean;
  readonly isInLogin: boolean;
  failWith(error: unknown): void;
  /** The first answer of a login, or that of a token that renews it. */
  onLoggedIn(answer: LoginAnswer): void;
}

export class SessionLogin {
  readonly #owner: LoginOwner;
  readonly #expiry: Expiry;
  #login: Login | null = null;

  constructor(owner: LoginOwner) {
    this.#owner = owner;
    this.#expiry = new Expiry((error) => owner.failWith(error));
  }

  /** Whom it says it is; empty: nobody knows yet. */
  get user(): string {
    return this.#login?.user ?? '';
  }

  /** By the credentials of a hello. @throws RingMQError NOT_AUTHENTICATED */
  start(credentials: unknown): void {
    const { engine, options, socket } = this.#owner;
    try {
      this.#login = loginOf(credentials, {
        access: engine.access,
        remote: socket.remote,
        trust: options.tokenTrust,
        certifiedUser: socket.certifiedUser,
      });
    } catch (error) {
      auditLogin(engine.access, this.#owner.asker, error);
      throw error;
    }
  }

  /** What comes of it. Never throws. */
  begin(): void {
    if (this.#login !== null) {
      void this.#advance(this.#login, this.#login.begin());
    }
  }

  /** A `proof` frame, in a login. Never throws. */
  prove(bytes: Uint8Array): void {
    if (this.#login !== null) {
      void this.#advance(this.#login, this.#login.prove(bytes));
    }
  }

  /** A later token of `before`. @throws RingMQError NOT_SUPPORTED, NOT_AUTHENTICATED, TOKEN_EXPIRED, BAD_ARGUMENT (another user's) */
  async renew(before: Principal | null, token: unknown): Promise<{ expiresInMs: number }> {
    const { tokenTrust: trust } = this.#owner.options;
    if (before?.proof.by !== 'token' || trust === null) {
      throw new RingMQError('NOT_SUPPORTED', 'this connection has no token that could be renewed');
    }
    const answer = await this.#judged(tokenIn(token), trust);
    checkSame(before, answer);
    if (this.#owner.isOpen) {
      this.#expiry.begin(answer);
      this.#owner.onLoggedIn(answer);
    }
    return { expiresInMs: answer.expires?.inMs ?? 0 };
  }

  close(): void {
    this.#expiry.stop();
  }

  /** Never rejects. */
  async #advance(login: Login, next: Promise<LoginStep>): Promise<void> {
    const owner = this.#owner;
    try {
      const step = await next;
      if (!owner.isInLogin) {
        return;
      }
      if ('ask' in step) {
        owner.socket.send(step.ask);
        return;
      }
      this.#login = null;
      this.#expiry.begin(step.answer);
      owner.onLoggedIn(step.answer);
    } catch (error) {
      // Also of who has gone meanwhile; a broker that closes has other things to say.
      if (isRingMQError(error) && OF_LOGINS.has(error.code)) {
        auditLogin(owner.engine.access, { ...owner.asker, user: login.user }, error);
      }
      owner.failWith(error);
    }
  }

  async #judged(token: string, trust: string): Promise<LoginAnswer> {
    const { engine, socket, asker } = this.#owner;
    try {
      return await engine.access.verifyToken({ token, trust, remote: socket.remote });
    } catch (error) {
      auditLogin(engine.access, asker, error);
      throw error;
    }
  }
}
