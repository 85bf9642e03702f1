/** One connection's login: hello with credentials, challenge, proof. What is judged is judged on the thread that opened the broker. */
import { randomBytes } from 'node:crypto';
import type { AccessDoor, LoginAnswer } from '../../engine/engine-thread.js';
import {
  authMessage,
  BROKER_USER,
  FRAME_HEADER_BYTES,
  MAX_NAME_BYTES,
  makeFrame,
  NAME_PATTERN,
  NONCE_PATTERN,
  OPCODE,
  RingMQError,
  type ScramChallenge,
} from '../../native-free/wire/index.js';
import { decodeControl, encodeControl } from '../control-payload.js';

const NONCE_BYTES = 24;
/** A proof of 32 bytes in base64. */
const MAX_PROOF_CHARACTERS = 64;

export class Login {
  readonly user: string;
  readonly #access: AccessDoor;
  readonly #remote: string;
  readonly #clientNonce: string;
  #challenge: ScramChallenge | null = null;

  /** `credentials`: of the hello. @throws RingMQError NOT_AUTHENTICATED, NOT_SUPPORTED (another scheme) */
  constructor(credentials: unknown, access: AccessDoor, remote: string) {
    if (typeof credentials !== 'object' || credentials === null) {
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        'this broker asks for credentials: name a user and its password',
      );
    }
    const { scheme, user, nonce } = credentials as Record<string, unknown>;
    if (scheme !== 'scram') {
      throw new RingMQError('NOT_AUTHENTICATED', "this broker takes credentials of the scheme 'scram'", {
        details: { schemes: ['scram'] },
      });
    }
    const isUser =
      typeof user === 'string' &&
      user.length <= MAX_NAME_BYTES &&
      (NAME_PATTERN.test(user) || user === BROKER_USER);
    if (!isUser || typeof nonce !== 'string' || !NONCE_PATTERN.test(nonce)) {
      throw new RingMQError('NOT_AUTHENTICATED', 'credentials need the name of a user and a nonce');
    }
    this.user = user;
    this.#access = access;
    this.#remote = remote;
    this.#clientNonce = nonce;
  }

  /** The frame that asks for a proof. */
  async challenge(): Promise<Uint8Array> {
    const { salt, iterations } = await this.#access.challenge(this.user);
    const nonce = this.#clientNonce + randomBytes(NONCE_BYTES).toString('base64');
    this.#challenge = { nonce, salt, iterations };
    return makeFrame(OPCODE.challenge, 0, { payload: encodeControl(this.#challenge) });
  }

  /** Each challenge is answered once. @throws RingMQError BAD_FRAME, NOT_AUTHENTICATED */
  async prove(frame: Uint8Array): Promise<LoginAnswer> {
    const challenge = this.#challenge;
    this.#challenge = null;
    if (challenge === null) {
      throw new RingMQError('BAD_FRAME', 'a proof answers a challenge, once');
    }
    const { proof } = decodeControl(frame, FRAME_HEADER_BYTES);
    if (typeof proof !== 'string' || proof.length > MAX_PROOF_CHARACTERS) {
      throw new RingMQError('BAD_FRAME', 'a proof is 32 bytes in base64');
    }
    const { nonce, salt, iterations } = challenge;
    return this.#access.login({
      user: this.user,
      authMessage: authMessage(this.user, this.#clientNonce, nonce, salt, iterations),
      proof,
      remote: this.#remote,
    });
  }
}
