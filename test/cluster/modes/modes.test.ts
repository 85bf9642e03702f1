/** The short form: each mode once. All eight combinations are `npm run test:modes`. */
import { expect, test } from 'vitest';
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
