/**
 * What callers may send: the parameters of every control method, checked here once. Missing and mistyped ones
 * are BAD_REQUEST; numbers out of their range are the callee's to refuse (BAD_ARGUMENT). Unknown keys are
 * dropped, so that fields can be added.
 */
import { z } from 'zod';
import {
  AUDIT_RESULTS,
  CONNECTION_FIELDS,
  type ConnectionField,
  type ControlMethod,
  type ControlMethods,
  DEFAULT_FOUND_BODY_BYTES,
  DEFAULT_FOUND_MESSAGES,
  DEFAULT_QUEUES,
  HISTORY_SAMPLES,
  KEY_BYTES,
  LOG_LEVELS,
  MAX_FILTER_CHARS,
  MAX_KEY_BYTES,
  MAX_QUEUES_PER_TOPIC,
  MAX_ROLES_PER_USER,
  MAX_SETS_PER_TOPIC,
  MAX_TAG_BYTES,
  MAX_TIME_MS,
  MAX_TOPIC_RETENTION_MS,
  MAX_URL_CHARACTERS,
  MIN_TOPIC_RETENTION_MS,
  NAME_PATTERN,
  packQueueList,
  type QueueListMethod,
  RIGHTS,
  RingMQError,
  SALT_BYTES,
  SCRAM_ITERATIONS,
  unpackHeld,
  unpackOffsets,
} from '../../native-free/wire/index.js';
import { describeParameter } from '../option-check.js';
import { DEFAULT_PAGE_ITEMS } from './page.js';

const count = z.number().int().nonnegative();
const name = z.string();
const page = {
  cursor: z.string().nullable().default(null),
  limit: z.number().int().positive().default(DEFAULT_PAGE_ITEMS),
};
const filterText = z.string().max(MAX_FILTER_CHARS);
const namedPage = { ...page, filter: filterText.default('') };
/** Milliseconds since 1970. */
const time = count.max(MAX_TIME_MS);
const dryRun = z.boolean().default(false);
const topicOnly = z.object({ topic: name });

const startPosition = z.union(
  [z.literal('earliest'), z.literal('latest'), z.object({ time: z.number() }), z.object({ offset: count })],
  { error: "expected 'earliest', 'latest', { time: number } or { offset: number of 0 or more }" },
);

const consumer = count.positive().max(0xffff_ffff);
const held = { queueId: count, generation: count };

const base64Of = (bytes: number): z.ZodString =>
  z
    .string()
    .regex(
      new RegExp(`^[A-Za-z0-9+/]{${Math.ceil((bytes * 4) / 3)}}={0,2}$`),
      `must be ${bytes} bytes in base64`,
    );
const scram = z.object({
  salt: base64Of(SALT_BYTES),
  // The same for all users, so that nobody can tell by it who is one.
  iterations: z.literal(SCRAM_ITERATIONS),
  storedKey: base64Of(KEY_BYTES),
  serverKey: base64Of(KEY_BYTES),
});
const roles = z.array(name).max(MAX_ROLES_PER_USER).default([]);
/** Absent: as before; null: as the broker's option says; 0: no limit. */
const userLimit = z.number().nullable().exactOptional();
const right = z.enum(RIGHTS);
const DESCENDING = CONNECTION_FIELDS.map((field): `-${ConnectionField}` => `-${field}`);

const topicRetention = z.number().int().min(MIN_TOPIC_RETENTION_MS).max(MAX_TOPIC_RETENTION_MS).nullable();

