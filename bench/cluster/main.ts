/**
 * `npm run bench:cluster`: what replication costs, ratios within one run. Options: `--rounds N` (3), `--only NAME,…` (of measures),
 * `--no-peers` (without Kafka and RocketMQ), `--json FILE`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { describeEnvironment } from '../environment.js';
import { readFlags } from '../flags.js';
import { PeerUnavailable } from '../peers/peer.js';
import { median } from '../statistics.js';
import { MEASURES, type MeasureName } from './measures.js';
import { ROWS, type Row } from './rows.js';

const HELP = `npm run bench:cluster -- [options]: what replication costs, ratios within one run, medians of the rounds' ratios

  --rounds N      rounds, interleaved (3)
  --only NAME,…   rows with these measures
  --no-peers      without Kafka and RocketMQ, which need Java, Maven and minutes
  --json FILE     writes the figures`;

const { values: flags } = readFlags(HELP, {
  allowNegative: true,
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    peers: { type: 'boolean', default: true },
    json: { type: 'string' },
  },
});

function chooseRows(): Row[] {
  const names = flags.only?.split(',');
  return ROWS.filter((row) => {
    const isWanted = names === undefined || names.includes(row.measure) || names.includes(row.against);
    return isWanted && (flags.peers || row.isPeer !== true);
  });
}

/** Each figure once a round; every other round from the end, since whoever comes first has the warm pages. */
async function measureAll(rows: readonly Row[], directory: string): Promise<Map<MeasureName, number[]>> {
  const names = [...new Set(rows.flatMap(({ against, measure }) => [against, measure]))];
  const found = new Map<MeasureName, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      process.stderr.write(`round ${round + 1}: ${name}\n`);
      const scratch = join(directory, 'scratch');
      mkdirSync(scratch);
      try {
        found.get(name)?.push(await MEASURES[name](scratch));
      } catch (error) {
        if (!(error instanceof PeerUnavailable)) {
          throw error;
        }
        process.stderr.write(`${name} is left out: ${error.message}\n`);
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
  other: number;
  ratio: number;
  reached: boolean;
}

function lineOf(row: Row, found: Map<MeasureName, number[]>): Line {
  const [own, other] = [found.get(row.measure) ?? [], found.get(row.against) ?? []];
  const ratio = median(own.map((value, round) => value / (other[round] as number)));
  const reached = row.unit === 'us' ? ratio <= row.target : ratio >= row.target;
  return { ...row, own: median(own), other: median(other), ratio, reached };
}

function render(lines: readonly Line[]): string {
  const table = new Table({
    head: ['work', 'figure', 'against', 'ratio', 'target', ''],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left'],
  });
  for (const { work, own, other, ratio, target, unit, reached } of lines) {
    const figure = (value: number): string =>
      unit === 'us' ? `${value.toFixed(0)} us` : `${(value / 1e3).toFixed(1)} k/s`;
    const limit = `${unit === 'us' ? '≤' : '≥'} ${target}`;
    table.push([work, figure(own), figure(other), ratio.toFixed(2), limit, reached ? 'reached' : 'MISSED']);
  }
  return table.toString();
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
if (flags.json !== undefined) {
  const measured = Object.fromEntries(found);
  writeFileSync(flags.json, `${JSON.stringify({ environment, lines, measured }, null, 2)}\n`);
}
