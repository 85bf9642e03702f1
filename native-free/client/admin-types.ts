/** The public shapes of administration: topics, groups, users and rights. */
import type {
  AuditEntry,
  BrokerConfiguration,
  BrokerStats,
  ConnectionInfo,
  ConnectionSort,
  ConsumedByGroup,
  FoundDamage,
  FoundMessage,
  GrantInfo,
  GroupInfo,
  GroupLag,
  GroupPause,
  GroupReport,
  GrownTopic,
  History,
  HistoryName,
  LogLevel,
  Right,
  RoleInfo,
  StartPosition,
  TopicClient,
  TopicDescription,
  TopicInfo,
  UserInfo,
} from '../wire/index.js';
import type { CallOptions } from './call-options.js';

/** A topic to be made. */
export interface NewTopic {
  topic: string;
  /** 1 to 16,384. Default 4. */
  queues?: number | undefined;
  /** Kept in the broker's memory alone: fast, bounded, gone with the process. Default false. */
  memory?: boolean | undefined;
  /**
   * In a cluster: names of the broker sets that are to have it, at most 64. Default: all of them, also those
   * to come.
   */
  sets?: readonly string[] | undefined;
  /** Age from which its messages are not given out any more, ms, as of {@link Admin.setTopicRetention}. Default: the broker's own. */
  retentionMs?: number | undefined;
  /**
   * A topic that is there already is the answer, whatever its number of queues. Only one that is kept
   * elsewhere (`memory`) is `TOPIC_EXISTS`. Default false: any topic of that name is `TOPIC_EXISTS`.
   */
  ifNotExists?: boolean | undefined;
}

/** How long messages of a topic are given out. */
export interface TopicRetention {
  topic: string;
  /** 1,000 ms to 10 years; null: the broker's own retention alone. */
  retentionMs: number | null;
}

/** More queues for a topic that is there. */
export interface TopicGrowth {
  topic: string;
  /** How many it is to have, 1 to 16,384: at least as many as it has. In a cluster: in each broker set. */
  queues: number;
}

/** A consumer group to be made. */
export interface NewGroup {
  group: string;
  /** A group that is there already is no error. Default false: `GROUP_EXISTS`. */
  ifNotExists?: boolean | undefined;
}

/** A queue whose committed offset was set. */
export interface ResetQueue {
  /** Only over a cluster. */
  brokerSet?: string;
  queueId: number;
  /** Where it was before; null: the group had not begun there. */
  before: number | null;
  offset: number;
}

/** What a group is to get nothing of, or to get again. */
export interface PauseRequest {
  group: string;
  /** Default: all topics. */
  topic?: string | undefined;
}

/** Which group is to go on where another one does. */
export interface OffsetCopy {
  from: string;
  /** Made if it is not there. */
  to: string;
  topic: string;
  /** Says what it would do, and does nothing. Default false. */
  dryRun?: boolean | undefined;
}

/** Messages that a group is not to read. */
export interface MessageSkip {
  group: string;
  topic: string;
  queueId: number;
  /** Over a cluster: whose queue it is. Needed where several broker sets have the topic. */
  brokerSet?: string | undefined;
  /** How many, from where the group goes on; fewer if there are fewer. At least 1. */
  count: number;
  /** Says what it would do, and does nothing. Default false. */
  dryRun?: boolean | undefined;
}

/** Where a group is to go on reading. */
export interface OffsetReset {
  group: string;
  topic: string;
  to: StartPosition | Date;
  /** One queue, such as the one with damage to be passed over. Default: all queues of the topic. */
  queueId?: number | undefined;
  /** Over a cluster: the broker set whose queues are meant. Needed with `queueId`. Default: all. */
  brokerSet?: string | undefined;
  /** Says what it would do, and does nothing. Default false. */
  dryRun?: boolean | undefined;
}

/**
 * Which messages are looked for. `id` is one message; `key` all with that key; neither: all of the topic, or of
 * `queueId`, from `offset` or `time` on. What else is said narrows that down.
 */
export interface MessageSearch {
  /** May be left out with `id`. */
  topic?: string | undefined;
  id?: string | undefined;
  key?: string | undefined;
  queueId?: number | undefined;
  /** Over a cluster: the broker set to look in. Default: all. */
  brokerSet?: string | undefined;
  /** First offset; needs `queueId`. */
  offset?: number | undefined;
  tag?: string | undefined;
  /** Stored at or after this time, ms since 1970. */
  time?: number | Date | undefined;
  /** Stored at or before this time, ms since 1970. */
  toTime?: number | Date | undefined;
  /** From the page before, which was asked for with the same search. */
  cursor?: string | null | undefined;
  /** Messages of the page, 1 to 1,000. Default 100. */
  limit?: number | undefined;
  /** Of each body, 0 to 2 MiB. Default 64 KiB. */
  maxBodyBytes?: number | undefined;
  /** Bytes left out at the beginning of each body: how a large one is had in pieces. Default 0. */
  bodyFrom?: number | undefined;
}

