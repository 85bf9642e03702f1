/** Takes a sample of the broker's statistics every 10 s, on the thread that opened it. Rates are of the time that its monotonic clock has measured. */
import { clearTimeout, monotonicMs, setTimeout, unref } from '../../native-free/time/index.js';
import type { ReplicaStanding } from '../../native-free/wire/cluster.js';
import {
  HISTORY_SAMPLES,
  HISTORY_STEP_MS,
  type History,
  type HistoryParams,
  historyNames,
} from '../../native-free/wire/history.js';
import type { BrokerStats } from '../../native-free/wire/stats.js';
import { HistoryRing, type Sample } from './history-ring.js';
import { bucketEndMs } from './stats-layout.js';

export interface SamplerDeps {
  stats(): BrokerStats;
  /** Counts of fdatasyncs by how long they took: a copy. */
  syncCounts(): Uint32Array;
  /** Of a master. */
  replicas(): readonly ReplicaStanding[];
  /** A defect: the sample is left out. */
  warn(message: string, details: Record<string, unknown>): void;
  /** Milliseconds since 1970. Default `Date.now`. */
  wallMs?(): number;
  monotonicMs?(): number;
}

interface Reading {
  stats: BrokerStats;
  syncs: Uint32Array;
  at: number;
}

export class Sampler {
  readonly ring = new HistoryRing();
  readonly #deps: SamplerDeps;
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  #before: Reading | null = null;
  #timer: NodeJS.Timeout | undefined;
  #hasWarned = false;

  constructor(deps: SamplerDeps) {
    this.#deps = deps;
    this.#wallMs = deps.wallMs ?? Date.now;
    this.#monotonicMs = deps.monotonicMs ?? monotonicMs;
  }

  /** The first sample has no rates: they are from then on. */
  start(): void {
    this.#before = this.#read();
    this.#wait();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** What is kept of a time, by default of the last day. */
  read({ from, to, names, points }: HistoryParams): History {
    const end = to ?? this.#wallMs();
    const begin = from ?? end - HISTORY_SAMPLES * HISTORY_STEP_MS;
    return this.ring.read(begin, end, historyNames(names), points ?? HISTORY_SAMPLES);
  }

  /** One sample, of now. */
  take(): void {
    const now = this.#read();
    const before = this.#before;
    this.#before = now;
    if (before !== null) {
      // Taken as a step ends, a little sooner or later: it is of the step in the middle of which the time lies that it is about.
      this.ring.put(this.#wallMs() - HISTORY_STEP_MS / 2, sampleOf(before, now, this.#deps.replicas()));
    }
  }

  #read(): Reading {
    return { stats: this.#deps.stats(), syncs: this.#deps.syncCounts(), at: this.#monotonicMs() };
  }

  /** As the next step of the wall clock begins. */
  #wait(): void {
    const leftMs = HISTORY_STEP_MS - (this.#wallMs() % HISTORY_STEP_MS);
    const waitMs = leftMs < HISTORY_STEP_MS / 4 ? leftMs + HISTORY_STEP_MS : leftMs;
    this.#timer = setTimeout(() => {
      try {
        this.take();
      } catch (error) {
        if (!this.#hasWarned) {
          this.#hasWarned = true;
          this.#deps.warn(`a sample of statistics could not be taken: ${String(error)}`, {});
        }
      }
      this.#wait();
    }, waitMs);
    unref(this.#timer);
  }
}

function sampleOf(before: Reading, now: Reading, replicas: readonly ReplicaStanding[]): Sample {
  const seconds = (now.at - before.at) / 1000;
  const rate = (read: (stats: BrokerStats) => number): number | null =>
    seconds > 0 ? Math.max(0, read(now.stats) - read(before.stats)) / seconds : null;
  const { stats } = now;
  const quantile = quantilesOf(before.syncs, now.syncs);
  const furthest = (read: (replica: ReplicaStanding) => number): number | null =>
    replicas.length === 0 ? null : Math.max(...replicas.map(read));
  return {
    messagesIn: rate((each) => each.messagesIn),
    bytesIn: rate((each) => each.bytesIn),
    messagesOut: rate((each) => each.messagesOut),
    bytesOut: rate((each) => each.bytesOut),
    requests: rate((each) => each.requests),
    syncP50Ms: quantile(0.5),
    syncP99Ms: quantile(0.99),
    unwrittenBytes: stats.log.unwrittenBytes,
    memoryUsedBytes: stats.memory.usedBytes,
    logBytes: stats.log.writtenPosition - stats.log.startPosition,
    diskFreeBytes: stats.diskFreeBytes,
    replicaLagBytes: furthest(({ lagBytes }) => lagBytes),
    replicaLagMs: furthest(({ lagMs }) => lagMs),
    connections: stats.connections,
    backlog: stats.backlog,
    rssBytes: stats.process.rssBytes,
    cpus: rate((each) => each.process.cpuMs / 1000),
  };
}

/** Of the fdatasyncs between two readings. */
function quantilesOf(before: Uint32Array, now: Uint32Array): (part: number) => number | null {
  // Each count wraps at 2^32.
  const counts = Array.from(now, (count, bucket) => (count - (before[bucket] as number)) >>> 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return (part) => {
    let left = Math.ceil(total * part);
    for (const [bucket, count] of counts.entries()) {
      left -= count;
      if (count > 0 && left <= 0) {
        return Math.round(bucketEndMs(bucket) * 1000) / 1000;
      }
    }
    return null;
  };
}
