/** Producers and consumers that are made over a cluster and never closed, again and again: the process does not hold more and more. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster } from '../client/cluster/cluster.js';
import type { Held } from './forgetting-client.js';

const PROGRAM = fileURLToPath(new URL('./forgetting-client.js', import.meta.url));
/** Two hundred cycles that left a producer each would take more. */
const GROWTH_BYTES = 1024 * 1024;

const cluster = new Cluster();
beforeAll(async () => {
  await cluster.open(['a', 'b']);
});
afterAll(() => cluster.close());

it.each(['one-client', 'many-clients'])('%s', { timeout: 240_000 }, async (how) => {
  const topic = await cluster.topic(await cluster.client(), 2);
  const args = ['--expose-gc', PROGRAM, cluster.url, topic, how, '300'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const [before, after] = JSON.parse(stdout) as [Held, Held];
  expect(after.timers).toBeLessThanOrEqual(20);
  // Some may be closing.
  expect(after.sockets).toBeLessThanOrEqual(before.sockets + 2);
  expect(after.listeners).toBeLessThanOrEqual(before.listeners);
  expect(after.heapBytes).toBeLessThan(before.heapBytes + GROWTH_BYTES);
});
