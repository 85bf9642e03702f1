/**
 * What brokers tell name servers, and what name servers tell everybody: payloads of `request`, `response` and `event` frames, as
 * MessagePack maps like those of control.ts.
 *
 *     broker ── registerBroker (small; on change and every 30 s), registerTopics (only what changed) ──▶ name server
 *     broker ◀── topicChanges: what the other sets have ──┘
 *     client ◀── route, topicRoute; event routeChanged ────────────────────────────────────────────────┘
 *
 * A `cluster` that is absent or null is the only one there is, else the one called `default`.
 */
import type { ConfiguredOption, LogLevel } from './configuration.js';
import type { PageParams, PageResult } from './page.js';

export type NodeRole = 'master' | 'slave';

/**
 * A topic as a broker set has it. Two sets have the same topic, not two of one name, if `createdTime` is the same too: who makes a topic
 * on several sets gives all of them one `createdTime`.
 */
export interface RegisteredTopic {
  topic: string;
  topicId: number;
  queues: number;
  memory: boolean;
  /** Milliseconds since 1970. Of two topics of one name the one with the higher is the newer. */
  createdTime: number;
  /** The sets it belongs to; null: all of the cluster, also those that come later. */
  sets: string[] | null;
  /** A retention of its own, and when it was last said; of two the one that was said later holds. */
  retentionMs?: number | undefined;
  retentionSetTime?: number | undefined;
}

/** A topic was deleted: no topic of that name whose `createdTime` is this or lower lives on. */
export interface TopicTombstone {
  topic: string;
  createdTime: number;
}

/** How a slave is, as its master knows. */
export interface ReplicaInfo {
  name: string;
  /** Acks count it; with a controller it may become master. */
  inSync: boolean;
  /** Of the master's log, positions in bytes. */
  received: number;
  flushed: number;
  lagBytes: number;
  lagMs: number;
}

/** A slave, as its master has it this moment. */
export interface ReplicaStanding extends ReplicaInfo {
  /** The log flows to it. */
  connected: boolean;
}

/** How a broker stands in its set, as it says itself. */
export interface SetStanding {
  name: string;
  cluster: string;
  brokerSet: string;
  /** Of the log, so of the set; empty of a slave that has none yet. */
  brokerId: string;
  role: NodeRole;
  /** The highest epoch that it knows of. */
  epoch: number;
  /** Where its log ends, and whose term the last of it is of. */
  end: number;
  endEpoch: number;
  /** It is a master that takes messages now: enough slaves are in sync, and its lease, where it has one, runs. */
  takesMessages: boolean;
  /** With a controller: what this broker waits for before it can lead its set or follow a master, in a sentence; left out when it waits for nothing. */
  waitsFor?: string | undefined;
  /** Of a master: its slaves. */
  replicas: ReplicaStanding[];
}

/** Where a master is. */
export interface MasterInfo {
  name: string;
  url: string;
  epoch: number;
  /** Of its log, so of its set: the first 16 digits of the ids of its messages. */
  brokerId: string;
}

/** A broker, as it registers. */
export interface BrokerRegistration {
  cluster: string;
  set: string;
  /** Unique in the cluster. */
  name: string;
  role: NodeRole;
  /** Where clients and the other brokers of the set reach it. */
  url: string;
  /** Of the log, so of the set: 16 hexadecimal digits; empty of a slave that has none yet. */
  brokerId: string;
  openingId: string;
  /** The master's term: its own of a master, the last it knows of a slave. */
  epoch: number;
  /** First and next byte of its log, and how far it is on disk. */
  start: number;
  end: number;
  flushed: number;
  /** Stretches of its log that are damaged; left out where there is none. */
  damaged?: number | undefined;
  /** Of a master: its slaves. */
  replicas: ReplicaInfo[];
  /** A controller says who is the master of its set; left out by brokers without one. */
  controller?: boolean | undefined;
  /**
   * Where the name server has a secret: 64 hexadecimal digits, HMAC-SHA-256 under it of
   * `ringmq.register.v1\n<nonce of the welcome>\n<nonce below>\n<cluster>\n<set>\n<name>\n<openingId>\n<role>\n<url>\n<brokerId>\n<epoch>`.
   */
  proof?: string | undefined;
  /** 64 hexadecimal digits, random: the answer's proof is made over it. */
  nonce?: string | undefined;
}

export interface RegistrationAnswer {
  /** Of the route, as in {@link ClusterRoute}. */
  version: number;
  /** The set's master as the name server knows it: of the highest epoch, whoever came last. A broker that calls itself master and is not it has been replaced. */
  master: MasterInfo | null;
  /** The highest term that anybody of the set has named. A master of a lower one has been replaced, also while its successor is away. */
  epoch: number;
  /** Of what this broker has said of its topics: the `revision` of its last `registerTopics` on this connection; null: nothing yet. */
  revision: number | null;
  /** Of the cluster's topics, as in `topicChanges`. */
  topicsVersion: number;
  /** Where another broker of this one's name says that it is, which was refused; absent: none has come in the last minute. */
  twin?: string;
  /**
   * HMAC-SHA-256, as in the registration, of `ringmq.registered.v1\n<nonce of the welcome>\n<nonce of the registration>\n<epoch>`, and of the
   * master `\n<name>\n<url>\n<epoch>\n<brokerId>`, or `\n-`.
   */
  proof?: string | undefined;
}

