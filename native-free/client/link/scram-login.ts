/**
 * Logging in with a password that does not travel: SCRAM-SHA-256, the client's half, in Node and in browsers. What is hashed for long is hashed
 * off the thread, and once for all connections to brokers that have the same verifier.
 */
import {
  authMessage,
  KEY_BYTES,
  MAX_PASSWORD_CHARACTERS,
  MAX_SCRAM_ITERATIONS,
  MIN_SCRAM_ITERATIONS,
  NONCE_PATTERN,
  passwordMessage,
  preparedPassword,
  RingMQError,
  SALT_BYTES,
  SCRAM_ITERATIONS,
  type ScramCredentials,
  type ScramProof,
  type ScramVerifier,
  type Welcome,
} from '../../wire/index.js';
import { cryptography } from '../cryptography.js';
import { badArgument, kindOf } from '../options.js';
import type { PasswordCredentials } from '../types.js';
import type { LinkLogin, LinkUser } from './link-user.js';

const NONCE_BYTES = 24;
const UTF8 = new TextEncoder();

interface Keys {
  readonly clientKey: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** Throws `BAD_ARGUMENT` for what is no password. */
export function passwordOption(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_PASSWORD_CHARACTERS) {
    // What was given is not told: it may be most of a password.
    const what = typeof value === 'string' ? `one of ${value.length}` : kindOf(value);
    throw badArgument(name, `must be text of 1 to ${MAX_PASSWORD_CHARACTERS} characters, not ${what}`, {
      limit: MAX_PASSWORD_CHARACTERS,
    });
  }
  return value;
}

/** A user's logins, one for each link. */
export class ScramUser implements LinkUser {
  /** A password does not expire. */
  readonly renewal = null;
  readonly user: string;
  readonly #password: string;
  /** Of the last salt and rounds. */
  #keys: { of: string; keys: Promise<Keys> } | null = null;
  readonly #needsProof: boolean;

  /** `needsProof`: whoever asks for no login, and so shows not that it knows the user, is not believed. */
  constructor({ user, password }: PasswordCredentials, needsProof = true) {
    this.user = user;
    this.#password = password;
    this.#needsProof = needsProof;
  }

  prepare(): undefined {
    return undefined;
  }

  login(): ScramLogin {
    const keysOf = (salt: string, iterations: number): Promise<Keys> => this.#keysOf(salt, iterations);
    return new ScramLogin(this.user, keysOf, this.#needsProof);
  }

  #keysOf(salt: string, iterations: number): Promise<Keys> {
    const of = `${salt} ${iterations}`;
    if (this.#keys?.of !== of) {
      const keys = derive(this.#password, fromBase64(salt), iterations);
      this.#keys = { of, keys };
      keys.catch(() => {
        this.#keys = null;
      });
    }
    return this.#keys.keys;
  }
}

/** One login. */
export class ScramLogin implements LinkLogin {
  readonly #user: string;
  readonly #keysOf: (salt: string, iterations: number) => Promise<Keys>;
  readonly #nonce = toBase64(cryptography().getRandomValues(new Uint8Array(NONCE_BYTES)));
  readonly #needsProof: boolean;
  #isAsked = false;
  #signature: string | null = null;

  constructor(user: string, keysOf: (salt: string, iterations: number) => Promise<Keys>, needsProof = true) {
    this.#user = user;
    this.#keysOf = keysOf;
    this.#needsProof = needsProof;
  }

