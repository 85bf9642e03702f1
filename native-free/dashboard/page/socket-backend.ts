/** The page as a client of its own: it connects to whoever served it, as the user that has logged in. */
import { type ConnectOptions, connect } from '../../client/index.js';
import { brokersOf, type Client } from '../../client/internal.js';
import { type Backend, Desk } from '../desk/index.js';

export interface Connected {
  readonly backend: Backend;
  readonly client: Client;
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
  let client: Client | null = null;
  client = await connect(`${scheme}//${location.host}`, {
    name: 'ringmq dashboard',
    credentials,
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 15_000,
    closeTimeoutMs: 1_000,
    // Over a cluster one set may be away while the others answer.
    onConnection: (state, why) =>
      events.onConnection(state === 'connected' || (client !== null && brokersOf(client).isConnected), why),
  });
  const desk = new Desk(client, { user, readOnly: false });
  const opened = client;
  return {
    backend: desk,
    client,
    close: async () => {
      await desk.close().catch(() => undefined);
      await opened.close().catch(() => undefined);
    },
  };
}
