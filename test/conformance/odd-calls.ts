/** Every public function of a client with sound arguments, all of them with all their options. Runs in Node and in a page alike. */
import type { Client, Consumer, Producer } from 'ringmq/client';

export interface Place {
  client: Client;
  /** A client that may be closed. */
  spareClient(): Client | Promise<Client>;
  topic: string;
  /** The same with the broker set where there are several. */
  placed<T extends object>(place: T): T & { brokerSet?: string };
}
export interface Call<P extends Place = Place> {
  /** What it is called on; undefined: an export. */
  on?(place: P): object | Promise<object>;
  /** Sound arguments, all of them with all their options. */
  args(place: P): unknown[];
  /** It is at work for as long as it was asked to. */
  goesOn?: true;
  /** Options that are as they are. */
  fixed?: readonly string[];
  /** What only the system can tell to be wrong: a name of a machine that is looked up. */
  late?: readonly string[];
  /** Ends what a call that is taken has begun. */
  end?(on: object, result: unknown): unknown;
}

export const stop = { signal: AbortSignal.abort() };
export const SIGNAL = { signal: undefined };
const admin = (place: Place) => place.client.admin();
export const ADMIN: Record<string, Call> = {
  createTopic: {
    on: admin,
    args: () => [
      { topic: 'new', queues: 1, memory: false, sets: undefined, retentionMs: 60_000, ifNotExists: true },
      SIGNAL,
    ],
  },
  setTopicRetention: { on: admin, args: ({ topic }) => [{ topic, retentionMs: 60_000 }, SIGNAL] },
  growTopic: { on: admin, args: ({ topic }) => [{ topic, queues: 4 }, SIGNAL] },
  listTopics: { on: admin, args: () => [SIGNAL] },
  describeTopic: { on: admin, args: ({ topic }) => [topic, SIGNAL] },
  deleteTopic: { on: admin, args: () => ['not-there', SIGNAL] },
  listGroups: { on: admin, args: () => [SIGNAL] },
  describeGroup: { on: admin, args: () => ['not-there', SIGNAL] },
  createGroup: { on: admin, args: () => [{ group: 'new', ifNotExists: true }, SIGNAL] },
  deleteGroup: { on: admin, args: () => ['not-there', SIGNAL] },
  resetOffset: {
    on: admin,
    args: ({ topic, placed }) => [
      placed({ group: 'new', topic, to: 'latest', queueId: 0, dryRun: false }),
      SIGNAL,
    ],
  },
  pauseGroup: { on: admin, args: ({ topic }) => [{ group: 'not-there', topic }, SIGNAL] },
  resumeGroup: { on: admin, args: ({ topic }) => [{ group: 'not-there', topic }, SIGNAL] },
  copyOffsets: {
    on: admin,
    args: ({ topic }) => [{ from: 'not-there', to: 'new', topic, dryRun: true }, SIGNAL],
  },
  skipMessages: {
    on: admin,
    args: ({ topic, placed }) => [
      placed({ group: 'not-there', topic, queueId: 0, count: 1, dryRun: true }),
      SIGNAL,
    ],
  },
  stats: { on: admin, args: () => [SIGNAL] },
  listConnections: {
    on: admin,
    args: () => [{ sort: '-bytesIn', filter: 'a', cursor: undefined, limit: 10 }, SIGNAL],
  },
  history: {
    on: admin,
    args: () => [{ from: 0, to: 1, names: ['messagesIn'], points: 10 }, SIGNAL],
  },
  queueStats: { on: admin, args: () => [SIGNAL] },
  groupLags: { on: admin, args: () => [SIGNAL] },
  configuration: { on: admin, args: () => [SIGNAL] },
  // A broker in this process says only when it is asked that its log is its program's.
  setLogLevel: { on: admin, args: () => ['info', SIGNAL], late: [''] },
  nameServerConfiguration: { on: admin, args: () => [SIGNAL] },
  // Only when it is asked a broker says which it has.
  setNameServerLogLevel: {
    on: admin,
    args: () => ['ws://127.0.0.1:1', 'info', SIGNAL],
    late: ['nameServer', ''],
  },
  findMessages: { on: admin, args: ({ topic }) => [{ topic, key: 'k', limit: 1 }, SIGNAL] },
  consumedBy: {
    on: admin,
    args: ({ topic, placed }) => [placed({ topic, queueId: 0, offset: 0 }), SIGNAL],
  },
  closeConnection: { on: admin, args: () => ['not-there', SIGNAL] },
  topicClients: { on: admin, args: ({ topic }) => [topic, { cursor: undefined, limit: 10 }, SIGNAL] },
  createUser: {
    on: admin,
    args: () => [{ user: 'new', password: 'p', roles: [], ifNotExists: true }, SIGNAL],
  },
  setPassword: { on: admin, args: () => ['not-there', 'p', { ...SIGNAL, oldPassword: 'o' }] },
  setRoles: { on: admin, args: () => ['not-there', [], SIGNAL] },
  setLimits: { on: admin, args: () => ['not-there', { bytesPerSecond: null }, SIGNAL] },
  listUsers: { on: admin, args: () => [SIGNAL] },
  deleteUser: { on: admin, args: () => ['not-there', SIGNAL] },
  createRole: { on: admin, args: () => [{ role: 'new', ifNotExists: true }, SIGNAL] },
  listRoles: { on: admin, args: () => [SIGNAL] },
  deleteRole: { on: admin, args: () => ['not-there', SIGNAL] },
  grant: { on: admin, args: () => [{ to: 'new', right: 'publish', resource: 'topic:t' }, SIGNAL] },
  revoke: { on: admin, args: () => [{ to: 'new', right: 'publish', resource: 'topic:t' }, SIGNAL] },
  listGrants: { on: admin, args: () => [SIGNAL] },
  listAudit: { on: admin, args: () => [{ from: 1 }, SIGNAL] },
  testAccess: { on: admin, args: () => [{ user: 'new', right: 'publish', resource: 'topic:t' }, SIGNAL] },
};
const producer = (place: Place) => place.client.producer();
const endProducer = (on: object) => (on as Producer).close(stop).catch(() => undefined);
const message = ({ topic }: Place) => ({
  topic,
  body: 'b',
  tag: 't',
  keys: ['k'],
  properties: { p: 1 },
  shardingKey: 's',
  bornTime: 1,
});
const WRITE = { flush: undefined, queueId: 0, brokerSet: undefined };
export const PRODUCER: Record<string, Call> = {
  send: { on: producer, args: (place) => [message(place), { ...WRITE, ...SIGNAL }], end: endProducer },
  sendBatch: { on: producer, args: (place) => [[message(place)], { ...WRITE, ...SIGNAL }], end: endProducer },
  write: { on: producer, args: (place) => [message(place), WRITE], end: endProducer },
  ready: { on: producer, args: () => [SIGNAL], end: endProducer },
  flush: { on: producer, args: () => [SIGNAL], end: endProducer },
  close: { on: producer, args: () => [SIGNAL] },
};
let groups = 0;
const consumer = ({ client, topic }: Place) =>
  client.consumer({ group: `odd-${++groups}`, topic, onWarning: () => undefined });
