/**
 * The native WebSocket listener, over uWebSockets.js. One a thread; several threads of one process may share
 * a port (`joinPort`), the kernel spreads connections over them.
 *
 * What has to be known of uWebSockets.js:
 * - A message's memory is gone when the handler returns, so handlers here are never async.
 * - `maxBackpressure` other than 0 drops messages past it. It is 0: nothing is dropped, and the session watches `bufferedBytes`.
 * - A port is bound with SO_REUSEPORT, so a second broker would share it unnoticed: hence the probe.
 * - The app must be closed before its thread ends, or the process is aborted with it.
 */
import { setImmediate } from 'node:timers';
import { type CertificateEvents, CertificateWatch } from '../native-free/listener/certificate-watch.js';
import { ConnectionCount } from '../native-free/listener/connection-count.js';
import { DESCRIPTORS_AGAIN, DescriptorWatch, NO_DESCRIPTORS } from '../native-free/listener/descriptors.js';
import {
  checkListenerOptions,
  listenAddress,
  listenError,
  probePort,
  readPem,
} from '../native-free/listener/listen-errors.js';
import {
  isRefusal,
  type Listener,
  type ListenerOptions,
  OVERSIZE_BYTES,
} from '../native-free/listener/types.js';
import {
  agreedSubprotocol,
  badHead,
  badKey,
  judgeUpgrade,
  Refusals,
} from '../native-free/listener/upgrade-rules.js';
import { WorkTurns } from '../native-free/listener/work-turns.js';
import { RingMQError, SUBPROTOCOL } from '../native-free/wire/index.js';
import { loadUws } from './load-uws.js';
import { UwsExchange } from './uws-http.js';
import { UwsConnection, type UwsUserData } from './uws-socket.js';
import type { UwsApp, UwsHttpRequest, UwsHttpResponse, UwsModule, UwsWebSocket } from './uws-types.js';

const ADDRESS_DECODER = new TextDecoder();

/** Starts it on the calling thread; see `StartListener` for the errors. */
export async function startUwsListener(options: ListenerOptions): Promise<Listener> {
  checkListenerOptions(options);
  const uws = loadUws();
  const address = await listenAddress(options.host, options.port);
  const listener = new UwsListener(uws, options, address);
  try {
    if (options.joinPort === true) {
      listener.listen(options.port);
    } else {
      await listenAlone(listener, address, options);
    }
  } catch (error) {
    await listener.close();
    throw error;
  }
  listener.watch();
  return listener;
}

/** Between the probe and the bind somebody may take the port: a given one is then in use, of the free ones another will do. */
async function listenAlone(
  listener: UwsListener,
  address: string,
  { host, port }: ListenerOptions,
): Promise<void> {
  for (let tries = port === 0 ? 5 : 1; ; tries--) {
    const free = await probePort(address, port, host);
    try {
      listener.listen(free);
      return;
    } catch (error) {
      if (tries <= 1) {
        throw error;
      }
    }
  }
}

function createApp(uws: UwsModule, { tls }: ListenerOptions): UwsApp {
  if (tls === undefined) {
    return uws.App();
  }
  if (tls.clientCaFile !== undefined) {
    throw new RingMQError(
      'BAD_CONFIG',
      'uWebSockets.js does not tell whom a client certificate is of: take the listener `ws` for them',
    );
  }
  readPem(tls.certFile);
  readPem(tls.keyFile);
  try {
    return uws.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile });
  } catch (cause) {
    throw new RingMQError('BAD_CONFIG', 'the TLS certificate or key cannot be used', {
      cause,
      details: { ...tls },
    });
  }
}

/** Apps that were replaced and have connections yet; beyond so many the oldest is closed with them. */
const MAX_OLD_APPS = 8;

/** An app, its listening socket, and how many connections it has. */
interface Serving {
  readonly app: UwsApp;
  socket: unknown;
  connections: number;
}

