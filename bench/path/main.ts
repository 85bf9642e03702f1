/**
 * `npm run bench:path`: the whole path against what this machine can do at all, in one run, interleaved.
 * Options: `--rounds N` (3; of `--auth` 12), `--only NAME,…` (of measures), `--backlog` (only memory and restart with 20
 * million records), `--no-backlog`, `--before DIR` (another build beside this one instead), `--auth` (without logins, the
 * same again, and with them, instead), `--json FILE`.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { describeEnvironment } from '../environment.js';
import { readFlags } from '../flags.js';
import { makeProbeDirectory, removeProbeDirectory } from '../limits/probe.js';
import { median } from '../statistics.js';
import { measureBacklog } from './backlog.js';
import { type Compared, comparedOf, compareOnce, renderCompared, type Side } from './compare.js';
import { MEASURES, MEASURES_WITH_LOGINS, type MeasureName, measuresOf } from './measures.js';
import { backlogLines, lineOf, type ReportLine, renderReport } from './report.js';
import { COMPARED, type Measured, ROWS, type Row } from './rows.js';

const HELP = `npm run bench:path -- [options]: the whole path against what this machine can do at all, in one run, interleaved

  --rounds N      rounds, interleaved (3; with --auth 12)
  --only NAME,…   these measures
  --backlog       only memory and restart with 20 million records; --no-backlog leaves them out
  --before DIR    instead: each measure beside that of another build, a built checkout of this project in DIR
  --auth          instead: producing and end to end with logins, beside the same without, and that beside itself,
                  which says how much of a difference is chance
  --json FILE     writes the figures`;

const { values: flags } = readFlags(HELP, {
  allowNegative: true,
  options: {
    rounds: { type: 'string' },
    only: { type: 'string' },
    backlog: { type: 'boolean' },
    before: { type: 'string' },
    auth: { type: 'boolean' },
    json: { type: 'string' },
  },
});
/** What logins are held against. */
const WITH_LOGINS: readonly string[] = [
  'produceAsync100',
  'produceAsync1k',
  'endToEnd100',
  'cpuProduceAsync100',
  'cpuEndToEnd100',
];
/** What logins cost is little beside what chance does. */
const rounds = Number(flags.rounds ?? (flags.auth === true && flags.before === undefined ? 12 : 3));
const rows = chooseRows(flags.only, flags.backlog === true);
const withBacklog = flags.backlog ?? flags.only === undefined;

function chooseRows(only: string | undefined, backlogOnly: boolean): Row[] {
  return backlogOnly ? [] : ROWS.filter(({ measure }) => only?.split(',').includes(measure) ?? true);
}

/** What is held against another build, or against the same with logins. */
function chooseCompared(): Measured[] {
  const names = flags.only?.split(',') ?? (flags.before === undefined ? WITH_LOGINS : null);
  return COMPARED.filter(({ measure }) => names?.includes(measure) ?? true);
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

async function compareAll(directory: string, sides: readonly Side[]): Promise<Compared[]> {
  const asked = chooseCompared();
  const bar = startBar(asked.length * rounds);
  const all: Compared[] = [];
  for (const row of asked) {
    const figures: number[][] = [];
    for (let round = 0; round < rounds; round++) {
      bar?.update({ doing: `${row.measure}, round ${round + 1}` });
      figures.push(await compareOnce(row, sides, round, directory));
      bar?.increment();
    }
    all.push(comparedOf(row, figures));
  }
  bar?.stop();
  return all;
}

/** null: nothing is held against anything but the machine. */
function sidesAsked(): Side[] | null {
  if (flags.before !== undefined) {
    const before = { name: 'before', measures: measuresOf(flags.before) };
    return [before, { name: 'now', measures: MEASURES }];
  }
  if (flags.auth !== true) {
    return null;
  }
  return [
    { name: 'without logins', measures: MEASURES },
    { name: 'again', measures: MEASURES },
    { name: 'with logins', measures: MEASURES_WITH_LOGINS },
  ];
}

async function main(): Promise<void> {
  const directory = makeProbeDirectory();
  // Broken off, it takes its brokers and its gigabytes with it.
  process.once('exit', () => removeProbeDirectory(directory));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(1));
  }
  try {
    const sides = sidesAsked();
    if (sides !== null) {
      const compared = await compareAll(directory, sides);
      process.stdout.write(`${renderCompared(rounds, compared, sides)}\n`);
      if (flags.json !== undefined) {
        const names = sides.map(({ name }) => name);
        const result = { environment: describeEnvironment(), rounds, sides: names, compared };
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
