/**
 * Workload files: YAML of the OpenMessaging benchmark's shape, with its names where it has them, and a few
 * fields of our own. The schema is the one source of limits and defaults; what it does not know is refused by
 * name, so that no setting is silently without effect.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { HEAD_BYTES } from './body-layout.js';

const MAX_QUEUES = 100_000;
const MAX_CLIENTS = 4096;
const MAX_SECONDS = 24 * 3600;

const count = (max: number) => z.int().min(1).max(max);
const seconds = z.number().min(0).max(MAX_SECONDS);
const minutes = z
  .number()
  .min(0)
  .max(MAX_SECONDS / 60);
const rate = z.number().min(0).max(100_000_000);
const messages = z.int().min(0).max(4_000_000_000);

const fileSchema = z.strictObject({
  name: z.string().min(1).max(127),
  topics: count(1000),
  /** Queues of each topic. */
  partitionsPerTopic: count(MAX_QUEUES),
  /** Theirs has more; we send without keys, round-robin. */
  keyDistributor: z.literal('NO_KEY').optional(),
  /** Bytes of a body. */
  messageSize: z
    .int()
    .min(HEAD_BYTES)
    .max(4 * 1024 * 1024),
  /** Consumer groups that each read everything. 0: nobody reads. */
  subscriptionsPerTopic: z.int().min(0).max(64),
  /** Members of each of them. */
  consumerPerSubscription: z.int().min(0).max(MAX_CLIENTS),
  producersPerTopic: count(MAX_CLIENTS),
  /** Messages a second of all producers together. 0: as many as it takes. */
  producerRate: rate,
  /** 10^9 bytes that are piled up before consumers start; the test then lasts until they have caught up. */
  consumerBacklogSizeGB: z.number().min(0).max(1000).optional(),
  warmupDurationMinutes: minutes.optional(),
  testDurationMinutes: minutes.optional(),
  // Ours from here on.
  warmupDurationSeconds: seconds.optional(),
  testDurationSeconds: seconds.optional(),
  /** The backlog in messages, instead. */
  consumerBacklogMessages: messages.optional(),
  /** The backlog of the long form. */
  longConsumerBacklogMessages: messages.optional(),
  /** Rate while the backlog is drained; as `producerRate` (the default) elsewhere. */
  drainProducerRate: rate.optional(),
  /** Messages a producer has under way; 1: each awaits its ack. Default: what suits the system. */
  maxInFlightPerProducer: count(1_000_000).optional(),
});

export interface Workload {
  readonly name: string;
  readonly topics: number;
  readonly queues: number;
  readonly messageSize: number;
  readonly subscriptions: number;
  readonly consumersPerSubscription: number;
  readonly producersPerTopic: number;
  /** 0: as fast as it goes. */
  readonly rate: number;
  /** 0: none. */
  readonly backlogMessages: number;
  readonly drainRate: number;
  readonly warmupSeconds: number;
  readonly testSeconds: number;
  /** null: what suits the system. */
  readonly maxInFlight: number | null;
}

/** What is wrong with a workload, in words for whoever wrote it. */
export class BadWorkload extends Error {}

/** `isLong`: its long form, if it has one. Throws {@link BadWorkload}. */
export function parseWorkload(text: string, isLong = false): Workload {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new BadWorkload(error instanceof Error ? error.message : String(error));
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    throw new BadWorkload(parsed.error.issues.map(describe).join('; '));
  }
  return resolve(parsed.data, isLong);
}

export function readWorkload(path: string, isLong = false): Workload {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new BadWorkload(error instanceof Error ? error.message : String(error));
  }
  try {
    return parseWorkload(text, isLong);
  } catch (error) {
    throw error instanceof BadWorkload ? new BadWorkload(`${path}: ${error.message}`) : error;
  }
}

function describe(issue: { path: PropertyKey[]; message: string }): string {
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`;
}

type WorkloadFile = z.infer<typeof fileSchema>;

function resolve(file: WorkloadFile, isLong: boolean): Workload {
  if (file.topics * file.partitionsPerTopic > MAX_QUEUES) {
    throw new BadWorkload(`partitionsPerTopic: more than ${MAX_QUEUES} queues in all`);
  }
  if (file.topics * file.producersPerTopic > MAX_CLIENTS) {
    throw new BadWorkload(`producersPerTopic: more than ${MAX_CLIENTS} producers in all`);
  }
  if (file.topics * file.subscriptionsPerTopic * file.consumerPerSubscription > MAX_CLIENTS) {
    throw new BadWorkload(`consumerPerSubscription: more than ${MAX_CLIENTS} consumers in all`);
  }
  const backlogMessages = backlogOf(file, isLong);
  const hasReaders = file.subscriptionsPerTopic > 0 && file.consumerPerSubscription > 0;
  if (backlogMessages > 0 && !hasReaders) {
    throw new BadWorkload('consumerPerSubscription: a backlog needs somebody to drain it');
  }
  return Object.freeze({
    name: file.name,
    topics: file.topics,
    queues: file.partitionsPerTopic,
    messageSize: file.messageSize,
    subscriptions: hasReaders ? file.subscriptionsPerTopic : 0,
    consumersPerSubscription: file.consumerPerSubscription,
    producersPerTopic: file.producersPerTopic,
    rate: file.producerRate,
    backlogMessages,
    drainRate: file.drainProducerRate ?? file.producerRate,
    warmupSeconds: duration('warmupDuration', file.warmupDurationMinutes, file.warmupDurationSeconds, 60),
    testSeconds: duration('testDuration', file.testDurationMinutes, file.testDurationSeconds, null),
    maxInFlight: file.maxInFlightPerProducer ?? null,
  });
}

function duration(
  name: string,
  inMinutes: number | undefined,
  inSeconds: number | undefined,
  fallback: number | null,
): number {
  if (inMinutes !== undefined && inSeconds !== undefined) {
    throw new BadWorkload(`${name}Seconds: stands beside ${name}Minutes; give one of them`);
  }
  const given = inSeconds ?? (inMinutes === undefined ? fallback : inMinutes * 60);
  if (given === null) {
    throw new BadWorkload(`${name}Seconds: missing`);
  }
  return given;
}

function backlogOf(file: WorkloadFile, isLong: boolean): number {
  const { consumerBacklogSizeGB, consumerBacklogMessages, longConsumerBacklogMessages } = file;
  if (isLong && longConsumerBacklogMessages !== undefined) {
    return longConsumerBacklogMessages;
  }
  if (consumerBacklogMessages === undefined) {
    return Math.ceil(((consumerBacklogSizeGB ?? 0) * 1e9) / file.messageSize);
  }
  if (consumerBacklogSizeGB !== undefined && consumerBacklogSizeGB > 0) {
    throw new BadWorkload('consumerBacklogMessages: stands beside consumerBacklogSizeGB; give one of them');
  }
  return consumerBacklogMessages;
}
