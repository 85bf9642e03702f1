/** Connecting to a broker by its address. */
import { createClient } from './client.js';
import { webSocketLinks } from './link/websocket-link.js';
import type { Client, ConnectOptions } from './types.js';

/**
 * Connects over a WebSocket, in Node and in browsers. `ws://HOST:PORT` or `wss://…`. Rejects with `CONNECT_FAILED`, `BAD_ARGUMENT` (no such
 * address), `ABORTED`, or what the broker says when it refuses. After that a lost connection is made anew until the client is closed.
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Client> {
  return createClient(webSocketLinks(url), options);
}
