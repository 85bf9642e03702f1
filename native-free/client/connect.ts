/** Connecting to a broker, or to a cluster by its name servers. */
import { LinkClient } from './client.js';
import { connectBrokers } from './connect-brokers.js';
import type { Client, ConnectOptions } from './types.js';

/**
 * Connects over a WebSocket, in Node and in browsers. `ws://HOST:PORT` or `wss://…`, one or several with
 * commas: a broker's, or those of a cluster's name servers; whoever answers says which it is. One is tried at
 * random, then the others. Tries for `connectTimeoutMs`, then rejects with `CONNECT_FAILED` or what the
 * broker said last; at once with `BAD_ARGUMENT` (no such address, an option that cannot be used), `ABORTED`,
 * or what no other try can cure. After that a lost connection is made anew until the client is closed.
 */
export async function connect(url: string | URL, given?: ConnectOptions): Promise<Client> {
  return new LinkClient(await connectBrokers(url, given));
}
