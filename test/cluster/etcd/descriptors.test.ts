/** A broker whose master etcd names, and that has no file descriptor left when it has to connect to etcd anew. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { connect } from '../../../native-free/client/index.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { HostProcess } from '../../faults/host-process.js';
import { makeDirectory, removeDirectory } from '../../faults/small-broker.js';
import { until } from '../../replica/nodes.js';
import { EtcdProcess } from '../etcd-process.js';
import { FaultyLink } from '../faulty-link.js';

const DESCRIPTORS = 250;
/** Long enough for many tries. */
const LOOKED_AT_SECONDS = 3;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

/** Of processor time, all threads together. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

it('says so, acks nothing without its lease, does not spin, and goes on', { timeout: 120_000 }, async () => {
  const etcd = await EtcdProcess.start();
  closers.push(() => etcd.end());
  const link = await FaultyLink.open(etcd.port);
  closers.push(() => link.close());
  const dataDir = makeDirectory();
  closers.push(() => removeDirectory(dataDir));
  const host = await HostProcess.start(
    { dataDir, name: 'a', brokerSet: 'a', flush: 'async', controller: `etcd://127.0.0.1:${link.port}` },
    {},
    DESCRIPTORS,
  );
  closers.push(() => host.stop('SIGKILL'));
  const client = await connect(host.url);
  closers.push(() => client.close());
  await until(() =>
    client
      .admin()
      .createTopic({ topic: 't', queues: 1, ifNotExists: true })
      .then(
        () => true,
        () => false,
      ),
  );
  const producer = client.producer({ sendTimeoutMs: 100_000 });
  await producer.send({ topic: 't', body: 'before' });
  host.signal('SIGWINCH');
  await host.next('warning', /file descriptors were used up/);
  link.cut();
  await host.next('warning', /its lease could not be kept/);
  // On a machine that is busy it may have been late with it before, and have got it again.
  const lease = /etcd has (not answered for as long as|renewed) the lease/;
  await until(() => {
    const said = host.events.map(({ message = '' }) => lease.exec(message)?.[1]);
    return said.findLast((word) => word !== undefined) === 'not answered for as long as';
  });
  const over = host.events.length;
  // etcd can be reached again, by who has a descriptor for it.
  link.heal();
  let isAcked = false;
  const sending = producer.send({ topic: 't', body: 'meanwhile' }).then(() => {
    isAcked = true;
  });
  const before = cpuSeconds(host.pid);
  const since = monotonicMs();
  await new Promise((resolve) => {
    setTimeout(resolve, LOOKED_AT_SECONDS * 1_000);
  });
  const spent = cpuSeconds(host.pid) - before;
  expect(spent).toBeLessThan((monotonicMs() - since) / 1_000 / 2);
  expect(isAcked).toBe(false);
  // That was told, and not again, however often it was tried.
  const told = host.events.slice(over).filter(({ message }) => message?.includes('could not be kept'));
  expect(told).toEqual([]);
  host.signal('SIGWINCH');
  await sending;
  expect(await host.stop()).toBe('0');
  expect(host.events.filter(({ event }) => event === 'fatal' || event === 'failed')).toEqual([]);
});
