/**
 * As whom calls of etcd are made: a login when the first one needs it, one for all that wait, another one when etcd takes its token no
 * more or the files have changed, and a rest after one that was refused.
 */
import { monotonicMs } from '../../../native-free/time/index.js';
import type { EtcdAccess } from './etcd-access.js';
import { EtcdError, GRPC_STATUS, isOtherMemberWorthTrying, wantsLogin } from './etcd-error.js';
import type { GrpcMetadata } from './grpc-types.js';

/** A password costs etcd much to look at, and members of a set call some times a second: one that is wrong must not take etcd's time from others. */
const DEFAULT_LOGIN_REST_MS = 5_000;

/** What the client does for it. */
export interface LoginCalls {
  readonly Metadata: new () => GrpcMetadata;
  authenticate(user: object, metadata: GrpcMetadata): Promise<Record<string, unknown>>;
  /** Connections are made anew: what they show of themselves is another. */
  leaveAll(): void;
}

export class EtcdLogin {
  readonly #access: EtcdAccess;
  readonly #calls: LoginCalls;
  readonly #restMs: number;
  /** What a login gave; null: there was none yet, or what it gave is taken no more. */
  #token: string | null = null;
  #loggingIn: Promise<void> | null = null;
  /** What etcd said to the last login, and until when that is its answer. */
  #refused: { readonly error: EtcdError; readonly untilMs: number } | null = null;

  constructor(access: EtcdAccess, calls: LoginCalls, restMs = DEFAULT_LOGIN_REST_MS) {
    this.#access = access;
    this.#calls = calls;
    this.#restMs = restMs;
  }

  /** Does a call as the user there is. One that was refused for want of a login is done once more, behind one: it has done nothing. */
  async asUser<T>(call: (metadata: GrpcMetadata) => Promise<T>): Promise<T> {
    if (this.#access.hasChanged()) {
      this.#token = null;
      this.#refused = null;
      this.#calls.leaveAll();
    }
    const { user } = this.#access;
    if (user !== null && this.#token === null) {
      await this.#logIn();
    }
    const token = this.#token;
    try {
      return await call(this.metadata());
    } catch (error) {
      if (user === null || !(error instanceof EtcdError) || !wantsLogin(error)) {
        throw error;
      }
      if (this.#token === token) {
        this.#token = null;
      }
      // Another call may have found the same, and its login be under way.
      if (this.#token === null) {
        await this.#logIn();
      }
      return await call(this.metadata());
    }
  }

  /** One at a time, whoever waits for it. */
  #logIn(): Promise<void> {
    this.#loggingIn ??= this.#authenticate().finally(() => {
      this.#loggingIn = null;
    });
    return this.#loggingIn;
  }

  async #authenticate(): Promise<void> {
    if (this.#refused !== null && monotonicMs() < this.#refused.untilMs) {
      throw this.#refused.error;
    }
    try {
      const answer = await this.#calls.authenticate(this.#access.user ?? {}, new this.#calls.Metadata());
      this.#token = String(answer['token']);
    } catch (error) {
      // An etcd that asks nobody who he is says so; it may ask later.
      if (!(error instanceof EtcdError) || error.status !== GRPC_STATUS.failedPrecondition) {
        if (error instanceof EtcdError && !isOtherMemberWorthTrying(error.status)) {
          this.#refused = { error, untilMs: monotonicMs() + this.#restMs };
        }
        throw error;
      }
      this.#token = '';
    }
  }

  /** As whoever is logged in. */
  metadata(): GrpcMetadata {
    const metadata = new this.#calls.Metadata();
    if (this.#token !== null && this.#token !== '') {
      metadata.set('token', this.#token);
    }
    return metadata;
  }
}
