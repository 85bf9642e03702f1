/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The public shapes of the client. The embedded broker gives out the same ones, so a program moves between
 * the two by changing one line.
 */
import type { OutgoingMessage, PropertyValue } from '../batch/outgoing-message.js';
import type {
  AuditEntry,
  AuditResult,
  BrokerConfiguration,
  BrokerStats,
  ConfiguredOption,
  ConnectionInfo,
  ConnectionSort,
  ConsumedByGroup,
  Durability,
  FoundDamage,
  FoundMessage,
  GrantInfo,
  GroupDescription,
  GroupInfo,
  GroupLag,
  GroupMemberInfo,
  GroupPause,
  GroupReport,
  GrownTopic,
  History,
  HistoryName,
  LogLevel,
  MemberState,
  NameServerConfiguration,
  Receipt,
  Right,
  RoleInfo,
  StartPosition,
  TopicClient,
  TopicDescription,
  TopicInfo,
  UserInfo,
  UserLimits,
} from '../wire/index.js';
import type { Admin } from './admin-types.js';
import type { CallOptions } from './call-options.js';
import type { ConsumedMessage, Consumer, ConsumerOptions } from './consume/types.js';
import type { Producer, ProducerOptions } from './produce/types.js';

export type {
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
export type { Admin } from './admin-types.js';
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
  Producer,
  ProducerOptions,
  SendFailure,
  SendOptions,
  WriteOptions,
} from './produce/types.js';
export type {
  AuditEntry,
  AuditResult,
  BrokerConfiguration,
  BrokerStats,
  CallOptions,
  ConfiguredOption,
  ConnectionInfo,
  ConnectionSort,
  ConsumedByGroup,
  Durability,
  FoundDamage,
  FoundMessage,
  GrantInfo,
  GroupDescription,
  GroupInfo,
  GroupLag,
  GroupMemberInfo,
  GroupPause,
  GroupReport,
  GrownTopic,
  History,
  HistoryName,
  LogLevel,
  MemberState,
  NameServerConfiguration,
  OutgoingMessage,
  PropertyValue,
  Receipt,
  Right,
  RoleInfo,
  StartPosition,
  TopicClient,
  TopicDescription,
  TopicInfo,
  UserInfo,
  UserLimits,
};

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

/** By a password, which does not travel: see `docs/guides/security.md`. */
export interface PasswordCredentials {
  scheme: 'scram';
  user: string;
  /** 1 to 1,024 characters. */
  password: string;
}

/**
 * A JSON Web Token, at most 16,384 characters; or a function that gets one: it is called before each connection,
 * and again in time before a token expires, which is then renewed on the connection that stands.
 */
export type TokenSource = string | (() => Promise<string> | string);

/** By a token that somebody else has made, whom the broker believes. It travels: use `wss://` addresses off loopback. */
export interface TokenLoginCredentials {
  scheme: 'jwt';
  token: TokenSource;
}

/**
 * As whoever its certificate is of: `tls: { cert, key }` in Node, a browser has its own. Nobody else is meant: a broker
 * that does not look at certificates, or has no such user, refuses with `NOT_AUTHENTICATED`.
 */
export interface CertificateLoginCredentials {
  scheme: 'certificate';
}

/** As whom a client comes. */
export type Credentials = PasswordCredentials | TokenLoginCredentials | CertificateLoginCredentials;

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
