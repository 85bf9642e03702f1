/**
 * Checks JSON Web Tokens (RFC 7519) of one issuer: signature, algorithm, issuer, audience, times. A token chooses nothing of it: its header's `alg`
 * must be one of those that are taken, its `kid` is only compared with the names of keys, and keys or addresses that it brings are not looked at.
 * The arithmetic is WebCrypto's, off the thread.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import {
  isRingMQError,
  MAX_TOKEN_CHARACTERS,
  RingMQError,
  TOKEN_PATTERN,
} from '../../native-free/wire/index.js';
import { claimsOf, type TokenClaims } from './token-claims.js';
import { FileKeys, type Jwk, type KeyTimes, RemoteKeys, type TokenKeys } from './token-keys.js';
import type { TokenOptions } from './token-options.js';

export interface VerifiedToken extends TokenClaims {
  /** Milliseconds since 1970: when nobody may use it any more, the tolerance included. */
  readonly expiresTime: number;
}

/** Of one set of keys. */
interface Sets {
  readonly of: readonly Jwk[];
  readonly all: ReturnType<typeof createLocalJWKSet>;
  /** Keys without a name, for tokens that name one: of a file in PEM none has any. */
  readonly nameless: ReturnType<typeof createLocalJWKSet> | null;
}

export class TokenVerifier {
  readonly #options: TokenOptions;
  readonly #keys: TokenKeys;
  #sets: Sets | null = null;

  /** Keys at an address are asked for at once; nobody waits for them. @throws RingMQError BAD_CONFIG for a file of keys that cannot be used */
  constructor(options: TokenOptions, times: Partial<KeyTimes> = {}) {
    this.#options = options;
    const { keyFile, jwksUrl } = options;
    this.#keys = keyFile === undefined ? new RemoteKeys(jwksUrl ?? '', times) : new FileKeys(keyFile, times);
    this.#keys.all().catch(() => {
      // Who logs in is told.
    });
  }

  /**
   * @throws RingMQError NOT_AUTHENTICATED, TOKEN_EXPIRED, and TIMEOUT where the keys cannot be had now
   */
  async verify(token: string): Promise<VerifiedToken> {
    if (token.length > MAX_TOKEN_CHARACTERS || !TOKEN_PATTERN.test(token)) {
      throw refused('it is none: three parts in base64url, with dots between');
    }
    let payload: JWTPayload;
    try {
      payload = await this.#payload(token, await this.#keys.all());
    } catch (error) {
      const isUnknown =
        error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
      const renewed = isUnknown ? await this.#keys.renewed() : null;
      if (renewed === null) {
        throw asRefusal(error);
      }
      payload = await this.#payload(token, renewed).catch((again: unknown) => {
        throw asRefusal(again);
      });
    }
    const { clockToleranceSeconds } = this.#options;
    const expiresTime = ((payload.exp as number) + clockToleranceSeconds) * 1_000;
    return { ...claimsOf(payload, this.#options), expiresTime };
  }

  async #payload(token: string, keys: readonly Jwk[]): Promise<JWTPayload> {
    const { issuer, audience, algorithms, clockToleranceSeconds } = this.#options;
    const how = {
      issuer,
      audience,
      algorithms: [...algorithms],
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['exp'],
    };
    const sets = this.#setsOf(keys);
    try {
      return (await jwtVerify(token, sets.all, how)).payload;
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey && sets.nameless !== null) {
        const { nameless } = sets;
        const byNone: typeof nameless = ((header: object, part: never) =>
          nameless({ ...header, kid: undefined } as never, part)) as never;
        return await jwtVerify(token, byNone, how).then(
          ({ payload }) => payload,
          (again: unknown) => this.#amongSeveral(token, again, how),
        );
      }
      return await this.#amongSeveral(token, error, how);
    }
  }

  /** Several keys fit by what the token says of its own: each is tried. There are few, by {@link MAX_KEYS_COUNT}. */
  async #amongSeveral(token: string, error: unknown, how: object): Promise<JWTPayload> {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) {
      throw error;
    }
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, how)).payload;
      } catch (wrong) {
        if (!(wrong instanceof errors.JWSSignatureVerificationFailed)) {
          throw wrong;
        }
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }

  #setsOf(keys: readonly Jwk[]): Sets {
    if (this.#sets?.of !== keys) {
      const nameless = keys.filter(({ kid }) => kid === undefined);
      const setOf = (some: readonly Jwk[]) => createLocalJWKSet({ keys: [...some] } as JSONWebKeySet);
      this.#sets = {
        of: keys,
        all: setOf(keys),
        nameless: nameless.length === 0 ? null : setOf(nameless),
      };
    }
    return this.#sets;
  }
}

function refused(why: string, cause?: unknown): RingMQError {
  return new RingMQError('NOT_AUTHENTICATED', `the token is not accepted: ${why}`, { cause });
}

/** Says which check it was, and nothing of what the token or the keys have. */
function asRefusal(error: unknown): RingMQError {
  if (isRingMQError(error)) {
    return error;
  }
  if (error instanceof errors.JWTExpired) {
    return new RingMQError('TOKEN_EXPIRED', 'the token has expired: log in with a new one', { cause: error });
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refused(`its claim ${error.claim} is missing, or another one than this broker wants`, error);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refused('its algorithm is none of those that are taken here', error);
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed) {
    return refused('it is not signed by a key that is known here', error);
  }
  return refused('it cannot be understood', error);
}
