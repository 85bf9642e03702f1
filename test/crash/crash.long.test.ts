import { expect, it } from 'vitest';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { runCrashRounds } from './crash-rounds.js';

// The short form; 200 rounds with a random seed are `npm run test:crash`.
it('loses, moves and doubles nothing that was acked over six crashes in a row', {
  timeout: 240_000,
}, async () => {
  const directory = makeDirectory();
  const rounds = await runCrashRounds({ directory, rounds: 6, seed: 20260131 });
  expect(rounds).toHaveLength(6);
  expect(rounds.at(-1)?.acked).toBeGreaterThan(100);
  removeDirectory(directory);
});
