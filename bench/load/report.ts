/** What a load run tells, as `--json` prints it and as it is written beside its `.hgrm` files. */
import type { Environment } from '../environment.js';
import type { Durability } from '../peers/peer.js';
import type { Result } from '../result.js';
import type { LatencyFigures } from './latency.js';
import type { Second, Window } from './meter.js';
import type { Counts } from './tally.js';
import type { Api } from './thread-protocol.js';
import type { Workload } from './workload.js';

/** How a backlog was piled up and drained. */
export interface BacklogFigures {
  messages: number;
  /** Acked a second while little was stored, and beyond the whole backlog. */
  emptyPerSecond: number;
  backloggedPerSecond: number;
  /** Messages that were to be drained, how long it took, and how many a second came. */
  drainMessages: number;
  drainSeconds: number;
  drainPerSecond: number;
  /** False: time was up before it had caught up. */
  hasCaughtUp: boolean;
}

export interface LoadReport {
  system: string;
  version: string;
  workload: Workload;
  flush: 'sync' | 'async' | 'unknown';
  api: Api;
  workers: number;
  command: string;
  environment: Environment;
  /** The measured window, the warm-up left out; of a backlog, the filling of it. */
  window: Window;
  counts: Counts;
  errors: string[];
  latencyMs: {
    /** Call to ack. */
    send: LatencyFigures | null;
    /** From when it was meant to be sent to ack. */
    sendFromIntended: LatencyFigures | null;
    /** From when it was meant to be sent to receipt. */
    endToEnd: LatencyFigures | null;
  };
  memory: { brokerPeakRssBytes: number; generatorRssBytes: number };
  /** Acked and not yet received: at the end of the window, the most at any second, and how long after it the last came. */
  lag: { atEnd: number; max: number; drainSeconds: number };
  backlog: BacklogFigures | null;
  seconds: Second[];
}

/** Everything sent was acked, and everything acked came, once and whole. */
export function isClean(report: LoadReport): boolean {
  const { failed, lost, duplicates, damaged } = report.counts;
  return failed + lost + duplicates + damaged === 0 && report.errors.length === 0;
}

/** The run as a line of the suite. */
export function resultOf(report: LoadReport, durability: Durability): Result {
  const { window, latencyMs, workload } = report;
  const times = latencyMs.endToEnd ?? latencyMs.send;
  return {
    system: report.system,
    version: report.version,
    workload: workload.name,
    durability,
    api: report.api,
    messagesPerSecond: report.backlog?.drainPerSecond ?? window.ackedPerSecond,
    p50Ms: times?.p50 ?? null,
    p99Ms: times?.p99 ?? null,
    endToEnd: latencyMs.endToEnd !== null,
    ...(workload.rate === 0 ? {} : { targetRate: workload.rate }),
    command: report.command,
  };
}