const endConsumer = (on: object) => (on as Consumer).close(stop).catch(() => undefined);
export const CONSUMER: Record<string, Call> = {
  batches: {
    on: consumer,
    args: () => [{ maxMessages: 5, maxWaitMs: 1, ...SIGNAL }],
    end: endConsumer,
  },
  run: {
    on: consumer,
    args: () => [() => 1, { concurrency: 1, order: 'none', ...SIGNAL }],
    end: endConsumer,
  },
  poll: { on: consumer, args: () => [{ max: 1, waitMs: 0, ...SIGNAL }], end: endConsumer },
  pause: {
    on: consumer,
    args: ({ topic }) => [{ topic, queueIds: [0], brokerSet: undefined }],
    end: endConsumer,
  },
  resume: {
    on: consumer,
    args: ({ topic }) => [{ topic, queueIds: [0], brokerSet: undefined }],
    end: endConsumer,
  },
  seek: {
    on: consumer,
    args: ({ topic }) => ['latest', { topic, queueId: 0, brokerSet: undefined, ...SIGNAL }],
    end: endConsumer,
  },
  position: { on: consumer, args: () => [], end: endConsumer },
  commit: { on: consumer, args: () => [SIGNAL], end: endConsumer },
  stats: { on: consumer, args: () => [SIGNAL], end: endConsumer },
  close: { on: consumer, args: () => [SIGNAL] },
};
export const closeResult = (_on: object, result: unknown) =>
  (result as { close(o?: object): Promise<void> } | undefined)?.close?.(stop)?.catch?.(() => undefined);
export const CLIENT: Record<string, Call> = {
  producer: {
    on: ({ client }) => client,
    args: () => [
      {
        group: 'g',
        batchBytes: 4096,
        batchRecords: 5,
        lingerMs: 1,
        maxInFlightBatches: 4,
        bufferBytes: 2 ** 20,
        sendTimeoutMs: 1000,
        onError: () => undefined,
        onMasterLost: 'wait',
      },
    ],
    end: closeResult,
  },
  consumer: {
    on: ({ client }) => client,
    args: ({ topic }) => [
      {
        group: 'g',
        topic,
        broadcast: true,
        memberName: 'm',
        filter: '*',
        from: 'earliest',
        windowBytes: 2 ** 20,
        verifyChecksums: true,
        commitIntervalMs: 5,
        revokeGraceMs: 5,
        onAssigned: () => undefined,
        onRevoked: () => undefined,
        onDamage: 'stop',
        onWarning: () => undefined,
        unackedWarningMs: 1000,
        maxUnackedCount: 1000,
        ...SIGNAL,
      },
    ],
    end: closeResult,
  },
  peek: {
    on: ({ client }) => client,
    args: ({ topic }) => [
      { topic, queueId: 0, brokerSet: undefined, from: 'earliest', max: 1, filter: '*' },
      SIGNAL,
    ],
  },
  get: {
    on: ({ client }) => client,
    args: ({ topic }) => [{ topic, queueId: 0, brokerSet: undefined, offset: 0 }, SIGNAL],
  },
  admin: { on: ({ client }) => client, args: () => [] },
  close: { on: (place) => place.spareClient(), args: () => [SIGNAL] },
};
export const CONNECT: Call = {
  args: () => [
    'ws://127.0.0.1:1',
    {
      name: 'n',
      connectTimeoutMs: 1,
      requestTimeoutMs: 1,
      closeTimeoutMs: 1,
      pingIntervalMs: 1,
      reconnectMinMs: 1,
      reconnectMaxMs: 1,
      onWarning: () => undefined,
      onConnection: () => undefined,
      credentials: undefined,
      cluster: undefined,
      tls: undefined,
      ...SIGNAL,
    },
  ],
  goesOn: true,
  end: closeResult,
};
