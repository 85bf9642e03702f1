/** `ringmq/dashboard`: the dashboard in a host's own server, looking through a client of the host. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Client } from '../native-free/client/index.js';
import { isOptionsObject } from '../native-free/client/internal.js';
import { type Backend, Desk, fromJson, toJson } from '../native-free/dashboard/desk/index.js';
import { headersOf } from '../native-free/listener/upgrade-rules.js';
import { isRingMQError, RingMQError } from '../native-free/wire/index.js';
import { isLoopback } from '../native-free/wire/loopback.js';
import { DashboardFiles } from '../transport/http/dashboard-files.js';

/** A message of 4 MiB in base64, and what is around it. */
const MAX_CALL_BYTES = 8 * 1024 * 1024;
/** Calls at once; more are refused, and the page asks again. */
const MAX_CALLS = 64;

export interface DashboardOptions {
  /** Where it is in the host's server: `/ringmq`. Requests come with it; frameworks that take it off need none. Default `/`. */
  path?: string | undefined;
  /** Nothing can be changed through it. Default false: what the client may do. */
  readOnly?: boolean | undefined;
  /**
   * Names by which the server is asked, without a port, such as `admin.example.com`. Default: any, but on a
   * loopback address this machine's alone, against pages that make their own name lead there.
   */
  hosts?: readonly string[] | undefined;
}

/** For `node:http` and frameworks that give its request and response. */
export interface DashboardHandler {
  (request: IncomingMessage, response: ServerResponse): void;
  /** Ends the connections that it has opened to slaves. The client stays open. */
  close(): Promise<void>;
}

/**
 * Everybody whose requests the handler is given acts with the rights of `client`: put it behind the host's own
 * login. `broker.client()` may do everything; `connect(url, { credentials })` gives one that may do less.
 * Calls come as POST of the page's own origin only. Throws `BAD_ARGUMENT` for what is no client or no option,
 * `NOT_SUPPORTED` where the package has no dashboard in it (built without `npm run build`, or bundled).
 */
export function dashboard(client: Client, options: DashboardOptions = {}): DashboardHandler {
  const { path = '/', readOnly = false, hosts } = checked(options);
  const desk = new Desk(client, { user: null, readOnly });
  const files = DashboardFiles.read({ backend: 'host', login: 'not needed', connect: "'self'" });
  if (files === null) {
    throw new RingMQError(
      'NOT_SUPPORTED',
      "the dashboard's page is not in this package; in a checkout make it with `npm run build`",
    );
  }
  const prefix = path.replace(/\/+$/, '');
  const calls = new Calls(desk);
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const asked = new URL(request.url ?? '/', 'http://host').pathname;
    if (!isAskedByName(request, hosts)) {
      give(response, 403, 'This dashboard is not asked by that host name.\n');
    } else if (prefix !== '' && asked === prefix) {
      // What the page names lies below it.
      response.setHeader('Location', `${prefix}/`);
      give(response, 308, '');
    } else {
      const below = asked.startsWith(`${prefix}/`) ? asked.slice(prefix.length) : asked;
      if (below === '/call') {
        void calls.answer(request, response);
      } else {
        giveFile(files, below, request, response);
      }
    }
  };
  return Object.assign(handle, { close: () => desk.close() });
}

function checked(options: DashboardOptions): DashboardOptions {
  const { path, readOnly, hosts, ...others } = isOptionsObject(options)
    ? (options as DashboardOptions)
    : { path: null };
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new RingMQError('BAD_ARGUMENT', `dashboard: there is no option '${other.slice(0, 64)}'`);
  }
  if (path !== undefined && (typeof path !== 'string' || !path.startsWith('/'))) {
    throw new RingMQError('BAD_ARGUMENT', 'dashboard: path begins with /, like /ringmq');
  }
  if (hosts !== undefined && !(Array.isArray(hosts) && hosts.every((host) => typeof host === 'string'))) {
    throw new RingMQError('BAD_ARGUMENT', 'dashboard: hosts is a list of names, like admin.example.com');
  }
  return { path, readOnly: readOnly === true, hosts };
}

