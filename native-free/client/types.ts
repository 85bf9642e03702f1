/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The public shapes of the client. The embedded broker gives out the same ones, so a program moves between
 * the two by changing one line.
 */
import type { OutgoingMessage, PropertyValue } from '../batch/outgoing-message.js';
import type {
  BrokerStats,
  Durability,
  GrantInfo,
  GroupDescription,
  GroupInfo,
  Receipt,
  Right,
  RingMQError,
  RoleInfo,
  StartPosition,
  TopicDescription,
  TopicInfo,
  UserInfo,
} from '../wire/index.js';
import type { CallOptions } from './call-options.js';
import type { ConsumedMessage, Consumer, ConsumerOptions } from './consume/types.js';

export type {
  AssignedQueue,
  BatchOptions,
  ConsumedMessage,
  Consumer,
  ConsumerOptions,
  ConsumerQueueStats,
  ConsumerStats,
  ConsumerWarning,
  DamagedQueue,
  MessageBatch,
  MessageBatches,
  PollOptions,
  QueuePosition,
  QueueSelection,
  RunOptions,
  SeekOptions,
} from './consume/types.js';
export type {
  BrokerStats,
  CallOptions,
  Durability,
  GrantInfo,
  GroupDescription,
  GroupInfo,
  OutgoingMessage,
  PropertyValue,
  Receipt,
  Right,
  RoleInfo,
  StartPosition,
  TopicDescription,
  TopicInfo,
  UserInfo,
};

/** What can be asked of one send, beside the message itself. */
export interface WriteOptions {
  /**
   * `sync`: acked when on disk, `async`: acked when in the page cache, whatever the broker's policy.
   * `NOT_SUPPORTED` on a memory topic, which has neither. Default: the broker's policy.
   */
  flush?: 'sync' | 'async' | undefined;
  /**
   * The queue, instead of sharding key or round-robin: 0 to 16,383. `QUEUE_NOT_FOUND` where the topic has
   * fewer.
   */
  queueId?: number | undefined;
  /** Over a cluster: the broker set whose queue `queueId` is. Needed where several sets have the topic. */
  brokerSet?: string | undefined;
}

export interface SendOptions extends WriteOptions {
  /** Aborting rejects the call with `ABORTED`; a message already packed may be stored all the same. */
  signal?: AbortSignal | undefined;
}

/** One batch of messages given to `write` that was not stored. */
export interface SendFailure {
  topic: string;
  /** null: it failed before a queue was chosen. */
  queueId: number | null;
  /** Whose queue; only over a cluster. */
  brokerSet?: string;
  error: RingMQError;
  /** Running numbers of the messages: the n-th message given to this producer has number n, from 0. */
  numbers: number[];
}

export interface ProducerOptions {
  /** Producer group. Default `default`. */
  group?: string | undefined;
  /** A batch is sent when it has this many bytes, header included. Default 64 KiB, 1 KiB to 1 MiB. */
  batchBytes?: number | undefined;
  /** … or this many records. Default 4,096, 1 to 65,535. */
  batchRecords?: number | undefined;
  /**
   * Longest a message waits for others to share its batch. Default (absent): a batch leaves at the end of the
   * turn when nothing is under way, else when it is full, when all before it is acked, or after 1 ms. 0:
   * always at the end of the turn. In ms, up to 1 min.
   */
  lingerMs?: number | undefined;
  /**
   * Batches sent and not acked, counted from the oldest. At least 1; default and maximum 64: what the broker
   * remembers to tell duplicates.
   */
  maxInFlightBatches?: number | undefined;
  /**
   * Bytes that may wait or be under way before `write` returns false; past twice that `write` throws
   * `BUFFER_FULL`, past five times that `send` waits for room before it packs. Default 3 MiB, 1 KiB to 1 GiB.
   */
  bufferBytes?: number | undefined;
  /**
   * A batch that is not acked this long after it was closed fails with `TIMEOUT`. In ms; default 30 s, up to
   * 1 d. Retryable errors are retried until then.
   */
  sendTimeoutMs?: number | undefined;
  /**
   * Told of every batch of written messages that failed. Without it failures wait for `flush` and `close`,
   * which reject with them.
   */
  onError?: ((failure: SendFailure) => void) | undefined;
  /**
   * Over a cluster: what becomes of messages with a sharding key while the master that has their queue is
   * away. `wait` (default): they wait for it, up to `sendTimeoutMs`, and keep their order. `move`: they go to
   * another master, and a key's order is lost there. Messages without a key go to another one anyway, those
   * sent to a `queueId` wait. A master that is there and refuses is not lost: for it they wait either way.
   */
  onMasterLost?: 'wait' | 'move' | undefined;
}

