/** What each control method answers, field by field: for those who describe the broker's API, and who check what it says. Nothing is checked by it on the way. */
import { z } from 'zod';
import {
  AUDIT_RESULTS,
  type ControlMethod,
  type ControlMethods,
  ERRORS,
  type ErrorCode,
  HISTORY_NAMES,
  RIGHTS,
} from '../../native-free/wire/index.js';

const count = z.number().int().nonnegative();
const text = z.string();
const role = z.enum(['master', 'slave']);
const timeMs = count.describe('Milliseconds since 1970.');
const nothing = z.object({});

const pageEnd = {
  cursor: text.nullable().describe('To ask on with; null when `complete`.'),
  complete: z.boolean(),
};

const topic = {
  topic: text,
  topicId: count,
  queues: count,
  memory: z.boolean(),
  createdTime: timeMs,
  sets: z.array(text).exactOptional().describe('Broker sets that it belongs to. Absent: all of the cluster.'),
  retentionMs: count
    .exactOptional()
    .describe("Age from which its messages are not given out any more. Absent: the broker's own."),
  retentionSetTime: timeMs.exactOptional(),
  parts: z.array(z.object({ brokerSet: text, topicId: count, queues: count })).exactOptional(),
};
const topicInfo = z.object(topic);

const damage = z.object({
  offset: count,
  position: count.nullable(),
  code: text,
  message: text,
});

const queueInfo = z.object({
  brokerSet: text.exactOptional(),
  queueId: count,
  minOffset: count.describe('First offset still stored.'),
  maxOffset: count.describe('The next one to be given out.'),
  damage: z.array(damage).exactOptional(),
});

const group = {
  group: text,
  topics: z.array(text).describe('The first 100 in the order of their names.'),
  topicCount: count,
  members: count,
};

const groupQueue = z.object({
  topic: text,
  brokerSet: text.exactOptional(),
  queueId: count,
  committedOffset: count.nullable(),
  maxOffset: count,
  lag: count.describe('Messages that are stored and not committed.'),
  lagMs: z
    .number()
    .nullable()
    .describe('Age of the oldest of them; 0: there is none, null: it cannot be told.'),
  expired: count.describe('Messages that retention deleted before the group had read them.'),
  memberId: text.nullable(),
  sinceCommitMs: z.number().nullable(),
  state: z.enum(['ok', 'slow', 'stuck']).nullable(),
});

const grant = { right: z.enum(RIGHTS), resource: text };
const user = z.object({
  user: text,
  roles: z.array(text),
  grants: z.array(z.object(grant)),
  limits: z.object({ bytesPerSecond: count.nullable(), messagesPerSecond: count.nullable() }),
  changedTime: timeMs,
});
const roleInfo = z.object({ role: text, grants: z.array(z.object(grant)), changedTime: timeMs });

const traffic = {
  messagesIn: count,
  batchesIn: count,
  bytesIn: count,
  messagesOut: count,
  bytesOut: count,
  refusedBatches: count,
  requests: count,
  connections: z.number().int(),
  connectionsOpened: count,
  httpRequests: count,
  httpFailures: count,
  connectionsRefused: count,
  pacedWaits: count,
};

const stats = z.object({
  ...traffic,
  brokerId: text,
  openingId: text,
  brokerName: text,
  flush: z.enum(['sync', 'async']),
  pid: count,
  nodeVersion: text,
  time: timeMs,
  uptimeMs: z.number(),
  disk: z.enum(['ok', 'full', 'failed']),
  diskFreeBytes: count.nullable(),
  topics: count,
  queues: count,
  groups: count,
  members: count,
  backlog: count.nullable(),
  log: z.object({
    startPosition: count,
    endPosition: count,
    writtenPosition: count,
    flushedPosition: count,
    damagedCount: count,
    ringBytes: count,
    unwrittenBytes: z.number(),
    unflushedBytes: z.number(),
    syncs: z.object({
      count,
      p50Ms: z.number().nullable(),
      p99Ms: z.number().nullable(),
      maxMs: z.number().nullable(),
    }),
  }),
  memory: z.object({ ringBytes: count, usedBytes: z.number() }),
  threads: z.array(
    z.object({
      ...traffic,
      seat: count,
      name: text,
      turns: count,
      busyMs: z.number(),
      longestTurnMs: z.number(),
    }),
  ),
  logins: z.object({ succeeded: count, failed: count }),
  audit: z.object({ entries: count, lost: count }),
  process: z.object({ rssBytes: count, heapUsedBytes: count, cpuMs: z.number() }),
});

