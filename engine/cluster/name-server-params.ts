/** What callers of a name server may send, checked here once; BAD_REQUEST names the parameter that is wrong. Unknown keys are dropped. */
import { z } from 'zod';
import {
  LOG_LEVELS,
  MAX_BROKERS_PER_SET,
  MAX_EPOCH,
  MAX_QUEUES_PER_TOPIC,
  MAX_SETS_PER_TOPIC,
  MAX_TIME_MS,
  MAX_TOPIC_RETENTION_MS,
  MAX_TOPICS_PER_PAGE,
  MAX_URL_CHARACTERS,
  MIN_TOPIC_RETENTION_MS,
  NAME_PATTERN,
  type NameServerMethod,
  type NameServerMethods,
  RingMQError,
} from '../../native-free/wire/index.js';
import { isAddress } from '../address.js';
import { describeParameter } from '../option-check.js';

const name = z.string().regex(NAME_PATTERN);
const hex16 = z.string().regex(/^[0-9a-f]{16}$/);
const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
/** Milliseconds since 1970. */
const time = count.max(MAX_TIME_MS);
const url = z
  .string()
  .max(MAX_URL_CHARACTERS)
  .refine(isAddress, { error: 'must be an address like ws://10.0.0.1:9876' });
const cluster = name.nullable().default(null);
const topics = z.array(name).max(MAX_TOPICS_PER_PAGE);

const SCHEMAS = {
  registerBroker: z.object({
    cluster: name,
    set: name,
    name,
    role: z.enum(['master', 'slave']),
    url,
    brokerId: z.union([hex16, z.literal('')]),
    openingId: hex16,
    epoch: count.max(MAX_EPOCH),
    start: count,
    end: count,
    flushed: count,
    replicas: z
      .array(
        z.object({
          name,
          inSync: z.boolean(),
          received: count,
          flushed: count,
          lagBytes: count,
          lagMs: count,
        }),
      )
      .max(MAX_BROKERS_PER_SET),
    damaged: count.optional(),
    controller: z.boolean().optional(),
    proof: hex64.optional(),
    nonce: hex64.optional(),
  }),
  registerTopics: z.object({
    from: count.nullable(),
    revision: count,
    topics: z
      .array(
        z.object({
          topic: name,
          topicId: count,
          queues: count.min(1).max(MAX_QUEUES_PER_TOPIC),
          memory: z.boolean(),
          createdTime: time,
          sets: z.array(name).max(MAX_SETS_PER_TOPIC).nullable().default(null),
          retentionMs: count.min(MIN_TOPIC_RETENTION_MS).max(MAX_TOPIC_RETENTION_MS).optional(),
          retentionSetTime: time.optional(),
        }),
      )
      .max(MAX_TOPICS_PER_PAGE),
    gone: topics,
    tombstones: z.array(z.object({ topic: name, createdTime: time })).max(MAX_TOPICS_PER_PAGE),
    forgotten: topics,
    more: z.boolean(),
  }),
  route: z.object({ cluster, nonce: hex64.optional() }),
  topicRoute: z.object({ topic: z.string(), cluster }),
  topicChanges: z.object({
    since: count,
    limit: count.min(1).max(MAX_TOPICS_PER_PAGE).default(MAX_TOPICS_PER_PAGE),
    cluster,
  }),
  clusterStatus: z.object({
    cluster,
    cursor: z.string().max(512).nullable().default(null),
    limit: z.number().int().positive().default(1_000),
  }),
  configuration: z.object({}),
  setLogLevel: z.object({ level: z.enum(LOG_LEVELS) }),
} as const satisfies { [M in NameServerMethod]: z.ZodType<NameServerMethods[M]['params']> };

/** @throws RingMQError BAD_REQUEST */
export function parseNameServerParams<M extends NameServerMethod>(
  method: M,
  params: unknown,
): NameServerMethods[M]['params'] {
  const result = SCHEMAS[method].safeParse(params);
  if (!result.success) {
    const { parameter, sentence } = describeParameter(method, result.error);
    throw new RingMQError('BAD_REQUEST', sentence, { details: { method, parameter } });
  }
  return result.data as NameServerMethods[M]['params'];
}
