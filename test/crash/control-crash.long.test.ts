import { expect, it } from 'vitest';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { runControlCrashes } from './control-rounds.js';
import { runPromoteCrashes } from './promote-rounds.js';

/** `RINGMQ_CONTROL_CRASHES=200` is the long form, `RINGMQ_CONTROL_SEED` repeats one. */
const ROUNDS = Number(process.env['RINGMQ_CONTROL_CRASHES'] ?? 4);
const SEED = Number(process.env['RINGMQ_CONTROL_SEED'] ?? 20260301);

it('topics, groups and offsets are as promised after kills in all that changes them, in the close and in the start', {
  timeout: 120_000 + ROUNDS * 20_000,
}, async () => {
  const directory = makeDirectory();
  const { acked } = await runControlCrashes(directory, ROUNDS, SEED);
  expect(acked).toBeGreaterThan(ROUNDS);
  removeDirectory(directory);
});

it('a slave that is killed while it is made the master has what it had, and can be made the master', {
  timeout: 120_000 + ROUNDS * 20_000,
}, async () => {
  const directory = makeDirectory();
  const rounds = Math.ceil(ROUNDS / 4);
  const { answered } = await runPromoteCrashes(directory, rounds, SEED);
  expect(answered).toBeLessThanOrEqual(rounds);
  removeDirectory(directory);
});
