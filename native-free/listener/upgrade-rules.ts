/**
 * Who may open a WebSocket, and what plain HTTP gets: the same for every listener.
 */
import { SUBPROTOCOL } from '../wire/index.js';
import { isLoopback } from '../wire/loopback.js';
import type { ListenerOptions } from './types.js';

/** An HTTP answer instead of a WebSocket. `body` begins with an error code where there is one. */
export interface HttpAnswer {
  readonly status: 200 | 400 | 403 | 404 | 503;
  readonly body: string;
}

/** The parts of an upgrade request that decide. Absent headers are empty strings. */
export interface UpgradeFacts {
  readonly path: string;
  readonly host: string;
  readonly origin: string;
  readonly protocols: string;
}

export const STATUS_TEXT = {
  200: '200 OK',
  400: '400 Bad Request',
  403: '403 Forbidden',
  404: '404 Not Found',
  503: '503 Service Unavailable',
} as const;

/** Sent with every {@link HttpAnswer}: nothing here is for a browser to guess at or keep. */
export const ANSWER_HEADERS = {
  'Content-Type': 'text/plain; charset=utf-8',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
} as const;

/** What a request that is no upgrade gets. */
export function answerHttp(method: string, path: string): HttpAnswer {
  if (method.toUpperCase() === 'GET' && path === '/') {
    return { status: 200, body: `RingMQ broker. Speak WebSocket here, subprotocol ${SUBPROTOCOL}.\n` };
  }
  return { status: 404, body: 'There is nothing here.\n' };
}

/** The reason to refuse an upgrade, or null to let it in. */
export function judgeUpgrade(
  facts: UpgradeFacts,
  options: Pick<ListenerOptions, 'host' | 'allowedOrigins' | 'maxConnections'>,
  connections: number,
): HttpAnswer | null {
  if (facts.path !== '/') {
    return { status: 404, body: 'There is nothing here.\n' };
  }
  if (facts.origin !== '' && !isOriginAllowed(facts.origin, facts.host, options)) {
    const origin = facts.origin.slice(0, 200);
    return {
      status: 403,
      body: `ORIGIN_REFUSED: the web origin ${origin} is not allowed here; the broker lets it in with --allow-origin ${origin}\n`,
    };
  }
  if (!offersSubprotocol(facts.protocols)) {
    return { status: 400, body: `BAD_REQUEST: the WebSocket subprotocol ${SUBPROTOCOL} must be asked for\n` };
  }
  if (connections >= options.maxConnections) {
    return {
      status: 503,
      body: `TOO_MANY_CONNECTIONS: there are ${connections}, the limit is ${options.maxConnections}\n`,
    };
  }
  return null;
}

function offersSubprotocol(header: string): boolean {
  for (const name of header.split(',')) {
    if (name.trim() === SUBPROTOCOL) {
      return true;
    }
  }
  return false;
}

/**
 * Any web page can reach a port on loopback, so a page's origin must be the broker's own or be allowed by name. Being one's own is
 * judged by the Host header. On a loopback listener that header must name loopback, or a page whose
 * domain was made to resolve to 127.0.0.1 (DNS rebinding) would count as our own.
 */
function isOriginAllowed(
  origin: string,
  host: string,
  options: Pick<ListenerOptions, 'host' | 'allowedOrigins'>,
): boolean {
  if (options.allowedOrigins.includes('*') || options.allowedOrigins.includes(origin)) {
    return true;
  }
  let own: URL;
  let asked: URL;
  try {
    own = new URL(origin);
    asked = new URL(`${own.protocol}//${host}`);
  } catch {
    return false;
  }
  if (own.host === '' || own.host !== asked.host) {
    return false;
  }
  return !isLoopback(options.host) || isLoopback(asked.hostname);
}
