/** The clients of a broker on the thread that opened it. */
import type { BrokerThread } from '../engine/thread/broker-thread.js';
import type { Client } from '../native-free/client/internal.js';
import { SessionHost } from '../transport/session-host.js';
import { defectTeller } from './defects.js';
import { embeddedClient } from './embedded-client.js';

export class EmbeddedClients {
  readonly #sessions: SessionHost;
  readonly #clients = new Set<Client>();

  constructor(thread: BrokerThread) {
    this.#sessions = new SessionHost(thread, { listener: 'embedded', onDefect: defectTeller(thread) });
  }

  open(): Client {
    const client = embeddedClient(this.#sessions, () => {
      this.#clients.delete(client);
    });
    this.#clients.add(client);
    return client;
  }

  /** Closes all of them: resolves with how each has ended. */
  close(): Promise<PromiseSettledResult<void>[]> {
    return Promise.allSettled([...this.#clients].map((client) => client.close()));
  }

  /** Once they are closed: ends what they shared. */
  end(): void {
    this.#sessions.close();
  }
}
