import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { NAME_PATTERN, RingMQError } from '../native-free/wire/index.js';
import { parseDuration, parseHostPort, parseSize } from './units.js';

/** A text that `parse` understands, as what it means; `how` is said when it does not. */
function written<T>(parse: (text: string) => T | null, how: string) {
  return z.union([z.string(), z.number()]).transform((value, context): T => {
    const parsed = parse(String(value));
    if (parsed !== null) {
      return parsed;
    }
    context.addIssue({ code: 'custom', message: how });
    return z.NEVER;
  });
}

const duration = written(parseDuration, 'write a duration like "500ms" or "72h"');
const size = written(parseSize, 'write a size like "64MiB" or "1GiB"');

/**
 * Settings of `ringmq broker`, as the config file names them; the flags of the command are the same names in kebab-case.
 * A flag wins over the file, the file over the default. Unknown names are refused.
 */
export const brokerConfigSchema = z.strictObject({
  /** Data directory. Default `./ringmq-data`. */
  data: z.string().min(1).optional(),
  /** HOST:PORT. Default 127.0.0.1:9876. */
  listen: written(parseHostPort, 'write HOST:PORT, like "127.0.0.1:9876"').optional(),
  flush: z.enum(['sync', 'async']).optional(),
  /** Under async flush: the longest time between write and fdatasync. Default 500 ms. */
  flushInterval: duration.optional(),
  listener: z.enum(['auto', 'uws', 'ws']).optional(),
  /** Listener threads (uws only). */
  listenerThreads: z.number().int().min(1).max(32).optional(),
  tlsCert: z.string().min(1).optional(),
  tlsKey: z.string().min(1).optional(),
  allowOrigin: z.array(z.string().min(1)).optional(),
  insecure: z.boolean().optional(),
  name: z.string().regex(NAME_PATTERN, 'a name is 1 to 127 of A-Z a-z 0-9 . _ / -').optional(),
  maxConnections: z.number().int().min(1).optional(),
  /** The ring of the log, and of memory topics, in shared memory. Powers of two, default 64 MiB each. */
  ringSize: size.optional(),
  memoryRingSize: size.optional(),
  /** One file of the log; a power of two, fixed when the directory is made. Default 1 GiB. */
  segmentSize: size.optional(),
  /** Age and size above which old segments are deleted; 0 (`"0s"`, 0): never. Defaults 72 h, never. */
  retention: duration.optional(),
  retentionSize: size.optional(),
  /** Sends are refused while the disk has less free. Default 256 MiB. */
  minFree: size.optional(),
  /** Log between two checkpoints: about what a restart reads at most. Default 128 MiB. */
  checkpointSize: size.optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).optional(),
  // Of clusters. Named, so that they are refused by name and not as unknown.
  nameServer: z.union([z.string(), z.array(z.string())]).optional(),
  cluster: z.string().optional(),
  role: z.enum(['master', 'slave']).optional(),
  replication: z.enum(['sync', 'async']).optional(),
});

/** What a broker is started with: durations in ms, sizes in bytes. */
export type BrokerConfig = z.output<typeof brokerConfigSchema>;

/** Reads a config file. Throws BAD_CONFIG that names the file and each setting that cannot be used. */
export function readBrokerConfig(path: string): BrokerConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RingMQError('BAD_CONFIG', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RingMQError('BAD_CONFIG', `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = brokerConfigSchema.safeParse(value);
  if (parsed.success) {
    return parsed.data;
  }
  const faults = parsed.error.issues.map((issue) =>
    issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`,
  );
  throw new RingMQError('BAD_CONFIG', `${path}: ${faults.join(', ')}`, { details: { path, faults } });
}

/** Settings of clusters, which this version does not have: refused, never ignored. Throws NOT_SUPPORTED. */
export function refuseClusterSettings(config: BrokerConfig): void {
  const asked = [
    config.nameServer === undefined ? null : '--name-server',
    config.cluster === undefined ? null : '--cluster',
    config.role === 'slave' ? '--role slave' : null,
    config.replication === undefined ? null : '--replication',
  ].filter((flag) => flag !== null);
  if (asked.length === 0) {
    return;
  }
  throw new RingMQError(
    'NOT_SUPPORTED',
    `${asked.join(', ')}: clusters are not supported by this version; leave it out to run one broker`,
  );
}
