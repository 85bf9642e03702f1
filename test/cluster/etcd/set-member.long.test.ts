/** Brokers of this process whose master etcd names: how a set gets its controller, and what becomes of it without what etcd had. */
import { expect, test } from 'vitest';
import type { EtcdSetStore } from '../../../engine/cluster/etcd/etcd-set-store.js';
import { until } from '../../replica/nodes.js';
import { etcdOf, Place } from './place.js';

/** As etcd has it. On a machine that is late with a lease nobody leads for a moment. */
async function leads(store: EtcdSetStore, name: string, url?: string): Promise<boolean> {
  const { leader } = await store.read();
  return leader?.name === name && (url === undefined || leader.url === url);
}

test('a set that had none gets a controller: its master begins it there, whoever starts first, and its slave follows', async () => {
  const [a, slave] = [new Place('a'), new Place('a-slave')];
  await a.open({});
  await slave.open({ role: 'slave', master: a.url });
  await a.send('one');
  await until(() => slave.end === a.end);
  await slave.broker.close();
  await a.broker.close();

  const { controller, store } = await etcdOf();
  await slave.open({ controller });
  await a.open({ controller });
  await a.send('two');
  await until(() => leads(store, 'a'));
  await until(() => slave.end === a.end);

  // Closed, it gives its place at once.
  await until(async () => (await store.read()).inSync?.members.join() === 'a,a-slave');
  await a.broker.close();
  await slave.send('three');
  await until(() => leads(store, 'a-slave'));
}, 240_000);

test('etcd was emptied: the master that runs goes on, and is in it again', async () => {
  const { controller, store, empty } = await etcdOf();
  const a = await new Place('a').open({ controller });
  const slave = await new Place('a-slave').open({ controller, role: 'slave' });
  await a.send('one');
  await until(() => slave.end === a.end);
  const { term } = await store.read();
  await empty();
  await until(async () => (await store.read()).leader?.name === 'a');
  await a.send('two');
  expect((await store.read()).term).toBeGreaterThanOrEqual(term);
  await until(() => slave.end === a.end);
}, 240_000);

test('etcd was emptied while nobody ran: nobody begins the set again before an operator has said who is furthest', async () => {
  const { controller, store, empty } = await etcdOf();
  const a = await new Place('a').open({ controller });
  await a.send('one');
  const b = await new Place('b').open({ controller });
  await until(async () => (await store.read()).inSync?.members.join() === 'a,b');
  await a.broker.close();
  await b.send('two');
  await b.broker.close();
  const { term } = await store.read();
  await empty();
  await a.open({ controller });
  await b.open({ controller });
  await until(() => [a, b].every(({ said }) => said.includes('etcd knows nothing of this set')));
  expect(await store.read()).toMatchObject({ leader: null, term: 0 });

  // Both say that they were the master. One of them has more.
  await b.broker.close();
  await b.open({});
  await b.broker.close();
  await b.open({ controller });
  await b.send('three');
  await until(() => leads(store, 'b'));
  expect((await store.read()).term).toBeGreaterThan(term);
  await until(() => a.end === b.end);
}, 240_000);

test('two clusters in one etcd do not disturb each other; of two that have one name by mistake the second stands aside and says so', async () => {
  const { controller, store } = await etcdOf();
  const warnings: string[] = [];
  const onWarning = (message: string, details: object): void => {
    warnings.push(`${message} ${JSON.stringify(details)}`);
  };
  const east = await new Place('a').open({ controller });
  const west = await new Place('a').open({ controller, cluster: 'west' });
  await east.send('one');
  await west.send('one');
  await west.send('two');
  await east.broker.close();
  await west.send('three');
  await east.open({ controller });
  await east.send('two');
  const before = await store.read();
  expect(before.inSync).toMatchObject({ members: ['a'], log: east.broker.stats().brokerId });

  // Started again, and `--cluster` forgotten. It is called like the master of the other one, whose lease ends while it is there.
  await west.broker.close();
  await east.broker.close();
  await west.open({ controller, onWarning });
  await until(() => warnings.some((warning) => warning.includes('another log')));
  await expect(west.broker.client().producer().send({ topic: 't', body: 'none' })).rejects.toMatchObject({
    code: 'NOT_MASTER',
  });
  expect(await store.read()).toMatchObject({ leader: null, term: before.term, candidates: [] });
  await east.open({ controller });
  await east.send('three');
  await until(() => leads(store, 'a', east.url));
  await west.broker.close();
  await west.open({ controller, cluster: 'west' });
  await west.send('four');
}, 240_000);

test('a member whose directory was lost does not begin its set anew while the one that has the log is away', async () => {
  const { controller, store } = await etcdOf();
  const a = await new Place('a').open({ controller });
  await a.send('one');
  const { end } = a;
  await a.broker.close();
  let warned = '';
  const onWarning = (message: string, details: object): void => {
    warned += `${message} ${JSON.stringify(details)}`;
  };
  const lost = await new Place('a').open({ controller, role: 'slave', onWarning });
  await until(() => warned.includes('its directory is empty'));
  expect((await store.read()).leader).toBeNull();
  await lost.broker.close();
  await a.open({ controller });
  await a.send('two');
  expect(a.end).toBeGreaterThan(end);
}, 240_000);
