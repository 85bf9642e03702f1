/** `npm run bench:limits`: what this machine allows, in one run of half a minute. Options: `--only TEXT` (in a name), `--json FILE`. */
import { writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { describeEnvironment, type Environment } from '../environment.js';
import { readFlags } from '../flags.js';
import { formatQuantity } from '../quantity.js';
import { LIMITS, type Limit } from './limits.js';
import { makeProbeDirectory, removeProbeDirectory } from './probe.js';

/** What `--json` writes. */
export interface LimitsRun {
  environment: Environment;
  limits: { name: string; how: string; unit: Limit['unit']; value: number }[];
}

const HELP = `npm run bench:limits -- [options]: what this machine allows, in half a minute

  --only TEXT     limits with this in their name
  --json FILE     writes the figures`;

const { values: flags } = readFlags(HELP, {
  options: { only: { type: 'string' }, json: { type: 'string' } },
});

async function main(): Promise<void> {
  const directory = makeProbeDirectory();
  process.once('exit', () => removeProbeDirectory(directory));
  const run: LimitsRun = { environment: describeEnvironment(), limits: [] };
  for (const { name, how, unit, measure } of LIMITS) {
    if (flags.only !== undefined && !name.includes(flags.only)) {
      continue;
    }
    process.stderr.write(`${name} …\n`);
    run.limits.push({ name, how, unit, value: await measure(directory) });
  }
  const table = new Table({
    head: ['limit', 'how', 'figure'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'right'],
  });
  for (const { name, how, unit, value } of run.limits) {
    table.push([name, how, formatQuantity(value, unit)]);
  }
  const { commit, cpu, cores, node, date } = run.environment;
  process.stdout.write(`commit ${commit}, ${cores} x ${cpu}, Node ${node}, ${date}\n${table.toString()}\n`);
  if (flags.json !== undefined) {
    writeFileSync(flags.json, `${JSON.stringify(run, null, 2)}\n`);
  }
}

await main();
