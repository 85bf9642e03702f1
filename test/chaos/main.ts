/** `npm run test:chaos -- --runs 20 --faults 15 --seed 7`: prints each fault and verdict; ends with 1 at the first run with a fault in it. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { runChaos } from './chaos-run.js';
import { verdictText } from './checker.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    faults: { type: 'string', default: '12' },
    seed: { type: 'string' },
  },
});
const first = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
for (let i = 0; i < Number(values.runs); i++) {
  const seed = first + i;
  const flush = seed % 2 === 0 ? 'sync' : 'async';
  const directory = makeDirectory();
  process.stdout.write(`seed ${seed}, sync double-write, ${flush} flush, in ${directory}\n`);
  const verdict = await runChaos({
    directory,
    seed,
    faults: Number(values.faults),
    flush,
    onFault: (text) => process.stdout.write(`  ${text}\n`),
  });
  process.stdout.write(`  ${verdictText(verdict)}\n`);
  if (verdict.faults.length > 0) {
    process.stdout.write(`${verdict.faults.join('\n')}\nrepeat it with --seed ${seed} --runs 1\n`);
    process.exit(1);
  }
  removeDirectory(directory);
}
