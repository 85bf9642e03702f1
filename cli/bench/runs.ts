/** The three works of `ringmq bench`. */
import { randomInt } from 'node:crypto';
import type { Client } from '../../native-free/client/index.js';
import { clearTimeout, monotonicMs, setTimeout } from '../../native-free/time/index.js';
import { openClient } from '../connection.js';
import type { AckGapWatch } from './ack-gaps.js';
import { type Consumed, consumeLoad } from './consume-load.js';
import { CsvSeconds, type CsvSource } from './csv-seconds.js';
import { type LatencyFigures, LatencyRecorder } from './latency.js';
import { LoadTally } from './load-tally.js';
import { defaultInFlight, type LoadFailures, type ProduceApi, produceLoad } from './produce-load.js';

export interface BenchPlan {
  topic: string;
  size: number;
  /** Messages in all; Infinity: only the time ends it. */
  count: number;
  /** null: only the count ends it. */
  durationMs: number | null;
  rate?: number;
  api: ProduceApi;
  inFlight?: number;
  warmUp?: number;
  /** ms */
  timeout?: number;
  /** Where a line a second goes, and which time without an ack is marked there; null: none is made. */
  csv: { print: (line: string) => void; gapMs: number } | null;
  onProgress: (more: number) => void;
}

export interface Figures {
  /** Acked, or received where it consumes. */
  count: number;
  bytes: number;
  seconds: number;
  latency: LatencyFigures | null;
  failures: LoadFailures;
  /** null: nobody watched for them. */
  gaps: AckGapWatch | null;
}

type Run = (url: string, clients: Client[], plan: BenchPlan) => Promise<Figures>;

export const RUNS: Readonly<Record<'produce' | 'consume' | 'e2e', Run>> = {
  produce: runProduce,
  consume: runConsume,
  e2e: runEndToEnd,
};

const NO_FAILURES: LoadFailures = { count: 0, cause: undefined };

async function runProduce(_url: string, clients: Client[], plan: BenchPlan): Promise<Figures> {
  const how = { run: 0, stamp: false };
  if (plan.warmUp !== undefined) {
    const warming = { ...plan, count: plan.warmUp, durationMs: null, onProgress: () => {} };
    await produceAll(clients, warming, {
      ...how,
      latency: new LatencyRecorder(),
      tallies: talliesOf(clients),
    });
  }
  const latency = recorderOf(plan);
  const tallies = talliesOf(clients);
  const csv = csvOf(plan, { tallies, received: null, latency, size: plan.size });
  const startedAt = monotonicMs();
  try {
    const failures = await produceAll(clients, plan, { ...how, latency, tallies });
    const seconds = (monotonicMs() - startedAt) / 1000;
    const count = writtenBy(tallies) - failures.count;
    const bytes = count * plan.size;
    return { count, bytes, seconds, latency: latency.figures(), failures, gaps: csv?.gaps ?? null };
  } finally {
    csv?.stop();
  }
}

function talliesOf(clients: readonly Client[]): LoadTally[] {
  return clients.map(() => new LoadTally());
}

function writtenBy(tallies: readonly LoadTally[]): number {
  return tallies.reduce((sum, { written }) => sum + written, 0);
}

function recorderOf(plan: BenchPlan): LatencyRecorder {
  return new LatencyRecorder({ hasIntervals: plan.csv !== null });
}

function csvOf({ csv }: BenchPlan, source: CsvSource): CsvSeconds | null {
  return csv === null ? null : new CsvSeconds(source, csv.gapMs, csv.print);
}

/** Shares count and rate out among the connections; all of them at once. */
async function produceAll(
  clients: Client[],
  plan: BenchPlan,
  how: { latency: LatencyRecorder; run: number; stamp: boolean; tallies: readonly LoadTally[] },
): Promise<LoadFailures> {
  const { tallies, ...rest } = how;
  const shareOf = (i: number): number => {
    const below = Math.floor((plan.count * i) / clients.length);
    return Math.floor((plan.count * (i + 1)) / clients.length) - below;
  };
  const untilMs = plan.durationMs === null ? Number.POSITIVE_INFINITY : monotonicMs() + plan.durationMs;
  const failures = await Promise.all(
    clients.map((client, i) =>
      produceLoad(client, {
        topic: plan.topic,
        size: plan.size,
        count: Number.isFinite(plan.count) ? shareOf(i) : plan.count,
        untilMs,
        rate: plan.rate === undefined ? null : plan.rate / clients.length,
        api: plan.api,
        inFlight: plan.inFlight ?? defaultInFlight(plan.size),
        timeoutMs: plan.timeout,
        tally: tallies[i] as LoadTally,
        onProgress: rest.stamp ? () => {} : plan.onProgress,
        ...rest,
      }),
    ),
  );
  return {
    count: failures.reduce((sum, { count }) => sum + count, 0),
    cause: failures.find(({ count }) => count > 0)?.cause,
  };
}

async function runConsume(_url: string, clients: Client[], plan: BenchPlan): Promise<Figures> {
  const end = new AbortController();
  const timer = plan.durationMs === null ? undefined : setTimeout(() => end.abort(), plan.durationMs);
  let received = 0;
  const csv = csvOf(plan, { tallies: [], received: () => received, latency: null, size: plan.size });
  try {
    const { count, bytes, seconds } = await consumeLoad(clients[0] as Client, {
      topic: plan.topic,
      goal: { count: plan.count },
      end: end.signal,
      from: 'earliest',
      run: null,
      latency: null,
      onProgress: (more) => {
        received += more;
        plan.onProgress(more);
      },
    });
    return { count, bytes, seconds, latency: null, failures: NO_FAILURES, gaps: null };
  } finally {
    clearTimeout(timer);
    csv?.stop();
  }
}

/** Produces and consumes at the same time; from the first write to the last receipt. The consumer has a connection of its own. */
async function runEndToEnd(url: string, clients: Client[], plan: BenchPlan): Promise<Figures> {
  const latency = recorderOf(plan);
  const tallies = talliesOf(clients);
  const run = randomInt(1, 2 ** 32 - 1);
  const reader = await openClient(url);
  let received = 0;
  let csv: CsvSeconds | null = null;
  try {
    let onAssigned = (): void => {};
    const assigned = new Promise<void>((resolve) => {
      onAssigned = resolve;
    });
    const goal = { count: plan.count };
    const end = new AbortController();
    const reading: Promise<Consumed> = consumeLoad(reader, {
      topic: plan.topic,
      goal,
      end: end.signal,
      from: 'latest',
      run,
      latency,
      onAssigned,
      onProgress: (more) => {
        received += more;
        plan.onProgress(more);
      },
    });
    await Promise.race([assigned, reading]);
    csv = csvOf(plan, { tallies, received: () => received, latency, size: plan.size });
    const startedAt = monotonicMs();
    const writing = produceAll(clients, plan, { latency: new LatencyRecorder(), run, stamp: true, tallies });
    const all = writing.then((failures) => {
      // What was not acked may be stored or not: nobody waits for it.
      goal.count = writtenBy(tallies) - failures.count;
      if (received >= goal.count) {
        end.abort();
      }
      return failures;
    });
    const [read, failures] = await Promise.all([reading, all]);
    const seconds = (read.lastAt - startedAt) / 1000;
    const { count, bytes } = read;
    return { count, bytes, seconds, latency: latency.figures(), failures, gaps: csv?.gaps ?? null };
  } finally {
    csv?.stop();
    await reader.close();
  }
}