class UwsListener implements Listener {
  readonly kind = 'uws';
  readonly #uws: UwsModule;
  readonly #options: ListenerOptions;
  readonly #address: string;
  readonly #turns = new WorkTurns();
  readonly #count: ConnectionCount;
  readonly #refusals: Refusals;
  #serving: Serving;
  /** With the certificate of before; each goes with its last connection. */
  readonly #old = new Set<Serving>();
  #descriptors: DescriptorWatch | null = null;
  #certificates: CertificateWatch | null = null;
  #port = 0;
  #isClosed = false;

  constructor(uws: UwsModule, options: ListenerOptions, address: string) {
    this.#address = address;
    this.#count = options.connectionCount ?? new ConnectionCount();
    this.#refusals = new Refusals(options);
    this.#uws = uws;
    this.#options = options;
    this.#serving = this.#makeApp();
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    let count = this.#serving.connections;
    for (const { connections } of this.#old) {
      count += connections;
    }
    return count;
  }

  /** The callback of uWebSockets.js' `listen` is called before it returns. */
  listen(port: number): void {
    const serving = this.#serving;
    let bound: unknown = false;
    serving.app.listen(this.#address, port, (socket) => {
      bound = socket;
    });
    // The probe, or the thread whose port is joined, has shown that the address itself can be used.
    if (bound === false) {
      throw listenError({ code: 'EADDRINUSE' }, this.#options.host, port);
    }
    serving.socket = bound;
    this.#port = this.#uws.us_socket_local_port(bound);
  }

  /** Once it listens. */
  watch(): void {
    const { tls, onWarning, certificateLookMs } = this.#options;
    this.#descriptors = new DescriptorWatch((isShort) => this.#descriptorsChanged(isShort));
    if (tls !== undefined) {
      const events: CertificateEvents = {
        onRenewed: () => this.#renew(),
        onTrouble: (message) => onWarning?.(message),
      };
      this.#certificates = new CertificateWatch(tls, events, certificateLookMs);
    }
  }

  renewCertificates(): void {
    this.#certificates?.look();
  }

  async close(): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#descriptors?.stop();
    this.#certificates?.stop();
    for (const { app } of [this.#serving, ...this.#old]) {
      app.close();
    }
  }

