/**
 * Who may open a WebSocket, and what plain HTTP gets: the same for every listener.
 */
import { STATUS_CODES } from 'node:http';
import { SUBPROTOCOL } from '../wire/index.js';
import { isLoopback } from '../wire/loopback.js';
import type { ConnectionCount } from './connection-count.js';
import type { HttpAnswer, ListenerOptions, RefusedUpgrade } from './types.js';

/** The parts of an upgrade request that decide. Absent headers are empty strings. */
export interface UpgradeFacts {
  readonly path: string;
  readonly host: string;
  readonly origin: string;
  /** Of all headers of that name, with commas between them. */
  readonly protocols: string;
  readonly version: string;
  readonly key: string;
}

/** The status line without the version. */
export function statusText(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? 'Status'}`;
}

/** Sent with every {@link HttpAnswer}: nothing here is for a browser to guess at or keep. */
const ANSWER_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
} as const;

/** 16 bytes in base64. */
const KEY_PATTERN = /^[A-Za-z0-9+/]{22}==$/;

/**
 * A request that wants a WebSocket and has come past the upgrade has no usable key; null for any other.
 * `upgrade`: its header of that name.
 */
export function badKey(upgrade: string): HttpAnswer | null {
  return upgrade.toLowerCase() === 'websocket'
    ? { status: 400, body: 'BAD_REQUEST: Sec-WebSocket-Key must be 16 bytes in base64\n' }
    : null;
}

/**
 * A request that two readers may understand in two ways: with several hosts or lengths, or a body in a coding that nobody here
 * undoes. null for any other. `headers`: by names in lower case, several of one name with commas between.
 */
export function badHead(headers: Readonly<Record<string, string | undefined>>): HttpAnswer | null {
  if (headers['host']?.includes(',') === true) {
    return { status: 400, body: 'BAD_REQUEST: a request has one Host\n' };
  }
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (length !== undefined && (coding !== undefined || !/^\d+$/.test(length))) {
    return { status: 400, body: 'BAD_REQUEST: a body has one length\n' };
  }
  // Not trimmed: more counts as a blank there than HTTP has.
  if (coding !== undefined && !/^chunked$/i.test(coding)) {
    return { status: 501, body: 'NOT_SUPPORTED: of transfer codings chunked alone is known here\n' };
  }
  const content = headers['content-encoding'];
  if (content !== undefined && content.trim().toLowerCase() !== 'identity') {
    return { status: 415, body: 'NOT_SUPPORTED: a body is taken as it is, without a Content-Encoding\n' };
  }
  return null;
}

/** The headers of one answer. */
export function headersOf(answer: HttpAnswer): Record<string, string> {
  return {
    ...ANSWER_HEADERS,
    'Content-Type': answer.contentType ?? 'text/plain; charset=utf-8',
    ...answer.headers,
  };
}

/** The reason to refuse an upgrade, or null to let it in; then it is counted, and the listener must release it when it has gone. */
export function judgeUpgrade(
  facts: UpgradeFacts,
  options: Pick<ListenerOptions, 'host' | 'allowedOrigins' | 'maxConnections' | 'subprotocols'>,
  connections: ConnectionCount,
): HttpAnswer | null {
  if (facts.path !== '/') {
    return { status: 404, body: 'There is nothing here.\n' };
  }
  if (facts.version !== '13') {
    return {
      status: 426,
      headers: { 'Sec-WebSocket-Version': '13' },
      body: 'BAD_REQUEST: WebSocket version 13 is spoken here, and no other\n',
    };
  }
  if (!KEY_PATTERN.test(facts.key)) {
    return { status: 400, body: 'BAD_REQUEST: Sec-WebSocket-Key must be 16 bytes in base64\n' };
  }
  if (facts.origin !== '' && !isOriginAllowed(facts.origin, facts.host, options)) {
    const origin = facts.origin.slice(0, 200);
    return refusal(403, facts, {
      code: 'ORIGIN_REFUSED',
      message: `the web origin ${origin} is not allowed here; the broker lets it in with --allow-origin ${origin}`,
    });
  }
  if (agreedSubprotocol(facts.protocols, options) === null) {
    return { status: 400, body: `BAD_REQUEST: the WebSocket subprotocol ${SUBPROTOCOL} must be asked for\n` };
  }
  if (!connections.take(options.maxConnections)) {
    return refusal(503, facts, {
      code: 'TOO_MANY_CONNECTIONS',
      message: `there are ${connections.total} connections, the limit is ${options.maxConnections}; close some, or raise maxConnections at the broker`,
    });
  }
  return null;
}

function refusal(status: 403 | 503, facts: UpgradeFacts, refused: RefusedUpgrade): HttpAnswer {
  const body = `${refused.code}: ${refused.message}\n`;
  return agreedSubprotocol(facts.protocols, {}) !== null ? { status, body, refused } : { status, body };
}

/** The first that the client asks for and that is spoken here; null: none. `header`: all it names, with commas between them. */
export function agreedSubprotocol(
  header: string,
  { subprotocols = [SUBPROTOCOL] }: Pick<ListenerOptions, 'subprotocols'>,
): string | null {
  for (const part of header.split(',')) {
    const name = part.trim();
    if (subprotocols.includes(name)) {
      return name;
    }
  }
  return null;
}

/**
 * Any web page can reach a port on loopback, so a page's origin must be the broker's own or be allowed by
 * name. Being one's own is judged by the Host header. On a loopback listener that header must name loopback,
 * or a page whose domain was made to resolve to 127.0.0.1 (DNS rebinding) would count as our own.
 */
export function isOriginAllowed(
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

/** Refused connections that have not gone yet; beyond this many an HTTP answer must do. */
const MAX_REFUSED_OPEN = 64;

/** How one listener refuses: by the protocol where that is possible, and telling of it. */
export class Refusals {
  readonly #options: Pick<ListenerOptions, 'refusalFrame' | 'onRefused'>;
  #open = 0;

  constructor(options: Pick<ListenerOptions, 'refusalFrame' | 'onRefused'>) {
    this.#options = options;
  }

  /** The frame to send over a WebSocket that is then closed; its end must be told. null: answer by HTTP. */
  frame({ refused }: HttpAnswer): Uint8Array | null {
    if (refused === undefined) {
      return null;
    }
    this.#options.onRefused?.(refused);
    if (this.#open >= MAX_REFUSED_OPEN) {
      return null;
    }
    const frame = this.#options.refusalFrame?.(refused) ?? null;
    if (frame !== null) {
      this.#open++;
    }
    return frame;
  }

  gone(): void {
    this.#open--;
  }
}
