/**
 * `npm run bench:micro`: what the hot functions cost, beside a saved baseline. Options: `--only SUITE,…`,
 * `--quick` (rough, for CI: that it works, not how fast), `--save` (makes this run the baseline), `--json
 * FILE`. Ends with 0 unless a case throws.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { describeEnvironment } from '../environment.js';
import { readFlags } from '../flags.js';
import { runClient } from '../limits/child.js';
import {
  type ComparedCase,
  compareRuns,
  describeChange,
  type MicroRun,
  mergeBaseline,
  NOISE,
  type SuiteFigures,
} from './figures.js';
import { SUITES } from './suites/index.js';

// From dist/bench/micro to the sources.
const BASELINE = new URL('../../../bench/micro/baseline.json', import.meta.url);
const MAX_SECONDS = 0.9;
const QUICK_MAX_SECONDS = 0.08;

const HELP = `npm run bench:micro -- [options]: what the hot functions cost, beside a saved baseline

  --only SUITE,…  these suites alone
  --quick         rough: that it works, not how fast
  --save          makes this run the baseline
  --json FILE     writes the figures`;

const { values: flags } = readFlags(HELP, {
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

function chooseSuites(): string[] {
  const all = SUITES.map(({ name }) => name);
  if (flags.only === undefined) {
    return all;
  }
  const wanted = flags.only.split(',');
  const unknown = wanted.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw new Error(`no suite ${unknown.join(', ')}; there are ${all.join(', ')}`);
  }
  return wanted;
}

function readBaseline(): MicroRun | null {
  try {
    return JSON.parse(readFileSync(BASELINE, 'utf8')) as MicroRun;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return null;
    }
    throw error;
  }
}

function render(compared: readonly ComparedCase[]): string {
  const table = new Table({
    head: ['suite', 'case', 'a', 'time', '±', 'baseline', 'change'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'left'],
  });
  for (const one of compared) {
    table.push([
      one.suite,
      one.name,
      one.unit,
      time(one.nanoseconds),
      `${one.marginPercent.toFixed(0)} %`,
      one.baselineNanoseconds === null ? '' : time(one.baselineNanoseconds),
      describeChange(one.change),
    ]);
  }
  return table.toString();
}

function time(nanoseconds: number): string {
  if (nanoseconds >= 1000) {
    return `${(nanoseconds / 1000).toFixed(2)} us`;
  }
  return `${nanoseconds.toFixed(nanoseconds < 100 ? 1 : 0)} ns`;
}

const baseline = readBaseline();
const suites: SuiteFigures[] = [];
for (const name of chooseSuites()) {
  process.stderr.write(`${name} …\n`);
  const maxSeconds = flags.quick ? QUICK_MAX_SECONDS : MAX_SECONDS;
  suites.push((await runClient(import.meta.url, './suite-process.js', [name, maxSeconds])) as SuiteFigures);
}
const run: MicroRun = { environment: describeEnvironment(), suites };
process.stdout.write(`${render(compareRuns(run, baseline))}\n`);
process.stdout.write(
  [
    'The machine drifts, so the change is not of times: it is of each time in multiples of a fixed JavaScript loop that ran right',
    `before and after it (calibrations). Up to ${NOISE * 100} % either way is noise.${flags.quick ? ' Quick figures are rougher still.' : ''}`,
    baseline === null ? 'There is no baseline yet; --save makes one.' : `Baseline: ${describe(baseline)}`,
  ].join('\n'),
);
process.stdout.write('\n');
if (flags.json !== undefined) {
  writeFileSync(flags.json, `${JSON.stringify(run, null, 2)}\n`);
}
if (flags.save) {
  writeFileSync(BASELINE, `${JSON.stringify(mergeBaseline(baseline, run), null, 2)}\n`);
}

function describe({ environment }: MicroRun): string {
  const { commit, cpu, cores, node, date } = environment;
  return `commit ${commit}, ${cores} x ${cpu}, Node ${node}, ${date}`;
}
