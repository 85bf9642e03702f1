/**
 * The WebSocket listener in plain JavaScript, over the `ws` package: what serves where no native add-on
 * loads. One thread only: Node 20 cannot share a port between threads.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { clearInterval, setInterval } from '../time/index.js';
import { RingMQError, SUBPROTOCOL } from '../wire/index.js';
import { CertificateWatch } from './certificate-watch.js';
import { certifiedUserOf } from './client-certificates.js';
import { ConnectionCount } from './connection-count.js';
import { DESCRIPTORS_AGAIN, DescriptorWatch, NO_DESCRIPTORS } from './descriptors.js';
import { checkListenerOptions, listenAddress, listenError } from './listen-errors.js';
import { OneRequest } from './one-request.js';
import { PartialMessages } from './partial-messages.js';
import { SendPool } from './send-pool.js';
import { clientOptionsOf, secureOptionsOf } from './tls-context.js';
import {
  type HttpAnswer,
  isRefusal,
  type Listener,
  type ListenerOptions,
  OVERSIZE_BYTES,
  type SocketHandler,
} from './types.js';
import {
  agreedSubprotocol,
  badHead,
  headersOf,
  judgeUpgrade,
  Refusals,
  statusText,
} from './upgrade-rules.js';
import { WorkTurns } from './work-turns.js';
import { giveAnswer, readRequest } from './ws-http.js';
import { WsSocket } from './ws-socket.js';

/** A peer gets this long for its TLS handshake, and for its HTTP request. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How often Node looks for requests that take longer. */
const CHECK_INTERVAL_MS = 1_000;
/** TCP connections beyond those of WebSockets: on their way to be one, or to an answer that says there is no room. */
const MAX_CONNECTING_COUNT = 1_024;
/** A message of 4 MiB in TCP segments has fewer. */
const MAX_FRAGMENTS_COUNT = 4_096;

/** Starts it; see {@link StartListener} for the errors. `joinPort` is NOT_SUPPORTED. */
export async function startWsListener(options: ListenerOptions): Promise<Listener> {
  checkListenerOptions(options);
  if (options.joinPort === true) {
    throw new RingMQError('NOT_SUPPORTED', 'the ws listener serves on one thread; only uws shares a port');
  }
  const listener = new WsListener(options);
  await listener.listen();
  return listener;
}

/** Of a connection that is refused: nobody hears what it says. */
const SILENT: SocketHandler = {
  maxPartialBytes: 0,
  onFrame() {},
  onText() {},
  onDrain() {},
  onExcess() {},
  onClose() {},
};

