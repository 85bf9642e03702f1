/**
 * `npm run bench:cluster`: what replication costs, ratios within one run. Options: `--rounds N` (3), `--only
 * NAME,…` (of measures), `--no-peers` (without Kafka and RocketMQ), `--short`, `--json FILE`, `--markdown
 * FILE`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { monotonicMs } from '../../native-free/time/index.js';
import { describeEnvironment } from '../environment.js';
import { readFlags } from '../flags.js';
import { PeerUnavailable } from '../peers/peer.js';
import { median } from '../statistics.js';
import { warmPages } from '../warm-pages.js';
import { MEASURES, type MeasureName, writtenBytes } from './measures.js';
import { ROWS, type Row, type Unit } from './rows.js';

/** Some names a line, for the help. */
function someALine(names: readonly string[]): string {
  return names
    .map((name, i) => (i % 6 === 5 ? `${name},\n${' '.repeat(18)}` : `${name}, `))
    .join('')
    .slice(0, -2);
}

const HELP = `npm run bench:cluster -- [options]: what replication costs, ratios within one run, medians of the rounds' ratios

  --rounds N      rounds, interleaved (3)
  --only NAME,…   rows with these measures:
                  ${someALine(Object.keys(MEASURES))}
  --no-peers      without Kafka and RocketMQ, which need Java, Maven and minutes
  --short         one round, a twentieth of the messages: whether all of it runs; its figures say nothing
  --json FILE     writes the figures
  --markdown FILE writes the table for docs/performance.md`;

const { values: flags } = readFlags(HELP, {
  allowNegative: true,
  options: {
    rounds: { type: 'string' },
    only: { type: 'string' },
    peers: { type: 'boolean', default: true },
    short: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'string' },
  },
});
const SHORT_SHARE = 0.05;
const rounds = Number(flags.rounds ?? (flags.short ? 1 : 3));
const share = flags.short ? SHORT_SHARE : 1;

function chooseRows(): Row[] {
  const names = flags.only?.split(',');
  const unknown = names?.find((name) => !(name in MEASURES));
  if (unknown !== undefined) {
    process.stderr.write(`there is no measure ${unknown}; see --help\n`);
    process.exit(2);
  }
  return ROWS.filter((row) => {
    const isWanted =
      names === undefined ||
      names.includes(row.measure) ||
      (row.against !== null && names.includes(row.against));
    return isWanted && (flags.peers || row.isPeer !== true);
  });
}

/** Each figure once a round, with pages that were used before; every other round from the end. */
async function measureAll(rows: readonly Row[], directory: string): Promise<Map<MeasureName, number[]>> {
  const names = [
    ...new Set(rows.flatMap(({ against, measure }) => (against === null ? [measure] : [against, measure]))),
  ];
  const found = new Map<MeasureName, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      process.stderr.write(`round ${round + 1}: ${name}`);
      warmPages(directory, writtenBytes(name) * share);
      const begun = monotonicMs();
      const scratch = join(directory, 'scratch');
      mkdirSync(scratch);
      try {
        const figure = await MEASURES[name]({ scratch, share });
        found.get(name)?.push(figure);
        const seconds = ((monotonicMs() - begun) / 1000).toFixed(1);
        process.stderr.write(` ${Number(figure.toPrecision(4))} (${seconds} s)\n`);
      } catch (error) {
        // The others are worth having without it.
        const isExpected = error instanceof PeerUnavailable;
        process.stderr.write(` ${isExpected ? 'left out' : 'FAILED'}: ${(error as Error).message}\n`);
        process.exitCode = isExpected ? process.exitCode : 1;
        found.get(name)?.push(Number.NaN);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    }
  }
  return found;
}

interface Line extends Row {
  own: number;
  /** What it is compared with; NaN: its limit alone. */
  other: number;
  /** What the target is for. */
  reachedFigure: number;
  isReached: boolean;
}

/** Of those that were measured. */
function middle(values: readonly number[]): number {
  return median(values.filter((value) => !Number.isNaN(value)));
}

function lineOf(row: Row, found: Map<MeasureName, number[]>): Line {
  const figures = found.get(row.measure) ?? [];
  const others = row.against === null ? null : (found.get(row.against) ?? []);
  const all = others === null ? figures : figures.map((value, i) => value / (others[i] as number));
  const reachedFigure = middle(all);
  const isReached = row.isAtMost ? reachedFigure <= row.target : reachedFigure >= row.target;
  return { ...row, own: middle(figures), other: middle(others ?? []), reachedFigure, isReached };
}

function figureText(value: number, unit: Unit): string {
  switch (unit) {
    case 'per second':
      return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${(value / 1e3).toFixed(0)} k/s`;
    case 'ratio':
      return value.toFixed(2);
    default:
      return `${value.toFixed(0)} ${unit === 'us' ? 'µs' : unit}`;
  }
}

/** work, figure, against, ratio, target, whether it is reached. */
function cellsOf({
  work,
  own,
  other,
  against,
  reachedFigure,
  target,
  isAtMost,
  unit,
  isReached,
}: Line): string[] {
  if (Number.isNaN(reachedFigure)) {
    return [work, '', '', '', '', 'not measured'];
  }
  const sign = isAtMost ? '≤' : '≥';
  const isRatio = against !== null;
  return [
    work,
    figureText(own, unit),
    isRatio ? figureText(other, unit) : '',
    isRatio ? reachedFigure.toFixed(2) : '',
    `${sign} ${isRatio ? target : figureText(target, unit)}`,
    isReached ? 'reached' : 'missed',
  ];
}

const HEAD = ['work', 'RingMQ', 'against', 'ratio', 'target', ''];

function render(lines: readonly Line[]): string {
  const table = new Table({
    head: HEAD,
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left'],
  });
  table.push(...lines.map(cellsOf));
  return table.toString();
}

function markdown(lines: readonly Line[]): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...lines.map(cellsOf)];
  return rows.map((cells) => `| ${cells.join(' | ')} |\n`.replaceAll('|  |', '| |')).join('');
}

const directory = mkdtempSync(join(tmpdir(), 'ringmq-bench-cluster-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(1));
}
const rows = chooseRows();
const found = await measureAll(rows, directory);
const lines = rows.map((row) => lineOf(row, found));
const environment = describeEnvironment();
const { commit, cpu, cores, memoryGiB, node, kernel, date } = environment;
process.stdout.write(
  `commit ${commit}, ${cores} x ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, ${date}\n${render(lines)}\n`,
);
if (flags.markdown !== undefined) {
  writeFileSync(flags.markdown, markdown(lines));
}
if (flags.json !== undefined) {
  const measured = Object.fromEntries(found);
  writeFileSync(flags.json, `${JSON.stringify({ environment, rounds, share, lines, measured }, null, 2)}\n`);
}
