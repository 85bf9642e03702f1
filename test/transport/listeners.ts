/** What the listener tests share: both listeners, handlers that record, and a client to talk to them. */
import { once } from 'node:events';
import { afterEach } from 'vitest';
import { WebSocket } from 'ws';
import type {
  HttpAnswer,
  HttpRequest,
  Listener,
  ListenerKind,
  ListenerOptions,
  Socket,
  SocketHandler,
  StartListener,
} from '../../native-free/listener/types.js';
import { startWsListener } from '../../native-free/listener/ws-listener.js';
import { SUBPROTOCOL } from '../../native-free/wire/index.js';
import { startUwsListener } from '../../transport/uws-listener.js';
import { Watchers } from '../watchers.js';

/** `RINGMQ_LISTENER=ws` is how the tests run where no native add-on loads. */
export const LISTENERS: [ListenerKind, StartListener][] =
  process.env['RINGMQ_LISTENER'] === 'ws'
    ? [['ws', startWsListener]]
    : [
        ['uws', startUwsListener],
        ['ws', startWsListener],
      ];

export const BASE_OPTIONS = {
  host: '127.0.0.1',
  port: 0,
  maxFrameBytes: 64 * 1024,
  allowedOrigins: [],
  maxConnections: 1000,
  idleTimeoutSeconds: 0,
  maxPartialBytes: 1024 * 1024 * 1024,
  messageTimeoutMs: 60_000,
  answer: ({ path, query }: HttpRequest): HttpAnswer | Promise<HttpAnswer> => {
    if (path === '/') {
      return { status: 200, body: `RingMQ ${query}` };
    }
    return Promise.resolve({ status: 404, body: 'nothing' });
  },
} as const satisfies Omit<ListenerOptions, 'accept'>;

/** Sends everything back, and keeps count. */
export class EchoHandler implements SocketHandler {
  readonly socket: Socket;
  frames = 0;
  texts = 0;
  drains = 0;
  closes = 0;
  readonly excesses: string[] = [];
  maxPartialBytes = Number.POSITIVE_INFINITY;
  readonly #watchers = new Watchers();

  constructor(socket: Socket) {
    this.socket = socket;
  }

  onFrame(bytes: Uint8Array): void {
    this.frames++;
    this.socket.send(bytes);
    this.#watchers.tell();
  }
  onText(): void {
    this.texts++;
    this.socket.close(1002, 'BAD_FRAME');
    this.#watchers.tell();
  }
  onDrain(): void {
    this.drains++;
    this.#watchers.tell();
  }
  onExcess(what: string): void {
    this.excesses.push(what);
    this.socket.cut();
    this.#watchers.tell();
  }
  onClose(): void {
    this.closes++;
    this.#watchers.tell();
  }

  /** Resolves when `condition` holds; looked at after each call of the listener. */
  until(condition: () => boolean): Promise<void> {
    return this.#watchers.until(condition);
  }
}

/** Listeners that echo, for the suite that asks for them: each is closed after its test. */
export function echoListeners(startListener: StartListener): {
  /** Those that are to be closed. */
  open: Listener[];
  /** Of the test's connections, in their order. */
  handlers: EchoHandler[];
  start(options?: Partial<ListenerOptions>, maxPartialBytes?: number): Promise<Listener>;
} {
  const open: Listener[] = [];
  const handlers: EchoHandler[] = [];
  afterEach(async () => {
    for (const listener of open.splice(0)) {
      await listener.close();
    }
    handlers.length = 0;
  });
  const start = async (
    options: Partial<ListenerOptions> = {},
    maxPartialBytes = Number.POSITIVE_INFINITY,
  ): Promise<Listener> => {
    const listener = await startListener({
      ...BASE_OPTIONS,
      accept: (socket) => {
        const handler = new EchoHandler(socket);
        handler.maxPartialBytes = maxPartialBytes;
        handlers.push(handler);
        return handler;
      },
      ...options,
    });
    open.push(listener);
    return listener;
  };
  return { open, handlers, start };
}

export function urlOf(listener: Listener, scheme = 'ws'): string {
  return `${scheme}://127.0.0.1:${listener.port}`;
}

export interface ClientOptions {
  origin?: string;
  host?: string;
  protocol?: string | null;
  path?: string;
  scheme?: string;
}

/** A connection that stands, or what it was refused with. */
export async function dial(
  listener: Listener,
  options: ClientOptions = {},
): Promise<{ client: WebSocket } | { status: number; body: string }> {
  const protocols = options.protocol === null ? [] : [options.protocol ?? SUBPROTOCOL];
  const headers: Record<string, string> = {};
  if (options.origin !== undefined) {
    headers['Origin'] = options.origin;
  }
  if (options.host !== undefined) {
    headers['Host'] = options.host;
  }
  const client = new WebSocket(`${urlOf(listener, options.scheme)}${options.path ?? '/'}`, protocols, {
    headers,
    perMessageDeflate: false,
    rejectUnauthorized: false,
  });
  return new Promise((resolve, reject) => {
    client.on('open', () => resolve({ client }));
    client.on('error', reject);
    client.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += String(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}

/** A connection that must stand. */
export async function connectTo(listener: Listener, options: ClientOptions = {}): Promise<WebSocket> {
  const answer = await dial(listener, options);
  if ('status' in answer) {
    throw new Error(`refused with ${answer.status}: ${answer.body}`);
  }
  return answer.client;
}

export async function closeOf(client: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = (await once(client, 'close')) as [number, Buffer];
  return { code, reason: reason.toString() };
}

export async function messageOf(client: WebSocket): Promise<Buffer> {
  const [data] = (await once(client, 'message')) as [Buffer];
  return data;
}