class WsListener implements Listener {
  readonly kind = 'ws';
  readonly #options: ListenerOptions;
  readonly #http: Server;
  readonly #upgrader: WebSocketServer;
  /** What its connections share. */
  readonly #shared: { pool: SendPool; partials: PartialMessages; turns: WorkTurns };
  readonly #open = new Map<WebSocket, WsSocket>();
  readonly #count: ConnectionCount;
  readonly #refusals: Refusals;
  /** Every connection below TLS and HTTP: of one that has not begun to speak, the server over them knows nothing. */
  readonly #raw = new Set<TcpSocket>();
  /** Connections that have not had their request. */
  readonly #asking = new WeakMap<Duplex, OneRequest>();
  #idleTimer: NodeJS.Timeout | null = null;
  #descriptors: DescriptorWatch | null = null;
  #certificates: CertificateWatch | null = null;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#count = options.connectionCount ?? new ConnectionCount();
    this.#refusals = new Refusals(options);
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: options.maxFrameBytes + OVERSIZE_BYTES,
      // Pongs are sent by WsSocket, which looks at what the peer has left unread.
      autoPong: false,
      maxFragments: MAX_FRAGMENTS_COUNT,
      handleProtocols: (asked) => agreedSubprotocol([...asked].join(','), options) ?? SUBPROTOCOL,
    });
    this.#shared = {
      pool: new SendPool(),
      partials: new PartialMessages(options),
      turns: new WorkTurns(),
    };
    this.#http = this.#createServer();
    this.#letInByTurns(options.tls === undefined ? 'connection' : 'secureConnection');
    // Those that have not begun to speak are no connections yet, and are not served without end either.
    this.#http.maxConnections = options.maxConnections + MAX_CONNECTING_COUNT;
    this.#http.headersTimeout = REQUEST_TIMEOUT_MS;
    // Of a body that is taken something must come every minute (`ws-http.ts`): all of it may take longer.
    this.#http.requestTimeout = 0;
    this.#http.on('connection', (socket: TcpSocket) => {
      this.#raw.add(socket);
      socket.once('close', () => this.#raw.delete(socket));
    });
    this.#http.on('request', (request, response) => {
      void this.#answer(request, response);
    });
    this.#http.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head));
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#open.size;
  }

  async listen(): Promise<void> {
    const { host, port, idleTimeoutSeconds } = this.#options;
    const address = await listenAddress(host, port);
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', (cause) => reject(listenError(cause, host, port)));
      this.#http.listen({ host: address, port, exclusive: true, backlog: 1024 }, resolve);
    });
    this.#watch();
    if (idleTimeoutSeconds > 0) {
      // Two checks make a timeout: the first asks, the second cuts off who did not answer.
      this.#idleTimer = setInterval(
        () => {
          for (const socket of this.#open.values()) {
            socket.checkIdle();
          }
        },
        (idleTimeoutSeconds * 1000) / 2,
      );
      this.#idleTimer.unref();
    }
  }

  #watch(): void {
    const { tls, onWarning, certificateLookMs } = this.#options;
    // libuv keeps a descriptor back, with which it accepts and closes those who come while there is no other.
    this.#descriptors = new DescriptorWatch((isShort) =>
      onWarning?.(isShort ? NO_DESCRIPTORS : DESCRIPTORS_AGAIN),
    );
    if (tls === undefined) {
      return;
    }
    const onRenewed = (): void => {
      (this.#http as SecureServer).setSecureContext(secureOptionsOf(tls));
    };
    const onTrouble = (message: string): void => onWarning?.(message);
    this.#certificates = new CertificateWatch(tls, { onRenewed, onTrouble }, certificateLookMs);
  }

  renewCertificates(): void {
    this.#certificates?.look();
  }

  async close(): Promise<void> {
    this.#descriptors?.stop();
    this.#certificates?.stop();
    if (this.#idleTimer !== null) {
      clearInterval(this.#idleTimer);
    }
    this.#shared.partials.close();
    const closed = new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
    });
    for (const peer of this.#open.keys()) {
      peer.terminate();
    }
    this.#http.closeAllConnections();
    for (const socket of this.#raw) {
      socket.destroy();
    }
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const one = this.#asking.get(request.socket);
    if (one?.isFirst(request) === false) {
      request.socket.destroy();
      return;
    }
    const asked = readRequest(request, response, one, this.#options.tls?.clientName);
    const answer = badHead(asked.headers) ?? (await this.#options.answer(asked));
    // Hundreds may have waited for the same page.
    this.#shared.turns.do(() => {
      if (!response.destroyed) {
        giveAnswer(response, answer);
      }
    });
  }

  /** Each has up to 64 KiB to read at once: for dozens of connections in one turn that would hold the thread. */
  #letInByTurns(name: 'connection' | 'secureConnection'): void {
    const server = this.#http;
    const listeners = server.listeners(name);
    server.removeAllListeners(name);
    server.on(name, (visitor: Duplex) => {
      this.#shared.turns.do(() => {
        if (visitor.destroyed) {
          return;
        }
        for (const listener of listeners) {
          listener.call(server, visitor);
        }
        this.#asking.set(visitor, new OneRequest(visitor));
      });
    });
  }

  #createServer(): Server {
    const { tls } = this.#options;
    if (tls === undefined) {
      return createServer({ connectionsCheckingInterval: CHECK_INTERVAL_MS });
    }
    try {
      return createSecureServer({
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        ...secureOptionsOf(tls),
        ...clientOptionsOf(tls),
        handshakeTimeout: REQUEST_TIMEOUT_MS,
      });
    } catch (cause) {
      if (cause instanceof RingMQError) {
        throw cause;
      }
      throw new RingMQError(
        'BAD_CONFIG',
        `the TLS certificate or key cannot be used: ${(cause as Error).message}`,
        {
          cause,
          details: { ...tls },
        },
      );
    }
  }

  #upgrade(request: IncomingMessage, stream: Duplex, first: Buffer): void {
    stream.on('error', () => stream.destroy());
    const head = Buffer.concat([first, this.#asking.get(stream)?.giveUp() ?? first.subarray(0, 0)]);
    const { headers } = request;
    const origin = headers.origin ?? '';
    const refused = judgeUpgrade(
      {
        path: pathOf(request),
        host: headers.host ?? '',
        origin,
        protocols: headers['sec-websocket-protocol'] ?? '',
        version: headers['sec-websocket-version'] ?? '',
        key: headers['sec-websocket-key'] ?? '',
      },
      this.#options,
      this.#count,
    );
    if (refused !== null) {
      this.#refuse(refused, request, stream, head);
      return;
    }
    // Its TCP connection has an end also when the WebSocket does not come about.
    stream.once('close', () => this.#count.release());
    const remote = request.socket.remoteAddress ?? '';
    const certifiedUser = certifiedUserOf(request.socket, this.#options.tls?.clientName);
    this.#upgrader.handleUpgrade(request, stream, head, (peer) => {
      const socket = new WsSocket(peer, stream, { remote, certifiedUser }, this.#shared);
      this.#open.set(peer, socket);
      peer.on('close', () => this.#open.delete(peer));
      // What `ws` refuses by itself (masking, sizes, opcodes) it closes by itself; the session hears of the
      // close.
      peer.on('error', () => {});
      const answer = this.#options.accept(socket, {
        remote,
        origin: origin === '' ? null : origin,
        userAgent: headers['user-agent'] ?? '',
        protocol: peer.protocol,
      });
      if (isRefusal(answer)) {
        socket.close(answer.closeCode, answer.reason);
      } else {
        socket.attach(answer);
      }
    });
  }

  #refuse(answer: HttpAnswer, request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const frame = this.#refusals.frame(answer);
    if (frame === null) {
      stream.end(rawAnswer(answer), () => stream.destroy());
      return;
    }
    stream.once('close', () => this.#refusals.gone());
    this.#upgrader.handleUpgrade(request, stream, head, (peer) => {
      peer.on('error', () => {});
      const socket = new WsSocket(peer, stream, { remote: '', certifiedUser: null }, this.#shared);
      socket.attach(SILENT);
      socket.send(frame);
      socket.close(1008, answer.refused?.code ?? '');
    });
  }
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

function rawAnswer(answer: HttpAnswer): string {
  const lines = [`HTTP/1.1 ${statusText(answer.status)}`, 'Connection: close'];
  for (const [name, value] of Object.entries(headersOf(answer))) {
    lines.push(`${name}: ${value}`);
  }
  const body = typeof answer.body === 'string' ? answer.body : '';
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, '', body);
  return lines.join('\r\n');
}
