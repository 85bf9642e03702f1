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
  tls: true,
  closeTimeoutMs: true,
};

/**
 * Connects over a WebSocket, in Node and in browsers. `ws://HOST:PORT` or `wss://…`. Tries for `connectTimeoutMs`, then rejects with
 * `CONNECT_FAILED` or what the broker said last; at once with `BAD_ARGUMENT` (no such address, an option that cannot be used), `ABORTED`, or what no other try can cure. After that a lost connection is made anew until the client is closed.
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
  return createClient(webSocketLinks(url, options.tls), options);
}
