/**
 * `npm run test:simulation -- --replication 100000 --leadership 5000 --seed 1`: many more schedules than the
 * tests run. Goes on behind a fault, prints each with its seed, and ends with 1 if there was one.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Simulation } from '../replica/simulation.js';
import { LeaderMachine } from './leader-machine.js';

/** A line of progress so often. */
const REPORT_MS = 30_000;
const REPLICATION_STEPS = 400;

/** Runs one schedule: what was acked, and what was wrong. */
type Schedule = (seed: number) => Promise<{ acked: number; faults: readonly string[] }>;

const NAMES = ['replication', 'leadership', 'lostDisk'] as const;

const KINDS: Record<(typeof NAMES)[number], { run: Schedule; replay: (seed: number) => string }> = {
  replication: {
    run: async (seed) => {
      const { acked, problem } = await new Simulation(seed).run(REPLICATION_STEPS);
      return { acked, faults: problem === null ? [] : [problem] };
    },
    replay: (seed) => `RINGMQ_SEED=${seed} RINGMQ_SCHEDULES=1 npx vitest run dist/test/replica/simulation`,
  },
  leadership: {
    run: (seed) => new LeaderMachine(seed).run(),
    replay: (seed) => `RINGMQ_SEED=${seed} npx vitest run dist/test/simulation/leadership`,
  },
  lostDisk: {
    run: (seed) => new LeaderMachine(seed, 1, {}, true).run(),
    replay: (seed) => `RINGMQ_SEED=${seed} npx vitest run dist/test/simulation/leadership`,
  },
};

const { values } = parseArgs({
  options: {
    replication: { type: 'string', default: '100000' },
    leadership: { type: 'string', default: '5000' },
    lostDisk: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
  },
});
const first = Number(values.seed);
let faultCount = 0;
for (const kind of NAMES) {
  const { run, replay } = KINDS[kind];
  const schedules = Number(values[kind]);
  let ackedTotal = 0;
  let saidAt = performance.now();
  for (let done = 0; done < schedules; done++) {
    const seed = first + done;
    const { acked, faults } = await run(seed);
    ackedTotal += acked;
    if (faults.length > 0) {
      faultCount++;
      process.stdout.write(`${kind}, seed ${seed}: ${faults[0]}\n  repeat it with ${replay(seed)}\n`);
    }
    if (performance.now() - saidAt > REPORT_MS) {
      saidAt = performance.now();
      process.stdout.write(`${kind}: ${done + 1} of ${schedules} schedules\n`);
    }
    // Memory that a schedule leaves is given back between turns of the loop only.
    await turn();
  }
  process.stdout.write(`${kind}: ${schedules} schedules from seed ${first}, ${ackedTotal} acked\n`);
}
process.stdout.write(`${faultCount} with a fault\n`);
process.exitCode = faultCount === 0 ? 0 : 1;
