/** A member of a set with a controller comes back with another directory than it had: it leads only with what was acked. */
import { cpSync } from 'node:fs';
import { expect, test } from 'vitest';
import { removeDirectory } from '../../cli/cli-process.js';
import { until } from '../../replica/nodes.js';
import { etcdOf, Place } from './place.js';

const SYNC = { replication: 'sync', minInSync: 1 } as const;

test('an older copy of a slave does not lead the set, and does once its master has brought it up', async () => {
  const { controller, store } = await etcdOf();
  const a = await new Place('a').open({ controller, ...SYNC });
  const slave = await new Place('a-slave').open({ controller, role: 'slave', ...SYNC });
  await a.send('one');
  await until(async () => (await store.read()).inSync?.members.join() === 'a,a-slave');
  await slave.broker.close();
  const older = new Place('a-slave');
  cpSync(slave.dataDir, older.dataDir, { recursive: true });
  await slave.open({ controller, role: 'slave', ...SYNC });
  await a.send('two');
  const { end } = a;
  await slave.broker.close();
  await a.broker.close();
  expect((await store.read()).inSync).toMatchObject({ members: ['a', 'a-slave'], required: 2 });

  let warned = '';
  const onWarning = (message: string, details: object): void => {
    warned += `${message} ${JSON.stringify(details)}`;
  };
  await older.open({ controller, role: 'slave', ...SYNC, onWarning });
  await until(() => warned.includes('an older copy of it'));
  expect((await store.read()).leader).toBeNull();
  await a.open({ controller, ...SYNC });
  await a.send('three');
  expect(a.end).toBeGreaterThan(end);

  // Its log is the master's now, and etcd has it with this directory.
  await a.broker.close();
  await until(async () => (await store.read()).leader?.name === 'a-slave');
}, 120_000);

test('a slave whose disk was replaced counts again once it has all, and leads when its master is gone', async () => {
  const { controller, store } = await etcdOf();
  const a = await new Place('a').open({ controller, ...SYNC });
  const slave = await new Place('a-slave').open({ controller, role: 'slave', ...SYNC });
  await a.send('one');
  const before = (await store.read()).inSync?.openings?.['a-slave'];
  await slave.broker.close();
  removeDirectory(slave.dataDir);
  await slave.open({ controller, role: 'slave', ...SYNC });
  await a.send('two');
  const { end } = a;
  const { inSync } = await store.read();
  expect(inSync?.openings?.['a-slave']).not.toBe(before);
  await a.broker.close();
  await until(async () => (await store.read()).leader?.name === 'a-slave');
  expect(slave.end).toBeGreaterThanOrEqual(end);
}, 120_000);
