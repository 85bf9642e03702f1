/** What `broker.listen()` and the command's `--listen` family take. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { RingMQError } from '../native-free/wire/index.js';
import { isLoopback } from '../native-free/wire/loopback.js';

export const listenOptionsSchema = z
  .object({
    host: z.string().min(1).default('127.0.0.1'),
    /** 0 picks a free one. */
    port: z.number().int().min(0).max(65_535).default(9876),
    /** `auto` takes uWebSockets.js where it loads. */
    listener: z.enum(['auto', 'uws', 'ws']).default('auto'),
    /** Listener threads sharing the port (native listener only). */
    threads: z.number().int().min(1).max(32).optional(),
    /** Web origins let in besides the listener's own; `*` = any. */
    allowedOrigins: z.array(z.string().min(1)).max(1_000).default([]),
    tls: z
      .object({ certFile: z.string().min(1), keyFile: z.string().min(1) })
      .strict()
      .optional(),
    /** Serve other hosts without credentials. */
    insecure: z.boolean().default(false),
    maxConnections: z.number().int().min(1).max(1_000_000).default(10_000),
    /** 0: never; else 8 to 960. */
    idleTimeoutSeconds: z
      .number()
      .int()
      .refine((value) => value === 0 || (value >= 8 && value <= 960), { message: 'must be 0 or 8 to 960' })
      .default(120),
  })
  .strict();

export type ListenOptions = z.input<typeof listenOptionsSchema>;
export type ResolvedListenOptions = Readonly<z.output<typeof listenOptionsSchema>> & {
  readonly threads: number;
};

/** Checks and completes. Throws BAD_CONFIG, also for a host others can reach while nothing guards it. */
export function resolveListenOptions(options: ListenOptions = {}): ResolvedListenOptions {
  const parsed = listenOptionsSchema.safeParse(options);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'listen'}: ${issue.message}`,
    );
    throw new RingMQError('BAD_CONFIG', faults.join('; '), { details: { faults } });
  }
  const value = parsed.data;
  if (!isLoopback(value.host) && !value.insecure) {
    throw new RingMQError(
      'BAD_CONFIG',
      `${value.host} can be reached from other machines and no authentication is set up; listen on 127.0.0.1, or say insecure`,
      { details: { host: value.host } },
    );
  }
  const threads = value.threads ?? Math.max(1, Math.min(4, availableParallelism() - 1));
  return Object.freeze({ ...value, threads });
}
