/** The public shapes of administration: topics, groups, users and rights. */
import type {
  AuditEntry,
  BrokerConfiguration,
  BrokerStats,
  ConsumedByGroup,
  GrantInfo,
  GroupInfo,
  GroupLag,
  GroupPause,
  GroupReport,
  GrownTopic,
  History,
  LogLevel,
  NameServerConfiguration,
  RoleInfo,
  TopicDescription,
  TopicInfo,
  UserInfo,
  UserLimits,
} from '../wire/index.js';
import type {
  AccessQuestion,
  AuditQuery,
  ConnectionPage,
  ConsumedQuestion,
  FoundPage,
  GrantChange,
  HistoryRequest,
  ListConnections,
  ListTopicClients,
  MessageSearch,
  MessageSkip,
  NewGroup,
  NewRole,
  NewTopic,
  NewUser,
  OffsetCopy,
  OffsetReset,
  PasswordOptions,
  PauseRequest,
  QueueReport,
  ResetQueue,
  TopicClientPage,
  TopicGrowth,
  TopicRetention,
} from './admin-requests.js';
import type { CallOptions } from './call-options.js';

/**
 * Topics and groups. Over a cluster a change is made at each broker set, and a question is answered from all
 * of them that can be reached: a topic's queues, a group's members and offsets together. A set that cannot be
 * reached gets topics, and loses them, when it is back; where other changes fail at some sets, the error's
 * `details.failedSets` says at which, `details.doneSets` where it is done. Every call may
 * reject with `BAD_ARGUMENT` (at once, naming the argument), `TIMEOUT`, `CONNECTION_LOST`, `ABORTED` or
 * `CLOSED`, beside what is named.
 */
