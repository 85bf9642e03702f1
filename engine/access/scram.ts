/** The broker's half of SCRAM-SHA-256: two HMACs and two hashes a login. What is costly, the password's own hash, is the client's to do. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import {
  KEY_BYTES,
  preparedPassword,
  SALT_BYTES,
  SCRAM_ITERATIONS,
  type ScramVerifier,
} from '../../native-free/wire/index.js';

const derive = promisify(pbkdf2);

/** Of a password that this process knows: the first administrator's, brokers'. Default: a salt of its own. */
export async function makeVerifier(password: string, given?: Uint8Array): Promise<ScramVerifier> {
  const salt = Buffer.from(given ?? randomBytes(SALT_BYTES));
  const salted = await derive(preparedPassword(password), salt, SCRAM_ITERATIONS, KEY_BYTES, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
  return {
    salt: salt.toString('base64'),
    iterations: SCRAM_ITERATIONS,
    storedKey: storedKey.toString('base64'),
    serverKey: hmac(salted, 'Server Key').toString('base64'),
  };
}

/** What a client that knows the password shows of it. Base64. The hash is made in the process's pool. */
export async function proofOf(
  password: string,
  salt: string,
  iterations: number,
  message: string,
): Promise<string> {
  const salted = await derive(
    preparedPassword(password),
    Buffer.from(salt, 'base64'),
    iterations,
    KEY_BYTES,
    'sha256',
  );
  const clientKey = hmac(salted, 'Client Key');
  const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
  return Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] as number))).toString('base64');
}

/**
 * What is asked about a name that nobody has: always the same for a name, as if it had a user. `secret`: brokers that share one ask the same, as they do
 * about users, whenever they were opened; null: until this process ends.
 */
export class FakeVerifiers {
  readonly #secret: () => string | null;
  readonly #ownKey = randomBytes(KEY_BYTES);

  constructor(secret: () => string | null) {
    this.#secret = secret;
  }

  of(user: string): ScramVerifier {
    const secret = this.#secret();
    const key = secret === null ? this.#ownKey : hmac(Buffer.from(secret), 'ringmq.nobody.v1');
    const part = (what: string): Buffer => hmac(key, `${what} ${user}`);
    return {
      salt: part('salt').subarray(0, SALT_BYTES).toString('base64'),
      iterations: SCRAM_ITERATIONS,
      storedKey: part('stored').toString('base64'),
      serverKey: part('server').toString('base64'),
    };
  }
}

/** The broker's signature if `proof` is that of who knows the password; null: it is not. Takes as long either way. */
export function checkProof(verifier: ScramVerifier, authMessage: string, proof: string): string | null {
  const storedKey = Buffer.from(verifier.storedKey, 'base64');
  const bytes = Buffer.from(proof, 'base64');
  const hasLength = bytes.length === KEY_BYTES;
  const given = Buffer.alloc(KEY_BYTES);
  bytes.copy(given);
  const signature = hmac(storedKey, authMessage);
  const clientKey = given.map((byte, i) => byte ^ (signature[i] as number));
  const isRight = timingSafeEqual(createHash('sha256').update(clientKey).digest(), storedKey);
  const answer = hmac(Buffer.from(verifier.serverKey, 'base64'), authMessage).toString('base64');
  return hasLength && isRight ? answer : null;
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
