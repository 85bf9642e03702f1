/** What `ready` says of a cluster: its slaves are with their masters, so that what comes next is not refused. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Client, connect } from '../../../native-free/client/index.js';
import { makeDirectory, removeDirectory, runCli } from '../../cli/cli-process.js';
import { SMALL, TestCluster } from './cluster-process.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

/** What the master's ring has no more comes from its files, at a rate that takes seconds. */
const FLAGS = ['--masters', '1', '--name-servers', '1', '--flush', 'async'];
const BROKER_FLAGS = [
  '--',
  ...['--ring-size', '4MiB', '--span-size', '1MiB', '--segment-size', '4MiB', '--memory-ring-size', '4MiB'],
  ...['--catch-up-rate', '1MiB', '--on-missing-slave', 'degrade'],
];
const BODY = new Uint8Array(500_000);

async function start(cluster: TestCluster, ...flags: string[]): Promise<string> {
  return await cluster.done('start', '--mode', 'sync-double-write', ...FLAGS, ...flags, ...BROKER_FLAGS);
}

async function cluster(): Promise<{ cluster: TestCluster; client: Client; url: string }> {
  const made = new TestCluster();
  closers.push(() => made.remove());
  const url = /^ready (\S+)\n$/.exec(await start(made))?.[1] as string;
  const client = await connect(url);
  closers.push(() => client.close());
  await client.admin().createTopic({ topic: 't', queues: 1 });
  return { cluster: made, client, url };
}

/** Sends so many with the slave away. */
async function fallBehind(cluster: TestCluster, client: Client, count: number): Promise<void> {
  await cluster.done('kill', 'a-slave');
  const producer = client.producer();
  for (let i = 0; i < count; i++) {
    await producer.send({ topic: 't', body: BODY });
  }
  await producer.close();
}

async function replicasOfNext(client: Client): Promise<number | undefined> {
  const producer = client.producer();
  const { replicas } = await producer.send({ topic: 't', body: 'x' });
  await producer.close();
  return replicas;
}

test('a cluster, and a broker of it, is ready when its slaves are in sync; one that is late is named and goes on', async () => {
  const { cluster: made, client, url } = await cluster();
  expect(await replicasOfNext(client)).toBe(1);
  const check = () => runCli(['check', 'replicas', '--url', url, '--max-lag', '1h']);
  expect(await check()).toMatchObject({ status: 0, stderr: '' });

  await fallBehind(made, client, 28);
  expect(await check()).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^CHECK_FAILED: .+ in sync slaves of set a: 0 \(limit 1\); .+\n$/),
  });
  const late = await made.run('restart', 'a-slave', '--timeout', '5s');
  expect([late.status, late.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^TIMEOUT: after 5 s a-slave is not in sync with a yet, which has \d+ bytes more; /,
    ),
  ]);
  // It runs already: this only waits.
  await start(made);
  expect(await replicasOfNext(client)).toBe(1);

  await fallBehind(made, client, 14);
  await made.done('restart', 'a-slave');
  expect(await replicasOfNext(client)).toBe(1);

  // There is no master to wait for.
  await made.done('kill', 'a');
  expect(await made.done('restart', 'a-slave')).toMatch(/^a-slave: ready /);
}, 240_000);

test('where brokers ask for a login, whoever names no user is told so at once, and the nodes go on', async () => {
  const made = new TestCluster();
  closers.push(() => made.remove());
  const password = join(makeDirectory(), 'admin.txt');
  closers.push(() => removeDirectory(dirname(password)));
  writeFileSync(password, 'secret');
  const args = ['start', '--mode', 'single', ...SMALL, '--auth', '--admin-password-file', password];
  expect(await made.run(...args)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(
      /^NOT_AUTHENTICATED: the nodes run and go on; .+ --user and --password-file/,
    ),
  });
  process.env['RINGMQ_USER'] = 'admin';
  process.env['RINGMQ_PASSWORD'] = 'secret';
  closers.push(() => {
    delete process.env['RINGMQ_USER'];
    delete process.env['RINGMQ_PASSWORD'];
  });
  expect(await made.done(...args)).toMatch(/^ready ws:/);
}, 240_000);
