/**
 * `npm run bench:path`: the whole path against what this machine can do at all, in one run, interleaved.
 * Options: `--rounds N` (3), `--only NAME,…` (of measures), `--backlog` (only memory and restart with 20
 * million records), `--no-backlog`, `--before DIR` (another build beside this one instead), `--auth` (with and without
 * logins instead), `--json FILE`.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { describeEnvironment } from '../environment.js';
import { readFlags } from '../flags.js';
import { makeProbeDirectory, removeProbeDirectory } from '../limits/probe.js';
import { median } from '../statistics.js';
import { measureBacklog } from './backlog.js';
import {
  type Compared,
  comparedOf,
  compareOnce,
  type Measures,
  measuresOf,
  renderCompared,
} from './compare.js';
import { MEASURES, MEASURES_WITH_LOGINS, type MeasureName } from './measures.js';
import { backlogLines, lineOf, type ReportLine, renderReport } from './report.js';
import { ROWS, type Row } from './rows.js';

const HELP = `npm run bench:path -- [options]: the whole path against what this machine can do at all, in one run, interleaved

  --rounds N      rounds, interleaved (3)
  --only NAME,…   these measures
  --backlog       only memory and restart with 20 million records; --no-backlog leaves them out
  --before DIR    instead: each measure beside that of another build, a built checkout of this project in DIR
  --auth          instead: producing and end to end with logins, beside the same without
  --json FILE     writes the figures`;

const { values: flags } = readFlags(HELP, {
  allowNegative: true,
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    backlog: { type: 'boolean' },
    before: { type: 'string' },
    auth: { type: 'boolean' },
    json: { type: 'string' },
  },
});
/** What logins are held against. */
const WITH_LOGINS: readonly string[] = ['produceAsync100', 'produceAsync1k', 'endToEnd100'];
const rounds = Number(flags.rounds);
const rows = chooseRows(flags.only, flags.backlog === true);
const withBacklog = flags.backlog ?? flags.only === undefined;

function chooseRows(only: string | undefined, backlogOnly: boolean): Row[] {
  if (backlogOnly) {
    return [];
  }
  if (only === undefined && flags.auth !== true) {
    return [...ROWS];
  }
  const names = only?.split(',') ?? WITH_LOGINS;
  return ROWS.filter((row) => names.includes(row.measure));
}

/** Each figure once a round, next to what it is compared with, in the order of the table. */
function plan(): MeasureName[] {
  return [...new Set(rows.flatMap((row) => [row.against, row.measure]))];
}

async function measureAll(directory: string): Promise<Map<MeasureName, number[]>> {
  const names = plan();
  const found = new Map<MeasureName, number[]>(names.map((name) => [name, []]));
  const bar = startBar(names.length * rounds + (withBacklog ? 1 : 0));
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) {
      bar?.update({ doing: `round ${round}: ${name}` });
      const scratch = join(directory, 'scratch');
      mkdirSync(scratch);
      found.get(name)?.push(await MEASURES[name]({ probes: directory, scratch }));
      rmSync(scratch, { recursive: true });
      bar?.increment();
    }
  }
  bar?.stop();
  return found;
}

function startBar(total: number): SingleBar | null {
  if (process.stderr.isTTY !== true) {
    return null;
  }
  const bar = new SingleBar({
    format: '{bar} {value}/{total} · {duration_formatted} · {doing}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(total, 0, { doing: '' });
  return bar;
}

async function compareAll(
  directory: string,
  builds: readonly [before: Measures, now: Measures],
): Promise<Compared[]> {
  const bar = startBar(rows.length * rounds);
  const all: Compared[] = [];
  for (const row of rows) {
    const [others, own]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      bar?.update({ doing: `${row.measure}, round ${round + 1}` });
      const [other, now] = await compareOnce(row, builds, round, directory);
      others.push(other);
      own.push(now);
      bar?.increment();
    }
    all.push(comparedOf(row, others, own));
  }
  bar?.stop();
  return all;
}

async function main(): Promise<void> {
  const directory = makeProbeDirectory();
  // Broken off, it takes its brokers and its gigabytes with it.
  process.once('exit', () => removeProbeDirectory(directory));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(1));
  }
  try {
    if (flags.before !== undefined || flags.auth === true) {
      const isAuth = flags.before === undefined;
      const builds: [Measures, Measures] = isAuth
        ? [MEASURES, MEASURES_WITH_LOGINS]
        : [await measuresOf(flags.before as string), MEASURES];
      const compared = await compareAll(directory, builds);
      const names: [string, string] = isAuth ? ['without logins', 'with logins'] : ['before', 'now'];
      process.stdout.write(`${renderCompared(rounds, compared, names)}\n`);
      if (flags.json !== undefined) {
        const result = { environment: describeEnvironment(), rounds, compared };
        writeFileSync(flags.json, `${JSON.stringify(result, null, 2)}\n`);
      }
      return;
    }
    const found = await measureAll(directory);
    const lines: ReportLine[] = rows.map((row) =>
      lineOf(row, median(found.get(row.measure) ?? []), median(found.get(row.against) ?? [])),
    );
    if (withBacklog) {
      lines.push(...backlogLines(await measureBacklog(join(directory, 'backlog'))));
    }
    const environment = describeEnvironment();
    process.stdout.write(`${renderReport(environment, rounds, lines)}\n`);
    if (flags.json !== undefined) {
      const measured = Object.fromEntries(found);
      writeFileSync(flags.json, `${JSON.stringify({ environment, rounds, lines, measured }, null, 2)}\n`);
    }
  } finally {
    removeProbeDirectory(directory);
  }
}

await main();
