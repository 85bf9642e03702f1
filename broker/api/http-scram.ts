/**
 * SCRAM-SHA-256 as RFC 7804 has it over HTTP: the password does not travel, so it may be used where others can read.
 *
 *     Authorization: SCRAM-SHA-256 data=n,,n=anna,r=…           401, WWW-Authenticate: SCRAM-SHA-256 sid=…, data=r=…,s=…,i=…
 *     Authorization: SCRAM-SHA-256 sid=…, data=c=biws,r=…,p=…   the answer, Authentication-Info: sid=…, data=v=…, token=…
 *     Authorization: SCRAM-SHA-256 token=…                      the answer
 *
 * Between two requests the broker keeps nothing of who has not shown a password: `sid` and `token` are what they
 * stand for, sealed by a key of this process. Of a proof that was right it keeps the nonce until the `sid` is over,
 * so that it counts once. A token is given where nobody else can read it; elsewhere a proof is for one request.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessDesk } from '../../engine/access/access-desk.js';
import type { LoginProof, PrincipalFacts } from '../../engine/engine-thread.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { MAX_NAME_BYTES, NAME_PATTERN, networkOf, RingMQError } from '../../native-free/wire/index.js';

/** From a challenge to its proof. */
const CHALLENGE_MS = 30_000;
/** Of a token, whoever uses it how often. */
const TOKEN_MS = 300_000;
const NONCE_BYTES = 18;
/** Right proofs whose challenge is not over; beyond them logins wait. */
const MAX_USED = 16_384;
/** A header has 4 KiB at most on one of the listeners; what comes in one is below. */
const MAX_DATA_CHARACTERS = 2_048;
const CLIENT_NONCE = /^[\x21-\x2b\x2d-\x7e]{16,128}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export const SCRAM_SCHEME = 'scram-sha-256';

interface Challenged {
  readonly kind: 'challenge';
  readonly user: string;
  readonly clientNonce: string;
  readonly nonce: string;
  /** Of the client's first message. */
  readonly header: string;
  readonly salt: string;
  readonly iterations: number;
  readonly network: string;
  readonly untilMs: number;
}

interface Known {
  readonly kind: 'token';
  readonly user: string;
  readonly proof: LoginProof;
  readonly network: string;
  readonly untilMs: number;
}

/** What comes of one header. */
export type ScramStep =
  /** The value of `WWW-Authenticate`: nobody has failed yet. */
  | { readonly ask: string }
  /** `info`: the value of `Authentication-Info`; null: none. */
  | { readonly facts: PrincipalFacts; readonly info: string | null };

export class HttpScram {
  readonly #access: AccessDesk;
  readonly #key = randomBytes(32);
  /** Nonces of proofs that were right, the oldest first, with how long they have to be kept. */
  readonly #used = new Map<string, number>();

  constructor(access: AccessDesk) {
    this.#access = access;
  }

