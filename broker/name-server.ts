/** `openNameServer`: routes of clusters, on one port of this thread. It keeps nothing: brokers tell it again what it forgot. */
import { randomBytes } from 'node:crypto';
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import { NameServerDesk } from '../engine/cluster/name-server-desk.js';
import { RouteTable } from '../engine/cluster/route-table.js';
import { guarded } from '../native-free/client/callback.js';
import { type CallOptions, callbackOption, throwIfAborted } from '../native-free/client/internal.js';
import { RareTeller } from '../native-free/listener/rare-teller.js';
import type { HttpAnswer, HttpRequest, Listener, Refusal, Socket } from '../native-free/listener/types.js';
import { clearInterval, monotonicMs, setInterval } from '../native-free/time/index.js';
import {
  type BrokerRegistration,
  closeCodeOf,
  ERRORS,
  MAX_FRAME_BYTES,
  REPLICA_SUBPROTOCOL,
  RingMQError,
  replicaErrorFrame,
  SUBPROTOCOL,
} from '../native-free/wire/index.js';
import { isLoopback } from '../native-free/wire/loopback.js';
import { chooseListener } from '../transport/choose-listener.js';
import { errorFrame } from '../transport/error-body.js';
import { ApiDoor } from '../transport/http/api-door.js';
import { DashboardFiles } from '../transport/http/dashboard-files.js';
import { NameServerHost } from '../transport/name-server-host.js';
import type { ApiServer } from './api/api-server.js';
import { nameServerApi } from './api/name-server-api.js';
import type { HostSettings } from './configured-option.js';
import { OwnNameServerConfiguration } from './name-server-configuration.js';
import { NameServerLogins } from './name-server-login.js';
import {
  type NameServerOptions,
  type ResolvedNameServerOptions,
  resolveNameServerOptions,
} from './name-server-options.js';
import { SecretFile } from './secret-file.js';
import { takeGiven } from './take-given.js';

/** What a name server says unasked; for a log. */
export interface NameServerEvents {
  /** Something is wrong, and it goes on. */
  onWarning?: (message: string, details: Record<string, unknown>) => void;
}

/** How often it is looked for brokers that have not been heard of. */
const EXPIRE_MS = 1_000;

/**
 * Starts a name server. It keeps the process alive until it is closed.
 * @throws RingMQError ABORTED, PORT_IN_USE, BAD_CONFIG
 */
export async function openNameServer(
  options: NameServerOptions & NameServerEvents & CallOptions = {},
): Promise<NameServer> {
  return openNameServerAs(options, {});
}

