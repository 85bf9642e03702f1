import { closeSync, openSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import type { Client } from '../native-free/client/index.js';
import { isRingMQError, RingMQError } from '../native-free/wire/index.js';
import { type AckGapWatch, MAX_GAPS_LISTED } from './bench/ack-gaps.js';
import type { LatencyFigures } from './bench/latency.js';
import type { LoadFailures, ProduceApi } from './bench/produce-load.js';
import { runWithRoom } from './bench/roomy-process.js';
import { type BenchPlan, type Figures, RUNS } from './bench/runs.js';
import { STAMP_BYTES } from './bench/stamp.js';
import { connectionNotices, openClient } from './connection.js';
import { counted, sharedOptions } from './output.js';
import { NO_PROGRESS, startProgress } from './progress.js';

const DEFAULT_COUNT = 1_000_000;
const DEFAULT_GAP_MS = 500;

interface BenchOptions {
  topic: string;
  size: number;
  count?: number;
  /** ms */
  duration?: number;
  /** Where lines of CSV go; `-`: to stdout. */
  csv?: string;
  /** ms */
  ackGap?: number;
  producers: number;
  rate?: number;
  api: ProduceApi;
  inFlight?: number;
  warmUp?: number;
  timeout?: number;
}

type BenchWork = 'produce' | 'consume' | 'e2e';

/** What a run did. Rates are of messages acked, or received where it consumes. */
export interface BenchResult {
  work: BenchWork;
  topic: string;
  messagesPerSecond: number;
  /** Bodies only. */
  bytesPerSecond: number;
  /** produce: write to ack (under `write` of a sample of one in 1024); e2e: write to receipt; consume: null. */
  latencyMs: LatencyFigures | null;
  count: number;
  size: number;
  seconds: number;
  producers: number;
  rate: number | null;
  flush: 'sync' | 'async';
  listener: string;
  api: ProduceApi;
  /** Messages that were not acked. */
  errors: number;
  /** Times without an ack while some were outstanding; where a line of CSV is printed each second. */
  ackGaps?: {
    count: number;
    longestMs: number;
    /** The first 100. Milliseconds since the run began. */
    gaps: { fromMs: number; toMs: number | null }[];
  };
}

/**
 * `ringmq bench`: one load process; prints one JSON object, with `-o json` on one line; on a terminal lines
 * for people. With a duration it prints a line of CSV each second before, unless that goes to a file, and what
 * it did behind `# `. Fails if a message did.
 */
export async function runBench(command: Command, work: BenchWork, options: BenchOptions): Promise<void> {
  const { url, output } = sharedOptions(command);
  if (work === 'e2e' && options.size < STAMP_BYTES) {
    command.error(`error: --size must be at least ${STAMP_BYTES} for e2e: the body carries the time`);
  }
  // With -o json stdout has the result alone.
  const csv = options.csv ?? (options.duration !== undefined && output === 'text' ? '-' : undefined);
  if (csv === '-' && output === 'json') {
    command.error('error: --csv - and -o json both want stdout; name a file with --csv');
  }
  // Where no promise is kept a message it does harm: what is received then lies about longer, outside the
  // heap, and the whole of it is marked.
  if (work !== 'consume' && options.api !== 'write' && (await runWithRoom())) {
    return;
  }
  const count = options.count ?? (options.duration === undefined ? DEFAULT_COUNT : Number.POSITIVE_INFINITY);
  const control = await openClient(url, { onConnection: connectionNotices(url) });
  const clients = [control];
  const lines = csv === undefined ? null : csvLines(csv);
  try {
    await makeTopic(control, options.topic);
    while (work !== 'consume' && clients.length < options.producers) {
      clients.push(await openClient(url));
    }
    const total = Number.isFinite(count) ? count : 0;
    const progress = csv === '-' ? NO_PROGRESS : await startProgress(`bench ${work}`, total, 'messages');
    let done = 0;
    const plan: BenchPlan = {
      ...options,
      count,
      durationMs: options.duration ?? null,
      csv: lines === null ? null : { print: lines.print, gapMs: options.ackGap ?? DEFAULT_GAP_MS },
      onProgress: (more) => {
        done += more;
        progress.update(done);
      },
    };
    const figures = await RUNS[work](url, clients, plan).finally(() => progress.stop());
    const result = describeRun(work, options, control, figures);
    if (csv === '-') {
      lines?.print(`# ${JSON.stringify(result)}`);
    } else {
      process.stdout.write(`${resultText(result, output)}\n`);
    }
    if (figures.failures.count > 0) {
      throw failureOf(figures.failures, figures.count + figures.failures.count);
    }
  } finally {
    lines?.end();
    await Promise.allSettled(clients.map((client) => client.close()));
  }
}

/** A file is written line by line: whoever watches it sees each second, and what was measured survives the end of this process. */
function csvLines(place: string): { print: (line: string) => void; end: () => void } {
  if (place === '-') {
    return { print: (line) => process.stdout.write(`${line}\n`), end: () => {} };
  }
  const file = openSync(place, 'w');
  return { print: (line) => writeSync(file, `${line}\n`), end: () => closeSync(file) };
}

function resultText(result: BenchResult, output: 'text' | 'json'): string {
  if (output === 'json') {
    return JSON.stringify(result);
  }
  return process.stdout.isTTY ? describeResult(result) : JSON.stringify(result, null, 2);
}

/** The result for a person. */
export function describeResult(result: BenchResult): string {
  const { work, count, seconds, messagesPerSecond, bytesPerSecond, latencyMs, errors } = result;
  const what = work === 'produce' ? 'acked' : 'received';
  const ms = (value: number): string => `${value.toLocaleString('en', { maximumFractionDigits: 3 })} ms`;
  return [
    `${counted(count, 'message', 'messages')} of ${counted(result.size, 'byte', 'bytes')} ${what} in ${seconds.toLocaleString('en')} s`,
    `rate      ${messagesPerSecond.toLocaleString('en')} messages/s, ${(bytesPerSecond / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB/s`,
    ...(latencyMs === null
      ? []
      : [
          `latency   p50 ${ms(latencyMs.p50)}, p99 ${ms(latencyMs.p99)}, p99.9 ${ms(latencyMs.p999)}, max ${ms(latencyMs.max)}`,
        ]),
    `broker    ${result.flush} flush, listener ${result.listener}`,
    ...(errors === 0 ? [] : [`not acked ${errors.toLocaleString('en')}`]),
  ].join('\n');
}

/** What the command ends with: as many as failed, and why the first did. */
function failureOf({ count, cause }: LoadFailures, total: number): RingMQError {
  const code = isRingMQError(cause) ? cause.code : 'INTERNAL';
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RingMQError(code, `${count} of ${total} messages failed: ${why}`, { cause });
}

function describeRun(work: BenchWork, options: BenchOptions, client: Client, figures: Figures): BenchResult {
  return {
    work,
    topic: options.topic,
    messagesPerSecond: Math.round(figures.count / figures.seconds),
    bytesPerSecond: Math.round(figures.bytes / figures.seconds),
    latencyMs: figures.latency,
    count: figures.count,
    size: options.size,
    seconds: Number(figures.seconds.toFixed(3)),
    producers: work === 'consume' ? 0 : options.producers,
    rate: options.rate ?? null,
    flush: client.broker.flush,
    listener: client.broker.listener,
    api: options.api,
    errors: figures.failures.count,
    ...(figures.gaps === null ? {} : { ackGaps: gapsOf(figures.gaps) }),
  };
}

function gapsOf({ count, longestMs, gaps }: AckGapWatch): NonNullable<BenchResult['ackGaps']> {
  const rounded = (ms: number): number => Math.round(ms);
  return {
    count,
    longestMs: rounded(longestMs),
    gaps: gaps.slice(0, MAX_GAPS_LISTED).map(({ fromMs, toMs }) => ({
      fromMs: rounded(fromMs),
      toMs: toMs === null ? null : rounded(toMs),
    })),
  };
}

async function makeTopic(client: Client, topic: string): Promise<void> {
  try {
    await client.admin().createTopic({ topic });
  } catch (error) {
    if (!isRingMQError(error) || error.code !== 'TOPIC_EXISTS') {
      throw error;
    }
  }
}
