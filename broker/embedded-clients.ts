/** The clients of a broker on the thread that opened it. They stay when the broker opens its directory again, as remote ones do. */
import type { BrokerThread } from '../engine/thread/broker-thread.js';
import type { Client } from '../native-free/client/internal.js';
import { SessionHost } from '../transport/session-host.js';
import { defectTeller } from './defects.js';
import { embeddedClient } from './embedded-client.js';

/** Open at once: far more than a program has that made them on purpose. Each takes some 13 KB. */
const MANY_CLIENTS = 1_000;

export class EmbeddedClients {
  #thread: BrokerThread;
  /** null: the engine is being replaced. */
  #sessions: SessionHost | null;
  readonly #clients = new Set<Client>();
  #isTold = false;

  constructor(thread: BrokerThread) {
    this.#thread = thread;
    this.#sessions = sessionsOn(thread);
  }

  open(): Client {
    const client = embeddedClient(
      () => this.#sessions,
      () => {
        this.#clients.delete(client);
      },
    );
    this.#clients.add(client);
    if (this.#clients.size >= MANY_CLIENTS && !this.#isTold) {
      this.#isTold = true;
      this.#thread.warn(
        `this program has ${MANY_CLIENTS} clients of its broker open, as if it made one for each request: one is enough for all, and each is kept until its close()`,
      );
    }
    return client;
  }

  /** The engine is replaced: they have no connection until {@link goOn}. */
  rest(): void {
    this.#sessions?.close();
    this.#sessions = null;
  }

  /** They connect to the next engine's thread. */
  goOn(thread: BrokerThread): void {
    this.#thread = thread;
    this.#sessions = sessionsOn(thread);
  }

  /** Closes all of them: resolves with how each has ended. */
  close(): Promise<PromiseSettledResult<void>[]> {
    return Promise.allSettled([...this.#clients].map((client) => client.close()));
  }

  /** Once they are closed: ends what they shared. */
  end(): void {
    this.#sessions?.close();
  }
}

function sessionsOn(thread: BrokerThread): SessionHost {
  return new SessionHost(thread, { listener: 'embedded', onDefect: defectTeller(thread) });
}
