/** A broker's counters and gauges, read from shared memory and put together for people and programs. */

import { statfsSync } from 'node:fs';
import { monotonicMs } from '../../native-free/time/index.js';
import type { BrokerStats, QueueStats, ThreadStats, TrafficStats } from '../../native-free/wire/index.js';
import type { BrokerHandle } from '../handle.js';
import type { LogReader } from '../log/index.js';
import type { CatalogTopic, OffsetTable, TopicCatalog } from '../meta/index.js';
import type { DiskState } from '../persist/disk-state.js';
import { Ring, type SeatTable } from '../ring/index.js';
import { blockOf, bucketEndMs, COUNTERS, type Counter, syncBuckets } from '../stats/index.js';

/** Groups' queues that are looked at for the backlog; with more it is not counted in passing. */
const MAX_BACKLOG_QUEUES = 50_000;
/** Rows of each kind that one reading of the queues gives: what fits into an answer. */
const MAX_QUEUE_ROWS = 5_000;
/** A backlog is counted anew after so long. */
const BACKLOG_MS = 1_000;

export interface StatsViewDeps {
  readonly handle: BrokerHandle;
  readonly seats: SeatTable;
  readonly disk: DiskState;
  readonly logReader: LogReader;
  readonly catalog: TopicCatalog;
  readonly offsets: OffsetTable;
  queueState(topic: CatalogTopic, queueId: number): { minOffset: number; maxOffset: number };
  /** Stretches of the log that are damaged. */
  damagedCount(): number;
  /** Groups that there are, and their members. */
  groups(): { groups: number; members: number };
  logins(): { succeeded: number; failed: number };
  audit(): { entries: number; lost: number };
}

export class StatsView {
  readonly #deps: StatsViewDeps;
  readonly #logRing: Ring;
  readonly #memoryRing: Ring;
  readonly #begun = monotonicMs();
  readonly #names = new Map<number, string>();
  #backlog: number | null = null;
  #backlogAt = Number.NEGATIVE_INFINITY;

  constructor(deps: StatsViewDeps) {
    this.#deps = deps;
    this.#logRing = new Ring(deps.handle.log.ring);
    this.#memoryRing = new Ring(deps.handle.memory.ring);
  }

  /** The thread at `seat` is called so from now on. */
  name(seat: number, name: string): void {
    this.#names.set(seat, name);
  }

  nameOf(seat: number): string {
    return this.#names.get(seat) ?? `seat ${seat}`;
  }

