/** The report's section on single runs of the load generator. */
import { formatQuantity } from '../quantity.js';
import type { ReportLoadRun, ReportSuiteRun } from './inputs.js';
import { durabilityOf } from './load-results.js';
import type { Block, Section } from './sections.js';
import { systemRank, systemTitle } from './systems.js';
import { left, milliseconds, right, type Table } from './tables.js';

export function loadSection(
  loads: readonly ReportLoadRun[],
  runs: readonly ReportSuiteRun[],
): Section | null {
  if (loads.length === 0) {
    return null;
  }
  const sorted = [...loads].sort(
    (a, b) =>
      a.workload.name.localeCompare(b.workload.name, 'en', { numeric: true }) ||
      systemRank(a.system) - systemRank(b.system),
  );
  const latencies: Table = {
    caption: 'Latency from the intended send: to receipt where there are consumers, else to the ack',
    columns: [
      left('workload'),
      left('system'),
      left('class'),
      left('through'),
      ...['p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max'].map(right),
    ],
    rows: sorted.flatMap((load) => {
      const latency = load.latencyMs.endToEnd ?? load.latencyMs.sendFromIntended;
      if (latency === null) {
        return [];
      }
      const { p50, p90, p99, p999, p9999, max } = latency;
      return [[...nameOf(load, runs), ...[p50, p90, p99, p999, p9999, max].map(milliseconds)]];
    }),
  };
  return {
    id: 'load',
    title: 'Load runs',
    text: [
      'One generator in a process of its own sends at a uniform rate, whatever comes back, and counts lateness from when a message was meant to be sent.',
    ],
    blocks: [
      { table: ratesOfLoads(sorted, runs) },
      ...(latencies.rows.length === 0 ? [] : [{ table: latencies }]),
      ...backlogBlocks(sorted, runs),
    ],
  };
}

function nameOf(load: ReportLoadRun, runs: readonly ReportSuiteRun[]): string[] {
  const durability = load.flush === 'unknown' ? 'unknown' : durabilityOf(load.flush).replace('-', ' ');
  return [load.workload.name, `${systemTitle(load.system, runs)} ${load.version}`, durability, load.api];
}

function ratesOfLoads(loads: readonly ReportLoadRun[], runs: readonly ReportSuiteRun[]): Table {
  return {
    caption: 'Rates, and faults: messages lost, doubled, damaged or failed',
    columns: [
      left('workload'),
      left('system'),
      left('class'),
      left('through'),
      right('asked for'),
      right('acked'),
      right('received'),
      right('CPU of broker'),
      right('RSS of broker'),
      right('faults'),
    ],
    rows: loads.map((load) => {
      const { window, counts, memory, workload } = load;
      const { lost, duplicates, damaged, failed } = counts;
      return [
        ...nameOf(load, runs),
        workload.rate === 0 ? 'all it takes' : formatQuantity(workload.rate, 'messages/s'),
        formatQuantity(window.ackedPerSecond, 'messages/s'),
        formatQuantity(window.receivedPerSecond, 'messages/s'),
        `${window.brokerCpuPercent.toFixed(0)} %`,
        `${(memory.brokerPeakRssBytes / 2 ** 20).toFixed(0)} MiB`,
        String(lost + duplicates + damaged + failed),
      ];
    }),
  };
}

function backlogBlocks(loads: readonly ReportLoadRun[], runs: readonly ReportSuiteRun[]): Block[] {
  const rows = loads.flatMap((load) => {
    const { backlog } = load;
    if (backlog === null) {
      return [];
    }
    return [
      [
        ...nameOf(load, runs),
        formatQuantity(backlog.messages, 'messages'),
        formatQuantity(backlog.emptyPerSecond, 'messages/s'),
        formatQuantity(backlog.backloggedPerSecond, 'messages/s'),
        formatQuantity(backlog.drainPerSecond, 'messages/s'),
        `${backlog.drainSeconds.toFixed(1)} s${backlog.hasCaughtUp ? '' : ', not caught up'}`,
      ],
    ];
  });
  if (rows.length === 0) {
    return [];
  }
  const columns = [
    left('workload'),
    left('system'),
    left('class'),
    left('through'),
    right('backlog'),
    right('acked while empty'),
    right('acked beyond it'),
    right('drained'),
    right('in'),
  ];
  return [
    {
      table: {
        caption: 'Backlog: piled up in one queue, then drained while producing goes on',
        columns,
        rows,
      },
    },
  ];
}
