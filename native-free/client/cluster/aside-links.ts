/** Connections to slaves of a set beside the one to its master: for queues that are read there. Each ends with the last of these. */
import { RingMQError } from '../../wire/index.js';
import type { AsideLink } from '../brokers.js';
import type { Connection } from '../link/connection.js';
import type { LinkFactory } from '../link/link.js';
import { makeConnection } from '../make-connection.js';
import type { ClientOptions } from '../types.js';

/** What is read there goes on at the master when the slave cannot be reached within this time. */
const CONNECT_MS = 2_000;

interface Shared {
  readonly connection: Connection;
  users: number;
}

export class AsideLinks {
  readonly #linksTo: (url: string) => LinkFactory;
  readonly #options: ClientOptions;
  readonly #shared = new Map<string, Shared>();

  constructor(linksTo: (url: string) => LinkFactory, options: ClientOptions) {
    this.#linksTo = linksTo;
    this.#options = options;
  }

  take(url: string): AsideLink {
    const known = this.#shared.get(url);
    const shared = known?.connection.failure === null ? known : this.#open(url);
    shared.users++;
    let isGivenBack = false;
    return {
      connection: shared.connection,
      release: () => {
        shared.users -= isGivenBack ? 0 : 1;
        isGivenBack = true;
        if (shared.users === 0) {
          this.#end(url, shared, new RingMQError('CLOSED'));
        }
      },
    };
  }

  close(failure: RingMQError): void {
    for (const [url, shared] of this.#shared) {
      this.#end(url, shared, failure);
    }
  }

  #open(url: string): Shared {
    const { onConnection: _told, onWarning: _warned, ...options } = this.#options;
    const connection = makeConnection((signal) => this.#linksTo(url)(signal), {
      ...options,
      connectTimeoutMs: CONNECT_MS,
      mayProduce: () => false,
    });
    connection.open(undefined).catch(() => {
      // Its readers hear of it.
    });
    const shared = { connection, users: 0 };
    this.#shared.set(url, shared);
    return shared;
  }

  #end(url: string, shared: Shared, failure: RingMQError): void {
    shared.connection.close(failure);
    if (this.#shared.get(url) === shared) {
      this.#shared.delete(url);
    }
  }
}
