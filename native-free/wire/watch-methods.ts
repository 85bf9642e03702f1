/** Methods for whoever watches over a broker. */
import type { BrokerConfiguration, LogLevel, NameServerConfiguration } from './configuration.js';
import type { ConnectionInfo, ConnectionListParams, TopicClient } from './connections.js';
import type { GroupLag } from './groups.js';
import type { History, HistoryParams } from './history.js';
import type { PageParams, PageResult } from './page.js';

export interface WatchMethods {
  /**
   * Of the broker that is asked. `silentThreads`: so many threads of the broker have not answered in time, and what they serve is missing.
   */
  listConnections: {
    params: ConnectionListParams;
    result: { connections: ConnectionInfo[]; silentThreads: number } & PageResult;
  };
  /** Its client is told CONNECTION_CLOSED, and may connect again. CONNECTION_NOT_FOUND. */
  closeConnection: { params: { id: string }; result: Record<string, never> };
  /** In the order in which they connected. */
  topicClients: {
    params: { topic: string } & PageParams;
    result: { clients: TopicClient[]; silentThreads: number } & PageResult;
  };
  /** What the broker has kept of its last day, since it was opened: a sample every 10 s. BAD_ARGUMENT: there is no such series. */
  history: { params: HistoryParams; result: History };
  /** How far groups are behind, topic by topic, in the order of their names. */
  groupLags: { params: PageParams; result: { lags: GroupLag[] } & PageResult };
  /** Every option of the broker that is asked, of its listeners and its log. */
  configuration: { params: Record<string, never>; result: BrokerConfiguration };
  /** Holds until the broker ends. NOT_SUPPORTED: the program that opened it keeps its log itself. */
  setLogLevel: { params: { level: LogLevel }; result: Record<string, never> };
  /** The same of the name servers that the broker registers with, asked by it now; in the order in which it was given them. */
  nameServerConfiguration: {
    params: Record<string, never>;
    result: { nameServers: NameServerConfiguration[] };
  };
  /** Holds until the name server ends. BAD_ARGUMENT: the broker has no such name server; CONNECTION_LOST; NOT_SUPPORTED as of `setLogLevel`. */
  setNameServerLogLevel: {
    params: { nameServer: string; level: LogLevel };
    result: Record<string, never>;
  };
}
