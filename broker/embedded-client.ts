/** The client library over a thread's own door to the broker. */
import { type Client, startClient } from '../native-free/client/internal.js';
import type { SessionHost } from '../transport/session-host.js';
import { localLinks } from './local-link.js';

/** A client on the thread of `host`, which may be another one later, and none (null) in between. Embedded there is nothing to ping. `onClosed` runs once, when the client is closed. */
export function embeddedClient(
  host: SessionHost | (() => SessionHost | null),
  onClosed: () => void | Promise<void>,
): Client {
  return startClient(localLinks(host), {
    pingIntervalMs: 0,
    reconnectMinMs: 10,
    reconnectMaxMs: 200,
    onClosed,
  });
}