  get credentials(): ScramCredentials {
    return { scheme: 'scram', user: this.#user, nonce: this.#nonce };
  }

  /** What the broker asks is answered. Rejects with `BAD_FRAME` for what no broker asks. */
  async answer(challenge: Record<string, unknown>): Promise<ScramProof> {
    const { nonce } = challenge;
    const isNonce = typeof nonce === 'string' && NONCE_PATTERN.test(nonce);
    // Longer than the own one: without a part of the broker's, an answer could be used a second time.
    const isAnswered = isNonce && nonce.startsWith(this.#nonce) && nonce.length > this.#nonce.length;
    if (this.#isAsked || !isAnswered || !isSaltAndRounds(challenge)) {
      throw new RingMQError('BAD_FRAME', 'the challenge cannot be understood, or is not the first one');
    }
    this.#isAsked = true;
    const { salt, iterations } = challenge;
    const { clientKey, storedKey, serverKey } = await this.#keysOf(salt, iterations);
    const message = authMessage(this.#user, this.#nonce, nonce, salt, iterations);
    const signature = await hmac(storedKey, message);
    this.#signature = toBase64(await hmac(serverKey, message));
    return { proof: toBase64(clientKey.map((byte, i) => byte ^ (signature[i] as number))) };
  }

  /** After an answer, the broker shows that it knows the user, too. Throws `NOT_AUTHENTICATED`, also where nobody has asked for one. */
  check({ serverSignature }: Welcome): void {
    if (!this.#isAsked && !this.#needsProof) {
      return;
    }
    if (!this.#isAsked) {
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        'whoever answers asked for no login, and so cannot be told from a false broker; where a broker lets everybody in, connect without credentials',
      );
    }
    if (this.#signature === null || serverSignature !== this.#signature) {
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        'whoever answers does not know the user: it is another broker than the one that asked',
      );
    }
  }
}

/** That who sets its own password knows the one before. */
export async function ownPasswordProof(
  oldPassword: string,
  user: string,
  scram: ScramVerifier,
  { salt, iterations }: { salt: string; iterations: number },
): Promise<string> {
  const { clientKey, storedKey } = await derive(oldPassword, fromBase64(salt), iterations);
  const signature = await hmac(storedKey, passwordMessage(user, scram));
  return toBase64(clientKey.map((byte, i) => byte ^ (signature[i] as number)));
}

/** Whether a broker may ask for that. */
export function isSaltAndRounds(
  asked: Record<string, unknown>,
): asked is { salt: string; iterations: number } {
  const { salt, iterations } = asked;
  return (
    typeof salt === 'string' &&
    salt.length <= 64 &&
    /^[A-Za-z0-9+/]+={0,2}$/.test(salt) &&
    Number.isSafeInteger(iterations) &&
    (iterations as number) >= MIN_SCRAM_ITERATIONS &&
    (iterations as number) <= MAX_SCRAM_ITERATIONS
  );
}

/** What a broker is given of a new password, in place of it. */
export async function verifierOf(password: string): Promise<ScramVerifier> {
  const salt = cryptography().getRandomValues(new Uint8Array(SALT_BYTES));
  const { storedKey, serverKey } = await derive(password, salt, SCRAM_ITERATIONS);
  return {
    salt: toBase64(salt),
    iterations: SCRAM_ITERATIONS,
    storedKey: toBase64(storedKey),
    serverKey: toBase64(serverKey),
  };
}

async function derive(password: string, salt: Uint8Array<ArrayBuffer>, iterations: number): Promise<Keys> {
  const { subtle } = cryptography();
  if (subtle === undefined) {
    throw new RingMQError(
      'NOT_SUPPORTED',
      'a page can log in only where the browser has cryptography: served by https, or from this machine',
    );
  }
  const key = await subtle.importKey('raw', UTF8.encode(preparedPassword(password)), 'PBKDF2', false, [
    'deriveBits',
  ]);
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  const salted = new Uint8Array(await subtle.deriveBits(how, key, KEY_BYTES * 8));
  const clientKey = await hmac(salted, 'Client Key');
  const storedKey = new Uint8Array(await subtle.digest('SHA-256', clientKey));
  return { clientKey, storedKey, serverKey: await hmac(salted, 'Server Key') };
}

async function hmac(key: Uint8Array, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const { subtle } = cryptography();
  const how = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await subtle.importKey('raw', key as Uint8Array<ArrayBuffer>, how, false, ['sign']);
  return new Uint8Array(await subtle.sign('HMAC', imported, UTF8.encode(text)));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
