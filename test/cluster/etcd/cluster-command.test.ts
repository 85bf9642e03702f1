/** `ringmq cluster` with a controller, as a user runs it. */
import { afterEach, expect, test } from 'vitest';
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
  await until(async () => (await broker('a-slave'))?.inSync === true);
  expect(await broker('a')).toMatchObject({ role: 'master', epoch: 1, controller: true });
  expect(await cluster.done('status')).toMatch(
    /^cluster default, async-replication, failover by a controller\n/,
  );

  const promoted = await cluster.run('promote', 'a-slave');
  expect([promoted.status, promoted.stderr]).toEqual([
    2,
    expect.stringMatching(/^BAD_ARGUMENT: .*controller/),
  ]);

  await cluster.done('kill', 'a');
  await until(async () => (await broker('a-slave'))?.role === 'master');
  expect(await broker('a-slave')).toMatchObject({ isMaster: true, epoch: 2 });
  await cluster.done('restart', 'a');
  await until(async () => (await broker('a'))?.role === 'slave');
}, 120_000);