  read(): BrokerStats {
    const { handle, disk, catalog } = this.#deps;
    const threads = this.#threads();
    const { heapUsed, rss } = process.memoryUsage();
    const cpu = process.cpuUsage();
    return {
      brokerId: handle.brokerId,
      openingId: handle.openingId,
      brokerName: handle.brokerName,
      flush: handle.flush,
      pid: process.pid,
      nodeVersion: process.version,
      time: Date.now(),
      uptimeMs: Math.round(monotonicMs() - this.#begun),
      disk: disk.hasFailed() ? 'failed' : disk.refusal() !== 0 ? 'full' : 'ok',
      diskFreeBytes: freeBytes(handle.dir.path),
      ...this.#totals(),
      topics: catalog.size,
      queues: catalog.queueCount,
      ...this.#deps.groups(),
      backlog: this.#countBacklog(),
      log: this.#log(),
      memory: {
        ringBytes: this.#memoryRing.ringBytes,
        usedBytes: distance(this.#memoryRing, this.#memoryRing.gate(), this.#memoryRing.head()),
      },
      threads,
      logins: this.#deps.logins(),
      audit: this.#deps.audit(),
      process: {
        rssBytes: rss,
        heapUsedBytes: heapUsed,
        cpuMs: Math.round((cpu.user + cpu.system) / 1000),
      },
    };
  }

  /** Of every seat, also those that nobody sits at any more: what they counted stays counted. */
  #totals(): TrafficStats {
    const total: TrafficStats = noTraffic();
    for (let seat = 0; seat < this.#deps.seats.maxThreads; seat++) {
      const traffic = trafficOf(blockOf(this.#deps.handle.stats, seat));
      for (const key of Object.keys(total) as (keyof TrafficStats)[]) {
        total[key] += traffic[key];
      }
    }
    return total;
  }

  #threads(): ThreadStats[] {
    const { seats, handle } = this.#deps;
    const threads: ThreadStats[] = [];
    for (let seat = 0; seat < seats.maxThreads; seat++) {
      if (seats.tag(seat) < 0) {
        continue;
      }
      const block = blockOf(handle.stats, seat);
      threads.push({
        seat,
        name: this.nameOf(seat),
        ...trafficOf(block),
        turns: value(block, 'turns'),
        busyMs: round(value(block, 'busyMs')),
        longestTurnMs: round(value(block, 'longestTurnMs')),
      });
    }
    return threads;
  }

  #log(): BrokerStats['log'] {
    const ring = this.#logRing;
    const written = ring.written();
    const flushed = ring.flushed();
    return {
      startPosition: this.#deps.logReader.oldestPosition,
      endPosition: ring.toBytes(ring.indexed()),
      writtenPosition: ring.toBytes(written),
      flushedPosition: ring.toBytes(flushed),
      damagedCount: this.#deps.damagedCount(),
      ringBytes: ring.ringBytes,
      unwrittenBytes: distance(ring, written, ring.head()),
      unflushedBytes: distance(ring, flushed, written),
      syncs: syncStats(syncBuckets(this.#deps.handle.stats)),
    };
  }

  /** Of the first {@link MAX_QUEUE_ROWS} queues, and of as many pairs of group and queue. */
  readQueues(): QueueStats {
    const stats: QueueStats = { queues: [], lags: [], isComplete: true };
    for (const topic of this.#deps.catalog.list()) {
      for (let queueId = 0; queueId < topic.queues; queueId++) {
        if (stats.queues.length === MAX_QUEUE_ROWS) {
          stats.isComplete = false;
          break;
        }
        stats.queues.push({ topic: topic.topic, queueId, ...this.#deps.queueState(topic, queueId) });
      }
    }
    for (const { group, topicId, pairs } of this.#deps.offsets.entries()) {
      const topic = this.#deps.catalog.byId(topicId);
      for (let i = 0; topic !== undefined && i + 1 < pairs.length; i += 2) {
        if (stats.lags.length === MAX_QUEUE_ROWS) {
          return { ...stats, isComplete: false };
        }
        const queueId = pairs[i] as number;
        const end = this.#deps.queueState(topic, queueId).maxOffset;
        stats.lags.push({
          group,
          topic: topic.topic,
          queueId,
          lag: Math.max(0, end - (pairs[i + 1] as number)),
        });
      }
    }
    return stats;
  }

  #countBacklog(): number | null {
    const now = monotonicMs();
    if (now - this.#backlogAt >= BACKLOG_MS) {
      this.#backlogAt = now;
      this.#backlog = this.#sumBacklog();
    }
    return this.#backlog;
  }

  #sumBacklog(): number | null {
    let backlog = 0;
    let queues = 0;
    for (const { topicId, pairs } of this.#deps.offsets.entries()) {
      queues += pairs.length / 2;
      if (queues > MAX_BACKLOG_QUEUES) {
        return null;
      }
      const topic = this.#deps.catalog.byId(topicId);
      for (let i = 0; topic !== undefined && i + 1 < pairs.length; i += 2) {
        const end = this.#deps.queueState(topic, pairs[i] as number).maxOffset;
        backlog += Math.max(0, end - (pairs[i + 1] as number));
      }
    }
    return backlog;
  }
}

function distance(ring: Ring, from: number, to: number): number {
  return Math.max(0, ring.toBytes(to) - ring.toBytes(from));
}

function value(block: Float64Array, counter: Counter): number {
  return block[COUNTERS.indexOf(counter)] as number;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function noTraffic(): TrafficStats {
  return trafficOf(new Float64Array(COUNTERS.length));
}

function trafficOf(block: Float64Array): TrafficStats {
  return {
    messagesIn: value(block, 'messagesIn'),
    batchesIn: value(block, 'batchesIn'),
    bytesIn: value(block, 'bytesIn'),
    messagesOut: value(block, 'messagesOut'),
    bytesOut: value(block, 'bytesOut'),
    refusedBatches: value(block, 'refusedBatches'),
    requests: value(block, 'requests'),
    connections: value(block, 'connections'),
    connectionsOpened: value(block, 'connectionsOpened'),
    httpRequests: value(block, 'httpRequests'),
    httpFailures: value(block, 'httpFailures'),
    connectionsRefused: value(block, 'connectionsRefused'),
    pacedWaits: value(block, 'pacedWaits'),
  };
}

/** Quantiles are the upper ends of their buckets: at most a quarter too high. */
function syncStats(buckets: Int32Array): BrokerStats['log']['syncs'] {
  // Each bucket wraps at 2^32; as unsigned it is right for that many.
  const counts = Array.from(buckets, (_, bucket) => Atomics.load(buckets, bucket) >>> 0);
  const count = counts.reduce((sum, n) => sum + n, 0);
  const quantile = (part: number): number | null => {
    let left = Math.ceil(count * part);
    for (const [bucket, n] of counts.entries()) {
      left -= n;
      if (n > 0 && left <= 0) {
        return round(bucketEndMs(bucket));
      }
    }
    return null;
  };
  return { count, p50Ms: quantile(0.5), p99Ms: quantile(0.99), maxMs: quantile(1) };
}

function freeBytes(dir: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    return null;
  }
}