const standing = z.object({
  name: text,
  cluster: text,
  brokerSet: text,
  brokerId: text,
  role,
  epoch: count,
  end: count,
  endEpoch: count,
  takesMessages: z.boolean(),
  waitsFor: z.string().optional(),
  replicas: z.array(
    z.object({
      name: text,
      inSync: z.boolean(),
      received: count,
      flushed: count,
      lagBytes: z.number(),
      lagMs: z.number(),
      connected: z.boolean(),
    }),
  ),
});

const connection = {
  id: text,
  brokerSet: text.exactOptional(),
  thread: text,
  user: text.nullable(),
  name: text,
  address: text,
  kind: z.enum(['client', 'broker', 'http']),
  openedTime: timeMs,
};
const silent = {
  silentThreads: count.describe('Threads that did not say in time what they have.'),
};
const moreCount = z.number().int();
const connectionInfo = z.object({
  ...connection,
  bytesIn: count,
  bytesOut: count,
  messagesIn: count,
  messagesOut: count,
  creditBytes: moreCount,
  unsentBytes: moreCount,
  producers: z.array(z.object({ topic: text })),
  producerCount: count,
  consumers: z.array(z.object({ group: text.nullable(), topic: text })),
  consumerCount: count,
});

const auditEntry = z.object({
  number: count,
  time: timeMs,
  brokerSet: text.exactOptional(),
  user: text,
  address: text,
  connection: text,
  method: text,
  resource: text,
  details: text,
  result: z.enum(AUDIT_RESULTS),
  code: z.union([z.literal(''), z.enum(Object.keys(ERRORS) as [ErrorCode])]),
  count: count.describe('How many alike this stands for.'),
});

const bytes = z.instanceof(Uint8Array);

const foundMessage = z.object({
  brokerSet: text.exactOptional(),
  queueId: count,
  offset: count,
  messageId: text,
  storeTime: timeMs,
  bornTime: timeMs,
  tag: text.nullable(),
  keys: z.array(text),
  shardingKey: text.nullable(),
  properties: z.record(text, z.union([text, z.number(), z.boolean(), bytes])),
  body: bytes.nullable(),
  bodyBytes: count.describe('What the whole body has.'),
});

const foundDamage = z.object({
  brokerSet: text.exactOptional(),
  queueId: count.nullable(),
  offset: count.nullable(),
  message: text,
});

const optionValue = z.union([text, z.number(), z.boolean(), z.array(text)]).nullable();
export const configuredOption = z.object({
  name: text,
  scope: z.enum(['broker', 'listener', 'nameServer', 'log']),
  listener: text.exactOptional(),
  value: optionValue,
  from: z.enum(['flag', 'environment', 'file', 'call', 'default']),
  default: optionValue,
  unit: z.enum(['ms', 's', 'bytes']).exactOptional(),
  description: text,
});

const groupPause = { paused: z.boolean(), pausedTopics: z.array(text) };
const movedQueue = z.object({ queueId: count, before: count.nullable(), offset: count });
const movedQueues = z.object({ queues: z.array(movedQueue) });

