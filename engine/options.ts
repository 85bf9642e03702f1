/**
 * One schema for everything about a broker that can be set: types, defaults and checks come from here,
 * for the library, the command line and the config file alike.
 */
import { z } from 'zod';
import { RingMQError } from '../native-free/wire/index.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const powerOfTwo = (least: number, most: number) =>
  z
    .number()
    .int()
    .min(least)
    .max(most)
    .refine((value) => Number.isInteger(Math.log2(value)), { message: 'must be a power of two' });

export const engineOptionsSchema = z
  .object({
    /** Directory of all that is durable; made when missing. */
    dataDir: z.string().min(1).default('./ringmq-data'),
    /** The broker's name in answers and logs. */
    name: z.string().min(1).max(127).default('ringmq'),
    /** When a send is acked: `sync` after fdatasync, `async` once it is in the page cache. */
    flush: z.enum(['sync', 'async']).default('sync'),
    /** Under async flush: the longest time written bytes wait for fdatasync, ms. */
    flushIntervalMs: z.number().int().min(1).max(60_000).default(500),
    /** Under async flush: written bytes after which fdatasync is called regardless. */
    flushBytes: z
      .number()
      .int()
      .min(64 * KIB)
      .default(64 * MIB),
    /** The log's ring in shared memory. */
    ringBytes: powerOfTwo(64 * KIB, GIB).default(64 * MIB),
    /** The ring of memory topics. At least four spans: room for a claim takes two of them, the rest keeps messages. */
    memoryRingBytes: powerOfTwo(64 * KIB, GIB).default(64 * MIB),
    /** No batch crosses a multiple of this; fixed when the data directory is made; bounds the largest batch. */
    spanBytes: powerOfTwo(4 * KIB, 64 * MIB).default(8 * MIB),
    /** One file of the commit log; fixed when the data directory is made. */
    segmentBytes: powerOfTwo(64 * KIB, 4 * GIB).default(GIB),
    /** Age at which a segment may be deleted, ms. 0: never. */
    retentionMs: z
      .number()
      .int()
      .min(0)
      .default(72 * 3_600_000),
    /** Bytes of log above which the oldest segments are deleted. 0: no bound. */
    retentionBytes: z.number().int().min(0).default(0),
    /** Sends are refused with DISK_FULL while the disk has less than this free. */
    minFreeBytes: z
      .number()
      .int()
      .min(0)
      .default(256 * MIB),
    /** Queues of all topics together. */
    maxQueues: z.number().int().min(16).max(1_048_576).default(65_536),
    /** Threads of the process that may take part: listeners, attached threads, and the broker's own. */
    maxThreads: z.number().int().min(4).max(64).default(64),
    /** Log bytes between two checkpoints: what a restart has to read at most, about. */
    checkpointBytes: z
      .number()
      .int()
      .min(64 * KIB)
      .default(128 * MIB),
    /** How long a stalled consumer of a memory topic may hold up its producers, ms; then it loses messages. */
    memoryHoldMs: z.number().int().min(1).default(30_000),
  })
  .strict();

export type EngineOptions = z.input<typeof engineOptionsSchema>;
export type ResolvedEngineOptions = Readonly<z.output<typeof engineOptionsSchema>>;

/** Checks and completes options. Throws BAD_CONFIG naming each option that cannot be used. */
export function resolveEngineOptions(options: EngineOptions = {}): ResolvedEngineOptions {
  const parsed = engineOptionsSchema.safeParse(options);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`,
    );
    throw new RingMQError('BAD_CONFIG', faults.join('; '), { details: { faults } });
  }
  const value = parsed.data;
  checkSpans(value, value.spanBytes);
  if (value.segmentBytes < value.spanBytes) {
    throw new RingMQError('BAD_CONFIG', `segmentBytes must be at least spanBytes, ${value.spanBytes}`);
  }
  return Object.freeze(value);
}

/** The span of a directory that exists is the one it was made with, whatever is asked for. Throws BAD_CONFIG for rings too small for it. */
export function checkSpans(
  options: Pick<ResolvedEngineOptions, 'ringBytes' | 'memoryRingBytes'>,
  spanBytes: number,
): void {
  if (options.ringBytes < 2 * spanBytes || options.memoryRingBytes < 4 * spanBytes) {
    throw new RingMQError(
      'BAD_CONFIG',
      `ringBytes must be at least ${2 * spanBytes} and memoryRingBytes ${4 * spanBytes}: two and four spans of the log, ${spanBytes} bytes each`,
      { details: { spanBytes } },
    );
  }
}
