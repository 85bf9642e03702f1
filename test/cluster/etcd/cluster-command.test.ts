/** `ringmq cluster` with a controller, as a user runs it. */
import { afterEach, expect, test } from 'vitest';
import { EtcdClient } from '../../../engine/cluster/etcd/etcd-client.js';
import { EtcdSetStore, setPrefix } from '../../../engine/cluster/etcd/etcd-set-store.js';
import type { Leader } from '../../../engine/cluster/leadership.js';
import type { BrokerStatus } from '../../../native-free/wire/index.js';
import { until } from '../../replica/nodes.js';
import { TestCluster } from '../command/cluster-process.js';
import { EtcdProcess } from '../etcd-process.js';
import { NameServerClient } from '../name-server-client.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

test('the slave of a killed master becomes the master by itself, and status says who decides', async () => {
  const etcd = await EtcdProcess.start();
  closers.push(() => etcd.end());
  const cluster = new TestCluster();
  closers.push(() => cluster.remove());
  const controller = ['--controller', `etcd://${etcd.endpoint}`];
  await cluster.start('async-replication', '--masters', '1', '--name-servers', '1', ...controller);
  const asker = await NameServerClient.connect(cluster.urls[0] as string);
  closers.push(() => asker.close());
  const broker = async (name: string): Promise<BrokerStatus | undefined> =>
    (await asker.ask('clusterStatus', {})).brokers.find((one) => one.name === name);
  const store = await EtcdSetStore.open(
    { endpoints: [etcd.endpoint], callTimeoutMs: 20_000 },
    'default',
    'a',
  );
  closers.push(() => store.close());
  // It is `a`, but on a machine that was late with its lease.
  let master: Leader = { name: 'a', url: '', epoch: 0 };
  const slave = (): string => (master.name === 'a' ? 'a-slave' : 'a');
  const haveMaster = (): Promise<void> =>
    until(async () => {
      const { leader, inSync } = await store.read();
      master = leader ?? master;
      const said = await broker(master.name);
      const isSaid = said?.isMaster === true && said.controller === true && said.epoch === leader?.epoch;
      return isSaid && inSync?.members.join() === 'a,a-slave';
    });
  await haveMaster();
  expect(await cluster.done('status')).toMatch(
    /^cluster default, async-replication, failover by a controller\n/,
  );

  const promoted = await cluster.run('promote', slave());
  expect([promoted.status, promoted.stderr]).toEqual([
    2,
    expect.stringMatching(/^BAD_ARGUMENT: .*controller/),
  ]);

  for (;;) {
    await haveMaster();
    await cluster.done('kill', master.name);
    // One that had fallen behind meanwhile, as etcd has it, may not be the next.
    if ((await store.read()).inSync?.members.includes(slave()) === true) {
      break;
    }
    await cluster.done('restart', master.name);
  }
  await until(async () => (await broker(slave()))?.isMaster === true);
  expect((await broker(slave()))?.epoch).toBeGreaterThan(master.epoch);
  await cluster.done('restart', master.name);
  await until(async () => (await broker(master.name))?.role === 'slave');
}, 120_000);

test('a new cluster where etcd has the keys of one that is gone says what it waits for, and begins once they are removed', async () => {
  const etcd = await EtcdProcess.start();
  closers.push(() => etcd.end());
  const controller = ['--controller', `etcd://${etcd.endpoint}`];
  const masters = ['--masters', '1', '--name-servers', '1'];
  const gone = new TestCluster();
  await gone.start('async-replication', ...masters, ...controller);
  await gone.remove();
  const cluster = new TestCluster();
  closers.push(() => cluster.remove());
  const options = ['--mode', 'async-replication', ...masters, ...controller];
  let said = '';
  // It goes on where the start before has left off.
  await until(async () => {
    const { status, stderr } = await cluster.run('start', ...options, '--timeout', '5s');
    expect(status).toBe(1);
    said = stderr;
    return said.includes('a waits: ');
  });
  expect(said).toMatch(
    /^TIMEOUT: after 5 s the broker set a has no master \(a waits: its directory is empty, /,
  );
  expect(said).toContain('(etcdctl del --prefix /ringmq/default/a/)');
  const client = await EtcdClient.open({ endpoints: [etcd.endpoint], callTimeoutMs: 20_000 });
  closers.push(() => client.close());
  const { keys } = await client.readPrefix(setPrefix('default', 'a'));
  await client.transact(
    [],
    keys.map(({ key }) => ({ remove: { key } })),
  );
  expect(await cluster.done('start', ...options)).toMatch(/^ready /);
}, 240_000);