export interface Admin {
  /** `TOPIC_EXISTS`, `BAD_ARGUMENT`, `TOO_MANY_QUEUES`. `queues` defaults to 4, `memory` to false. */
  createTopic(topic: NewTopic, options?: CallOptions): Promise<TopicInfo>;
  listTopics(options?: CallOptions): Promise<TopicInfo[]>;
  /** `TOPIC_NOT_FOUND`. */
  describeTopic(topic: string, options?: CallOptions): Promise<TopicDescription>;
  /** `TOPIC_NOT_FOUND`. */
  deleteTopic(topic: string, options?: CallOptions): Promise<void>;
  /**
   * Gives a topic more queues; `before` says how many it had. The queues it has stay as they are, with what is
   * in them. Producers spread over the new ones, and groups that read the topic read these from their
   * beginning, without a restart. A sharding key may have another queue from then on, as that is its hash
   * modulo the number of queues: what was sent with the key before stays in the old one, and is in no order
   * with what comes. In a cluster a master that is away follows when it is back. `TOPIC_NOT_FOUND`,
   * `BAD_ARGUMENT` (fewer than it has: queues are never taken away), `TOO_MANY_QUEUES`.
   */
  growTopic(growth: TopicGrowth, options?: CallOptions): Promise<GrownTopic>;
  /**
   * From which age a topic's messages are not given out any more, read or not: within a second or so each queue
   * begins behind them. What they take on the disk is freed with their segments, by the broker's own retention,
   * which also bounds this: no topic keeps longer than that. Not for memory topics. In a cluster a master that
   * is away follows when it is back; what was said last holds. `TOPIC_NOT_FOUND`, `BAD_ARGUMENT`.
   */
  setTopicRetention(retention: TopicRetention, options?: CallOptions): Promise<TopicInfo>;
  listGroups(options?: CallOptions): Promise<GroupInfo[]>;
  /** `GROUP_NOT_FOUND`. */
  describeGroup(group: string, options?: CallOptions): Promise<GroupReport>;
  /**
   * Makes a group that stays until `deleteGroup`. Others come by themselves with their first commit, and go
   * again when they have been without members for the broker's `groupRetentionMs`. `GROUP_EXISTS`,
   * `BAD_ARGUMENT`, `TOO_MANY_GROUPS`.
   */
  createGroup(group: NewGroup, options?: CallOptions): Promise<GroupInfo>;
  /**
   * Forgets a group without members and all it has committed. `GROUP_NOT_FOUND`, `GROUP_BUSY` while it has
   * members.
   */
  deleteGroup(group: string, options?: CallOptions): Promise<void>;
  /**
   * Sets where a group without members goes on reading. `GROUP_BUSY` while it has some; `QUEUE_NOT_FOUND`.
   */
  resetOffset(change: OffsetReset, options?: CallOptions): Promise<ResetQueue[]>;
  /**
   * Sets where a group without members, which is made if it is not there, goes on reading: where another one does. `GROUP_NOT_FOUND`, `TOPIC_NOT_FOUND`,
   * `GROUP_BUSY`.
   */
  copyOffsets(copy: OffsetCopy, options?: CallOptions): Promise<ResetQueue[]>;
  /**
   * Has a group get nothing, of a topic or of any, until it is resumed: members keep their place and give their queues back. It is in the log, and holds
   * after a restart and a failover. `GROUP_NOT_FOUND`, `TOPIC_NOT_FOUND`.
   */
  pauseGroup(of: PauseRequest, options?: CallOptions): Promise<GroupPause>;
  /** Takes that back, as it was said: a pause on a topic is not taken back by one on all. */
  resumeGroup(of: PauseRequest, options?: CallOptions): Promise<GroupPause>;
  /** Has a group, also one at work, go on behind the next messages of a queue. `GROUP_NOT_FOUND`, `TOPIC_NOT_FOUND`, `QUEUE_NOT_FOUND`. */
  skipMessages(skip: MessageSkip, options?: CallOptions): Promise<ResetQueue>;
  /**
   * Looks at stored messages: nothing is acked or taken from anybody, and no group is joined. Needs the right to
   * subscribe to the topic. `TOPIC_NOT_FOUND`, `QUEUE_NOT_FOUND`, `BROKER_BUSY`, `NOT_ALLOWED`.
   */
  findMessages(search: MessageSearch, options?: CallOptions): Promise<FoundPage>;
  /**
   * The groups that read a message's topic, by name, and whether each has acked the message or passed over it.
   * `TOPIC_NOT_FOUND`, `QUEUE_NOT_FOUND`, `NOT_ALLOWED`.
   */
  consumedBy(message: ConsumedQuestion, options?: CallOptions): Promise<ConsumedByGroup[]>;
  /**
   * Makes a user, who may do nothing but what its roles may. Rejects with `USER_EXISTS`, `USER_NOT_FOUND` (a
   * role), `NOT_ALLOWED`.
   */
  createUser(user: NewUser, options?: CallOptions): Promise<UserInfo>;
  /**
   * Ends the user's open connections. Who sets its own gives the one before, too. Rejects with
   * `USER_NOT_FOUND`, `NOT_ALLOWED`, `NOT_AUTHENTICATED` (the one before).
   */
  setPassword(user: string, password: string, options?: PasswordOptions): Promise<void>;
  /** The roles that a user has from now on. Rejects with `USER_NOT_FOUND`, `NOT_ALLOWED`. */
  setRoles(user: string, roles: readonly string[], options?: CallOptions): Promise<UserInfo>;
  /**
   * What all connections of a user send together, and as much that they are sent, a second; open ones keep to it within a second. null: as the
   * broker's option says, 0: no limit, left out: as before. Rejects with `USER_NOT_FOUND`, `NOT_ALLOWED`.
   */
  setLimits(user: string, limits: Partial<UserLimits>, options?: CallOptions): Promise<UserInfo>;
  listUsers(options?: CallOptions): Promise<UserInfo[]>;
  /** Ends the user's open connections. Rejects with `USER_NOT_FOUND`, `NOT_ALLOWED`. */
  deleteUser(user: string, options?: CallOptions): Promise<void>;
  /** Rejects with `USER_EXISTS`: users and roles share their names. */
  createRole(role: NewRole, options?: CallOptions): Promise<RoleInfo>;
  listRoles(options?: CallOptions): Promise<RoleInfo[]>;
  /** Users that have it lose its rights. Rejects with `USER_NOT_FOUND`, `NOT_ALLOWED`. */
  deleteRole(role: string, options?: CallOptions): Promise<void>;
  /**
   * Holds for open connections within a second. Rejects with `BAD_ARGUMENT`, `USER_NOT_FOUND`, `NOT_ALLOWED`.
   */
  grant(change: GrantChange, options?: CallOptions): Promise<void>;
  /** Takes a grant back, written as it was given. */
  revoke(change: GrantChange, options?: CallOptions): Promise<void>;
  listGrants(options?: CallOptions): Promise<GrantInfo[]>;
  /**
   * What administrators did, and logins that failed, the oldest first: `auditMaxCount` entries at most. Needs
   * the right to subscribe to `topic:%AUDIT`, or to manage the cluster. Over name servers: of all sets, each
   * entry with its `brokerSet`. Rejects with `NOT_ALLOWED`.
   */
  listAudit(query?: AuditQuery, options?: CallOptions): Promise<AuditEntry[]>;
  /**
   * Whether the user may do it, by its own grants and its roles'. Rejects with `USER_NOT_FOUND`,
   * `NOT_ALLOWED`.
   */
  testAccess(question: AccessQuestion, options?: CallOptions): Promise<boolean>;
  /**
   * A page of the connections of the broker, over a cluster of all masters. Bytes and messages count from when each was opened. `NOT_ALLOWED`,
   * `BAD_ARGUMENT` (a cursor of another order).
   */
  listConnections(request?: ListConnections, options?: CallOptions): Promise<ConnectionPage>;
  /** Its client is told `CONNECTION_CLOSED`, and connects again if it wants to. `CONNECTION_NOT_FOUND`, `NOT_ALLOWED`. */
  closeConnection(id: string, options?: CallOptions): Promise<void>;
  /** A page of those who have sent messages to the topic over connections that are open, or read it. `TOPIC_NOT_FOUND`, `NOT_ALLOWED`. */
  topicClients(topic: string, request?: ListTopicClients, options?: CallOptions): Promise<TopicClientPage>;
  /** Ends of queues, and how far groups are behind on each. `NOT_ALLOWED`. */
  queueStats(options?: CallOptions): Promise<QueueReport>;
  /** How far groups are behind on each topic: messages, age of the oldest, slow and stuck queues. `NOT_ALLOWED`. */
  groupLags(options?: CallOptions): Promise<GroupLag[]>;
  /** Every option of the broker with its value, where that comes from, and what it means; over a cluster of each set's master. `NOT_ALLOWED`. */
  configuration(options?: CallOptions): Promise<(BrokerConfiguration & { brokerSet?: string })[]>;
  /**
   * What the brokers' logs tell from now on, until they end. `NOT_SUPPORTED` where a program has opened the broker and keeps the log itself; `NOT_ALLOWED`,
   * `BAD_ARGUMENT`.
   */
  setLogLevel(level: LogLevel, options?: CallOptions): Promise<void>;
  /**
   * The same of the name servers that the broker, or over a cluster any of its masters, registers with; `failure` says why one could not be asked. None
   * where there is no cluster. `NOT_ALLOWED`.
   */
  nameServerConfiguration(options?: CallOptions): Promise<NameServerConfiguration[]>;
  /**
   * What a name server's log tells from now on, until it ends; `nameServer` is its address, as `nameServerConfiguration` has it. `NOT_SUPPORTED` where a
   * program has opened it and keeps the log itself; `BAD_ARGUMENT`, `CONNECTION_LOST`, `NOT_ALLOWED`.
   */
  setNameServerLogLevel(nameServer: string, level: LogLevel, options?: CallOptions): Promise<void>;
  /**
   * The last day of the broker since it was opened, as samples of 10 s each; over a cluster of all masters together: rates and amounts added up, of times
   * and lags the highest, of free disk the least. `NOT_ALLOWED`, `BAD_ARGUMENT`.
   */
  history(request?: HistoryRequest, options?: CallOptions): Promise<History>;
  /** Counters and gauges of the broker, as of now. */
  stats(options?: CallOptions): Promise<BrokerStats>;
}
