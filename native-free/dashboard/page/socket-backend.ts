/** The page as a client of its own: it connects to whoever served it, as the user that has logged in. */
import type { ConnectOptions } from '../../client/index.js';
import { type Brokers, ClusterBrokers, connectBrokers, SendingClient } from '../../client/internal.js';
import { clearTimeout, setTimeout } from '../../time/index.js';
import { type Backend, Desk } from '../desk/index.js';

export interface Connected {
  readonly backend: Backend;
  close(): Promise<void>;
}

export interface SocketEvents {
  onConnection(isConnected: boolean, why: unknown): void;
  /** Over a cluster: the sets that nobody answers for now. */
  onAway(sets: readonly string[]): void;
}

/** Between two looks why nobody answers. */
const LOOK_MS = 1_000;

/** Rejects as `connect` does: NOT_AUTHENTICATED where somebody has to log in. */
export async function connectHere(
  credentials: ConnectOptions['credentials'],
  user: string | null,
  events: SocketEvents,
): Promise<Connected> {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  let brokers: Brokers | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    const why = refusalOf(brokers);
    if (why !== null) {
      events.onConnection(false, why);
    } else if (brokers?.isConnected === false) {
      timer = setTimeout(look, LOOK_MS);
    }
  };
  brokers = await connectBrokers(`${scheme}//${location.host}`, {
    name: 'ringmq dashboard',
    credentials,
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 15_000,
    closeTimeoutMs: 1_000,
    // Over a cluster one set may be away while the others answer.
    onConnection: (state, why) => {
      events.onConnection(state === 'connected' || brokers?.isConnected === true, why);
      events.onAway(awayOf(brokers));
      look();
    },
  });
  // Nothing is read as a member of a group here: what does that is not in the page.
  const client = new SendingClient(brokers);
  const desk = new Desk(client, { user, readOnly: false });
  return {
    backend: desk,
    close: async () => {
      clearTimeout(timer);
      await desk.close().catch(() => undefined);
      await client.close().catch(() => undefined);
    },
  };
}

function awayOf(brokers: Brokers | null): string[] {
  const links = brokers instanceof ClusterBrokers ? brokers.links() : [];
  return links.filter(({ connection }) => !connection.isOpen).map(({ set }) => set);
}

/** Links to the sets of a cluster are tried for ever, also as a user who is none any more: what all of them say then; else null. */
function refusalOf(brokers: Brokers | null): unknown {
  const links = brokers instanceof ClusterBrokers ? brokers.links() : [];
  const troubles = links.map(({ connection }) => connection.produce.trouble);
  return troubles.length > 0 && troubles.every((trouble) => trouble?.code === 'NOT_AUTHENTICATED')
    ? troubles[0]
    : null;
}
