/** The short form: each mode once. All eight combinations are `npm run test:modes`. */
import { expect, test } from 'vitest';
import { mayCutPower } from './forgetful-disk.js';
import { mayMakeMachines } from './machines.js';
import { runMachineDown, runPowerCut } from './outages.js';
import { runMode } from './scenario.js';

test('multi-master, sync flush: a killed master loses nothing, and the other one goes on', {
  timeout: 240_000,
}, async () => {
  const result = await runMode('multi-master', 'sync');
  expect(result).toMatchObject({ lostByKill: [], lostByDisk: null, failed: [] });
});

test('sync double-write, async flush: a master killed and its disk thrown away loses nothing', {
  timeout: 240_000,
}, async () => {
  const result = await runMode('sync-double-write', 'async');
  expect(result).toMatchObject({ lostByKill: [], lostByDisk: [], failed: [] });
});

const gone = mayMakeMachines()
  ? 'a machine that is gone'
  : 'a process that stands still (no network can be made here)';
test(`sync double-write, sync flush: ${gone} loses nothing, and both sides notice`, {
  timeout: 240_000,
}, async () => {
  // How soon it is noticed is bounded where it is waited for.
  expect(await runMachineDown('sync-double-write', 'sync')).toMatchObject({
    lost: [],
    unreadMeanwhile: [],
    failed: [],
  });
});

// A real disk has to be mounted for it; elsewhere the simulation of a log's disk stands for it
// (test/simulation/log-crash).
if (mayCutPower()) {
  test('sync double-write, sync flush: a power cut of all loses nothing, and the cluster starts again', {
    timeout: 240_000,
  }, async () => {
    expect(await runPowerCut('sync-double-write', 'sync')).toMatchObject({ lostOld: [], lostLast: [] });
  });
}
