/** A run as files and as text. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { LatencyFigures } from './latency.js';
import type { LoadReport } from './report.js';
import type { LoadRun } from './run.js';

/** Writes the report and each distribution that has values. The files' common beginning. */
export function writeRun(directory: string, run: LoadRun): string {
  const { report, latencies } = run;
  const name = [report.system, report.workload.name, report.flush, report.api]
    .join('-')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  const parts = [
    ['send', latencies.send],
    ['send-intended', latencies.sendFromIntended],
    ['end-to-end', latencies.endToEnd],
  ] as const;
  for (const [part, latency] of parts) {
    if (latency.figures() !== null) {
      writeFileSync(`${path}.${part}.hgrm`, latency.hgrm());
    }
  }
  return path;
}

export function describeRun(report: LoadReport): string {
  const { workload, window, counts, memory, lag, backlog } = report;
  const target = workload.rate === 0 ? 'as fast as it goes' : `${count(workload.rate)}/s asked for`;
  const lines = [
    `${workload.name} on ${report.system} ${report.version}, ${report.flush} flush, ${report.api}, ${target}`,
    `sent ${count(window.sentPerSecond)}/s, acked ${count(window.ackedPerSecond)}/s, received ${count(window.receivedPerSecond)}/s in ${window.seconds.toFixed(1)} s`,
    `messages: ${count(counts.acked)} acked of ${count(counts.sent)}, ${count(counts.received)} received; ${counts.failed} failed, ${counts.lost} lost, ${counts.duplicates} doubled, ${counts.damaged} damaged`,
    `CPU: broker ${window.brokerCpuPercent.toFixed(0)} %, generator ${window.generatorCpuPercent.toFixed(0)} % of a core; RSS: broker ${mib(memory.brokerPeakRssBytes)} at most, generator ${mib(memory.generatorRssBytes)}`,
    `behind at the end ${count(lag.atEnd)}, at most ${count(lag.max)}; the last came ${lag.drainSeconds} s after the last was acked`,
  ];
  if (backlog !== null) {
    lines.push(
      `backlog of ${count(backlog.messages)}: acked ${count(backlog.emptyPerSecond)}/s while little was stored, ${count(backlog.backloggedPerSecond)}/s beyond it; ` +
        `${count(backlog.drainMessages)} drained in ${backlog.drainSeconds.toFixed(1)} s, ${count(backlog.drainPerSecond)}/s${backlog.hasCaughtUp ? '' : ', NOT caught up'}`,
    );
  }
  lines.push(latencyTable(report));
  for (const error of report.errors) {
    lines.push(`error: ${error}`);
  }
  return lines.join('\n');
}

function latencyTable(report: LoadReport): string {
  const table = new Table({
    head: ['ms', 'p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max', 'of'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
  });
  const row = (name: string, figures: LatencyFigures | null): void => {
    if (figures === null) {
      return;
    }
    const { p50, p90, p99, p999, p9999, max } = figures;
    table.push([name, ...[p50, p90, p99, p999, p9999, max].map((ms) => ms.toFixed(3)), count(figures.count)]);
  };
  row('send to ack', report.latencyMs.send);
  row('intended send to ack', report.latencyMs.sendFromIntended);
  row('intended send to receipt', report.latencyMs.endToEnd);
  return table.toString();
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
