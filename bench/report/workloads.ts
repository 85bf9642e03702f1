/** The suite's results by workload and class, as tables and as bars. */
import { formatQuantity } from '../quantity.js';
import { spread } from '../statistics.js';
import type { ReportResult, ReportSuiteRun } from './inputs.js';
import { isRival, RINGMQ, systemTitle } from './systems.js';
import { left, milliseconds, NONE, percent, right, type Table, times } from './tables.js';

export const CLASS_TITLES: Record<ReportResult['durability'], string> = {
  'page-cache': 'page cache: an ack survives the process',
  disk: 'on disk before the ack',
  memory: 'memory: gone with the process',
};
const CLASS_ORDER = ['page-cache', 'disk', 'memory'] as const;

/** One workload in one class. */
export interface WorkloadGroup {
  workload: string;
  durability: ReportResult['durability'];
  run: ReportSuiteRun;
  /** RingMQ first, then by rate. */
  results: ReportResult[];
}

/** Newest runs first; a workload and class that a newer run has is not shown again. */
export function groupByWorkload(runs: readonly ReportSuiteRun[]): WorkloadGroup[] {
  const groups = new Map<string, WorkloadGroup>();
  for (const run of runs) {
    const ofThisRun = new Set<string>();
    for (const result of run.results) {
      const { workload, durability } = result;
      const key = `${workload}/${durability}`;
      const group = groups.get(key);
      if (group === undefined) {
        groups.set(key, { workload, durability, run, results: [result] });
        ofThisRun.add(key);
      } else if (ofThisRun.has(key)) {
        group.results.push(result);
      }
    }
  }
  for (const { results } of groups.values()) {
    results.sort(byRate);
  }
  return [...groups.values()].sort(
    (a, b) =>
      rankOf(a.workload) - rankOf(b.workload) ||
      a.workload.localeCompare(b.workload, 'en', { numeric: true }) ||
      CLASS_ORDER.indexOf(a.durability) - CLASS_ORDER.indexOf(b.durability),
  );
}

function byRate(a: ReportResult, b: ReportResult): number {
  const ownFirst = Number(b.system === RINGMQ) - Number(a.system === RINGMQ);
  return ownFirst || b.messagesPerSecond - a.messagesPerSecond;
}

/** Rates, then latencies, then backlogs. */
function rankOf(workload: string): number {
  const kinds = [
    /^max-rate-\d+b$/,
    /^max-rate-\d+kib$/,
    /^max-rate.*-\d+b$/,
    /^max-rate/,
    /fixed/,
    /request|producers|single/,
    /backlog|drain/,
  ];
  const rank = kinds.findIndex((kind) => kind.test(workload));
  return rank === -1 ? kinds.length : rank;
}

/** `max-rate-1-topic-16-queues-100b` in words. */
export function workloadTitle(name: string): string {
  return name
    .replace(/^max-rate-?/, 'maximum rate, ')
    .replace(/(\d)b$/, '$1 B')
    .replace(/(\d)kib$/, '$1 KiB')
    .replaceAll(/-(?=\d+ (?:B|KiB)$)/g, ', ')
    .replace(/^fixed-(\d+)k/, 'fixed rate $1,000/s')
    .replace(/10000/, '10,000')
    .replace(/-(topics?)-/, ' $1 × ')
    .replace(/^(drain|backlog)-(\d+)m$/, '$1 of $2 million')
    .replace('one-a-request', ', one message a request')
    .replaceAll('-', ' ')
    .replaceAll(' ,', ',')
    .replaceAll(/ +/g, ' ')
    .trim();
}

export function workloadTable(group: WorkloadGroup, runs: readonly ReportSuiteRun[]): Table {
  const { results, run, durability, workload } = group;
  const own = results.find(({ system }) => system === RINGMQ);
  return {
    caption: CLASS_TITLES[durability],
    columns: [
      left('system'),
      left('version'),
      left('through'),
      right(/drain|backlog/.test(workload) ? 'received' : 'acked'),
      right('spread'),
      right('p50'),
      right('p99'),
      left('latency of'),
      right('RingMQ ÷ it'),
    ],
    rows: results.map((result) => [
      systemTitle(result.system, runs) + (isRival(result.system, run) || result === own ? '' : note(result)),
      result.version,
      result.api,
      formatQuantity(result.messagesPerSecond, 'messages/s'),
      percent(spread(result.rounds ?? [])),
      milliseconds(result.p50Ms),
      milliseconds(result.p99Ms),
      result.p50Ms === null ? NONE : result.endToEnd === true ? 'end to end' : 'send to ack',
      own === undefined || result.system === RINGMQ
        ? ''
        : times(own.messagesPerSecond / result.messagesPerSecond),
    ]),
  };
}

function note({ system }: ReportResult): string {
  return system === RINGMQ ? '' : ' (a ceiling, not a rival)';
}