  #makeApp(): Serving {
    const uws = this.#uws;
    const options = this.#options;
    const app = createApp(uws, options);
    const serving: Serving = { app, socket: null, connections: 0 };
    app.ws<UwsUserData>('/*', {
      maxPayloadLength: options.maxFrameBytes + OVERSIZE_BYTES,
      maxBackpressure: 0,
      idleTimeout: options.idleTimeoutSeconds,
      compression: uws.DISABLED,
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => this.#upgrade(response, request, context),
      open: (peer) => this.#opened(peer, serving),
      message: (peer, message, isBinary) => {
        const handler = peer.getUserData().connection?.handler;
        if (isBinary) {
          handler?.onFrame(new Uint8Array(message));
        } else {
          handler?.onText();
        }
      },
      // uWebSockets.js has answered a ping before it tells of it.
      ping: (peer) => peer.getUserData().connection?.pinged(),
      pong: (peer) => peer.getUserData().connection?.pinged(),
      drain: (peer) => peer.getUserData().connection?.handler?.onDrain(),
      close: (peer) => {
        const { refusal, connection } = peer.getUserData();
        if (refusal !== null) {
          this.#refusals.gone();
          return;
        }
        serving.connections--;
        this.#count.release();
        connection?.gone();
        this.#forgetOld(serving);
      },
    });
    app.any('/*', (response, request) => {
      void this.#answer(response, request);
    });
    return serving;
  }

  /** While no descriptor is left nobody is waited for: who comes is refused by the system, and tries again. */
  #descriptorsChanged(isShort: boolean): void {
    if (isShort) {
      this.#stopListening(this.#serving);
    } else if (this.#serving.socket === null) {
      try {
        this.listen(this.#port);
      } catch (error) {
        this.#options.onWarning?.(`connections cannot be taken again: ${String(error)}`);
        return;
      }
    }
    this.#options.onWarning?.(isShort ? NO_DESCRIPTORS : DESCRIPTORS_AGAIN);
  }

  /** The port is shared, so a second app can listen on it before the first one stops. */
  #renew(): void {
    const before = this.#serving;
    const next = this.#makeApp();
    this.#serving = next;
    try {
      this.listen(this.#port);
    } catch (error) {
      this.#serving = before;
      next.app.close();
      throw error;
    }
    this.#stopListening(before);
    this.#old.add(before);
    this.#forgetOld(before);
    const [oldest] = this.#old;
    if (oldest !== undefined && this.#old.size > MAX_OLD_APPS) {
      this.#old.delete(oldest);
      oldest.app.close();
    }
  }

  #stopListening(serving: Serving): void {
    if (serving.socket !== null) {
      this.#uws.us_listen_socket_close(serving.socket);
      serving.socket = null;
    }
  }

  #forgetOld(serving: Serving): void {
    if (serving.connections === 0 && this.#old.delete(serving)) {
      // Not from within a handler of the connection that was its last.
      setImmediate(() => {
        if (!this.#isClosed) {
          serving.app.close();
        }
      });
    }
  }

  /** The request is read before anything is awaited: it is gone then. */
  async #answer(response: UwsHttpResponse, request: UwsHttpRequest): Promise<void> {
    const exchange = new UwsExchange(response);
    const refused = badKey(request.getHeader('upgrade'));
    if (refused !== null) {
      setImmediate(() => exchange.giveCorked(refused));
      return;
    }
    const isSecure = this.#options.tls !== undefined;
    const asked = exchange.read(request, isSecure);
    const odd = badHead(asked.headers);
    if (odd !== null) {
      // Not within the handler: what is left of the piece that was read would be taken for a request then.
      setImmediate(() => exchange.giveCorked(odd));
      return;
    }
    const answer = await this.#options.answer(asked);
    // Hundreds may have waited for the same page.
    this.#turns.do(() => exchange.giveCorked(answer));
  }

  #upgrade(response: UwsHttpResponse, request: UwsHttpRequest, context: unknown): void {
    const origin = request.getHeader('origin');
    const refused = judgeUpgrade(
      {
        path: request.getUrl(),
        host: request.getHeader('host'),
        origin,
        protocols: allOf(request, 'sec-websocket-protocol'),
        version: request.getHeader('sec-websocket-version'),
        key: request.getHeader('sec-websocket-key'),
      },
      this.#options,
      this.#count,
    );
    const frame = refused === null ? null : this.#refusals.frame(refused);
    if (refused !== null && frame === null) {
      new UwsExchange(response).give(refused);
      return;
    }
    const protocol =
      agreedSubprotocol(allOf(request, 'sec-websocket-protocol'), this.#options) ?? SUBPROTOCOL;
    const userData: UwsUserData = {
      request: {
        remote: '',
        protocol,
        origin: origin === '' ? null : origin,
        userAgent: request.getHeader('user-agent'),
      },
      refusal: frame === null ? null : { frame, code: refused?.refused?.code ?? '' },
      connection: null,
    };
    response.upgrade(userData, request.getHeader('sec-websocket-key'), protocol, '', context);
  }

  #opened(peer: UwsWebSocket<UwsUserData>, serving: Serving): void {
    const userData = peer.getUserData();
    const { refusal } = userData;
    if (refusal !== null) {
      peer.send(refusal.frame, true, false);
      peer.end(1008, refusal.code);
      return;
    }
    serving.connections++;
    const remote = ADDRESS_DECODER.decode(peer.getRemoteAddressAsText());
    const connection = new UwsConnection(peer, remote);
    userData.connection = connection;
    const answer = this.#options.accept(connection, { ...userData.request, remote });
    if (isRefusal(answer)) {
      connection.close(answer.closeCode, answer.reason);
    } else {
      connection.handler = answer;
    }
  }
}

/** `getHeader` gives the first one of a name only. */
function allOf(request: UwsHttpRequest, name: string): string {
  const values: string[] = [];
  request.forEach((key, value) => {
    if (key === name) {
      values.push(value);
    }
  });
  return values.join(',');
}
