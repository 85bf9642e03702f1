/**
 * Users and rights of a cluster, whose sets have a log each: a master asks the other sets' masters what is
 * newer there, some times a minute and when it comes. So a set that was away when a user was made, changed or
 * deleted has it a moment after it is back, and so do the others of what it alone was told.
 */
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import { ask } from '../native-free/client/internal.js';
import { RareTeller } from '../native-free/listener/rare-teller.js';
import { clearInterval, setInterval, unref } from '../native-free/time/index.js';
import type { MasterInfo } from '../native-free/wire/index.js';
import { brokerUser } from './broker-login.js';
import { linkTlsTo } from './link-tls.js';
import { allRoutes, type SetSought } from './set-route.js';

const LOOK_MS = 5_000;
const ANSWER_MS = 2_000;
/** Far more than there are of the most users. */
const MAX_PAGES = 4_096;

export interface AccessKeeperHost extends SetSought {
  readonly secrets: ClusterSecrets;
  /** It may change users: it is a master, and nobody has taken over. */
  isMaster(): boolean;
  /** Of what it has. */
  digest(): string;
  /** Takes what is newer. Resolves with how many. */
  take(records: readonly unknown[]): Promise<number>;
  onWarning(message: string, details: Record<string, unknown>): void;
}

export class AccessKeeper {
  readonly #host: AccessKeeperHost;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #troubles: RareTeller;
  #isLooking = false;
  #isClosed = false;

  constructor(host: AccessKeeperHost) {
    this.#host = host;
    this.#troubles = new RareTeller((line) => host.onWarning(line, {}));
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    unref(this.#timer);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  /** Asks all others, once. Never rejects. */
  async look(): Promise<void> {
    if (this.#isLooking || this.#isClosed || !this.#host.isMaster()) {
      return;
    }
    this.#isLooking = true;
    try {
      for (const { url } of await this.#others()) {
        await this.#takeFrom(url).catch((error: unknown) => {
          const why = error instanceof Error ? error.message : String(error);
          this.#troubles.tell(
            url,
            `users and rights could not be compared with the broker at ${url}: ${why}`,
          );
        });
      }
    } finally {
      this.#isLooking = false;
    }
  }

  /** Of each other set the master of the highest epoch that any name server knows. */
  async #others(): Promise<MasterInfo[]> {
    const masters = new Map<string, MasterInfo>();
    for (const { set, master } of await allRoutes(this.#host)) {
      const known = masters.get(set);
      if (set !== this.#host.set && master !== null && (known === undefined || known.epoch < master.epoch)) {
        masters.set(set, master);
      }
    }
    return [...masters.values()];
  }

  async #takeFrom(url: string): Promise<void> {
    const digest = this.#host.digest();
    const user = brokerUser(this.#host.secrets);
    let cursor: string | null = null;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const answer = (await ask(
        url,
        'accessRecords',
        { digest, cursor },
        ANSWER_MS,
        user,
        linkTlsTo(url, this.#host.linkTls),
      )) as {
        records?: unknown;
        cursor?: unknown;
      };
      if (this.#isClosed || !this.#host.isMaster()) {
        return;
      }
      if (Array.isArray(answer.records) && answer.records.length > 0) {
        await this.#host.take(answer.records);
      }
      if (typeof answer.cursor !== 'string') {
        return;
      }
      cursor = answer.cursor;
    }
  }
}