  /**
   * `isSafe`: nobody else can read what is answered.
   * @throws RingMQError NOT_AUTHENTICATED, TOO_MANY_REQUESTS
   */
  async step(parameters: string, remote: string, isSafe: boolean): Promise<ScramStep> {
    const { sid, data, token } = parametersOf(parameters);
    if (token !== undefined && data === undefined) {
      return await this.#byToken(token, remote);
    }
    const text = textOf(data);
    return sid === undefined
      ? { ask: await this.#challenge(text, remote) }
      : await this.#proven(sid, text, remote, isSafe);
  }

  /** Whom a header says it is of, for what is written down; empty: it says nothing of it. */
  userOf(parameters: string): string {
    try {
      const { sid, data, token } = parametersOf(parameters);
      const sealed = token ?? sid;
      return sealed === undefined ? firstOf(textOf(data)).user : (this.#opened(sealed)?.user ?? '');
    } catch {
      return '';
    }
  }

  async #challenge(text: string, remote: string): Promise<string> {
    const { user, clientNonce, header } = firstOf(text);
    const { salt, iterations } = await this.#access.challenge(user);
    const nonce = clientNonce + randomBytes(NONCE_BYTES).toString('base64');
    const untilMs = monotonicMs() + CHALLENGE_MS;
    const network = networkOf(remote);
    const sid = this.#sealed({
      kind: 'challenge',
      user,
      clientNonce,
      nonce,
      header,
      salt,
      iterations,
      network,
      untilMs,
    });
    return `SCRAM-SHA-256 sid=${sid}, data=${base64(`r=${nonce},s=${salt},i=${iterations}`)}`;
  }

  async #proven(sid: string, text: string, remote: string, isSafe: boolean): Promise<ScramStep> {
    const state = this.#opened(sid);
    if (
      state?.kind !== 'challenge' ||
      state.untilMs <= monotonicMs() ||
      state.network !== networkOf(remote)
    ) {
      throw notAuthenticated(
        'sid is none of a challenge of this broker for this address, or it is over: begin again',
      );
    }
    const { user, clientNonce, nonce, header, salt, iterations } = state;
    const [, unproven, proof] = /^(c=[^,]+,r=[^,]+),p=([^,]+)$/.exec(text) ?? [];
    if (unproven !== `c=${base64(header)},r=${nonce}` || proof === undefined || !BASE64.test(proof)) {
      throw notAuthenticated('data is no answer to the challenge: c, r and p in base64 belong in it');
    }
    this.#checkUnused(nonce);
    const { serverSignature, principal } = await this.#access.login({
      user,
      authMessage: `n=${user},r=${clientNonce},r=${nonce},s=${salt},i=${iterations},${unproven}`,
      proof,
      remote,
    });
    // Nothing is awaited from here on: of two that come at once one is the first.
    this.#checkUnused(nonce);
    this.#used.set(nonce, state.untilMs);
    const answer = `sid=${sid}, data=${base64(`v=${serverSignature ?? ''}`)}`;
    if (!isSafe) {
      return { facts: principal, info: answer };
    }
    const untilMs = monotonicMs() + TOKEN_MS;
    const network = networkOf(remote);
    const token = this.#sealed({ kind: 'token', user, proof: principal.proof, network, untilMs });
    return { facts: principal, info: `${answer}, token=${token}, ttl=${TOKEN_MS / 1_000}` };
  }

  async #byToken(token: string, remote: string): Promise<ScramStep> {
    const state = this.#opened(token);
    if (state?.kind === 'token' && state.untilMs > monotonicMs() && state.network === networkOf(remote)) {
      const facts = await this.#access.principal(state.user, state.proof);
      if (facts !== null) {
        return { facts, info: null };
      }
    }
    throw notAuthenticated('token is none of this broker for this address, or it is over: log in again');
  }

  #checkUnused(nonce: string): void {
    const now = monotonicMs();
    for (const [oldest, untilMs] of this.#used) {
      if (untilMs > now) {
        break;
      }
      this.#used.delete(oldest);
    }
    if (this.#used.has(nonce)) {
      throw notAuthenticated('a proof counts once: begin again');
    }
    if (this.#used.size >= MAX_USED) {
      throw new RingMQError('TOO_MANY_REQUESTS', 'too many have logged in within half a minute', {
        details: { limit: MAX_USED },
      });
    }
  }

  #sealed(state: Challenged | Known): string {
    const text = Buffer.from(JSON.stringify(state)).toString('base64url');
    return `${text}.${this.#seal(text).toString('base64url')}`;
  }

  /** null: nothing that this process has sealed. */
  #opened(sealed: string): Challenged | Known | null {
    const [text = '', seal = ''] = sealed.split('.', 2);
    const expected = this.#seal(text);
    const given = Buffer.from(seal, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      return null;
    }
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as Challenged | Known;
  }

  #seal(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

/** `name=value` with commas between, values quoted or not; each once. */
function parametersOf(text: string): { sid?: string; data?: string; token?: string } {
  const found: Record<string, string> = {};
  for (const part of text.split(',')) {
    const match = /^ *(realm|sid|data|token) *= *(?:"([^"\\]*)"|([^\s",]+)) *$/i.exec(part);
    const name = match?.[1]?.toLowerCase() ?? '';
    if (match === null || Object.hasOwn(found, name)) {
      throw notAuthenticated('SCRAM-SHA-256 has realm, sid, data and token, each once');
    }
    found[name] = match[2] ?? match[3] ?? '';
  }
  return found;
}

function textOf(data: string | undefined): string {
  if (data === undefined || data.length > MAX_DATA_CHARACTERS || !BASE64.test(data)) {
    throw notAuthenticated('SCRAM-SHA-256 needs a message of SCRAM in data, in base64');
  }
  return Buffer.from(data, 'base64').toString('latin1');
}

/** A client's first message. Without channel binding, and for nobody but the user itself. */
function firstOf(text: string): { user: string; clientNonce: string; header: string } {
  const [, header, user, clientNonce] = /^([ny],,)n=([^,]+),r=([^,]+)$/.exec(text) ?? [];
  const isUser = user !== undefined && user.length <= MAX_NAME_BYTES && NAME_PATTERN.test(user);
  if (header === undefined || !isUser || clientNonce === undefined || !CLIENT_NONCE.test(clientNonce)) {
    throw notAuthenticated(
      'the first message of SCRAM is n,,n=USER,r=NONCE, with a nonce of 16 to 128 characters',
    );
  }
  return { user, clientNonce, header };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function notAuthenticated(message: string): RingMQError {
  return new RingMQError('NOT_AUTHENTICATED', message);
}
