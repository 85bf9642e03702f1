/** How tokens of an issuer are judged: what a listener's `jwt` options say. */

/** Signatures that are taken. All of them have a key that only the issuer has: none is made by what the broker knows. */
export const TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

export function isTokenAlgorithm(name: string): boolean {
  return (TOKEN_ALGORITHMS as readonly string[]).includes(name);
}

/** Complete, and plain data: it passes between threads. */
export interface TokenOptions {
  readonly keyFile?: string | undefined;
  readonly jwksUrl?: string | undefined;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly clockToleranceSeconds: number;
  readonly userClaim: string;
  readonly rolesClaim: string;
  readonly grantsClaim: string;
}

/** The same text for the same rules. */
export function trustName(options: TokenOptions): string {
  return JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
}
