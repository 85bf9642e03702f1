import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import type { Client } from '../native-free/client/index.js';
import { monotonicMs } from '../native-free/time/index.js';
import { isRingMQError, RingMQError } from '../native-free/wire/index.js';
import { type Consumed, consumeLoad } from './bench/consume-load.js';
import { type LatencyFigures, LatencyRecorder } from './bench/latency.js';
import { defaultInFlight, type LoadFailures, type ProduceApi, produceLoad } from './bench/produce-load.js';
import { runWithRoom } from './bench/roomy-process.js';
import { STAMP_BYTES } from './bench/stamp.js';
import { openClient } from './connection.js';
import { counted, sharedOptions } from './output.js';
import { startProgress } from './progress.js';

const DEFAULT_QUEUES = 4;

interface BenchOptions {
  topic: string;
  size: number;
  count: number;
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
}

/**
 * `ringmq bench`: one load process; prints one JSON object, with `-o json` on one line; on a terminal lines
 * for people. Fails if a message did.
 */
export async function runBench(command: Command, work: BenchWork, options: BenchOptions): Promise<void> {
  const { url, output } = sharedOptions(command);
  if (work === 'e2e' && options.size < STAMP_BYTES) {
    command.error(`error: --size must be at least ${STAMP_BYTES} for e2e: the body carries the time`);
  }
  // Where no promise is kept a message it does harm: what is received then lies about longer, outside the
  // heap, and the whole of it is marked.
  if (work !== 'consume' && options.api !== 'write' && (await runWithRoom())) {
    return;
  }
  const control = await openClient(url);
  const clients = [control];
  try {
    await makeTopic(control, options.topic);
    while (work !== 'consume' && clients.length < options.producers) {
      clients.push(await openClient(url));
    }
    const progress = await startProgress(`bench ${work}`, options.count, 'messages');
    let done = 0;
    const onProgress = (more: number): void => {
      done += more;
      progress.update(done);
    };
    const run = { produce: runProduce, consume: runConsume, e2e: runEndToEnd }[work];
    const figures = await run(url, clients, options, onProgress).finally(() => progress.stop());
    const result = describeRun(work, options, control, figures);
    process.stdout.write(`${resultText(result, output)}\n`);
    if (figures.failures.count > 0) {
      throw failureOf(figures.failures, options.count);
    }
  } finally {
    await Promise.allSettled(clients.map((client) => client.close()));
  }
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

interface Figures {
  count: number;
  bytes: number;
  seconds: number;
  latency: LatencyFigures | null;
  failures: LoadFailures;
}

const NO_FAILURES: LoadFailures = { count: 0, cause: undefined };

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
  };
}

async function makeTopic(client: Client, topic: string): Promise<void> {
  try {
    await client.admin().createTopic({ topic, queues: DEFAULT_QUEUES });
  } catch (error) {
    if (!isRingMQError(error) || error.code !== 'TOPIC_EXISTS') {
      throw error;
    }
  }
}

async function runProduce(
  _url: string,
  clients: Client[],
  options: BenchOptions,
  onProgress: (more: number) => void,
): Promise<Figures> {
  const how = { run: 0, stamp: false };
  if (options.warmUp !== undefined) {
    const warming = { ...options, count: options.warmUp };
    await produceAll(clients, warming, { ...how, latency: new LatencyRecorder(), onProgress: () => {} });
  }
  const latency = new LatencyRecorder();
  const startedAt = monotonicMs();
  const failures = await produceAll(clients, options, { ...how, latency, onProgress });
  const seconds = (monotonicMs() - startedAt) / 1000;
  const count = options.count - failures.count;
  return { count, bytes: count * options.size, seconds, latency: latency.figures(), failures };
}

/** Shares count and rate out among the connections; all of them at once. */
async function produceAll(
  clients: Client[],
  options: BenchOptions,
  how: { latency: LatencyRecorder; run: number; stamp: boolean; onProgress: (more: number) => void },
): Promise<LoadFailures> {
  const shares = clients.map((_, i) => {
    const below = Math.floor((options.count * i) / clients.length);
    return Math.floor((options.count * (i + 1)) / clients.length) - below;
  });
  const failures = await Promise.all(
    clients.map((client, i) =>
      produceLoad(client, {
        topic: options.topic,
        size: options.size,
        count: shares[i] as number,
        rate: options.rate === undefined ? null : options.rate / clients.length,
        api: options.api,
        inFlight: options.inFlight ?? defaultInFlight(options.size),
        timeoutMs: options.timeout,
        ...how,
      }),
    ),
  );
  return {
    count: failures.reduce((sum, { count }) => sum + count, 0),
    cause: failures.find(({ count }) => count > 0)?.cause,
  };
}

async function runConsume(
  _url: string,
  clients: Client[],
  options: BenchOptions,
  onProgress: (more: number) => void,
): Promise<Figures> {
  const read = await consumeLoad(clients[0] as Client, {
    topic: options.topic,
    count: options.count,
    from: 'earliest',
    run: null,
    latency: null,
    onProgress,
  });
  return {
    count: read.count,
    bytes: read.bytes,
    seconds: read.seconds,
    latency: null,
    failures: NO_FAILURES,
  };
}

/** Produces and consumes at the same time; from the first write to the last receipt. The consumer has a connection of its own. */
async function runEndToEnd(
  url: string,
  clients: Client[],
  options: BenchOptions,
  onProgress: (more: number) => void,
): Promise<Figures> {
  const latency = new LatencyRecorder();
  const run = randomInt(1, 2 ** 32 - 1);
  const reader = await openClient(url);
  try {
    let onAssigned = (): void => {};
    const assigned = new Promise<void>((resolve) => {
      onAssigned = resolve;
    });
    const load = { topic: options.topic, count: options.count, from: 'latest', run, latency } as const;
    const reading: Promise<Consumed> = consumeLoad(reader, { ...load, onProgress, onAssigned });
    await Promise.race([assigned, reading]);
    const startedAt = monotonicMs();
    const writing = produceAll(clients, options, {
      latency: new LatencyRecorder(),
      run,
      stamp: true,
      onProgress: () => {},
    });
    const [read, failures] = await Promise.all([reading, writing]);
    const seconds = (read.lastAt - startedAt) / 1000;
    return { count: read.count, bytes: read.bytes, seconds, latency: latency.figures(), failures };
  } finally {
    await reader.close();
  }
}
