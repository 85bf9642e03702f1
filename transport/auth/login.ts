/**
 * One connection's login: what hello brings, and what comes of it.
 *
 *     password ── challenge ──▶ proof ──▶ who it is
 *     token, certificate ──────────────▶ who it is
 *
 * What is judged is judged on the thread that opened the broker.
 */
import { randomBytes } from 'node:crypto';
import type { AccessDoor, LoginAnswer } from '../../engine/engine-thread.js';
import {
  authMessage,
  BROKER_USER,
  FRAME_HEADER_BYTES,
  MAX_NAME_BYTES,
  MAX_TOKEN_CHARACTERS,
  makeFrame,
  NAME_PATTERN,
  NONCE_PATTERN,
  OPCODE,
  RingMQError,
  type ScramChallenge,
  TOKEN_PATTERN,
} from '../../native-free/wire/index.js';
import { decodeControl, encodeControl } from '../control-payload.js';

const NONCE_BYTES = 24;
/** A proof of 32 bytes in base64. */
const MAX_PROOF_CHARACTERS = 64;

/** For who says that its certificate tells who it is. */
export const NO_CERTIFICATE =
  'the connection came with no client certificate that says who it is: show one (tls: { cert, key }) of an authority that this port believes (--tls-client-ca, which only ws listeners have)';

/** What a connection is asked next, or who it is. */
export type LoginStep = { readonly ask: Uint8Array } | { readonly answer: LoginAnswer };

export interface Login {
  /** Whom it says it is; empty: nobody knows yet. */
  readonly user: string;
  begin(): Promise<LoginStep>;
  /** A `proof` frame. Each challenge is answered once. @throws RingMQError BAD_FRAME, NOT_AUTHENTICATED */
  prove(frame: Uint8Array): Promise<LoginStep>;
  /** Its connection has gone. */
  close?(): void;
}

/** What is taken besides passwords. */
export interface LoginMeans {
  readonly access: AccessDoor;
  /** Of the peer. */
  readonly remote: string;
  /** By whose rules tokens are judged; null: none are taken. */
  readonly trust: string | null;
  /** Whose certificate the peer has shown; null: none that counts. */
  readonly certifiedUser: string | null;
}

/** `credentials`: of the hello; none where a certificate says who it is. @throws RingMQError NOT_AUTHENTICATED */
export function loginOf(credentials: unknown, means: LoginMeans): Login {
  const { access, remote, trust, certifiedUser } = means;
  if (credentials === undefined && certifiedUser !== null) {
    return new OneStepLogin(certifiedUser, () => access.certified(certifiedUser, remote));
  }
  if (typeof credentials !== 'object' || credentials === null) {
    throw new RingMQError(
      'NOT_AUTHENTICATED',
      'this broker asks for credentials: name a user and its password, or bring a token where it takes them',
    );
  }
  const { scheme, token } = credentials as Record<string, unknown>;
  if (scheme === 'jwt' && trust !== null) {
    const text = tokenIn(token);
    return new OneStepLogin('', () => access.verifyToken({ token: text, trust, remote }));
  }
  if (scheme === 'certificate' && certifiedUser !== null) {
    return new OneStepLogin(certifiedUser, () => access.certified(certifiedUser, remote));
  }
  if (scheme !== 'scram') {
    const schemes = [
      'scram',
      ...(trust === null ? [] : ['jwt']),
      ...(certifiedUser === null ? [] : ['certificate']),
    ];
    const taken = schemes.map((name) => `'${name}'`).join(', ');
    throw new RingMQError(
      'NOT_AUTHENTICATED',
      scheme === 'certificate' ? NO_CERTIFICATE : `this broker takes credentials of the scheme ${taken}`,
      { details: { schemes } },
    );
  }
  return new ScramLogin(credentials, access, remote);
}

/** Of credentials, and of a request that renews them. @throws RingMQError NOT_AUTHENTICATED */
export function tokenIn(token: unknown): string {
  if (typeof token !== 'string' || token.length > MAX_TOKEN_CHARACTERS || !TOKEN_PATTERN.test(token)) {
    throw new RingMQError(
      'NOT_AUTHENTICATED',
      `a token has three parts in base64url with dots between, of at most ${MAX_TOKEN_CHARACTERS} characters in all`,
    );
  }
  return token;
}

class OneStepLogin implements Login {
  readonly user: string;
  readonly #answer: () => Promise<LoginAnswer>;

  constructor(user: string, answer: () => Promise<LoginAnswer>) {
    this.user = user;
    this.#answer = answer;
  }

  async begin(): Promise<LoginStep> {
    return { answer: await this.#answer() };
  }

  async prove(): Promise<LoginStep> {
    throw new RingMQError('BAD_FRAME', 'a proof answers a challenge, and there was none');
  }
}

class ScramLogin implements Login {
  readonly user: string;
  readonly #access: AccessDoor;
  readonly #remote: string;
  readonly #clientNonce: string;
  #challenge: ScramChallenge | null = null;

  /** @throws RingMQError NOT_AUTHENTICATED */
  constructor(credentials: object, access: AccessDoor, remote: string) {
    const { user, nonce } = credentials as Record<string, unknown>;
    const isUser =
      typeof user === 'string' &&
      user.length <= MAX_NAME_BYTES &&
      (NAME_PATTERN.test(user) || user === BROKER_USER);
    if (!isUser || typeof nonce !== 'string' || !NONCE_PATTERN.test(nonce)) {
      throw new RingMQError('NOT_AUTHENTICATED', 'credentials need the name of a user and a nonce');
    }
    this.user = user;
    this.#access = access;
    this.#remote = remote;
    this.#clientNonce = nonce;
  }

  async begin(): Promise<LoginStep> {
    const { salt, iterations } = await this.#access.challenge(this.user);
    const nonce = this.#clientNonce + randomBytes(NONCE_BYTES).toString('base64');
    this.#challenge = { nonce, salt, iterations };
    return { ask: makeFrame(OPCODE.challenge, 0, { payload: encodeControl(this.#challenge) }) };
  }

  async prove(frame: Uint8Array): Promise<LoginStep> {
    const challenge = this.#challenge;
    this.#challenge = null;
    if (challenge === null) {
      throw new RingMQError('BAD_FRAME', 'a proof answers a challenge, once');
    }
    const { proof } = decodeControl(frame, FRAME_HEADER_BYTES);
    if (typeof proof !== 'string' || proof.length > MAX_PROOF_CHARACTERS) {
      throw new RingMQError('BAD_FRAME', 'a proof is 32 bytes in base64');
    }
    const { nonce, salt, iterations } = challenge;
    const answer = await this.#access.login({
      user: this.user,
      authMessage: authMessage(this.user, this.#clientNonce, nonce, salt, iterations),
      proof,
      remote: this.#remote,
    });
    return { answer };
  }
}
