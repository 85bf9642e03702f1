/**
 * The native WebSocket listener, over uWebSockets.js. One a thread; several threads of one process may share a port
 * (`joinPort`), the kernel spreads connections over them.
 *
 * What has to be known of uWebSockets.js:
 * - A message's memory is gone when the handler returns, so handlers here are never async.
 * - `maxBackpressure` other than 0 drops messages past it. It is 0: nothing is dropped, and the session watches `bufferedBytes`.
 * - A port is bound with SO_REUSEPORT, so a second broker would share it unnoticed: hence the probe.
 * - The app must be closed before its thread ends, or the process is aborted with it.
 */
import { createRequire } from 'node:module';
import { ConnectionCount } from '../native-free/listener/connection-count.js';
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
  ANSWER_HEADERS,
  answerHttp,
  type HttpAnswer,
  judgeUpgrade,
  Refusals,
  STATUS_TEXT,
} from '../native-free/listener/upgrade-rules.js';
import { RingMQError, SUBPROTOCOL } from '../native-free/wire/index.js';
import { UwsConnection, type UwsUserData } from './uws-socket.js';
import type { UwsApp, UwsHttpRequest, UwsHttpResponse, UwsModule, UwsWebSocket } from './uws-types.js';

const ADDRESS_DECODER = new TextDecoder();

/** Loads the optional package; throws whatever loading it threw (it is absent, or has no build for this platform). */
export function loadUws(): UwsModule {
  return createRequire(import.meta.url)('uWebSockets.js') as UwsModule;
}

/** Starts it on the calling thread; see `StartListener` for the errors. */
export async function startUwsListener(options: ListenerOptions): Promise<Listener> {
  checkListenerOptions(options);
  const uws = loadUws();
  const address = await listenAddress(options.host, options.port);
  const app = createApp(uws, options);
  const listener = new UwsListener(uws, app, options, address);
  try {
    if (options.joinPort === true) {
      listener.listen(options.port);
    } else {
      await listenAlone(listener, address, options);
    }
  } catch (error) {
    app.close();
    throw error;
  }
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

class UwsListener implements Listener {
  readonly kind = 'uws';
  readonly #uws: UwsModule;
  readonly #app: UwsApp;
  readonly #options: ListenerOptions;
  readonly #address: string;
  #port = 0;
  #connections = 0;
  readonly #count: ConnectionCount;
  readonly #refusals: Refusals;

  constructor(uws: UwsModule, app: UwsApp, options: ListenerOptions, address: string) {
    this.#address = address;
    this.#count = options.connectionCount ?? new ConnectionCount();
    this.#refusals = new Refusals(options);
    this.#uws = uws;
    this.#app = app;
    this.#options = options;
    app.ws<UwsUserData>('/*', {
      maxPayloadLength: options.maxFrameBytes + OVERSIZE_BYTES,
      maxBackpressure: 0,
      idleTimeout: options.idleTimeoutSeconds,
      compression: uws.DISABLED,
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => this.#upgrade(response, request, context),
      open: (peer) => this.#opened(peer),
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
        this.#connections--;
        this.#count.release();
        connection?.gone();
      },
    });
    app.any('/*', (response, request) => {
      write(response, answerHttp(request.getMethod(), request.getUrl(), request.getHeader('upgrade')));
    });
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#connections;
  }

  /** The callback of uWebSockets.js' `listen` is called before it returns. */
  listen(port: number): void {
    const { host } = this.#options;
    let bound: unknown = false;
    this.#app.listen(this.#address, port, (socket) => {
      bound = socket;
    });
    // The probe, or the thread whose port is joined, has shown that the address itself can be used.
    if (bound === false) {
      throw listenError({ code: 'EADDRINUSE' }, host, port);
    }
    this.#port = this.#uws.us_socket_local_port(bound);
  }

  async close(): Promise<void> {
    this.#app.close();
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
      write(response, refused);
      return;
    }
    const userData: UwsUserData = {
      request: {
        remote: '',
        origin: origin === '' ? null : origin,
        userAgent: request.getHeader('user-agent'),
      },
      refusal: frame === null ? null : { frame, code: refused?.refused?.code ?? '' },
      connection: null,
    };
    response.upgrade(userData, request.getHeader('sec-websocket-key'), SUBPROTOCOL, '', context);
  }

  #opened(peer: UwsWebSocket<UwsUserData>): void {
    const userData = peer.getUserData();
    const { refusal } = userData;
    if (refusal !== null) {
      peer.send(refusal.frame, true, false);
      peer.end(1008, refusal.code);
      return;
    }
    this.#connections++;
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

function write(response: UwsHttpResponse, answer: HttpAnswer): void {
  response.writeStatus(STATUS_TEXT[answer.status]);
  for (const [name, value] of Object.entries({ ...ANSWER_HEADERS, ...answer.headers })) {
    response.writeHeader(name, value);
  }
  response.end(answer.body, true);
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
