/** One connection, as administrators are told of it. */
import { BROKER_USER, type ConnectionInfo, MAX_LISTED_PER_CONNECTION } from '../native-free/wire/index.js';
import type { SessionContext } from './session-context.js';

interface Described extends Pick<SessionContext, 'engine' | 'principal' | 'socket'> {
  readonly id: string;
  readonly remote: string;
  readonly clientName: string;
  readonly isHttp: boolean;
  producedTopics(): Iterable<string>;
  consumersThere(): Iterable<{ group: string | null; topic: string }>;
}

/** What it counts of itself. */
type Counts = Pick<
  ConnectionInfo,
  'openedTime' | 'bytesIn' | 'bytesOut' | 'messagesIn' | 'messagesOut' | 'creditBytes'
>;

export function connectionInfo(session: Described, counts: Counts): ConnectionInfo {
  const topics = [...session.producedTopics()];
  const consumers = [...session.consumersThere()];
  const user = session.principal?.user ?? null;
  return {
    id: session.id,
    thread: session.engine.name,
    user,
    name: session.clientName,
    address: session.remote,
    kind: session.isHttp ? 'http' : user === BROKER_USER ? 'broker' : 'client',
    ...counts,
    unsentBytes: session.socket.bufferedBytes,
    producers: topics.slice(-MAX_LISTED_PER_CONNECTION).map((topic) => ({ topic })),
    producerCount: topics.length,
    consumers: consumers.slice(0, MAX_LISTED_PER_CONNECTION),
    consumerCount: consumers.length,
  };
}
