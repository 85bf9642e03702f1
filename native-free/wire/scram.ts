/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) as both sides have it: which bytes are signed. The password never
 * travels, and whoever has a broker's verifiers cannot log in with them. The keys are each side's own to
 * compute.
 */

import type { ScramVerifier } from './access.js';

/** PBKDF2 rounds of every verifier. One number for all: nobody can tell by it which users there are. */
export const SCRAM_ITERATIONS = 16_384;
/** What a client takes from a challenge: fewer are no protection, more are an attack on it. */
export const MIN_SCRAM_ITERATIONS = 4_096;
export const MAX_SCRAM_ITERATIONS = 1_000_000;
/** Of a nonce of either side: printable, without a comma. */
export const NONCE_PATTERN = /^[\x21-\x2b\x2d-\x7e]{16,128}$/;
export const SALT_BYTES = 16;
export const KEY_BYTES = 32;
/** A password, in characters. */
export const MAX_PASSWORD_CHARACTERS = 1_024;

/** RFC 5802's AuthMessage, without channel binding. `nonce`: the client's with the broker's behind it. */
export function authMessage(
  user: string,
  clientNonce: string,
  nonce: string,
  salt: string,
  iterations: number,
): string {
  return `n=${user},r=${clientNonce},r=${nonce},s=${salt},i=${iterations},c=biws,r=${nonce}`;
}

/** What a user signs, by the password before, that sets its own: the new verifier, so that a proof is good for nothing else. */
export function passwordMessage(
  user: string,
  { salt, iterations, storedKey, serverKey }: ScramVerifier,
): string {
  return `ringmq.password.v1,n=${user},s=${salt},i=${iterations},${storedKey},${serverKey}`;
}

/** As it is hashed: one that is typed on another machine is the same bytes. */
export function preparedPassword(password: string): string {
  return password.normalize('NFKC');
}

/** The first payload of a login, in `hello`. */
export interface ScramCredentials {
  scheme: 'scram';
  user: string;
  nonce: string;
}

/** Payload of `challenge`. */
export interface ScramChallenge {
  nonce: string;
  /** Base64. */
  salt: string;
  iterations: number;
}

/** Payload of `proof`. Base64. */
export interface ScramProof {
  proof: string;
}
