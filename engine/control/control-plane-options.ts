/** What the control plane is given: state, the way to queues, and whom it tells. */

import type {
  BrokerStats,
  ConfiguredOption,
  FindParams,
  FindResult,
  History,
  HistoryParams,
  LogLevel,
  QueueStats,
  SetStanding,
} from '../../native-free/wire/index.js';
import type { AccessDesk } from '../access/access-desk.js';
import type { CatalogTopic, TopicCatalog } from '../meta/topic-catalog.js';
import type { ThreadQuestion } from './connection-desk.js';
import type { ThreadAnswers } from './connections-view.js';
import type { ControlLog } from './control-log.js';
import type { NameServerDoor } from './name-server-door.js';
import type { UnreadMessage } from './retention-watch.js';
import type { TopicHooks } from './topic-admin.js';

export interface ControlPlaneOptions extends Omit<TopicHooks, 'appendRecords'> {
  log: ControlLog;
  /** Of this opening. */
  epoch: number;
  catalog: TopicCatalog;
  /** First offset stored at or after `time`; the queue's end if there is none. */
  findOffsetByTime(topic: CatalogTopic, queueId: number, time: number): number | Promise<number>;
  /** When the last batch was stored before this opening, ms since 1970; 0: there is none. */
  lastStoreTime?(): number;
  /** Where the queue begins without the messages that were stored before `before`; null: where it does. `latest`: no later time is believed. */
  queueBegin?(topic: CatalogTopic, queueId: number, before: number, latest: number): number | null;
  /** Queues begin where the log says, as far as that is committed. */
  followBegins?(): void;
  /** The broker's counters and gauges. */
  stats(): BrokerStats;
  queueStats(): QueueStats;
  /** Looks for stored messages. Default: there is no log to look through. */
  findMessages?(params: FindParams): Promise<FindResult>;
  /** The disk has failed, or a defect has shown where no caller waits for an answer. */
  onFatal?(error: unknown): void;
  /** A clock for deadlines, ms, that no step of the wall clock moves. Default `monotonicMs`. */
  now?(): number;
  /** Users and rights. */
  access: AccessDesk;
  /** Somebody asks for a topic: resolves once one of the broker's own is there. null: nothing is to be waited for. */
  wanted?(topic: string): Promise<void> | null;
  /** Runs a function in a later turn of the event loop. Default `setImmediate`. */
  later?(run: () => void): void;
  /** Something an operator should know. */
  onWarning?(message: string, details: Record<string, unknown>): void;
  /** The log is another broker's, its master's: ages of groups, say, are that one's to tell. */
  isFollower?(): boolean;
  /** Where the master is; null: it is not known. */
  masterUrl?(): string | null;
  /** Makes this slave the master, of an epoch not below `atLeast`. */
  promote?(atLeast: number, force: boolean): Promise<{ epoch: number; lacks: string | null }>;
  /** Slaves may have commits that are not here yet: resolves once that is over. null: it is. */
  handOver?(): Promise<void> | null;
  /** Asks every thread of the broker. */
  askThreads(question: ThreadQuestion): Promise<ThreadAnswers>;
  /** Whether this opening of the broker gave out such an id of a connection. Default: it did not. */
  isOwnConnection?(id: string): boolean;
  /** What is kept of the last day. */
  history(params: HistoryParams): History;
  /** What the broker was started with. */
  configuration?(): ConfiguredOption[];
  setLogLevel?(level: LogLevel): void;
  /** null: there is none. */
  nameServers?(): NameServerDoor | null;
  brokerName?: string;
  /** When the next message of a queue from `offset` on was stored; null: there is none, or nobody can tell. */
  unreadTime?(topic: CatalogTopic, queueId: number, offset: number): number | null;
  /** Milliseconds since 1970. Default `Date.now`. */
  wallMs?(): number;
  /** How this broker stands in its set. */
  standing?(): SetStanding;
  /** Default 10,000. */
  maxGroups?: number;
  /** Default 1,024. */
  maxMembersPerGroup?: number;
  /** Default 1,048,576. */
  maxGroupQueues?: number;
  /** The message at `offset` of a queue, as retention sees it; null if nothing is there. */
  unread?(topic: CatalogTopic, queueId: number, offset: number): UnreadMessage | null;
  /** How long a group without members is kept, ms; 0: for ever. Default 7 days. */
  groupRetentionMs?: number;
}