/** A slave in a route. */
export interface SlaveInfo {
  name: string;
  url: string;
  epoch: number;
  /** As its master said last. */
  inSync: boolean;
  /** Its master said last that it is not in sync. Absent: it is, or nobody has said. */
  isBehind?: boolean;
}

export interface SetRoute {
  set: string;
  /** null: it has none now. */
  master: MasterInfo | null;
  /** In the order of their names. */
  slaves: SlaveInfo[];
}

export interface ClusterRoute {
  cluster: string;
  /** Grows with each change of the route or the topics, of this name server since it was started; numbers of two are not comparable. */
  version: number;
  /** How long the name server has been up, ms: one that has just started does not know all brokers yet. */
  upMs: number;
  /** In the order of their names. A set that has lost all its brokers stays for 120 s, with nobody in it. */
  sets: SetRoute[];
  /**
   * Where a nonce was given and the name server has a secret: HMAC-SHA-256 of `ringmq.route.v1\n<nonce of the welcome>\n<nonce given>\n<cluster>`,
   * and of each set `\n<set>` and its master as in {@link RegistrationAnswer}.
   */
  proof?: string;
}

/** A topic's part in one set. */
export interface TopicSetRoute {
  set: string;
  topicId: number;
  queues: number;
  memory: boolean;
  createdTime: number;
  /** As in {@link RegisteredTopic}. */
  retentionMs?: number;
  retentionSetTime?: number;
}

export interface TopicRoute {
  topic: string;
  /** In the order of their names: those that have it. */
  sets: TopicSetRoute[];
}

/** A topic as the whole cluster has it, for who looks after topics. */
export interface ClusterTopic extends TopicRoute {
  /** The sets it belongs to, as the newest of it says; null: all. */
  belongsTo: string[] | null;
  /** The highest `createdTime` of its tombstones; null: there is none. */
  deletedUpTo: number | null;
}

/** A broker in `clusterStatus`. */
export interface BrokerStatus {
  name: string;
  set: string;
  role: NodeRole;
  url: string;
  /** False: its connection has ended, or it has not been heard of for 120 s. */
  up: boolean;
  /** It is the one that its set's route names as master. */
  isMaster: boolean;
  brokerId: string;
  openingId: string;
  epoch: number;
  start: number;
  end: number;
  flushed: number;
  /** Stretches of its log that are damaged; left out where there is none. */
  damaged?: number;
  /** Of a slave, as its master said; null of a master, and while nobody knows. */
  inSync: boolean | null;
  lagBytes: number | null;
  lagMs: number | null;
  /** A controller says who is the master of its set. False: a slave becomes that by hand. */
  controller: boolean;
  /** Since its last registration, ms. */
  heardMs: number;
  topics: number;
}

/** Methods of a name server: parameters and result. */
export interface NameServerMethods {
  /**
   * First on a connection, then on every change and every 30 s; one that has not come for 120 s is forgotten, like that of a connection that
   * ends. NOT_AUTHENTICATED without the proof where there is a secret; BAD_CONFIG where the name or the set is somebody else's;
   * BROKER_BUSY at a limit.
   */
  registerBroker: { params: BrokerRegistration; result: RegistrationAnswer };
  /**
   * What changed in the topics of the broker that has registered on this connection. `from` is the revision that the name server has, null for the
   * beginning of all; else BAD_ARGUMENT, whose details have its `revision`. At most 2,048 topics and tombstones together.
   */
  registerTopics: {
    params: {
      from: number | null;
      /** Chosen by the broker. */
      revision: number;
      topics: RegisteredTopic[];
      /** Names of topics that it has no more. */
      gone: string[];
      tombstones: TopicTombstone[];
      /** Names of tombstones that have grown old. */
      forgotten: string[];
      /** More follows: what was there before is not replaced until the last one. */
      more: boolean;
    };
    result: { revision: number; topicsVersion: number };
  };
  /** Who asks is told of changes from then on, by `routeChanged`. `nonce`: the answer is to have a `proof`, as in `registerBroker`. */
  route: { params: { cluster?: string | null; nonce?: string | undefined }; result: ClusterRoute };
  /** TOPIC_NOT_FOUND when no set has it. */
  topicRoute: {
    params: { topic: string; cluster?: string | null };
    result: TopicRoute & { cluster: string; version: number };
  };
  /**
   * Topics that have changed since a version, oldest change first; 0: all there are. `version`: up to where the answer goes, to ask on
   * with. What no set has any more, and has no tombstone, is told for a while as one without sets.
   */
  topicChanges: {
    params: { since: number; limit?: number; cluster?: string | null };
    result: { version: number; complete: boolean; topics: ClusterTopic[] };
  };
  /** All brokers, in the order of their sets and names. */
  clusterStatus: {
    params: { cluster?: string | null } & PageParams;
    result: { cluster: string; version: number; brokers: BrokerStatus[] } & PageResult;
  };
  /**
   * Every option that it was started with, and its log's. Like the next for brokers that have registered on the connection, which know who may ask
   * them for it; where there is no secret for everybody. NOT_ALLOWED.
   */
  configuration: { params: Record<string, never>; result: { options: ConfiguredOption[] } };
  /** Holds until it ends. NOT_ALLOWED; NOT_SUPPORTED: the program that opened it keeps its log itself. */
  setLogLevel: { params: { level: LogLevel }; result: Record<string, never> };
}

export type NameServerMethod = keyof NameServerMethods;

/** Payloads of `event` frames of a name server. */
export type NameServerEvent =
  /** Ask again. At once after a change, and then at most ten times a second. */
  { event: 'routeChanged'; cluster: string; version: number };
