/** The API of one listener of a broker: its operations, who may ask, and what it holds between requests. */
import type { MessagePort } from 'node:worker_threads';
import { trustName } from '../../engine/access/token-options.js';
import type { Engine } from '../../engine/engine.js';
import type { PrincipalFacts } from '../../engine/engine-thread.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import { auditLogin } from '../../transport/auth/audited.js';
import type { ApiAsk } from '../../transport/http/api-messages.js';
import { defectTeller } from '../defects.js';
import type { ResolvedListenOptions } from '../listen-options.js';
import { ApiServer } from './api-server.js';
import { type Caller, Callers } from './callers.js';
import { consumeOperations } from './consume.js';
import { eventOperations } from './events.js';
import type { Exchange } from './exchange.js';
import { HttpLogin } from './http-login.js';
import { methodOperations } from './method-operations.js';
import type { Operation } from './operation.js';
import { PollSessions } from './poll-sessions.js';
import { PUBLISH } from './publish.js';

export const API_TITLE = 'RingMQ broker';

export function brokerOperations(sessions: PollSessions): Operation<Caller>[] {
  return [...methodOperations(), PUBLISH, ...consumeOperations(sessions), ...eventOperations(sessions)];
}

export class BrokerApi {
  readonly #engine: Engine;
  readonly #options: ResolvedListenOptions;
  readonly #sessions = new PollSessions();
  readonly #server: ApiServer<Caller>;
  /** From the first request on. */
  #callers: Callers | null = null;

  constructor(engine: Engine, options: ResolvedListenOptions) {
    this.#engine = engine;
    this.#options = options;
    const { host, allowedOrigins, auth, jwt, maxHttpRequests, maxHttpRequestsPerAddress } = options;
    const login = auth ? new HttpLogin(engine.access, jwt === undefined ? null : trustName(jwt)) : null;
    this.#server = new ApiServer({
      title: API_TITLE,
      operations: () => brokerOperations(this.#sessions),
      host,
      allowedOrigins,
      maxRequests: maxHttpRequests,
      maxRequestsPerAddress: maxHttpRequestsPerAddress,
      callerOf: async (exchange) => {
        const facts = login === null ? null : await this.#loggedIn(login, exchange);
        return this.#callersNow().of(facts, exchange.head.remote);
      },
      challenge: (exchange) => login?.challenge(exchange) ?? null,
      began: (caller) => {
        caller.useCount++;
      },
      ended: (caller) => {
        caller.useCount--;
      },
      onDefect: defectTeller(engine.thread),
    });
  }

  /** Answers what comes by this port; `first`: what has come by it already. */
  serve(port: MessagePort, first: ApiAsk): void {
    this.#server.serve(port, first);
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.#sessions.close();
    await this.#callers?.close();
  }

  async #loggedIn(login: HttpLogin, exchange: Exchange): Promise<PrincipalFacts> {
    try {
      return await login.factsOf(exchange);
    } catch (error) {
      // Who says nothing has not tried, and whoever is asked has not failed.
      const { remote, headers, certifiedUser } = exchange.head;
      const hasTried = headers['authorization'] !== undefined || certifiedUser !== null;
      if (isRingMQError(error) && hasTried && !login.isInLogin(exchange)) {
        const asker = { user: login.userOf(exchange), address: remote, connection: 'http' };
        auditLogin(this.#engine.thread.access, asker, error);
      }
      throw error;
    }
  }

  #callersNow(): Callers {
    const { thread } = this.#engine;
    this.#callers ??= new Callers(thread, this.#options, defectTeller(thread));
    return this.#callers;
  }
}
