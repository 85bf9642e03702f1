/** A connection with a client's options, checked and completed. */
import { Connection } from './link/connection.js';
import type { ConnectionOptions } from './link/connection-options.js';
import { takeCredentials } from './link/credentials.js';
import type { LinkFactory } from './link/link.js';
import { callbackOption, numberOption, signalOption, textOption } from './options.js';

/** How long `close` waits for a broker that cannot be reached. */
const DEFAULT_CLOSE_MS = 10_000;

/** Throws `BAD_ARGUMENT` naming the option that cannot be used. */
export function makeConnection(
  factory: LinkFactory,
  options: ConnectionOptions & { signal?: AbortSignal | undefined },
): Connection {
  const { connectTimeoutMs, requestTimeoutMs, pingIntervalMs, reconnectMinMs, reconnectMaxMs } = options;
  callbackOption('onConnection', options.onConnection);
  callbackOption('onWarning', options.onWarning);
  signalOption(options.signal);
  const credentials = options.credentials === undefined ? undefined : takeCredentials(options.credentials);
  return new Connection(factory, {
    ...options,
    credentials,
    name: textOption('name', options.name, 127),
    connectTimeoutMs: numberOption('connectTimeoutMs', connectTimeoutMs, 10_000, 0, 3_600_000),
    closeTimeoutMs: numberOption('closeTimeoutMs', options.closeTimeoutMs, DEFAULT_CLOSE_MS, 0, 3_600_000),
    requestTimeoutMs: numberOption('requestTimeoutMs', requestTimeoutMs, 30_000, 1, 3_600_000),
    pingIntervalMs: numberOption('pingIntervalMs', pingIntervalMs, 15_000, 0, 3_600_000),
    reconnectMinMs: numberOption('reconnectMinMs', reconnectMinMs, 50, 1, 3_600_000),
    reconnectMaxMs: numberOption('reconnectMaxMs', reconnectMaxMs, 5_000, 1, 3_600_000),
  });
}
