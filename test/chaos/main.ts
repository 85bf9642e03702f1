/**
 * `npm run test:chaos -- --runs 20 --faults 15 --seed 7 [--mode NAME]`: prints each fault and verdict; ends
 * with 1 at the first run with a fault in it. The seed says which mode it is, where none is named.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { etcdPath } from '../cluster/find-etcd.js';
import { runChaos } from './chaos-run.js';
import { verdictText } from './checker.js';
import { type ChaosMode, MODES } from './modes.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    faults: { type: 'string', default: '12' },
    seed: { type: 'string' },
    mode: { type: 'string' },
  },
});
const first = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const totals = { attempted: 0, acked: 0, unacked: 0, lost: 0, duplicated: 0, recovered: 0 };
let runs = 0;
for (let seed = first; seed < first + Number(values.runs); seed++) {
  const mode = MODES.find(({ name }) => name === values.mode) ?? (MODES[seed % MODES.length] as ChaosMode);
  const flush = Math.floor(seed / MODES.length) % 2 === 0 ? 'sync' : 'async';
  if (mode.hasController && etcdPath() === null) {
    process.stdout.write(`seed ${seed}, ${mode.name}: left out, there is no etcd here\n`);
    continue;
  }
  const directory = makeDirectory();
  process.stdout.write(`seed ${seed}, ${mode.name}, ${flush} flush, in ${directory}\n`);
  const verdict = await runChaos({
    ...{ directory, seed, mode, flush },
    faults: Number(values.faults),
    onFault: (text) => process.stdout.write(`  ${text}\n`),
  });
  process.stdout.write(`  ${verdictText(verdict)}\n`);
  if (verdict.faults.length > 0) {
    process.stdout.write(
      `${verdict.faults.join('\n')}\nrepeat it with --seed ${seed} --mode ${mode.name} --runs 1\n`,
    );
    process.exit(1);
  }
  runs++;
  for (const name of Object.keys(totals) as (keyof typeof totals)[]) {
    const count = verdict[name];
    totals[name] += typeof count === 'number' ? count : count.length;
  }
  removeDirectory(directory);
}
process.stdout.write(`${runs} runs: ${JSON.stringify(totals)}\n`);
