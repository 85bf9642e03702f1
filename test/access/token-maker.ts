/** An issuer of tokens, as tests need one: keys, and tokens signed with them. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import type { TokenOptions } from '../../engine/access/token-options.js';

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'ringmq';

export const TOKEN_RULES: TokenOptions = {
  issuer: ISSUER,
  audience: AUDIENCE,
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  clockToleranceSeconds: 0,
  userClaim: 'sub',
  rolesClaim: 'roles',
  grantsClaim: 'grants',
};

export interface IssuerKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** With its name, as an entry of a set. */
  readonly jwk: object;
}

export function makeKey(kid?: string, kind: 'ec' | 'rsa' | 'ed25519' = 'ec'): IssuerKey {
  const pair =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : kind === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ed25519');
  const { privateKey, publicKey } = pair;
  return {
    privateKey,
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), ...(kid === undefined ? {} : { kid }) },
  };
}

export interface TokenWishes {
  readonly claims?: JWTPayload;
  readonly header?: Partial<JWTHeaderParameters>;
  /** From now. Default 300. */
  readonly seconds?: number;
}

/** One that is accepted, but for what is wished otherwise. */
export function makeToken(
  key: IssuerKey,
  { claims, header, seconds = 300 }: TokenWishes = {},
): Promise<string> {
  const { asymmetricKeyType } = key.privateKey;
  const alg = asymmetricKeyType === 'rsa' ? 'RS256' : asymmetricKeyType === 'ec' ? 'ES256' : 'EdDSA';
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: 'anna', exp: now + seconds, ...claims })
    .setProtectedHeader({ alg, ...header })
    .sign(key.privateKey);
}

/** Its parts as somebody put them together who has no key. */
export function forgedToken(header: object, claims: object, signature = ''): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}