/**
 * A page of messages, in the order in which they were stored (of a topic of more than 1,024 queues queue by
 * queue). It has `limit` messages or fewer, also none, and about 1 MiB; each took its broker 50 ms at most. Where it
 * is not `complete`, `cursor` goes on behind it.
 */
export interface FoundPage {
  /** null: nothing was found by `id`. */
  topic: string | null;
  messages: FoundMessage[];
  /** What was to be looked at and cannot be read. */
  damage: FoundDamage[];
  cursor: string | null;
  complete: boolean;
  /** Over a cluster: sets that gave no answer. The next page asks them again. */
  missingSets?: string[];
}

/** One message, of which it is asked who has read it. */
export interface ConsumedQuestion {
  topic: string;
  queueId: number;
  offset: number;
  /** Over a cluster: whose queue it is. Needed where there are several. */
  brokerSet?: string | undefined;
}

export interface NewUser {
  user: string;
  /** 1 to 1,024 characters. The broker is sent what it can check it by, not the password. */
  password: string;
  /** Roles to begin with. `admin` has every right. Default: none. */
  roles?: readonly string[] | undefined;
  /** A user that is there already is no error, and stays as it is. Default false. */
  ifNotExists?: boolean | undefined;
}

export interface NewRole {
  role: string;
  /** A role that is there already is no error. Default false: `USER_EXISTS`. */
  ifNotExists?: boolean | undefined;
}

/**
 * A right on a resource for a user or a role: `topic:NAME`, `group:NAME`, either with `*` at its end,
 * `cluster` (`manage`), `*`.
 */
/** How a password is set. */
export interface PasswordOptions extends CallOptions {
  /** The one that the user has now; needed of the own one. It does not travel. */
  oldPassword?: string | undefined;
}

/** Which entries of the audit. */
export interface AuditQuery {
  /** None of a time before it, as a Date or ms since 1970. Default: all that are kept. */
  from?: number | Date;
}

export interface GrantChange {
  to: string;
  right: Right;
  resource: string;
}

export interface AccessQuestion {
  user: string;
  right: Right;
  /** One topic or group, or `cluster`. */
  resource: string;
}

/** Which connections are wanted. */
export interface ListConnections {
  /** `-` in front: from the highest down. Default `openedTime`. */
  sort?: ConnectionSort | undefined;
  /** Only those of which id, user, name, address, a group or a topic has this in it. At most 255 characters. */
  filter?: string | undefined;
  /** Of the page before. Default: the first page. */
  cursor?: string | null | undefined;
  /** 1 to 10,000; a page may have fewer. Default 1,000. */
  limit?: number | undefined;
}

/** Which clients of a topic are wanted. */
export interface ListTopicClients {
  /** Of the page before. Default: the first page. */
  cursor?: string | null | undefined;
  /** 1 to 10,000; a page may have fewer. Default 1,000. */
  limit?: number | undefined;
}

/** Ends of queues, and how far groups are behind on them: at most 5,000 of each from a broker. */
export interface QueueReport {
  queues: { brokerSet?: string; topic: string; queueId: number; minOffset: number; maxOffset: number }[];
  lags: { brokerSet?: string; group: string; topic: string; queueId: number; lag: number }[];
  /** These are all. */
  isComplete: boolean;
}

/** What of a broker's last day is wanted. */
export interface HistoryRequest {
  /** Milliseconds since 1970, or a date. Default: a day before `to`. */
  from?: number | Date | undefined;
  /** Default: now. */
  to?: number | Date | undefined;
  /** Default: all series. */
  names?: readonly HistoryName[] | undefined;
  /** Samples of each series at most; where there are more, several become one. 1 to 8,640, default 8,640. */
  points?: number | undefined;
}

export interface ConnectionPage {
  connections: ConnectionInfo[];
  /** To ask on with; null: there is no more. */
  cursor: string | null;
  complete: boolean;
  /** Threads of brokers that did not answer within 2 s: what they serve is missing. */
  silentThreads: number;
}

export interface TopicClientPage {
  clients: TopicClient[];
  /** To ask on with; null: there is no more. */
  cursor: string | null;
  complete: boolean;
  /** Threads of brokers that did not answer within 2 s: what they serve is missing. */
  silentThreads: number;
}

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
   * The last day of the broker since it was opened, as samples of 10 s each; over a cluster of all masters together: rates and amounts added up, of times
   * and lags the highest, of free disk the least. `NOT_ALLOWED`, `BAD_ARGUMENT`.
   */
  history(request?: HistoryRequest, options?: CallOptions): Promise<History>;
  /** Counters and gauges of the broker, as of now. */
  stats(options?: CallOptions): Promise<BrokerStats>;
}