function hostOf(header: string | undefined): string {
  return (header ?? '').replace(/:\d*$/, '').toLowerCase();
}

function isAskedByName({ headers, socket }: IncomingMessage, hosts: readonly string[] | undefined): boolean {
  const host = hostOf(headers.host);
  if (hosts !== undefined) {
    return hosts.some((each) => each.toLowerCase() === host);
  }
  return !isLoopback(socket.localAddress?.replace(/^::ffff:/, '') ?? '') || isLoopback(host);
}

function giveFile(
  files: DashboardFiles,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    give(response, 405, 'Only GET is answered here.\n');
    return;
  }
  const answer = files.answer(path, {
    'if-none-match': request.headers['if-none-match'],
    'accept-encoding': String(request.headers['accept-encoding'] ?? ''),
  });
  if (answer === null) {
    give(response, 404, 'There is nothing here.\n');
    return;
  }
  for (const [name, value] of Object.entries(headersOf(answer))) {
    response.setHeader(name, value);
  }
  response.statusCode = answer.status;
  response.end(request.method === 'HEAD' ? undefined : (answer.body as string | Uint8Array));
}

/** Calls of the page. */
class Calls {
  readonly #backend: Backend;
  #running = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' || !isOfThePage(request)) {
      give(response, 403, 'Calls are made by the page of this dashboard, and by nobody else.\n');
      return;
    }
    if (this.#running >= MAX_CALLS) {
      giveJson(response, { error: { code: 'TOO_MANY_REQUESTS', message: `${MAX_CALLS} calls are at work` } });
      return;
    }
    this.#running++;
    try {
      const text = await textOf(request);
      giveJson(response, { result: (await this.#call(text)) ?? null });
    } catch (error) {
      const known = isRingMQError(error) ? error : new RingMQError('BAD_REQUEST', 'the call cannot be read');
      giveJson(response, { error: { code: known.code, message: known.message, details: known.details } });
    } finally {
      this.#running--;
    }
  }

  #call(text: string): Promise<unknown> {
    const { call, args } = fromJson(text) as { call?: unknown; args?: unknown };
    if (!Array.isArray(args)) {
      throw new RingMQError('BAD_REQUEST', 'a call has arguments');
    }
    const backend = this.#backend;
    const given = args as never[];
    switch (call) {
      case 'where':
        return backend.where();
      case 'control':
        return (backend.control as (...each: never[]) => Promise<unknown>).call(backend, ...given);
      case 'clusterStatus':
        return (backend.clusterStatus as (...each: never[]) => Promise<unknown>).call(backend, ...given);
      case 'admin':
        return (backend.admin as (...each: never[]) => Promise<unknown>).call(backend, ...given);
      case 'publish':
        return (backend.publish as (...each: never[]) => Promise<unknown>).call(backend, ...given);
      default:
        throw new RingMQError('BAD_REQUEST', 'there is no such call');
    }
  }
}

/** A form of another page can send neither this type nor this origin. */
function isOfThePage({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const isJson = /^application\/json\b/.test(headers['content-type'] ?? '');
  const site = headers['sec-fetch-site'];
  if (!isJson || (site !== undefined && site !== 'same-origin')) {
    return false;
  }
  try {
    return origin === undefined || new URL(origin).host === host;
  } catch {
    return false;
  }
}

/** Rejects with FRAME_TOO_LARGE. */
async function textOf(request: IncomingMessage): Promise<string> {
  // A framework may have read it already.
  const { body } = request as IncomingMessage & { body?: unknown };
  if (body !== undefined && request.readableEnded) {
    return JSON.stringify(body);
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_CALL_BYTES) {
      throw new RingMQError('BAD_REQUEST', `a call has at most ${MAX_CALL_BYTES} bytes`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function giveJson(response: ServerResponse, answer: object): void {
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.end(toJson(answer));
}

function give(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.end(text);
}
