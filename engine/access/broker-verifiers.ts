/** What brokers of a cluster are checked by when they log in: while its secret is changed there are two. */
import { createHash, randomBytes } from 'node:crypto';
import { SALT_BYTES, type ScramVerifier } from '../../native-free/wire/index.js';
import { makeVerifier } from './scram.js';

export class BrokerVerifiers {
  readonly #passwords: () => readonly string[];
  /** One for all: who comes is asked before it is known which of them it has. */
  readonly #salt = randomBytes(SALT_BYTES);
  /** Made when the first broker comes. */
  #made = new Map<string, Promise<ScramVerifier>>();

  constructor(passwords: () => readonly string[]) {
    this.#passwords = passwords;
  }

  /** As of now; the first is the one that this broker itself logs in by. */
  all(): Promise<ScramVerifier[]> {
    const made = new Map(
      this.#passwords().map((password) => [
        password,
        this.#made.get(password) ?? makeVerifier(password, this.#salt),
      ]),
    );
    this.#made = made;
    return Promise.all(made.values());
  }
}

/** Tells two of one salt apart, and nothing of either. */
export function markOf({ salt, storedKey }: ScramVerifier): string {
  return `${salt} ${createHash('sha256').update(storedKey).digest('base64').slice(0, 22)}`;
}
