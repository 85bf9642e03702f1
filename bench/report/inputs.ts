/**
 * The files a report is made from: what the suite, the load generator, the limits and the comparison inside a
 * process write with `--json`. Which of them a file is, its fields tell.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { type HgrmPoint, parseHgrm } from './hgrm.js';

const environment = z.object({
  commit: z.string(),
  cpu: z.string(),
  cores: z.number(),
  memoryGiB: z.number(),
  node: z.string(),
  kernel: z.string(),
  date: z.string(),
});
export type ReportEnvironment = z.infer<typeof environment>;

const durability = z.enum(['memory', 'page-cache', 'disk']);

const result = z.object({
  system: z.string(),
  version: z.string(),
  workload: z.string(),
  durability,
  api: z.string(),
  messagesPerSecond: z.number(),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  endToEnd: z.boolean().optional(),
  rounds: z.array(z.number()).optional(),
  targetRate: z.number().optional(),
  command: z.string().optional(),
});
export type ReportResult = z.infer<typeof result>;

const suiteRun = z.object({
  environment,
  results: z.array(result),
  unavailable: z.record(z.string(), z.string()).default({}),
  failures: z
    .array(
      z.object({
        system: z.string(),
        workload: z.string(),
        durability,
        round: z.number(),
        reason: z.string(),
      }),
    )
    .default([]),
  systems: z
    .record(
      z.string(),
      z.object({
        title: z.string(),
        isRival: z.boolean(),
        settings: z.partialRecord(durability, z.array(z.string())),
      }),
    )
    .optional(),
});
export type ReportSuiteRun = z.infer<typeof suiteRun>;

const latency = z
  .object({
    count: z.number(),
    p50: z.number(),
    p90: z.number(),
    p99: z.number(),
    p999: z.number(),
    p9999: z.number(),
    max: z.number(),
  })
  .nullable();

const loadReport = z.object({
  system: z.string(),
  version: z.string(),
  workload: z.object({
    name: z.string(),
    topics: z.number(),
    queues: z.number(),
    messageSize: z.number(),
    rate: z.number(),
    backlogMessages: z.number(),
  }),
  flush: z.enum(['sync', 'async', 'unknown']),
  api: z.string(),
  command: z.string(),
  environment,
  window: z.object({
    seconds: z.number(),
    ackedPerSecond: z.number(),
    receivedPerSecond: z.number(),
    brokerCpuPercent: z.number(),
    generatorCpuPercent: z.number(),
  }),
  counts: z.object({
    sent: z.number(),
    failed: z.number(),
    lost: z.number(),
    duplicates: z.number(),
    damaged: z.number(),
  }),
  latencyMs: z.object({ send: latency, sendFromIntended: latency, endToEnd: latency }),
  memory: z.object({ brokerPeakRssBytes: z.number() }),
  backlog: z
    .object({
      messages: z.number(),
      emptyPerSecond: z.number(),
      backloggedPerSecond: z.number(),
      drainMessages: z.number(),
      drainSeconds: z.number(),
      drainPerSecond: z.number(),
      hasCaughtUp: z.boolean(),
    })
    .nullable(),
  seconds: z.array(
    z.object({
      atSecond: z.number(),
      phase: z.string(),
      ackedPerSecond: z.number(),
      receivedPerSecond: z.number(),
      backlog: z.number(),
    }),
  ),
});
/** A load run, and its distributions from the `.hgrm` files beside it. */
export type ReportLoadRun = z.infer<typeof loadReport> & {
  distributions: { part: string; points: HgrmPoint[] }[];
};

const limitsRun = z.object({
  environment,
  limits: z.array(
    z.object({
      name: z.string(),
      how: z.string(),
      unit: z.enum(['bytes/s', 'messages/s', 'us']),
      value: z.number(),
    }),
  ),
});
export type ReportLimitsRun = z.infer<typeof limitsRun>;

const embeddedRun = z.object({
  environment,
  bodyBytes: z.number(),
  ways: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      target: z.number().nullable(),
      rounds: z.array(z.number()),
    }),
  ),
});
export type ReportEmbeddedRun = z.infer<typeof embeddedRun>;

export interface Source {
  file: string;
  kind: 'suite' | 'load' | 'limits' | 'embedded';
  environment: ReportEnvironment;
}

export interface Inputs {
  sources: Source[];
  /** Each newest first. */
  suites: ReportSuiteRun[];
  loads: ReportLoadRun[];
  limits: ReportLimitsRun[];
  embedded: ReportEmbeddedRun[];
  /** Files that are none of these. */
  passedOver: string[];
}

/** Reads files, and all `.json` files of folders. Throws naming the file and field when one is of a known kind and not whole. */
export function readInputs(paths: readonly string[]): Inputs {
  const inputs: Inputs = { sources: [], suites: [], loads: [], limits: [], embedded: [], passedOver: [] };
  for (const path of paths.flatMap(filesOf)) {
    readInto(inputs, path);
  }
  for (const list of [inputs.suites, inputs.loads, inputs.limits, inputs.embedded]) {
    list.sort((a, b) => b.environment.date.localeCompare(a.environment.date));
  }
  return inputs;
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) {
    return [path];
  }
  const names = readdirSync(path).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => join(path, name));
}

function readInto(inputs: Inputs, path: string): void {
  const value = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const file = basename(path);
  const keep = <T extends { environment: ReportEnvironment }>(
    kind: Source['kind'],
    schema: z.ZodType<T>,
  ): T => {
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
    }
    inputs.sources.push({ file, kind, environment: parsed.data.environment });
    return parsed.data;
  };
  if ('results' in value) {
    inputs.suites.push(keep('suite', suiteRun));
  } else if ('workload' in value && 'latencyMs' in value) {
    inputs.loads.push({ ...keep('load', loadReport), distributions: readDistributions(path) });
  } else if ('limits' in value) {
    inputs.limits.push(keep('limits', limitsRun));
  } else if ('ways' in value) {
    inputs.embedded.push(keep('embedded', embeddedRun));
  } else {
    inputs.passedOver.push(file);
  }
}

/** `NAME.json` has `NAME.send.hgrm` and others beside it. */
function readDistributions(path: string): { part: string; points: HgrmPoint[] }[] {
  const folder = dirname(path);
  const beginning = `${basename(path, '.json')}.`;
  return readdirSync(folder)
    .filter((name) => name.startsWith(beginning) && name.endsWith('.hgrm'))
    .sort()
    .map((name) => ({
      part: name.slice(beginning.length, -'.hgrm'.length),
      points: parseHgrm(readFileSync(join(folder, name), 'utf8')),
    }));
}
