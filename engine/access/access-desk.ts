/**
 * Users and rights on the thread that opened the broker: logins are judged here, and changes made, as records
 * of the log. Other threads keep what a login told them of its user, and ask again when the shared version
 * has moved.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import {
  ADMIN_GRANTS,
  ADMIN_ROLE,
  BROKER_GRANTS,
  BROKER_USER,
  isRingMQError,
  type Rights,
  RingMQError,
  type ScramVerifier,
} from '../../native-free/wire/index.js';
import type {
  LoginAnswer,
  LoginParams,
  LoginProof,
  PrincipalFacts,
  TokenLoginParams,
} from '../engine-thread.js';
import type { AccessState } from '../meta/access-state.js';
import { BrokerVerifiers, markOf } from './broker-verifiers.js';
import { HashGate } from './hash-gate.js';
import { LoginDelays, MAX_LOGIN_WAIT_MS } from './login-delays.js';
import { Principals } from './principals.js';
import { checkProof, FakeVerifiers, makeVerifier, proofOf } from './scram.js';
import { type TokenOptions, trustName } from './token-options.js';
import type { TokenVerifier } from './token-verifier.js';

/** Who has a token has so long to log in with it. */
const TOKEN_MS = 3_600_000;
const TOKEN_BYTES = 24;
/** Listeners with rules of their own for tokens, of one broker. */
const MAX_TRUSTS = 64;
/** Where tries of it are counted, whatever connection they come over. */
const OWN_PASSWORD = 'own password';
/** Before the salt of who has logged in by the token. No user has such a one, though a user's client chooses its salt. */
const TOKEN_MARK = 'token ';
/** What is signed where the password itself came: there is nobody to whom a nonce would say anything. */
const PASSWORD_MESSAGE = 'a password that came as it is';

const WRONG_PASSWORD = 'there is no such user, or the password is another one';
/** It is no secret who brokers come as. */
const WRONG_SECRET =
  'the broker that comes does not know the secret of this cluster: start it with the same --secret-file, or give it the one of now';

/** In the place of a user's name, for delays: whose a wrong token is, is not known. */
const BY_TOKEN = '%token';

interface OneTimeToken {
  readonly verifier: ScramVerifier;
  readonly untilMs: number;
  isUsed: boolean;
  readonly onUsed: () => void;
}

export interface AccessDeskDeps {
  readonly state: AccessState;
  /** What brokers log in with, as of now. Default: none does. */
  brokerPasswords?(): readonly string[];
  /** The shared word that moves with each change. Default: it stands still. */
  version?(): number;
  /** A clock for deadlines. Default `monotonicMs`. */
  now?(): number;
}

export class AccessDesk {
  readonly #state: AccessState;
  readonly #now: () => number;
  readonly #version: () => number;
  readonly #brokers: BrokerVerifiers;
  /** Of clients and HTTP, since the opening. */
  readonly logins = { succeeded: 0, failed: 0 };
  readonly #delays = new LoginDelays();
  readonly #gate = new HashGate();
  readonly #fakes: FakeVerifiers;
  #token: OneTimeToken | null = null;
  readonly #principals: Principals;
  readonly #verifiers = new Map<string, TokenVerifier>();

  constructor({ state, now, version, brokerPasswords = () => [] }: AccessDeskDeps) {
    this.#state = state;
    this.#principals = new Principals(state);
    this.#brokers = new BrokerVerifiers(brokerPasswords);
    this.#fakes = new FakeVerifiers(() => brokerPasswords()[0] ?? null);
    this.#version = version ?? (() => 0);
    this.#now = now ?? monotonicMs;
  }

  /** Of all users and roles, as of now. */
  get digest(): string {
    return this.#state.digest;
  }

  /** Somebody may make users and give rights. */
  get hasAdministrator(): boolean {
    return this.#principals.hasAdministrator;
  }

  /** Later than any change of the name so far. */
  timeAfter(name: string): number {
    return this.#state.changedTime(name) + 1;
  }