/** Of each method. */
export const PARAMS = {
  topicMetadata: topicOnly,
  createTopic: z.object({
    topic: name,
    queues: z.number().default(DEFAULT_QUEUES),
    memory: z.boolean().default(false),
    ifNotExists: z.boolean().default(false),
    createdTime: time.nullable().default(null),
    sets: z.array(z.string().regex(NAME_PATTERN)).min(1).max(MAX_SETS_PER_TOPIC).nullable().default(null),
    retentionMs: topicRetention.default(null),
    retentionSetTime: time.nullable().default(null),
  }),
  listTopics: z.object(namedPage),
  describeTopic: topicOnly.extend(page),
  growTopic: topicOnly.extend({ queues: z.number() }),
  setTopicRetention: topicOnly.extend({
    retentionMs: topicRetention,
    setTime: time.nullable().default(null),
  }),
  deleteTopic: topicOnly.extend({ upTo: time.nullable().default(null) }),
  listGroups: z.object(namedPage),
  describeGroup: z.object({ group: name, ...page }),
  createGroup: z.object({ group: name, ifNotExists: z.boolean().default(false) }),
  deleteGroup: z.object({ group: name }),
  resetOffset: z.object({
    group: name,
    topic: name,
    to: startPosition,
    queueId: count.nullable().default(null),
    dryRun,
  }),
  pauseGroup: z.object({ group: name, topic: name.nullable().default(null) }),
  resumeGroup: z.object({ group: name, topic: name.nullable().default(null) }),
  copyOffsets: z.object({ from: name, to: name, topic: name, dryRun }),
  skipMessages: z.object({ group: name, topic: name, queueId: count, count: count.min(1), dryRun }),
  findMessages: z.object({
    topic: name.nullable().default(null),
    id: z.string().nullable().default(null),
    key: z.string().min(1).max(MAX_KEY_BYTES).nullable().default(null),
    queueId: count.nullable().default(null),
    offset: count.nullable().default(null),
    tag: z.string().min(1).max(MAX_TAG_BYTES).nullable().default(null),
    fromTime: time.nullable().default(null),
    toTime: time.nullable().default(null),
    cursor: z.string().nullable().default(null),
    limit: z.number().int().positive().default(DEFAULT_FOUND_MESSAGES),
    maxBodyBytes: count.default(DEFAULT_FOUND_BODY_BYTES),
    bodyFrom: count.default(0),
  }),
  consumedBy: topicOnly.extend({ queueId: count, offset: count, ...page }),
  stats: z.object({}),
  queueStats: z.object({}),
  listConnections: z.object({
    ...page,
    sort: z.enum([...CONNECTION_FIELDS, ...DESCENDING]).default('openedTime'),
    filter: filterText.default(''),
  }),
  closeConnection: z.object({ id: name }),
  topicClients: topicOnly.extend(page),
  groupLags: z.object(page),
  history: z.object({
    from: time.nullable().default(null),
    to: time.nullable().default(null),
    names: z.array(name).max(100).nullable().default(null),
    points: count.min(1).max(HISTORY_SAMPLES).default(HISTORY_SAMPLES),
  }),
  configuration: z.object({}),
  setLogLevel: z.object({ level: z.enum(LOG_LEVELS) }),
  nameServerConfiguration: z.object({}),
  setNameServerLogLevel: z.object({
    nameServer: z.string().max(MAX_URL_CHARACTERS),
    level: z.enum(LOG_LEVELS),
  }),
  standing: z.object({}),
  promote: z.object({
    epoch: count.max(0xffffffff).nullable().default(null),
    force: z.boolean().default(false),
  }),
  createUser: z.object({ user: name, scram, roles, ifNotExists: z.boolean().default(false) }),
  setPassword: z.object({ user: name, scram, proof: z.string().max(64).nullable().default(null) }),
  setRoles: z.object({ user: name, roles }),
  // Bounds are said where it is done, for all callers alike.
  setLimits: z.object({
    user: name,
    bytesPerSecond: userLimit,
    messagesPerSecond: userLimit,
  }),
  listUsers: z.object(page),
  deleteUser: z.object({ user: name }),
  createRole: z.object({ role: name, ifNotExists: z.boolean().default(false) }),
  listRoles: z.object(page),
  deleteRole: z.object({ role: name }),
  grant: z.object({ to: name, right, resource: name }),
  revoke: z.object({ to: name, right, resource: name }),
  listGrants: z.object(page),
  accessRecords: z.object({ ...page, digest: z.string().nullable().default(null) }),
  listAudit: z.object({
    ...namedPage,
    from: time.nullable().default(null),
    until: time.nullable().default(null),
    user: filterText.nullable().default(null),
    action: filterText.nullable().default(null),
    resource: filterText.nullable().default(null),
    result: z.enum(AUDIT_RESULTS).nullable().default(null),
  }),
  testAccess: z.object({ user: name, right, resource: name }),
  renew: z.object({ token: name }),
  join: z.object({
    consumer,
    group: name.nullable(),
    topic: name,
    filter: z.string().default('*'),
    from: startPosition,
    memberId: z.string().nullable().default(null),
    queueBase: count.nullable().default(null),
    alone: z.boolean().default(false),
    queueIds: z
      .custom<number[]>(isQueueIds, `must be a list of at most ${MAX_QUEUES_PER_TOPIC} whole numbers`)
      .nullable()
      .default(null),
    positions: z
      .object({
        topicId: count,
        queues: z.unknown().transform((list) => unpackOffsets(packed('join', list))),
      })
      .nullable()
      .default(null),
  }),
  seek: z.object({
    consumer,
    queues: z.unknown().transform((list) => unpackHeld(packed('seek', list))),
    to: startPosition,
  }),
  flow: z.object({
    consumer,
    queues: z.array(z.object({ ...held, offset: count.nullable() })).max(MAX_QUEUES_PER_TOPIC),
  }),
  skipDamage: z.object({ consumer, ...held }),
  reportDamage: z.object({ consumer, ...held, offset: count }),
  leave: z.object({ consumer }),
  released: z.object({
    consumer,
    queues: z.unknown().transform((list) => unpackHeld(packed('released', list))),
  }),
  commit: z.object({
    consumer,
    offsets: z.unknown().transform((list) => unpackOffsets(packed('commit', list))),
  }),
} as const satisfies { [M in ControlMethod]: z.ZodType<ControlMethods[M]['params']> };

/** Looked at by hand: a general checker has a complaint for each that is wrong. */
function isQueueIds(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= MAX_QUEUES_PER_TOPIC &&
    value.every((queueId) => Number.isSafeInteger(queueId) && queueId >= 0)
  );
}

/** A listener's thread has packed it; a caller of this thread gives the list itself. */
function packed(method: QueueListMethod, list: unknown): Float64Array {
  return list instanceof Float64Array ? list : packQueueList(method, list);
}

/** @throws RingMQError BAD_REQUEST naming the first parameter that is wrong, and how. */
export function parseParams<M extends ControlMethod>(
  method: M,
  params: unknown,
): ControlMethods[M]['params'] {
  const result = PARAMS[method].safeParse(params);
  if (!result.success) {
    const { parameter, sentence } = describeParameter(method, result.error);
    throw new RingMQError('BAD_REQUEST', sentence, { details: { method, parameter } });
  }
  return result.data as ControlMethods[M]['params'];
}
