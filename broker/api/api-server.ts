/**
 * Answers the API: who asks is looked at (origin, route, login, how much is under way), then the operation does the
 * rest. It runs on the thread that opened the broker; listener threads hand requests over by a port each.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { isOriginAllowed } from '../../native-free/listener/upgrade-rules.js';
import { isRingMQError, RingMQError } from '../../native-free/wire/index.js';
import { JSON_TYPE } from '../../transport/http/api-door.js';
import type { ApiAnswer, ApiAsk } from '../../transport/http/api-messages.js';
import { Exchange, HeldBodies } from './exchange.js';
import { answerError, statusOf } from './http-errors.js';
import { openApiText } from './openapi.js';
import type { Operation } from './operation.js';
import { API_BASE, Router } from './router.js';

/** What a browser may ask with from another origin that is allowed, and read of the answer. */
const PREFLIGHT_HEADERS = {
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE',
  'Access-Control-Allow-Headers':
    'Authorization, Content-Type, Last-Event-ID, RingMQ-Tag, RingMQ-Keys, RingMQ-Sharding-Key, RingMQ-Properties, RingMQ-Producer, RingMQ-Sequence',
  'Access-Control-Max-Age': '600',
};

export interface ApiServerOptions<Caller> {
  readonly title: string;
  /** Made when the first request comes: schemas take a while. */
  operations(): readonly Operation<Caller>[];
  /** Who it is. @throws RingMQError NOT_AUTHENTICATED */
  callerOf(exchange: Exchange): Promise<Caller>;
  /** Ways to log in, as `WWW-Authenticate` has them; null: nobody has to. */
  challenge(exchange: Exchange): string | null;
  /** Before and after a caller's operation. */
  began(caller: Caller): void;
  ended(caller: Caller): void;
  /** The listener's. */
  readonly host: string;
  readonly allowedOrigins: readonly string[];
  readonly maxRequests: number;
  readonly maxRequestsPerAddress: number;
  onDefect(message: string, error: unknown): void;
}

export class ApiServer<Caller> {
  readonly #options: ApiServerOptions<Caller>;
  #router: Router<Caller> | null = null;
  readonly #ports = new Set<MessagePort>();
  readonly #exchanges = new Set<Exchange>();
  readonly #held = new HeldBodies();
  readonly #ofAddress = new Map<string, number>();
  #openApi: string | null = null;

  constructor(options: ApiServerOptions<Caller>) {
    this.#options = options;
  }