export const ANSWERS = {
  topicMetadata: topicInfo,
  createTopic: topicInfo,
  listTopics: z.object({ topics: z.array(topicInfo), ...pageEnd }),
  describeTopic: z.object({
    ...topic,
    retention: z
      .object({
        retentionMs: count,
        retentionBytes: count,
        logBytes: count,
        oldestTime: timeMs.nullable(),
      })
      .nullable(),
    queueStates: z.array(queueInfo),
    ...pageEnd,
  }),
  growTopic: z.object({
    ...topic,
    before: count.describe('Queues it had. As many as `queues`: nothing has changed.'),
  }),
  setTopicRetention: topicInfo,
  deleteTopic: nothing,
  listGroups: z.object({ groups: z.array(z.object(group)), ...pageEnd }),
  describeGroup: z.object({
    ...group,
    memberIds: z.array(text),
    ...groupPause,
    queues: z.array(groupQueue),
    ...pageEnd,
  }),
  createGroup: z.object(group),
  deleteGroup: nothing,
  resetOffset: movedQueues,
  pauseGroup: z.object(groupPause),
  resumeGroup: z.object(groupPause),
  copyOffsets: movedQueues,
  skipMessages: movedQueue,
  findMessages: z.object({
    topic: text.nullable(),
    messages: z.array(foundMessage),
    damage: z.array(foundDamage),
    ...pageEnd,
  }),
  consumedBy: z.object({
    groups: z.array(z.object({ group: text, committedOffset: count.nullable(), consumed: z.boolean() })),
    ...pageEnd,
  }),
  stats,
  queueStats: z.object({
    queues: z.array(z.object({ topic: text, queueId: count, minOffset: count, maxOffset: count })),
    lags: z.array(z.object({ group: text, topic: text, queueId: count, lag: count })),
    isComplete: z.boolean(),
  }),
  listConnections: z.object({ connections: z.array(connectionInfo), ...silent, ...pageEnd }),
  closeConnection: nothing,
  topicClients: z.object({
    clients: z.array(z.object({ ...connection, produces: z.boolean(), groups: z.array(text.nullable()) })),
    ...silent,
    ...pageEnd,
  }),
  groupLags: z.object({
    lags: z.array(
      z.object({
        group: text,
        topic: text,
        members: count,
        lag: count,
        lagMs: z.number().nullable(),
        expired: count,
        slow: count,
        stuck: count,
      }),
    ),
    ...pageEnd,
  }),
  history: z.object({
    stepMs: count,
    from: timeMs,
    series: z.partialRecord(z.enum(HISTORY_NAMES), z.array(z.number().nullable())),
  }),
  configuration: z.object({ brokerName: text, options: z.array(configuredOption) }),
  setLogLevel: nothing,
  nameServerConfiguration: z.object({
    nameServers: z.array(
      z.object({ nameServer: text, failure: text.nullable(), options: z.array(configuredOption) }),
    ),
  }),
  setNameServerLogLevel: nothing,
  standing,
  promote: z.object({ epoch: count, lacks: text.nullable().exactOptional() }),
  createUser: user,
  setPassword: user,
  setRoles: user,
  setLimits: user,
  listUsers: z.object({ users: z.array(user), ...pageEnd }),
  deleteUser: nothing,
  createRole: roleInfo,
  listRoles: z.object({ roles: z.array(roleInfo), ...pageEnd }),
  deleteRole: nothing,
  grant: nothing,
  revoke: nothing,
  listGrants: z.object({
    grants: z.array(z.object({ to: text, isRole: z.boolean(), ...grant })),
    ...pageEnd,
  }),
  accessRecords: z.object({ records: z.array(z.custom<never>()), ...pageEnd }),
  listAudit: z.object({
    entries: z.array(auditEntry),
    next: text.describe('A cursor behind the last entry, for what comes later.'),
    ...pageEnd,
  }),
  testAccess: z.object({ allowed: z.boolean() }),
  renew: z.object({ expiresInMs: z.number() }),
  join: z.object({ memberId: text, topic: topicInfo }),
  skipDamage: z.object({ offset: count }),
  reportDamage: z.object({ isDamaged: z.boolean() }),
  seek: z.object({ queues: z.array(z.object({ queueId: count, offset: count })) }),
  flow: nothing,
  leave: nothing,
  released: nothing,
  commit: z.object({ fenced: z.array(count) }),
} as const satisfies { [M in ControlMethod]: z.ZodType<ControlMethods[M]['result']> };
