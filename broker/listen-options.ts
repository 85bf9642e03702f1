/** What `broker.listen()` and the command's `--listen` family take. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { checkOptions, filePath, pathText } from '../engine/option-check.js';
import { option } from '../engine/option-info.js';
import { RingMQError } from '../native-free/wire/index.js';
import { isLoopback } from '../native-free/wire/loopback.js';
import type { ListenOptions } from './listen-options-types.js';
import { originAsSent } from './origins.js';
import { tokenOptionsFault, tokenOptionsSchema } from './token-options.js';

export type { ListenOptions } from './listen-options-types.js';

export const listenOptionsSchema = z
  .object({
    host: option(
      'Address to listen on. Other than loopback, clients have to log in (`auth`), or `insecure` is said.',
      pathText().default('127.0.0.1'),
      { setting: 'listen' },
    ),
    port: option(
      'Port to listen on. 0 picks a free one.',
      z.number().int().min(0).max(65_535).default(9876),
      {
        setting: 'listen',
      },
    ),
    listener: option(
      'Which WebSocket listener: uWebSockets.js (`uws`), which has to be installed beside RingMQ, or `ws`. `auto` takes the first where it loads.',
      z.enum(['auto', 'uws', 'ws']).default('auto'),
    ),
    threads: option(
      'Listener threads that share the port (uWebSockets.js only; `ws` has one).',
      z.number().int().min(1).max(32).optional(),
      { setting: 'listenerThreads', defaultText: 'one less than the cores, 1 to 4' },
    ),
    allowedOrigins: option(
      "Web origins whose pages may connect besides the listener's own, like `https://shop.example`; `*` lets in any, `null` pages from files. Written otherwise than browsers send it, it is put right or refused. At most 1,000.",
      z.array(z.string().min(1)).max(1_000).default([]),
      { setting: 'allowOrigin' },
    ),
    tls: z
      .object({
        certFile: option('Certificate chain in PEM; with a key file the listener serves `wss`.', filePath(), {
          setting: 'tlsCert',
        }),
        keyFile: option("The certificate's key in PEM.", filePath(), { setting: 'tlsKey' }),
        clientCaFile: option(
          'Certificates in PEM of the authorities by which clients may show who they are. With it the listener is `ws`.',
          filePath().optional(),
          { setting: 'tlsClientCa', defaultText: 'none: clients are not asked for certificates' },
        ),
        clientCert: option(
          'Whether a client without a certificate may log in otherwise, or does not come in at all.',
          z.enum(['optional', 'required']).default('optional'),
          { setting: 'tlsClientCert' },
        ),
        clientName: option(
          "Which name in a client's certificate is its user: the common name of the subject, or the one DNS name.",
          z.enum(['cn', 'dns']).default('cn'),
          { setting: 'tlsClientName' },
        ),
      })
      .strict()
      .optional(),
    auth: option(
      'Clients log in as users, and may do what these have a right to; slaves need `secretFile`. Where it is off, everybody who reaches the port may do everything.',
      z.boolean().optional(),
      { defaultText: 'off on loopback and with `insecure`, else on' },
    ),
    adminPasswordFile: option(
      'File of the password of the user `admin`, which is made where `auth` finds no administrator. Without it a one-time token is written into `admin-token` in the data directory.',
      filePath().optional(),
      { defaultText: 'none' },
    ),
    jwt: tokenOptionsSchema.optional(),
    insecure: option(
      'Serve other hosts without credentials: everybody who reaches the port may read, write and delete.',
      z.boolean().default(false),
    ),
    maxConnections: option(
      'Connections at once, of all listener threads together. More are refused with `TOO_MANY_CONNECTIONS`.',
      z.number().int().min(1).max(1_000_000).default(10_000),
    ),
    maxConnectionsPerAddress: option(
      'Connections at once of one address, of IPv6 of one /64, on all listener threads together. More are refused with `TOO_MANY_CONNECTIONS`. All that come through a proxy have its address. 0: no limit.',
      z.number().int().min(0).max(1_000_000).default(0),
    ),
    maxHandshakesPerAddress: option(
      'New connections a second of one address, five seconds of them at once, on all listener threads together. More are refused with `TOO_MANY_CONNECTIONS`. 0: no limit.',
      z.number().int().min(0).max(1_000_000).default(0),
    ),
    userBytesPerSecond: option(
      'Bytes of messages a second that all connections of one user send together, and as many that they are sent; a second of them at once, and a window. Who is faster gets its credit later, and is refused nothing. Where nobody logs in there are no users. 0: no limit.',
      z
        .number()
        .int()
        .max(2 ** 40)
        .refine((value) => value === 0 || value >= 1024, { message: 'must be 0, or at least 1 KiB' })
        .default(0),
      { rule: '0, or 1,024 and more' },
    ),
    userMessagesPerSecond: option(
      'The same for messages.',
      z.number().int().min(0).max(1_000_000_000).default(0),
    ),
    idleTimeoutSeconds: option(
      'A connection that shows no sign of life for so long, though it is asked for one, is closed. 0: never.',
      z
        .number()
        .int()
        .refine((value) => value === 0 || (value >= 8 && value <= 960), { message: 'must be 0 or 8 to 960' })
        .default(120),
      { rule: '0, or 8s to 16m' },
    ),
    messageTimeoutMs: option(
      'A message of a client must have ended so long after it began, and a ping of the broker be answered; else the connection is cut off.',
      z.number().int().min(100).max(3_600_000).default(60_000),
    ),
    maxPartialBytes: option(
      'Bytes of messages that have not ended, of all connections together; beyond it the connection that holds most is cut off. The `ws` listener counts them; `uws` cannot see them, and bounds each connection and its time.',
      z
        .number()
        .int()
        .min(8 * 1024 * 1024)
        .max(2 ** 40)
        .default(512 * 1024 * 1024),
    ),
    maxUnreadBytes: option(
      'Bytes sent to clients and not read by them, of all connections together; beyond it the connection that leaves most unread is cut off. One connection may leave 16 MiB of answers and acks.',
      z
        .number()
        .int()
        .min(32 * 1024 * 1024)
        .max(2 ** 40)
        .default(1024 * 1024 * 1024),
    ),
    maxHttpRequests: option(
      'HTTP requests to the API under way at once, polls that wait and streams of events among them. More are refused with `TOO_MANY_REQUESTS`.',
      z.number().int().min(1).max(100_000).default(1_024),
    ),
    maxHttpRequestsPerAddress: option(
      'The same of one address. Behind a proxy all have its address.',
      z.number().int().min(1).max(100_000).default(256),
    ),
    metricsAuth: option(
      'With `auth`: `GET /metrics` is for users that may manage the cluster, by the same `Authorization` as the HTTP API.',
      z.boolean().default(false),
    ),
    groupMetrics: option(
      'Rows in `GET /metrics` for how far groups are behind: pairs of group and topic, at most, the first in the order of their names. 0: none.',
      z.number().int().min(0).max(10_000).default(200),
    ),
    queueMetrics: option(
      "Rows in `GET /metrics` for each queue and for each group's lag on it, too: up to 5,000 of each.",
      z.boolean().default(false),
    ),
  })
  .strict();

export type ResolvedListenOptions = Readonly<z.output<typeof listenOptionsSchema>> & {
  readonly auth: boolean;
  readonly threads: number;
};

/** Checks and completes. Throws BAD_CONFIG, also for a host others can reach while nothing guards it. */
export function resolveListenOptions(options: ListenOptions = {}): ResolvedListenOptions {
  const value = checkOptions(listenOptionsSchema, options, 'listen');
  const isReachable = !isLoopback(value.host);
  if (isReachable && value.auth === false && !value.insecure) {
    throw new RingMQError(
      'BAD_CONFIG',
      `${value.host} can be reached from other machines and \`auth\` is off; listen on 127.0.0.1, leave \`auth\` on, or set \`insecure\` if everybody who reaches it may use it`,
      { details: { host: value.host } },
    );
  }
  checkTls(value.tls);
  const auth = value.auth ?? (isReachable && !value.insecure);
  if (value.metricsAuth && !auth) {
    throw new RingMQError('BAD_CONFIG', '`metricsAuth` is for listeners where clients log in: set `auth`', {
      details: { option: 'metricsAuth' },
    });
  }
  if (value.jwt !== undefined) {
    const fault = auth
      ? tokenOptionsFault(value.jwt)
      : '`jwt` is for listeners where clients log in: set `auth`';
    if (fault !== null) {
      throw new RingMQError('BAD_CONFIG', fault, { details: { option: 'jwt' } });
    }
  }
  const threads = value.threads ?? Math.max(1, Math.min(4, availableParallelism() - 1));
  const allowedOrigins = value.allowedOrigins.map((origin) => originAsSent(origin));
  return Object.freeze({ ...value, auth, allowedOrigins, threads });
}

/** @throws RingMQError BAD_CONFIG */
export function checkTls(tls: z.output<typeof listenOptionsSchema>['tls']): void {
  if (tls?.clientCert === 'required' && tls.clientCaFile === undefined) {
    throw new RingMQError(
      'BAD_CONFIG',
      'client certificates are required, and nobody said whose: name their authorities with `tls.clientCaFile`',
      { details: { option: 'tls' } },
    );
  }
}