  /** The other end of a new channel: for an {@link ApiDoor} on a listener's thread. */
  port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.serve(port1);
    return port2;
  }

  /** Answers what comes by this port; `first`: what has come by it already. */
  serve(port: MessagePort, first?: ApiAsk): void {
    const exchanges = new Map<number, Exchange>();
    this.#ports.add(port);
    if (first !== undefined) {
      this.#asked(port, exchanges, first);
    }
    port.on('message', (ask: ApiAsk) => this.#asked(port, exchanges, ask));
    port.once('close', () => {
      this.#ports.delete(port);
      for (const exchange of [...exchanges.values()]) {
        exchange.gone();
      }
    });
    // It keeps no process alive.
    port.unref();
  }

  /** Everybody who waits is told. */
  close(): void {
    for (const exchange of [...this.#exchanges]) {
      answerError(exchange, new RingMQError('BROKER_CLOSED'));
      exchange.cut();
      exchange.gone();
    }
    for (const port of this.#ports) {
      port.close();
    }
  }

  #asked(port: MessagePort, exchanges: Map<number, Exchange>, ask: ApiAsk): void {
    if (ask.type === 'ask') {
      const send = (answer: ApiAnswer, transfer?: ArrayBuffer[]): void => port.postMessage(answer, transfer);
      const exchange = new Exchange(
        ask.id,
        ask.head,
        send,
        () => {
          exchanges.delete(ask.id);
          this.#exchanges.delete(exchange);
          this.#count(ask.head.remote, -1);
        },
        this.#held,
      );
      exchanges.set(ask.id, exchange);
      this.#exchanges.add(exchange);
      this.#count(ask.head.remote, 1);
      void this.#answer(exchange);
      return;
    }
    const exchange = exchanges.get(ask.id);
    switch (ask.type) {
      case 'chunk':
        exchange?.chunk(ask.bytes);
        break;
      case 'end':
        exchange?.end();
        break;
      case 'gone':
        exchange?.gone();
        break;
      case 'taken':
        exchange?.taken(ask.bytes);
        break;
    }
  }

  #count(remote: string, by: number): void {
    const count = (this.#ofAddress.get(remote) ?? 0) + by;
    if (count > 0) {
      this.#ofAddress.set(remote, count);
    } else {
      this.#ofAddress.delete(remote);
    }
  }

  /** Never rejects. */
  async #answer(exchange: Exchange): Promise<void> {
    try {
      this.#checkCount(exchange);
      if (this.#checkOrigin(exchange)) {
        return;
      }
      const { method, path, query } = exchange.head;
      this.#router ??= new Router(this.#options.operations());
      if (method === 'GET' && path === `${API_BASE}/openapi.json`) {
        this.#openApi ??= openApiText(this.#options.title, this.#router.operations);
        exchange.answer(200, this.#openApi, { 'Content-Type': JSON_TYPE });
        return;
      }
      const routed = this.#router.find(method, path);
      if (!('operation' in routed)) {
        notRouted(exchange, routed.allowed);
        return;
      }
      const caller = await this.#callerOf(exchange);
      if (exchange.signal.aborted) {
        return;
      }
      this.#options.began(caller);
      try {
        await routed.operation.handle({
          exchange,
          path: routed.path,
          query: new URLSearchParams(query),
          caller,
        });
      } finally {
        this.#options.ended(caller);
      }
    } catch (error) {
      this.#failed(exchange, error);
    }
  }

  #failed(exchange: Exchange, error: unknown): void {
    if (exchange.signal.aborted) {
      return;
    }
    if (!isRingMQError(error)) {
      this.#options.onDefect('an HTTP request failed', error);
    }
    if (exchange.hasAnswered) {
      exchange.cut();
    } else {
      answerError(exchange, error);
    }
  }

  async #callerOf(exchange: Exchange): Promise<Caller> {
    try {
      return await this.#options.callerOf(exchange);
    } catch (error) {
      const challenge = this.#options.challenge(exchange);
      if (isRingMQError(error) && statusOf(error.code) === 401 && challenge !== null) {
        exchange.headers['WWW-Authenticate'] = challenge;
      }
      throw error;
    }
  }

  #checkCount({ head }: Exchange): void {
    const { maxRequests, maxRequestsPerAddress } = this.#options;
    const ofAddress = this.#ofAddress.get(head.remote) ?? 0;
    if (this.#exchanges.size > maxRequests || ofAddress > maxRequestsPerAddress) {
      const isAddress = ofAddress > maxRequestsPerAddress;
      throw new RingMQError(
        'TOO_MANY_REQUESTS',
        isAddress
          ? `${maxRequestsPerAddress} HTTP requests of this address are under way, as many as it may have (maxHttpRequestsPerAddress)`
          : `${maxRequests} HTTP requests are under way, as many as there may be (maxHttpRequests)`,
        { details: { limit: isAddress ? maxRequestsPerAddress : maxRequests } },
      );
    }
  }

  /**
   * What a page of another origin asks is refused before anything is done, whether its browser would let it read
   * the answer or not. True: it was a browser's question whether it may ask, and it is answered.
   * @throws RingMQError ORIGIN_REFUSED
   */
  #checkOrigin(exchange: Exchange): boolean {
    const { headers, method } = exchange.head;
    const { origin } = headers;
    const isForeign =
      origin === undefined
        ? FOREIGN.has(headers['sec-fetch-site'] ?? '')
        : !isOriginAllowed(origin, headers['host'] ?? '', this.#options);
    if (isForeign) {
      const which = origin === undefined ? 'of another site' : `of ${origin.slice(0, 200)}`;
      throw new RingMQError(
        'ORIGIN_REFUSED',
        `a page ${which} may not ask here; the broker lets it with --allow-origin`,
      );
    }
    if (origin !== undefined) {
      exchange.headers['Access-Control-Allow-Origin'] = origin;
      exchange.headers['Access-Control-Expose-Headers'] =
        'Authentication-Info, Retry-After, WWW-Authenticate';
      exchange.headers['Vary'] = 'Origin';
    }
    if (method !== 'OPTIONS') {
      return false;
    }
    exchange.answer(204, '', origin === undefined ? {} : PREFLIGHT_HEADERS);
    return true;
  }
}

/** A browser says it of what a page of elsewhere asks without an origin: images, links, forms. */
const FOREIGN: ReadonlySet<string> = new Set(['cross-site', 'same-site']);

function notRouted(exchange: Exchange, allowed: readonly string[]): void {
  if (allowed.length === 0) {
    exchange.answer(
      404,
      errorText('BAD_REQUEST', `there is nothing here; ${API_BASE}/openapi.json says what there is`),
      { 'Content-Type': JSON_TYPE },
    );
    return;
  }
  exchange.answer(405, errorText('BAD_REQUEST', `only ${allowed.join(', ')} is answered here`), {
    'Content-Type': JSON_TYPE,
    Allow: allowed.join(', '),
  });
}

function errorText(code: string, message: string): string {
  return `${JSON.stringify({ code, message, retryable: false, details: {} })}\n`;
}