/** The same, for a program that can say more of itself. */
export async function openNameServerAs(
  options: NameServerOptions & NameServerEvents & CallOptions,
  settings: HostSettings,
): Promise<NameServer> {
  const { signal, onWarning, ...given } = takeGiven('openNameServer', options);
  callbackOption('onWarning', onWarning);
  throwIfAborted(signal);
  const resolved = resolveNameServerOptions(given);
  const server = new NameServer(
    resolved,
    guarded(onWarning),
    new OwnNameServerConfiguration(given, resolved, settings),
  );
  try {
    await server.listen();
    throwIfAborted(signal);
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

/** A running name server. */
export class NameServer {
  readonly #options: ResolvedNameServerOptions;
  readonly #warn: (message: string, details: Record<string, unknown>) => void;
  readonly #table: RouteTable;
  readonly #host: NameServerHost;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #secretFile: SecretFile | null;
  readonly #choice: ReturnType<typeof chooseListener>;
  readonly #apiServer: ApiServer<null>;
  readonly #api: ApiDoor;
  readonly #twins = new RareTeller((line) => this.#warn(line, {}));
  #listener: Listener | null = null;
  /** undefined: nobody has asked yet; null: the package was built without it. */
  #dashboard: DashboardFiles | null | undefined;
  #port: number;
  #closing: Promise<void> | null = null;
  readonly #cut = (): void => void this.#listener?.close();

  /** Use {@link openNameServer}. */
  constructor(
    options: ResolvedNameServerOptions,
    warn: (message: string, details: Record<string, unknown>) => void,
    configuration: OwnNameServerConfiguration,
  ) {
    this.#options = options;
    this.#warn = warn;
    this.#port = options.port;
    this.#choice = chooseListener(options.listener, options.tls?.clientCaFile !== undefined);
    this.#secretFile = options.secretFile === undefined ? null : new SecretFile(options.secretFile, warn);
    const secrets = this.#secretFile?.secrets ?? null;
    this.#table = new RouteTable(
      {},
      {
        onChanged: (cluster, version) => this.#host.routeChanged(cluster, version),
        onLinkEnded: (link, why) => this.#host.end(link, linkError(why)),
        onTwin: (known, refused) => this.#tellTwin(known, refused),
      },
      monotonicMs(),
    );
    const desk = new NameServerDesk(this.#table, secrets, monotonicMs, configuration);
    const defects = new RareTeller((line) => warn(line, {}));
    const onDefect = (what: string, error: unknown): void =>
      defects.tell(what, `${what}: ${String(error)}; this is a defect in RingMQ, please report it`);
    this.#apiServer = nameServerApi(desk, options, onDefect);
    this.#api = new ApiDoor(this.#apiServer.port());
    this.#host = new NameServerHost(desk, {
      name: 'nameserver',
      openingId: randomBytes(8).toString('hex'),
      session: {
        listener: this.#choice.kind,
        messageTimeoutMs: options.messageTimeoutMs,
        maxUnreadBytesInAll: options.maxUnreadBytes,
        maxConnectionsPerAddress: options.maxConnectionsPerAddress,
        maxHandshakesPerAddress: options.maxHandshakesPerAddress,
        onDefect,
      },
      logins: options.auth && secrets !== null ? this.#logins(secrets) : null,
      onClosed: (link) => this.#table.unregister(link, monotonicMs()),
    });
    this.#timer = setInterval(() => this.#table.expire(monotonicMs()), EXPIRE_MS);
    this.#timer.unref();
  }

  #logins(secrets: ClusterSecrets): NameServerLogins {
    return new NameServerLogins({
      secrets,
      linkTls: this.#options.linkTls,
      brokers: () => {
        const { sets } = this.#table.route({}, monotonicMs());
        const masters = sets.flatMap(({ master }) => (master === null ? [] : [master.url]));
        return [...masters, ...sets.flatMap(({ slaves }) => slaves.map(({ url }) => url))];
      },
    });
  }

  #tellTwin({ name, cluster, url }: BrokerRegistration, refused: BrokerRegistration): void {
    this.#twins.tell(
      `${cluster} ${name} ${refused.url}`,
      `two brokers of the cluster '${cluster}' are called '${name}': the one at ${url} is in the routes, the one at ${refused.url} is refused; give each a name (--name) and a directory of its own`,
    );
  }

  /** Whoever reaches it is told so at each start. */
  #tellOpen(): void {
    const { host, secretFile, auth } = this.#options;
    if (isLoopback(host) || auth) {
      return;
    }
    const told = `insecure: everybody who reaches ${host} is told where the brokers are, and names of topics`;
    const why =
      secretFile === undefined
        ? `${told}, and may register as a broker; set a secret, and have clients log in with \`auth\``
        : `${told}; have clients log in with \`auth\``;
    this.#warn(why, {});
  }

  /** `ws://host:port` or `wss://…`. */
  get url(): string {
    const { host, tls } = this.#options;
    const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
    return `${tls === undefined ? 'ws' : 'wss'}://${name}:${this.port}`;
  }

  get port(): number {
    return this.#port;
  }

  get listener(): 'uws' | 'ws' {
    return this.#choice.kind;
  }

  /** Why that listener, in words for a log line. */
  get reason(): string {
    return this.#choice.reason;
  }

  /** `auto` took `ws` although uWebSockets.js is installed: it does not load here. */
  get isFallback(): boolean {
    return this.#choice.isFallback === true;
  }

  /** Reads the TLS files again, for connections from now on. By itself it looks every 10 s whether they have changed. */
  renewCertificates(): void {
    this.#listener?.renewCertificates();
  }

  /** Reads the file of the secret again, for what is proved from now on. By itself it is looked at every 10 s whether it has changed. */
  renewSecret(): void {
    this.#secretFile?.readAgain();
  }

  /** For {@link openNameServer}. */
  async listen(): Promise<void> {
    const { host, port, tls, allowedOrigins, maxConnections, maxPartialBytes } = this.#options;
    const { messageTimeoutMs, idleTimeoutSeconds } = this.#options;
    const refusals = new RareTeller((line) => this.#warn(line, {}));
    this.#listener = await this.#choice.start({
      host,
      port,
      ...(tls === undefined ? {} : { tls }),
      maxFrameBytes: MAX_FRAME_BYTES,
      allowedOrigins,
      maxConnections,
      maxPartialBytes,
      messageTimeoutMs,
      idleTimeoutSeconds,
      refusalFrame: ({ code, message }) => errorFrame(new RingMQError(code, message)),
      onRefused: ({ code, message }) =>
        refusals.tell(message.replace(/^there are \d+/, code), `a client was refused: ${message}`),
      onWarning: (message) => this.#warn(message, {}),
      answer: (request) => this.#answer(request),
      subprotocols: [SUBPROTOCOL, REPLICA_SUBPROTOCOL],
      accept: (socket, { protocol }) =>
        protocol === REPLICA_SUBPROTOCOL ? refuseSlave(socket) : this.#host.open(socket),
    });
    this.#port = this.#listener.port;
    this.#tellOpen();
    process.on('exit', this.#cut);
  }

  /** Ends all connections and frees the port. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    this.#secretFile?.close();
    this.#host.close();
    this.#apiServer.close();
    this.#api.close();
    await this.#listener?.close();
    process.off('exit', this.#cut);
  }

  #answer(request: HttpRequest): HttpAnswer | Promise<HttpAnswer> {
    if (ApiDoor.has(request.path) && this.#options.auth) {
      return {
        status: 403,
        body: 'NOT_ALLOWED: where clients log in, routes are told over WebSocket alone.\n',
      };
    }
    if (ApiDoor.has(request.path) && this.#isNamedWell(request)) {
      return this.#api.answer(request);
    }
    const answer = this.#answerGet(request);
    return request.method === 'HEAD' ? { ...answer, body: '' } : answer;
  }

  #isNamedWell({ host }: Pick<HttpRequest, 'host'>): boolean {
    return !isLoopback(this.#options.host) || isLoopback(host.replace(/:\d*$/, ''));
  }

  #answerGet({ method, path, host, headers }: HttpRequest): HttpAnswer {
    if (method !== 'GET' && method !== 'HEAD') {
      return { status: 405, body: 'Only GET is answered here.\n' };
    }
    if (!this.#isNamedWell({ host })) {
      return {
        status: 403,
        body: 'This name server is asked by the name of this machine only: 127.0.0.1 or localhost.\n',
      };
    }
    if (path === '/' || path.startsWith('/assets/')) {
      // The page asks brokers wherever the route says that they are.
      if (this.#dashboard === undefined) {
        this.#dashboard = DashboardFiles.read({
          backend: 'socket',
          login: 'unknown',
          connect: "'self' ws: wss:",
        });
      }
      const file = this.#dashboard?.answer(path, headers);
      if (file !== undefined && file !== null) {
        return file;
      }
    }
    switch (path) {
      case '/':
        return {
          status: 200,
          body: `RingMQ name server. Speak WebSocket here, subprotocol ${SUBPROTOCOL}.\n`,
        };
      case '/healthz':
      case '/readyz':
        return { status: 200, body: 'ok\n' };
      default:
        return { status: 404, body: 'There is nothing here. Look at /healthz or /readyz.\n' };
    }
  }
}

/** A slave whose `master` is this address. */
function refuseSlave(socket: Socket): Refusal {
  const why =
    'this is a name server, which has no log: name it with --name-server, and leave --master out, or give there the address of the master itself';
  socket.send(replicaErrorFrame(ERRORS.BAD_CONFIG.wire, why));
  return { closeCode: closeCodeOf('BAD_CONFIG'), reason: 'a name server has no slaves' };
}

function linkError(why: 'replaced' | 'silent'): RingMQError {
  return why === 'replaced'
    ? new RingMQError('BAD_CONFIG', 'another connection speaks for this broker now')
    : new RingMQError('TIMEOUT', 'nothing was registered for too long');
}
