/** The handshake over a link: hello, and a login where the broker asks for one. */

import { type Hello, OPCODE, PROTOCOL_VERSION, type RingMQError, type Welcome } from '../../wire/index.js';
import { asRingMQError } from '../failures.js';
import { controlFrame, controlPayload } from './control-codec.js';
import { readWelcome } from './incoming.js';
import type { LinkLogin, LinkUser } from './link-user.js';

export class Greeting {
  readonly #send: (frame: Uint8Array) => void;
  readonly #login: LinkLogin | null;

  /** `user`: as whom; null: as nobody. */
  constructor(send: (frame: Uint8Array) => void, user: LinkUser | null) {
    this.#send = send;
    this.#login = user?.login() ?? null;
  }

  /** It comes as a user, and may be asked to show that it is that one. */
  get logsIn(): boolean {
    return this.#login !== null;
  }

  /** Says hello. The welcome may come within this call. */
  hello(client: string): void {
    const credentials = this.#login === null ? {} : { credentials: this.#login.credentials };
    const hello: Hello = { version: PROTOCOL_VERSION, features: [], client, ...credentials };
    this.#send(controlFrame(OPCODE.hello, 0, hello));
  }

  /** A `challenge` frame is answered; what cannot be is told to `failed`. */
  challenged(frame: Uint8Array, failed: (error: RingMQError) => void): void {
    this.#login?.answer(controlPayload(frame)).then(
      (proof) => this.#send(controlFrame(OPCODE.proof, 0, proof)),
      (error: unknown) => failed(asRingMQError(error)),
    );
  }

  /** Of a `welcome` frame. `mayBeNameServer`: one has no users, and is believed without a login. Throws `NOT_AUTHENTICATED`, `BAD_FRAME`, `UNSUPPORTED_VERSION`. */
  welcomed(frame: Uint8Array, mayBeNameServer = false): Welcome {
    const welcome = readWelcome(frame);
    // A name server that asks for a login has it judged by a broker, and passes on what that one says.
    if (!mayBeNameServer || welcome.role !== 'nameserver' || welcome.serverSignature !== undefined) {
      this.#login?.check(welcome);
    }
    return welcome;
  }
}