  /** A password of the user `admin`, for one login within an hour, where there is no administrator yet. */
  async makeToken(onUsed: () => void = () => {}): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const verifier = await makeVerifier(token);
    this.#token = { verifier, untilMs: this.#now() + TOKEN_MS, isUsed: false, onUsed };
    return token;
  }

  /** What a client is asked that says it is this user. Looks the same for one that nobody is. */
  async challenge(user: string): Promise<{ salt: string; iterations: number }> {
    // Computed for everybody: it takes as long.
    const fake = this.#fakes.of(user);
    const [{ salt, iterations } = fake] = await this.#verifiersOf(user);
    return { salt, iterations };
  }

  /** Tokens are judged by these rules where their text is named. @throws RingMQError BAD_CONFIG for a file of keys that cannot be used */
  async trust(options: TokenOptions): Promise<void> {
    const name = trustName(options);
    if (this.#verifiers.has(name)) {
      return;
    }
    if (this.#verifiers.size >= MAX_TRUSTS) {
      throw new RingMQError('BAD_CONFIG', `tokens are taken by at most ${MAX_TRUSTS} different rules`);
    }
    // What checks tokens takes a while to load: who takes none does not wait for it.
    const { TokenVerifier } = await import('./token-verifier.js');
    this.#verifiers.set(name, new TokenVerifier(options));
  }

  /** @throws RingMQError NOT_AUTHENTICATED, after a wait that grows with each failure */
  async login({ user, authMessage, proof, remote }: LoginParams): Promise<LoginAnswer> {
    const begunMs = this.#now();
    let verifiers = await this.#verifiersOf(user);
    // Whoever fails meanwhile is before it: all that wait would be looked at together otherwise. So nothing is
    // awaited between the last look and the check.
    for (;;) {
      const waitMs = this.#waitOf(remote, user, begunMs);
      if (waitMs <= 0) {
        break;
      }
      await delay(waitMs, undefined, { ref: false });
      verifiers = await this.#verifiersOf(user);
    }
    const fake = this.#fakes.of(user);
    let verifier: ScramVerifier | null = null;
    let serverSignature: string | null = null;
    for (const each of verifiers.length > 0 ? verifiers : [fake]) {
      const signature = checkProof(each, authMessage, proof);
      if (signature !== null) {
        serverSignature = signature;
        verifier = each === fake ? null : each;
      }
    }
    const token = this.#token !== null && verifier === this.#token.verifier ? this.#token : null;
    // Two may have begun with one token.
    if (verifier === null || serverSignature === null || token?.isUsed === true) {
      await this.#failed(remote, user);
      throw new RingMQError('NOT_AUTHENTICATED', user === BROKER_USER ? WRONG_SECRET : WRONG_PASSWORD);
    }
    this.logins.succeeded++;
    this.#delays.succeeded(remote, user, this.#now());
    if (token !== null) {
      token.isUsed = true;
      token.onUsed();
    }
    return { serverSignature, principal: this.#facts(user, verifier), version: this.#version() };
  }

  /**
   * A user that sets its own password shows that it knows the one before, by a proof over the new verifier: an open
   * connection that somebody else has come to is not enough.
   * @throws RingMQError NOT_AUTHENTICATED, with what the proof is to be made with
   */
  async proveOwn(user: string, message: string, proof: string): Promise<void> {
    const verifier = this.#state.users.get(user)?.scram;
    if (verifier === undefined) {
      return; // It is told that there is no such user.
    }
    const { salt, iterations } = verifier;
    const nowMs = this.#now();
    const waitMs = this.#delays.before(OWN_PASSWORD, user, nowMs);
    if (proof !== '' && waitMs <= 0) {
      if (checkProof(verifier, message, proof) !== null) {
        this.#delays.succeeded(OWN_PASSWORD, user, nowMs);
        return;
      }
      await delay(this.#delays.failed(OWN_PASSWORD, user, nowMs), undefined, { ref: false });
    }
    throw new RingMQError(
      'NOT_AUTHENTICATED',
      proof === ''
        ? 'who sets its own password gives the one before, too'
        : waitMs > 0
          ? 'too many have tried: wait a minute'
          : 'the password before is another one',
      { details: { salt, iterations } },
    );
  }

  /**
   * @throws RingMQError NOT_AUTHENTICATED, after a wait that grows with each failure, TOKEN_EXPIRED, TIMEOUT (the issuer's keys cannot be had now)
   */
  async verifyToken({ token, trust, remote }: TokenLoginParams): Promise<LoginAnswer> {
    const verifier = this.#verifiers.get(trust);
    if (verifier === undefined) {
      throw new RingMQError('NOT_AUTHENTICATED', 'this broker takes no tokens');
    }
    // Nobody guesses a signature: it is for what wrong ones cost.
    const waitMs = this.#waitOf(remote, BY_TOKEN, this.#now());
    if (waitMs > 0) {
      await delay(waitMs, undefined, { ref: false });
    }
    try {
      const { user, rights, expiresTime } = await verifier.verify(token);
      const principal = this.#principals.external(user, { by: 'token', rights });
      if (principal === null) {
        throw new RingMQError(
          'NOT_AUTHENTICATED',
          `the token says nothing of rights, and there is no user '${user}' here`,
        );
      }
      const inMs = Math.min(expiresTime - Date.now(), Number.MAX_SAFE_INTEGER);
      this.logins.succeeded++;
      this.#delays.succeeded(remote, BY_TOKEN, this.#now());
      return { principal, expires: { time: expiresTime, inMs }, version: this.#version() };
    } catch (error) {
      if (isRingMQError(error) && error.code === 'NOT_AUTHENTICATED') {
        await this.#failed(remote, BY_TOKEN);
      }
      throw error;
    }
  }

  /**
   * Of a password that came over a connection that nobody else can read. Its hash is made off the thread.
   * @throws RingMQError NOT_AUTHENTICATED, after the same waits; TOO_MANY_REQUESTS
   */
  async loginByPassword(user: string, password: string, remote: string): Promise<LoginAnswer> {
    const begunMs = this.#now();
    // Whoever has to wait costs no hash before.
    for (let waitMs = this.#waitOf(remote, user, begunMs); waitMs > 0; ) {
      await delay(waitMs, undefined, { ref: false });
      waitMs = this.#waitOf(remote, user, begunMs);
    }
    const { salt, iterations } = await this.challenge(user);
    const proof = await this.#gate.through(() => proofOf(password, salt, iterations, PASSWORD_MESSAGE));
    return await this.login({ user, authMessage: PASSWORD_MESSAGE, proof, remote });
  }

  /** @throws RingMQError NOT_AUTHENTICATED: there is no such user */
  async certified(user: string, remote: string): Promise<LoginAnswer> {
    const principal = this.#principals.external(user, { by: 'certificate' });
    if (principal === null) {
      await this.#failed(remote, user);
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        `the certificate is of '${user.slice(0, 64)}', and there is no such user here`,
      );
    }
    this.logins.succeeded++;
    return { principal, version: this.#version() };
  }

  /** What a user that has logged in by this may do by now; null: there is none any more, or the password was changed. */
  async principal(user: string, proof: LoginProof): Promise<PrincipalFacts | null> {
    if (proof.by !== 'password') {
      return this.#principals.external(user, proof);
    }
    if (user === BROKER_USER) {
      const proved = (await this.#brokers.all()).find((each) => markOf(each) === proof.salt);
      return proved === undefined ? null : this.#facts(user, proved);
    }
    const verifier = this.#state.users.get(user)?.scram ?? this.#token?.verifier ?? null;
    const facts = verifier === null ? null : this.#facts(user, verifier);
    return facts?.proof.by === 'password' && facts.proof.salt === proof.salt ? facts : null;
  }

  /** How long a login waits that has begun then. @throws RingMQError NOT_AUTHENTICATED: too long */
  #waitOf(remote: string, user: string, begunMs: number): number {
    const nowMs = this.#now();
    const waitMs = this.#delays.before(remote, user, nowMs);
    if (nowMs + waitMs - begunMs > MAX_LOGIN_WAIT_MS) {
      throw new RingMQError('NOT_AUTHENTICATED', 'too many logins have failed: wait a minute');
    }
    return waitMs;
  }

  async #failed(remote: string, user: string): Promise<void> {
    this.logins.failed++;
    await delay(this.#delays.failed(remote, user, this.#now()), undefined, { ref: false });
  }

  /** What the user may do, by all of its grants and roles; null: there is no such user. */
  rightsOf(user: string): Rights | null {
    return this.#principals.rightsOf(user);
  }

  /** Of one salt: none where there is no such user, several while the secret of brokers is changed. */
  async #verifiersOf(user: string): Promise<ScramVerifier[]> {
    if (user === BROKER_USER) {
      return await this.#brokers.all();
    }
    const known = this.#state.users.get(user)?.scram;
    if (known !== undefined) {
      return [known];
    }
    const token = this.#token;
    const mayUse =
      token !== null &&
      user === ADMIN_ROLE &&
      !token.isUsed &&
      !this.hasAdministrator &&
      this.#now() < token.untilMs;
    return mayUse ? [token.verifier] : [];
  }

  #facts(user: string, verifier: ScramVerifier): PrincipalFacts {
    const principals = this.#principals;
    if (user === BROKER_USER) {
      return principals.byPassword(user, markOf(verifier), BROKER_GRANTS);
    }
    return verifier === this.#token?.verifier
      ? principals.byPassword(user, `${TOKEN_MARK}${verifier.salt}`, ADMIN_GRANTS)
      : principals.byPassword(user, verifier.salt);
  }
}
