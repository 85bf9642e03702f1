import Table from 'cli-table3';
import type { Environment } from '../environment.js';
import type { BacklogFigures } from './backlog.js';
import { type Row, reaches } from './rows.js';

const RING_BYTES = 64 << 20;
/** Memory a broker may take beyond its ring, and time to be ready after a SIGKILL, with 20 million records stored. */
const RSS_ROOM_BYTES = 250 << 20;
const RESTART_MS = 2000;

/** One line of the result, as `--json` writes it. */
export interface ReportLine {
  work: string;
  ringmq: number;
  reference: number;
  unit: 'per second' | 'us' | 'bytes' | 'ms';
  ratio: number;
  target: string;
  reached: boolean;
}

export function lineOf(row: Row, own: number, other: number): ReportLine {
  const atLeast = row.unit === 'per second';
  const orPlus = row.orPlusUs === undefined ? '' : `, or + ${row.orPlusUs} us`;
  return {
    work: row.work,
    ringmq: own,
    reference: other,
    unit: row.unit,
    ratio: own / other,
    target: `${atLeast ? '≥' : '≤'} ${row.target}${orPlus}`,
    reached: reaches(row, own, other),
  };
}

export function backlogLines(figures: BacklogFigures): ReportLine[] {
  const room = RING_BYTES + RSS_ROOM_BYTES;
  const limit = (
    work: string,
    own: number,
    reference: number,
    unit: ReportLine['unit'],
    target: string,
  ): ReportLine => ({
    work,
    ringmq: own,
    reference,
    unit,
    ratio: own / reference,
    target,
    reached: own <= reference,
  });
  const messages = `${figures.messages / 1e6} M`;
  return [
    limit(`peak RSS, ${messages} produced`, figures.peakRssBytes, room, 'bytes', '≤ ring + 250 MiB'),
    limit(`peak RSS, ${messages} read back`, figures.peakRssReadingBytes, room, 'bytes', '≤ ring + 250 MiB'),
    limit(`ready after SIGKILL, ${messages} stored`, figures.restartMs, RESTART_MS, 'ms', '≤ 2 s'),
    {
      work: `read ${messages} after SIGKILL / produce them`,
      ringmq: figures.consumeRate,
      reference: figures.produceRate,
      unit: 'per second',
      ratio: figures.consumeRate / figures.produceRate,
      target: '≥ 1',
      reached: figures.consumeRate >= figures.produceRate,
    },
  ];
}

/** The whole result as text. */
export function renderReport(environment: Environment, rounds: number, lines: readonly ReportLine[]): string {
  const { commit, cpu, cores, memoryGiB, node, kernel, date } = environment;
  const table = new Table({
    head: ['work', 'RingMQ', 'against', 'ratio', 'target', ''],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left'],
  });
  for (const line of lines) {
    table.push([
      line.work,
      figure(line.ringmq, line.unit),
      figure(line.reference, line.unit),
      line.ratio.toFixed(2),
      line.target,
      line.reached ? 'reached' : 'MISSED',
    ]);
  }
  return [
    `commit ${commit}, ${cores} x ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, ${date}`,
    'broker and load in processes of their own over loopback; client batches of up to 64 KiB (584 x 100 B, 63 x 1 KiB), 64 in flight;',
    'raw path: 256 x 100 B or 64 x 1 KiB a frame, 64 frames in flight; uws listener; ring 64 MiB; 4 queues unless said;',
    `medians of ${rounds} rounds, each measurement next to what it is compared with; memory and restart: one run`,
    table.toString(),
  ].join('\n');
}

function figure(value: number, unit: ReportLine['unit']): string {
  if (unit === 'us') {
    return `${value.toFixed(0)} us`;
  }
  if (unit === 'ms') {
    return `${value.toFixed(0)} ms`;
  }
  if (unit === 'bytes') {
    return `${(value / 2 ** 20).toFixed(0)} MiB`;
  }
  return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${(value / 1e3).toFixed(1)} k/s`;
}