/** Sends messages. Order: messages of one producer to one queue are stored in the order of the calls. */
export interface Producer extends AsyncDisposable {
  readonly group: string;
  /** Bytes that wait or are under way, and the mark above which `write` returns false. */
  readonly bufferedBytes: number;
  readonly bufferBytes: number;
  /** Messages taken so far; the number the next one gets. */
  readonly nextNumber: number;
  /**
   * Sends one message; the receipt comes when it is stored at the policy's durability. The message is copied
   * before the call returns. Rejects with `BAD_MESSAGE`, `BAD_ARGUMENT` for an option that cannot be used,
   * `BUFFER_FULL` when 1,048,576 sends or 1 GiB of them wait for room, with what the broker or a limit said,
   * `TIMEOUT`, `ABORTED` or `CLOSED`.
   */
  send(message: OutgoingMessage, options?: SendOptions): Promise<Receipt>;
  /**
   * Sends several; receipts in the order of the messages. If any fails it rejects with the first error,
   * `details.failed` lists which.
   */
  sendBatch(messages: readonly OutgoingMessage[], options?: SendOptions): Promise<Receipt[]>;
  /**
   * Sends one message without a promise. It is copied before the call returns. False: wait for `ready()`.
   * Throws `BUFFER_FULL` past twice the buffer, and the typed error of a limit the message breaks; later
   * failures come by `flush()` or `onError`.
   */
  write(message: OutgoingMessage, options?: WriteOptions): boolean;
  /** Resolves when `write` has room again (a quarter of the buffer). */
  ready(options?: CallOptions): Promise<void>;
  /**
   * Resolves when everything taken so far is acked. Rejects, once, with the first error of those written
   * messages that failed since the last call: `details.failed` is `{ number, topic, queueId, code }[]` (the
   * first 1000), `details.failedCount` how many.
   */
  flush(options?: CallOptions): Promise<void>;
  /** Flushes, then ends. Rejects as `flush` does. */
  close(options?: CallOptions): Promise<void>;
}

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
  /**
   * A topic that is there already is the answer, whatever its number of queues. Only one that is kept
   * elsewhere (`memory`) is `TOPIC_EXISTS`. Default false: any topic of that name is `TOPIC_EXISTS`.
   */
  ifNotExists?: boolean | undefined;
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
  offset: number;
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
  listGroups(options?: CallOptions): Promise<GroupInfo[]>;
  /** `GROUP_NOT_FOUND`. */
  describeGroup(group: string, options?: CallOptions): Promise<GroupDescription>;
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
   * Makes a user, who may do nothing but what its roles may. Rejects with `USER_EXISTS`, `USER_NOT_FOUND` (a
   * role), `NOT_ALLOWED`.
   */
  createUser(user: NewUser, options?: CallOptions): Promise<UserInfo>;
  /** Ends the user's open connections. Rejects with `USER_NOT_FOUND`, `NOT_ALLOWED`. */
  setPassword(user: string, password: string, options?: CallOptions): Promise<void>;
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
   * Whether the user may do it, by its own grants and its roles'. Rejects with `USER_NOT_FOUND`,
   * `NOT_ALLOWED`.
   */
  testAccess(question: AccessQuestion, options?: CallOptions): Promise<boolean>;
  /** Counters and gauges of the broker, as of now. */
  stats(options?: CallOptions): Promise<BrokerStats>;
}

/** Which messages to look at. */
export interface PeekRequest {
  topic: string;
  /** Default: all queues of the topic. */
  queueId?: number | undefined;
  /** Over a cluster: the broker set to look at. Needed with `queueId` where several have the topic. */
  brokerSet?: string | undefined;
  /** Default `earliest`. */
  from?: StartPosition | Date | undefined;
  /** Messages, at most. Default 10, 1 to 10,000. */
  max?: number | undefined;
  /** Tag expression: `a || b`, `*` (default). */
  filter?: string | undefined;
}

/** One message by its place. */
export interface GetRequest {
  topic: string;
  queueId: number;
  /** Over a cluster: whose queue it is. Needed where several broker sets have the topic. */
  brokerSet?: string | undefined;
  offset: number;
}

/** What the broker said of itself at the last handshake. */
export interface BrokerInfo {
  /** Over a cluster: its name. The rest is then of the first broker set that is connected. */
  cluster?: string | undefined;
  /** Over a cluster: the broker sets of the route, in the order of their names. */
  brokerSets?: readonly string[] | undefined;
  brokerId: string;
  brokerName: string;
  flush: 'sync' | 'async';
  listener: 'uws' | 'ws' | 'embedded';
}

