/**
 * Who asks over HTTP, as clients of the broker: for each user at each address one connection inside the process,
 * with the user's rights, which is kept for a while. All that is asked goes over it as over any connection, so
 * rights, limits and counters are the same.
 */
import type { EngineThread, PrincipalFacts } from '../../engine/engine-thread.js';
import { LinkedClient, type Producer } from '../../native-free/client/internal.js';
import { clearInterval, monotonicMs, setInterval } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import { Principal } from '../../transport/auth/principal.js';
import { SessionHost } from '../../transport/session-host.js';
import { localLinks } from '../local-link.js';

/** Users at addresses that are kept. */
const MAX_CALLERS = 1_024;
/** One that nobody has asked as for so long goes. */
const IDLE_MS = 60_000;
const LOOK_MS = 10_000;

/** One user at one address. */
export class Caller {
  readonly key: string;
  readonly user: string | null;
  readonly remote: string;
  readonly client: LinkedClient;
  /** Requests under way, and what lasts from one to the next. */
  useCount = 0;
  lastMs = monotonicMs();
  #producer: Producer | null = null;

  constructor(key: string, user: string | null, remote: string, client: LinkedClient) {
    this.key = key;
    this.user = user;
    this.remote = remote;
    this.client = client;
  }

  connection(): LinkedClient['connection'] {
    return this.client.connection;
  }

  /** One for all that is published as it. */
  producer(): Producer {
    this.#producer ??= this.client.producer({ group: 'http' });
    return this.#producer;
  }
}

export class Callers {
  readonly #host: SessionHost;
  readonly #callers = new Map<string, Caller>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    engine: EngineThread,
    limits: { auth: boolean; userBytesPerSecond: number; userMessagesPerSecond: number },
    onDefect: (message: string, error: unknown) => void,
  ) {
    const { auth: authenticates, userBytesPerSecond, userMessagesPerSecond } = limits;
    this.#host = new SessionHost(engine, {
      listener: 'embedded',
      authenticates,
      userBytesPerSecond,
      userMessagesPerSecond,
      onDefect,
    });
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** `facts`: null where nobody logs in. @throws RingMQError TOO_MANY_CONNECTIONS */
  of(facts: PrincipalFacts | null, remote: string): Caller {
    const key = facts === null ? remote : `${facts.user} ${JSON.stringify(facts.proof)} ${remote}`;
    const known = this.#callers.get(key);
    if (known?.client.isUsable) {
      known.lastMs = monotonicMs();
      return known;
    }
    if (known !== undefined) {
      this.#forget(known);
    }
    if (this.#callers.size >= MAX_CALLERS && !this.#forgetIdle()) {
      throw new RingMQError(
        'TOO_MANY_CONNECTIONS',
        `${MAX_CALLERS} users at as many addresses ask over HTTP`,
        {
          details: { limit: MAX_CALLERS },
        },
      );
    }
    const principal = facts === null ? null : new Principal(facts);
    const client = new LinkedClient(localLinks(this.#host, { principal, remote }), {
      name: 'http',
      pingIntervalMs: 0,
      closeTimeoutMs: 0,
      onWarning: () => {},
    });
    const caller = new Caller(key, facts?.user ?? null, remote, client);
    this.#callers.set(key, caller);
    return caller;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const all = [...this.#callers.values()];
    this.#callers.clear();
    await Promise.allSettled(all.map(({ client }) => client.close()));
    this.#host.close();
  }

  #look(): void {
    const now = monotonicMs();
    for (const caller of [...this.#callers.values()]) {
      if (caller.useCount === 0 && now - caller.lastMs > IDLE_MS) {
        this.#forget(caller);
      }
    }
  }

  /** The one that has been idle for longest. */
  #forgetIdle(): boolean {
    let oldest: Caller | null = null;
    for (const caller of this.#callers.values()) {
      if (caller.useCount === 0 && (oldest === null || caller.lastMs < oldest.lastMs)) {
        oldest = caller;
      }
    }
    if (oldest !== null) {
      this.#forget(oldest);
    }
    return oldest !== null;
  }

  #forget(caller: Caller): void {
    this.#callers.delete(caller.key);
    caller.client.close().catch(() => {});
  }
}
