/** Greets the broker over a new link, and waits for its welcome or for what ends the try. */
import type { Welcome } from '../../wire/index.js';
import { Deferred } from '../abort.js';
import { Greeting } from './greeting.js';
import type { LinkUser } from './link-user.js';

export class Handshake {
  readonly #greeting: Greeting;
  readonly #over = new Deferred<void>();

  /** `user`: as whom; null: as nobody. */
  constructor(send: (frame: Uint8Array) => void, user: LinkUser | null) {
    this.#greeting = new Greeting(send, user);
  }

  /** It comes as a user, and may be asked to show that it is that one. */
  get logsIn(): boolean {
    return this.#greeting.logsIn;
  }

  /** Says hello. Resolves on {@link succeed}, which may come within this call; rejects on {@link fail}, or when the signal is aborted. */
  run(client: string, signal: AbortSignal): Promise<void> {
    const giveUp = () => this.#over.reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    this.#greeting.hello(client);
    return this.#over.promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  /** A `challenge` frame is answered. */
  challenged(frame: Uint8Array): void {
    this.#greeting.challenged(frame, (error) => this.#over.reject(error));
  }

  /** Of a `welcome` frame; see {@link Greeting.welcomed}. */
  welcomed(frame: Uint8Array, mayBeNameServer: boolean | undefined): Welcome {
    return this.#greeting.welcomed(frame, mayBeNameServer);
  }

  succeed(): void {
    this.#over.resolve();
  }

  fail(reason: unknown): void {
    this.#over.reject(reason);
  }
}
