/** The page as a client of its own: it connects to whoever served it, as the user that has logged in. */
import type { ConnectOptions } from '../../client/index.js';
import { type Brokers, connectBrokers, SendingClient } from '../../client/internal.js';
import { type Backend, Desk } from '../desk/index.js';

export interface Connected {
  readonly backend: Backend;
  close(): Promise<void>;
}

export interface SocketEvents {
  onConnection(isConnected: boolean, why: unknown): void;
}

/** Rejects as `connect` does: NOT_AUTHENTICATED where somebody has to log in. */
export async function connectHere(
  credentials: ConnectOptions['credentials'],
  user: string | null,
  events: SocketEvents,
): Promise<Connected> {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  let brokers: Brokers | null = null;
  brokers = await connectBrokers(`${scheme}//${location.host}`, {
    name: 'ringmq dashboard',
    credentials,
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 15_000,
    closeTimeoutMs: 1_000,
    // Over a cluster one set may be away while the others answer.
    onConnection: (state, why) =>
      events.onConnection(state === 'connected' || brokers?.isConnected === true, why),
  });
  // Nothing is read as a member of a group here: what does that is not in the page.
  const client = new SendingClient(brokers);
  const desk = new Desk(client, { user, readOnly: false });
  return {
    backend: desk,
    close: async () => {
      await desk.close().catch(() => undefined);
      await client.close().catch(() => undefined);
    },
  };
}
