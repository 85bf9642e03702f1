/** Logging in with a token that somebody else has made: the client's half, in Node and in browsers. */
import { MAX_TOKEN_CHARACTERS, RingMQError, TOKEN_PATTERN, type Welcome } from '../../wire/index.js';
import { whenAborted } from '../abort.js';
import { badArgument, kindOf } from '../options.js';
import type { TokenSource } from '../types.js';
import type { LinkLogin, LinkUser } from './link-user.js';

/** Throws `BAD_ARGUMENT`; nothing of the token is in the error. */
export function tokenOption(name: string, value: unknown): string {
  if (typeof value !== 'string') {
    throw badArgument(name, `must be text, not ${kindOf(value)}`);
  }
  if (value.length > MAX_TOKEN_CHARACTERS || !TOKEN_PATTERN.test(value)) {
    throw badArgument(
      name,
      `must be a JSON Web Token: three parts in base64url with dots between, of at most ${MAX_TOKEN_CHARACTERS} characters`,
      { limit: MAX_TOKEN_CHARACTERS },
    );
  }
  return value;
}

export class TokenUser implements LinkUser {
  readonly #source: TokenSource;
  /** For the next login. */
  #token: string | null;

  constructor(source: TokenSource) {
    this.#source = source;
    this.#token = typeof source === 'string' ? source : null;
  }

  prepare(signal: AbortSignal): Promise<void> | undefined {
    return typeof this.#source === 'string' ? undefined : this.#get(this.#source, signal);
  }

  get renewal(): (() => Promise<string>) | null {
    const source = this.#source;
    return typeof source === 'string' ? null : () => tokenOf(source);
  }

  login(): LinkLogin {
    return new TokenLogin(this.#token ?? '');
  }

  async #get(source: () => Promise<string> | string, signal: AbortSignal): Promise<void> {
    let unwatch = () => {};
    const aborted = new Promise<never>((_resolve, reject) => {
      unwatch = whenAborted(signal, () => reject(signal.reason));
    });
    try {
      this.#token = await Promise.race([tokenOf(source), aborted]);
    } finally {
      unwatch();
    }
  }
}

/** Rejects with `BAD_ARGUMENT` for what is no token, and with CONNECT_FAILED for what the function fails with: it may do better later. */
async function tokenOf(source: () => Promise<string> | string): Promise<string> {
  let token: unknown;
  try {
    token = await source();
  } catch (cause) {
    throw new RingMQError('CONNECT_FAILED', 'the function that gets tokens has failed; see cause', { cause });
  }
  return tokenOption('token', token);
}

class TokenLogin implements LinkLogin {
  readonly credentials;

  constructor(token: string) {
    this.credentials = { scheme: 'jwt', token } as const;
  }

  async answer(): Promise<never> {
    throw new RingMQError('BAD_FRAME', 'a token was shown, and whoever answers asks for a password');
  }

  check({ user }: Welcome): void {
    if (typeof user !== 'string') {
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        'whoever answers has not looked at the token; where a broker lets everybody in, connect without credentials',
      );
    }
  }
}
