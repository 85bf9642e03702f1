/**
 * The keys that an issuer signs with: of a file, which is looked at again when it has changed, or of an address. A key that is not known is looked
 * for once in a while, however many tokens name one; keys that are known are used on for a time while the address does not answer.
 */

import { createPublicKey, type JsonWebKey, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { readSmallFile } from '../../native-free/files/small-file.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';

/** Of a file or an answer. */
const MAX_KEYS_BYTES = 256 * 1024;
export const MAX_KEYS_COUNT = 64;
/** A login waits so long for the address at most. */
const FETCH_MS = 3_000;

/** When keys are looked for again. */
export interface KeyTimes {
  /** Known keys are asked for anew after so long. */
  freshMs: number;
  /** They are used on for so long where nobody answers. */
  staleMs: number;
  /** Between two tries at least, whatever for. */
  cooldownMs: number;
}

export const KEY_TIMES: KeyTimes = { freshMs: 600_000, staleMs: 3_600_000, cooldownMs: 5_000 };

/** One of a set: RFC 7517. */
export type Jwk = JsonWebKey & { kid?: string };

export interface TokenKeys {
  /** What is known. Rejects with `TIMEOUT` where nothing is: it may be later. */
  all(): Promise<readonly Jwk[]>;
  /** No key fits: what there is by now, or null if it is too soon to look, or nothing else came of it. */
  renewed(): Promise<readonly Jwk[] | null>;
}

/** Public keys in PEM, certificates, a key or a set of keys in JSON. @throws RingMQError BAD_CONFIG */
export function keysIn(text: string, where: string): Jwk[] {
  try {
    const keys = /^\s*\{/.test(text) ? jsonKeys(JSON.parse(text)) : pemKeys(text);
    if (keys.length === 0 || keys.length > MAX_KEYS_COUNT) {
      throw new Error(`it has ${keys.length} public keys, and may have 1 to ${MAX_KEYS_COUNT}`);
    }
    return keys;
  } catch (cause) {
    throw new RingMQError('BAD_CONFIG', `the keys of ${where} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function jsonKeys(json: unknown): Jwk[] {
  const { keys } = json as { keys?: unknown };
  const all = Array.isArray(keys) ? (keys as unknown[]) : [json];
  return all.slice(0, MAX_KEYS_COUNT + 1).flatMap((key) => {
    const jwk = key as Jwk | null;
    if (typeof jwk !== 'object' || jwk === null || typeof jwk.kty !== 'string') {
      throw new Error('it has what is no key');
    }
    if (jwk.kty === 'oct' || jwk.d !== undefined) {
      throw new Error('it has a secret or private key, which only the issuer may have');
    }
    // Of a kind that is not known here: a set may have it for others.
    return ['RSA', 'EC', 'OKP'].includes(jwk.kty) ? [jwk] : [];
  });
}

function pemKeys(text: string): Jwk[] {
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g) ?? [];
  return blocks.slice(0, MAX_KEYS_COUNT + 1).map((block) => {
    if (block.includes('PRIVATE KEY')) {
      throw new Error('it has a private key, which only the issuer may have');
    }
    const key = block.includes('BEGIN CERTIFICATE')
      ? new X509Certificate(block).publicKey
      : createPublicKey(block);
    return key.export({ format: 'jwk' });
  });
}

/** Tries are some time apart, and those who ask meanwhile wait for the one that is under way. */
abstract class KeptKeys implements TokenKeys {
  protected keys: readonly Jwk[] | null = null;
  readonly #times: KeyTimes;
  #takenMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #trying: Promise<void> | null = null;
  #trouble: unknown = null;

  constructor(times: KeyTimes) {
    this.#times = times;
  }

  async all(): Promise<readonly Jwk[]> {
    const ageMs = monotonicMs() - this.#takenMs;
    if (this.keys === null || ageMs > this.#times.freshMs) {
      await this.#try();
    }
    if (this.keys === null || monotonicMs() - this.#takenMs > this.#times.staleMs) {
      throw new RingMQError('TIMEOUT', `the keys of tokens cannot be had now: ${String(this.#trouble)}`, {
        cause: this.#trouble,
      });
    }
    return this.keys;
  }

  async renewed(): Promise<readonly Jwk[] | null> {
    const before = this.keys;
    await this.#try();
    return this.keys === before ? null : this.keys;
  }

  #try(): Promise<void> {
    if (this.#trying === null && monotonicMs() - this.#triedMs >= this.#times.cooldownMs) {
      this.#triedMs = monotonicMs();
      this.#trying = this.#take().finally(() => {
        this.#trying = null;
      });
    }
    return this.#trying ?? Promise.resolve();
  }

  async #take(): Promise<void> {
    try {
      this.keys = await this.read(this.keys);
      this.#takenMs = monotonicMs();
    } catch (error) {
      this.#trouble = error;
    }
  }

  /** Those there are now; `known` itself where nothing has changed. */
  protected abstract read(known: readonly Jwk[] | null): Promise<readonly Jwk[]>;
}

export class FileKeys extends KeptKeys {
  readonly #path: string;
  #state = '';

  /** @throws RingMQError BAD_CONFIG */
  constructor(path: string, times: Partial<KeyTimes> = {}) {
    super({ ...KEY_TIMES, freshMs: 1_000, cooldownMs: 250, ...times });
    this.#path = path;
    this.keys = this.#read(null);
  }

  protected override async read(known: readonly Jwk[] | null): Promise<readonly Jwk[]> {
    return this.#read(known);
  }

  #read(known: readonly Jwk[] | null): readonly Jwk[] {
    try {
      const { ino, mtimeMs, size } = statSync(this.#path);
      const state = `${ino} ${mtimeMs} ${size}`;
      if (known !== null && state === this.#state) {
        return known;
      }
      const keys = keysIn(readSmallFile(this.#path, MAX_KEYS_BYTES, 0).toString('utf8'), this.#path);
      this.#state = state;
      return keys;
    } catch (cause) {
      if (cause instanceof RingMQError) {
        throw cause;
      }
      throw new RingMQError(
        'BAD_CONFIG',
        `the file of keys ${this.#path} cannot be read: ${(cause as Error).message}`,
        { cause, details: { path: this.#path } },
      );
    }
  }
}

export class RemoteKeys extends KeptKeys {
  readonly #url: string;

  constructor(url: string, times: Partial<KeyTimes> = {}) {
    super({ ...KEY_TIMES, ...times });
    this.#url = url;
  }

  protected override async read(): Promise<readonly Jwk[]> {
    const url = this.#url;
    const response = await fetch(url, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_MS),
    }).catch((cause: unknown) => {
      const { cause: inner, message } = cause as Error;
      throw new Error(`${url} does not answer: ${inner instanceof Error ? inner.message : message}`, {
        cause,
      });
    });
    if (!response.ok) {
      throw new Error(`${url} answers with HTTP ${response.status}`);
    }
    return keysIn(await boundedText(response), url);
  }
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += (part as Uint8Array).length;
    if (bytes > MAX_KEYS_BYTES) {
      throw new Error(`${response.url} answers with over ${MAX_KEYS_BYTES} bytes`);
    }
    parts.push(part as Uint8Array);
  }
  return Buffer.concat(parts).toString('utf8');
}
