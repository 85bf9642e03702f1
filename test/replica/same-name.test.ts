/** Two slaves of one name, as where a directory was copied: said, and counted once. */
import { expect, it, onTestFinished } from 'vitest';
import type { SetStanding } from '../../native-free/wire/index.js';
import { ask, until } from './nodes.js';
import { RepairPair } from './repair-pair.js';

it('both are told of each other, and count as one', async () => {
  const pair = new RepairPair();
  onTestFinished(() => pair.remove());
  await pair.open(pair.a);
  await pair.open(pair.s);
  const twin = pair.another(pair.s.name);
  await pair.open(twin);
  await until(() => [pair.s, twin].every(({ events }) => events.includes('sameName')));
  const { replicas } = (await ask(`ws://127.0.0.1:${pair.a.port}`, 'standing')) as SetStanding;
  expect(replicas.map(({ name }) => name)).toEqual([pair.s.name]);
});
