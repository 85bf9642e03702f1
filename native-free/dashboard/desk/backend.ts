/** What the pages ask, whoever answers: the library's client in the browser, or a host's client behind its own server. */
import type { Admin, Receipt } from '../../client/internal.js';
import type { BrokerStatus, PageParams, PageResult } from '../../wire/index.js';

/** What is looked at, and as whom. */
export interface Where {
  kind: 'broker' | 'cluster' | 'embedded';
  /** Of the cluster, else of the broker. */
  name: string;
  /** Broker sets, in the order of their names; empty: there is one broker. */
  sets: string[];
  /** null: nobody had to log in, or the host's own client is looked through. */
  user: string | null;
  /** Nothing can be changed through it. */
  readOnly: boolean;
}

/** A message as a page shows it. */
export interface SeenMessage {
  topic: string;
  brokerSet: string | null;
  queueId: number;
  offset: number;
  tag: string | null;
  keys: string[];
  properties: Record<string, string | number | boolean | Uint8Array>;
  shardingKey: string | null;
  /** As much of it as was asked for, from its beginning; null: sent without one. */
  body: Uint8Array | null;
  /** Of the whole body. */
  bodyBytes: number;
  messageId: string;
  bornTime: number;
  storeTime: number;
}

export interface PublishedMessage {
  topic: string;
  /** null: without a body. */
  body: Uint8Array | null;
  tag?: string | undefined;
  keys?: readonly string[] | undefined;
  shardingKey?: string | undefined;
  properties?: Readonly<Record<string, string>> | undefined;
  queueId?: number | undefined;
}

/** Calls of the administration that change nothing. */
export const READING_CALLS = [
  'listTopics',
  'describeTopic',
  'listGroups',
  'describeGroup',
  'listUsers',
  'listRoles',
  'listGrants',
  'testAccess',
  'stats',
  'history',
  'groupLags',
  'findMessages',
  'consumedBy',
] as const satisfies readonly (keyof Admin)[];

/** Those that do. */
export const CHANGING_CALLS = [
  'createTopic',
  'growTopic',
  'setTopicRetention',
  'deleteTopic',
  'createGroup',
  'deleteGroup',
  'resetOffset',
  'copyOffsets',
  'skipMessages',
  'pauseGroup',
  'resumeGroup',
  'createUser',
  'setPassword',
  'setRoles',
  'setLimits',
  'deleteUser',
  'createRole',
  'deleteRole',
  'grant',
  'revoke',
] as const satisfies readonly (keyof Admin)[];

export type AdminCall = (typeof READING_CALLS)[number] | (typeof CHANGING_CALLS)[number];

/** Control methods that a page asks of one broker and that change nothing. Those that a broker does not know it refuses. */
export const READING_METHODS: ReadonlySet<string> = new Set([
  'listTopics',
  'describeTopic',
  'listGroups',
  'describeGroup',
  'listUsers',
  'listRoles',
  'listGrants',
  'testAccess',
  'stats',
  'standing',
  'queueStats',
  'listConnections',
  'topicClients',
  'configuration',
  'nameServerConfiguration',
  'listAudit',
  'consumedBy',
  'history',
]);

export const CHANGING_METHODS: ReadonlySet<string> = new Set([
  'promote',
  'closeConnection',
  'setLogLevel',
  'setNameServerLogLevel',
]);

/** Whom a control method goes to. */
export interface Target {
  /** The master of this set; absent: the only broker, or the first set. */
  set?: string | undefined;
  /** A broker by the address that the cluster's status names, a slave too. */
  url?: string | undefined;
}

export interface Backend {
  where(): Promise<Where>;
  /** One control method at one broker. Rejects with NOT_SUPPORTED where the broker does not know it. */
  control(target: Target, method: string, params: object): Promise<Record<string, unknown>>;
  /** All brokers of the cluster, from its name server. NOT_SUPPORTED where there is none. */
  clusterStatus(page: PageParams): Promise<{ brokers: BrokerStatus[] } & PageResult>;
  /** A call of the library's administration: over a cluster, at all of its sets. */
  admin<A extends AdminCall>(call: A, ...args: Parameters<Admin[A]>): Promise<Awaited<ReturnType<Admin[A]>>>;
  publish(message: PublishedMessage): Promise<Receipt>;
  close(): Promise<void>;
}
