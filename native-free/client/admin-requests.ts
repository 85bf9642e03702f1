/** What calls of administration are given, and those of their answers that are the client's own. */
import type {
  AuditResult,
  ConnectionInfo,
  ConnectionSort,
  FoundDamage,
  FoundMessage,
  HistoryName,
  Right,
  StartPosition,
  TopicClient,
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
  /** Age from which its messages are not given out any more, ms, as of `Admin.setTopicRetention`. Default: the broker's own. */
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

/** How a password is set. */
export interface PasswordOptions extends CallOptions {
  /** The one that the user has now; needed of the own one. It does not travel. */
  oldPassword?: string | undefined;
}

/** Which entries of the audit: those for which all of it holds. The broker looks through them. */
export interface AuditQuery {
  /** None of a time before it, as a Date or ms since 1970. Default: all that are kept. */
  from?: number | Date;
  /** None of that time or later, as a Date or ms since 1970. */
  until?: number | Date;
  /** Whose. `''`: nobody's, as those of the host's own process and of logins without a user. */
  user?: string;
  /** What was done: an entry's `method`, as `createTopic` or `login`. */
  action?: string;
  /** On what, as `topic:orders`; with `*` at its end on all that begins so. */
  resource?: string;
  result?: AuditResult;
  /** With that in their user, method, resource, address or code, in letters large or small; 255 bytes at most. */
  filter?: string;
}

/**
 * A right on a resource for a user or a role: `topic:NAME`, `group:NAME`, either with `*` at its end,
 * `cluster` (`manage`), `*`.
 */
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
