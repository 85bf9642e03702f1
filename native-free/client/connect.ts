/** Connecting to a broker by its address. */
import { RingMQError } from '../wire/index.js';
import { createClient } from './client.js';
import { webSocketLinks } from './link/websocket-link.js';
import { checkOptions, type OptionNames } from './options.js';
import type { Client, ConnectOptions } from './types.js';

const CONNECT_OPTIONS: OptionNames<ConnectOptions> = {
  name: true,
  credentials: true,
  connectTimeoutMs: true,
  requestTimeoutMs: true,
  pingIntervalMs: true,
  reconnectMinMs: true,
  reconnectMaxMs: true,
  onConnection: true,
  onWarning: true,
  signal: true,
};

/**
 * Connects over a WebSocket, in Node and in browsers. `ws://HOST:PORT` or `wss://…`. Rejects with `CONNECT_FAILED`, `BAD_ARGUMENT` (no such
 * address), `ABORTED`, or what the broker says when it refuses. After that a lost connection is made anew until the client is closed.
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Client> {
  checkOptions('connect', options, CONNECT_OPTIONS);
  if (options.credentials !== undefined) {
    throw new RingMQError(
      'NOT_SUPPORTED',
      'this version has no authentication: a client with credentials would be let in whatever they are; leave credentials out',
      { details: { option: 'credentials' } },
    );
  }
  return createClient(webSocketLinks(url), options);
}
