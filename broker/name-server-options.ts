/** What `openNameServer()` and `ringmq nameserver` take: of a listener's options those that make sense here, and a secret. */
import { z } from 'zod';
import { checkOptions, filePath, pathText } from '../engine/option-check.js';
import { option } from '../engine/option-info.js';
import { type EngineOptions, engineOptionsSchema } from '../engine/options.js';
import { RingMQError } from '../native-free/wire/index.js';
import { isLoopback } from '../native-free/wire/loopback.js';
import type { ListenOptions } from './listen-options.js';
import { checkTls, listenOptionsSchema } from './listen-options.js';
import { originAsSent } from './origins.js';

/** Options of `openNameServer()`. All of them may be left out. */
export interface NameServerOptions
  extends Omit<
    ListenOptions,
    | 'threads'
    | 'metricsAuth'
    | 'groupMetrics'
    | 'queueMetrics'
    | 'adminPasswordFile'
    | 'jwt'
    | 'userBytesPerSecond'
    | 'userMessagesPerSecond'
  > {
  /** File of the secret that brokers must know to register, 16 to 4,096 bytes, or of two, a line each; needed where clients log in. Default: on loopback every broker may. */
  secretFile?: string | undefined;
  /** On its connections to brokers, which judge logins. */
  linkTls?: EngineOptions['linkTls'];
}

export const DEFAULT_NAME_SERVER_PORT = 9800;

export const nameServerOptionsSchema = z
  .object({
    host: option(
      'Address to listen on. Other than loopback, brokers need `secretFile` and clients log in (`auth`), or `insecure` is said.',
      pathText().default('127.0.0.1'),
      { setting: 'listen' },
    ),
    port: option(
      'Port to listen on. 0 picks a free one.',
      z.number().int().min(0).max(65_535).default(DEFAULT_NAME_SERVER_PORT),
      { setting: 'listen' },
    ),
    secretFile: option(
      'File of the secret that brokers must know to register; of two lines each is taken. It is read again when it has changed, and at SIGHUP. Needed where clients log in (`auth`).',
      filePath().optional(),
      { defaultText: 'none: on loopback every broker may register' },
    ),
    auth: option(
      'Clients log in before they are told routes: a broker of the cluster says whether they may. Brokers come by `secretFile`, which is needed then. Where it is off, routes are told to everybody who reaches the port.',
      z.boolean().optional(),
      { defaultText: 'off on loopback and with `insecure`, else on' },
    ),
    linkTls: engineOptionsSchema.shape.linkTls,
    insecure: option(
      'Serve other hosts without logins, and without a secret where none is set: everybody who reaches the port is told routes, and without a secret may register as a broker.',
      z.boolean().default(false),
    ),
    idleTimeoutSeconds: option(
      'A connection that shows no sign of life for so long, though it is asked for one, is closed; so long a broker that was cut off stays in routes. 0: never.',
      z
        .number()
        .int()
        .refine((value) => value === 0 || (value >= 8 && value <= 960), { message: 'must be 0 or 8 to 960' })
        .default(30),
      { rule: '0, or 8s to 16m' },
    ),
    ...listenOptionsSchema.omit({
      host: true,
      port: true,
      threads: true,
      auth: true,
      adminPasswordFile: true,
      jwt: true,
      userBytesPerSecond: true,
      userMessagesPerSecond: true,
      insecure: true,
      idleTimeoutSeconds: true,
      metricsAuth: true,
      groupMetrics: true,
      queueMetrics: true,
    }).shape,
  })
  .strict();

export type ResolvedNameServerOptions = Readonly<z.output<typeof nameServerOptionsSchema>> & {
  readonly auth: boolean;
};

/** Checks and completes. Throws BAD_CONFIG, also for a host others can reach while nothing guards it. */
export function resolveNameServerOptions(options: NameServerOptions = {}): ResolvedNameServerOptions {
  const value = checkOptions(nameServerOptionsSchema, options, 'options');
  const isReachable = !isLoopback(value.host);
  if (isReachable && !value.insecure && value.secretFile === undefined) {
    throw new RingMQError(
      'BAD_CONFIG',
      `${value.host} can be reached from other machines, and any of them could register as a broker; set \`secretFile\`, listen on 127.0.0.1, or set \`insecure\` if everybody who reaches it may`,
      { details: { host: value.host } },
    );
  }
  if (isReachable && !value.insecure && value.auth === false) {
    throw new RingMQError(
      'BAD_CONFIG',
      `${value.host} can be reached from other machines and \`auth\` is off; listen on 127.0.0.1, leave \`auth\` on, or set \`insecure\` if everybody who reaches it may be told where the brokers are`,
      { details: { host: value.host } },
    );
  }
  const auth = value.auth ?? (isReachable && !value.insecure);
  if (auth && value.secretFile === undefined) {
    throw new RingMQError(
      'BAD_CONFIG',
      "where clients log in, brokers show that they know the cluster's secret: set `secretFile`, or leave out `auth`",
      { details: { option: 'auth' } },
    );
  }
  checkTls(value.tls);
  return Object.freeze({
    ...value,
    auth,
    allowedOrigins: value.allowedOrigins.map((origin) => originAsSent(origin)),
  });
}
