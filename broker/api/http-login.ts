/**
 * Who asks, by the `Authorization` header, or without one by the certificate of the connection. A password is
 * taken where nobody else can read it: over TLS, or from this machine; one that does not travel (SCRAM) anywhere. What it was found to be is kept for a minute by a keyed hash, so that a script that asks often
 * costs one look; the rights are looked up each time.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { AccessDesk } from '../../engine/access/access-desk.js';
import type { LoginProof, PrincipalFacts } from '../../engine/engine-thread.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { MAX_PASSWORD_CHARACTERS, NAME_PATTERN, RingMQError } from '../../native-free/wire/index.js';
import { isLoopback } from '../../native-free/wire/loopback.js';
import type { Exchange } from './exchange.js';
import { HttpScram, SCRAM_SCHEME } from './http-scram.js';

const KNOWN_MS = 60_000;
const MAX_KNOWN = 4_096;

interface Known {
  readonly user: string;
  readonly proof: LoginProof;
  readonly untilMs: number;
}

export class HttpLogin {
  readonly #access: AccessDesk;
  readonly #trust: string | null;
  readonly #key = randomBytes(32);
  readonly #known = new Map<string, Known>();
  readonly #scram: HttpScram;
  /** What one is asked next that is in the middle of a login. */
  readonly #asked = new WeakMap<Exchange, string>();

  /** `trust`: by whose rules tokens are judged; null: none is taken. */
  constructor(access: AccessDesk, trust: string | null) {
    this.#trust = trust;
    this.#access = access;
    this.#scram = new HttpScram(access);
  }

  /** @throws RingMQError NOT_AUTHENTICATED, TOO_MANY_REQUESTS */
  async factsOf(exchange: Exchange): Promise<PrincipalFacts> {
    const { head } = exchange;
    const { authorization } = head.headers;
    if (authorization === undefined && head.certifiedUser !== null) {
      const { principal } = await this.#access.certified(head.certifiedUser, head.remote);
      return principal;
    }
    if (authorization === undefined) {
      throw notAuthenticated('this broker asks who you are: send an Authorization header');
    }
    const scram = scramIn(authorization);
    if (scram !== null) {
      return await this.#byScram(exchange, scram);
    }
    const match = /^(\w+) +([\x21-\x7e]+)$/.exec(authorization);
    switch (match?.[1]?.toLowerCase()) {
      case 'basic':
        if (!head.isSecure && !isLoopback(head.remote)) {
          throw notAuthenticated(
            'a password is not taken over a connection that others can read; use TLS (https)',
          );
        }
        return this.#byPassword(match?.[2] ?? '', head.remote);
      case 'bearer': {
        if (this.#trust === null) {
          throw notAuthenticated('this broker takes no tokens: log in by Basic');
        }
        const token = match?.[2] ?? '';
        const { principal, expires } = await this.#access.verifyToken({
          token,
          trust: this.#trust,
          remote: head.remote,
        });
        if (expires !== undefined) {
          exchange.expireIn(expires.inMs);
        }
        return principal;
      }
      default:
        throw notAuthenticated(
          `Authorization must be Basic${this.#trust === null ? '' : ', Bearer'} or SCRAM-SHA-256 here`,
        );
    }
  }

  /** Who it says it is, for what is written down; empty: it says nothing of it. */
  userOf({ head }: Exchange): string {
    const scram = scramIn(head.headers['authorization'] ?? '');
    if (scram !== null) {
      return this.#scram.userOf(scram);
    }
    if (head.headers['authorization'] === undefined && NAME_PATTERN.test(head.certifiedUser ?? '')) {
      return head.certifiedUser ?? '';
    }
    const [, base64 = ''] = /^basic +(\S+)$/i.exec(head.headers['authorization'] ?? '') ?? [];
    const [user = ''] = Buffer.from(base64, 'base64').toString().split(':', 1);
    return NAME_PATTERN.test(user) ? user : '';
  }

  /** Nobody has failed: the first half of a login was there, and the answer asks for the other. */
  isInLogin(exchange: Exchange): boolean {
    return this.#asked.has(exchange);
  }

  /** As `WWW-Authenticate` has it. */
  challenge(exchange: Exchange): string {
    const asked = this.#asked.get(exchange);
    if (asked !== undefined) {
      return asked;
    }
    const { head } = exchange;
    const isSafe = head.isSecure || isLoopback(head.remote);
    const ways = [
      `Basic realm="${isSafe ? 'RingMQ' : 'RingMQ over TLS'}", charset="UTF-8"`,
      'SCRAM-SHA-256 realm="RingMQ"',
      ...(this.#trust === null ? [] : ['Bearer realm="RingMQ"']),
    ];
    return ways.join(', ');
  }

  async #byScram(exchange: Exchange, parameters: string): Promise<PrincipalFacts> {
    const { remote, isSecure } = exchange.head;
    const step = await this.#scram.step(parameters, remote, isSecure || isLoopback(remote));
    if ('ask' in step) {
      this.#asked.set(exchange, step.ask);
      throw notAuthenticated('answer the challenge in WWW-Authenticate');
    }
    if (step.info !== null) {
      exchange.headers['Authentication-Info'] = step.info;
    }
    return step.facts;
  }

  async #byPassword(base64: string, remote: string): Promise<PrincipalFacts> {
    const text = Buffer.from(base64, 'base64').toString();
    const colon = text.indexOf(':');
    const user = text.slice(0, Math.max(0, colon));
    const password = text.slice(colon + 1);
    if (!NAME_PATTERN.test(user) || password === '' || password.length > MAX_PASSWORD_CHARACTERS) {
      throw notAuthenticated('Basic needs a user and its password in base64, with a colon between them');
    }
    const hash = createHmac('sha256', this.#key).update(text).digest('base64');
    const known = this.#known.get(hash);
    if (known !== undefined && known.untilMs > monotonicMs()) {
      const facts = await this.#access.principal(known.user, known.proof);
      if (facts !== null) {
        return facts;
      }
    }
    this.#known.delete(hash);
    const { principal: facts } = await this.#access.loginByPassword(user, password, remote);
    if (this.#known.size >= MAX_KNOWN) {
      // The oldest, as they were added.
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(hash, { user, proof: facts.proof, untilMs: monotonicMs() + KNOWN_MS });
    return facts;
  }
}

/** What follows the scheme; null: it is another one. */
function scramIn(authorization: string): string | null {
  const [, scheme = '', parameters = ''] = /^([\w-]+) +([\x20-\x7e]+)$/.exec(authorization) ?? [];
  return scheme.toLowerCase() === SCRAM_SCHEME ? parameters : null;
}

function notAuthenticated(message: string): RingMQError {
  return new RingMQError('NOT_AUTHENTICATED', message);
}
