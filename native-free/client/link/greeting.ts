/** The handshake over a link that is used once, for a question: hello, and a login where the broker asks for one. */

import { OPCODE, PROTOCOL_VERSION, type RingMQError, type Welcome } from '../../wire/index.js';
import { asRingMQError } from '../failures.js';
import { controlFrame, controlPayload } from './control-codec.js';
import { readWelcome } from './incoming.js';
import type { Link } from './link.js';
import type { ScramLogin, ScramUser } from './scram-login.js';

export class Greeting {
  readonly #link: Link;
  readonly #login: ScramLogin | null;

  /** Says hello. `user`: as whom; null: as nobody. */
  constructor(link: Link, client: string, user: ScramUser | null) {
    this.#link = link;
    this.#login = user?.login() ?? null;
    const credentials = this.#login === null ? {} : { credentials: this.#login.credentials };
    link.send(
      controlFrame(OPCODE.hello, 0, { version: PROTOCOL_VERSION, features: [], client, ...credentials }),
    );
  }

  /** A `challenge` frame is answered; what cannot be is told to `failed`. */
  challenged(frame: Uint8Array, failed: (error: RingMQError) => void): void {
    this.#login?.answer(controlPayload(frame)).then(
      (proof) => this.#link.send(controlFrame(OPCODE.proof, 0, proof)),
      (error: unknown) => failed(asRingMQError(error)),
    );
  }

  /** Of a `welcome` frame. Throws `NOT_AUTHENTICATED`, `BAD_FRAME`, `UNSUPPORTED_VERSION`. */
  welcomed(frame: Uint8Array): Welcome {
    const welcome = readWelcome(frame);
    this.#login?.check(welcome);
    return welcome;
  }
}