/** As whom a client comes. The password does not travel: see `docs/guides/security.md`. */
export interface Credentials {
  scheme: 'scram';
  user: string;
  /** 1 to 1,024 characters. */
  password: string;
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

export interface ClientOptions {
  /** Free text for the broker's log, at most 127 bytes. */
  name?: string | undefined;
  /** For brokers that ask for them. One that does not is refused with `NOT_AUTHENTICATED`: it does not show that it knows the user. */
  credentials?: Credentials | undefined;
  /**
   * How long the first connection is tried for, again and again, with waits as after a lost one. Then it
   * fails with `CONNECT_FAILED`, or with what the broker said last (`TOO_MANY_CONNECTIONS`). What cannot
   * succeed later fails at once: a certificate that is not accepted, something else than a broker at the
   * address, a web origin that is refused. After a lost connection it bounds each try. Default 10 s, up to 1
   * h; 0: for ever, each try 10 s.
   */
  connectTimeoutMs?: number | undefined;
  /** For an answer to a control request, in ms; it then fails with `TIMEOUT`. Default 30 s, up to 1 h. */
  requestTimeoutMs?: number | undefined;
  /**
   * `close` waits so long for a broker that cannot be reached; what is not settled then fails, and `close`
   * rejects with `TIMEOUT`. While there is a connection it waits for as long as `sendTimeoutMs` lets
   * producers try. Default 10 s, up to 1 h; 0: does not wait at all.
   */
  closeTimeoutMs?: number | undefined;
  /**
   * Silence after which a ping is sent, in ms; after twice that the connection counts as lost. Default 15 s,
   * up to 1 h; 0: never.
   */
  pingIntervalMs?: number | undefined;
  /**
   * Least wait before a new attempt, in ms; doubled each time, between half and all of it at random. Default
   * 50 ms, 1 ms to 1 h.
   */
  reconnectMinMs?: number | undefined;
  /** Longest wait before a new attempt. Default 5 s, 1 ms to 1 h. */
  reconnectMaxMs?: number | undefined;
  /**
   * Told of what goes wrong and is tried again: a broker that cannot be reached, or that refuses batches or
   * requests for now. Once for each spell, not for each try. `details.code` is the error's. What is not tried
   * again comes to the caller as an error.
   */
  onWarning?: ((message: string, details: Record<string, unknown>) => void) | undefined;
  /**
   * Told when the connection is lost (with why) and when it stands again; over a cluster of each broker set
   * (`brokerSet` in the reason, or in its details).
   */
  onConnection?: ((state: 'connected' | 'disconnected', reason?: unknown) => void) | undefined;
}

/** Certificates of a `wss://` connection, in PEM. Node only: a browser decides by itself whom it trusts. */
export interface TlsOptions {
  /** Who may have issued the broker's certificate, instead of those Node trusts. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The client's own certificate, for brokers that ask for one. */
  cert?: string | Uint8Array | undefined;
  /** Its key. */
  key?: string | Uint8Array | undefined;
  /** The name the broker's certificate must have, where it is not the address's. */
  servername?: string | undefined;
}

export interface ConnectOptions extends ClientOptions {
  /**
   * Of name servers: which of their clusters is meant. Default: the only one they have, else the one that is
   * called `default`. A broker's address leads to that broker, whatever is said here.
   */
  cluster?: string | undefined;
  /** For `wss://` addresses. Default: what Node trusts. */
  tls?: TlsOptions | undefined;
  /** Ends the connecting, which rejects with `ABORTED`; not the connection later. */
  signal?: AbortSignal | undefined;
}

/**
 * One connection to a broker, or one to each broker set of a cluster. After a loss it reconnects by itself
 * until closed; producers resend, consumers resume.
 */
export interface Client extends AsyncDisposable {
  readonly broker: BrokerInfo;
  /** Over a cluster: to one of its sets at least. */
  readonly connected: boolean;
  /** Any number of them. Throws `BAD_ARGUMENT`, naming the option, and `CLOSED`. */
  producer(options?: ProducerOptions): Producer;
  /**
   * Any number of them; the group is joined when it is first read. Throws `BAD_ARGUMENT`, naming the option,
   * `BAD_FILTER` and `CLOSED`.
   */
  consumer(options: ConsumerOptions): Consumer;
  /**
   * Looks at messages that are stored now, without a group: nothing is acked, committed, or taken from
   * anybody. Of several queues those of one come after those of another. Rejects with `TOPIC_NOT_FOUND`,
   * `QUEUE_NOT_FOUND`, `BAD_ARGUMENT`, and with damage where nothing else is left to read.
   */
  peek(request: PeekRequest, options?: CallOptions): Promise<ConsumedMessage[]>;
  /**
   * The message at an offset of a queue; null: it is not stored any more, or not yet. Rejects as `peek` does.
   */
  get(request: GetRequest, options?: CallOptions): Promise<ConsumedMessage | null>;
  /** Topics, groups and users: of this client, any number of them. */
  admin(): Admin;
  /**
   * Closes its producers (flushing), its consumers (committing) and the connection. Rejects with the first
   * failure among them, after all are closed.
   */
  close(options?: CallOptions): Promise<void>;
}
