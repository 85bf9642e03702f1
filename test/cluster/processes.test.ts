/** Name servers and brokers as processes that are killed. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { BrokerProcess, makeDirectory, removeDirectory, runCli, startCli } from '../cli/cli-process.js';
import { NameServerClient } from './name-server-client.js';

const children: ChildProcess[] = [];
const brokers: BrokerProcess[] = [];
const directories: string[] = [];
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.kill()));
  await Promise.all(children.splice(0).map(kill));
  for (const directory of directories.splice(0)) {
    removeDirectory(directory);
  }
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

async function nameServer(port = 0): Promise<{ url: string; child: ChildProcess }> {
  const child = startCli(['nameserver', '--listen', `127.0.0.1:${port}`]);
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [
    string,
  ];
  return { url: line.replace(/^ready /, ''), child };
}

async function broker(
  name: string,
  nameServers: string,
  directory = makeDirectory(),
): Promise<BrokerProcess> {
  directories.push(directory);
  const flags = [
    '--name',
    name,
    '--name-server',
    nameServers,
    '--ring-size',
    '1MiB',
    '--memory-ring-size',
    '1MiB',
  ];
  const started = await BrokerProcess.start(directory, [
    ...flags,
    '--span-size',
    '256KiB',
    '--segment-size',
    '1MiB',
  ]);
  brokers.push(started);
  return started;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('a killed broker is out of the route at once, a killed name server is filled when it is back', async () => {
  const [one, two] = await Promise.all([nameServer(), nameServer()]);
  const both = `${one.url},${two.url}`;
  const home = makeDirectory();
  const [a, b] = await Promise.all([broker('a', both, home), broker('b', both)]);
  const made = await runCli(['--url', a.url, 'topic', 'create', 'orders', '--queues', '4']);
  expect(made.status).toBe(0);
  const asker = await NameServerClient.connect(two.url);
  await until(async () => {
    const { failed, body } = await asker.request('topicRoute', { topic: 'orders' });
    return !failed && (body['sets'] as unknown[]).length === 2;
  });
  await a.kill();
  await until(async () => (await asker.ask('route', {})).sets[0]?.master === null);
  const still = await asker.ask('topicRoute', { topic: 'orders' });
  expect(still.sets.map(({ set }) => set)).toEqual(['a', 'b']);
  await kill(one.child);
  const [again] = await Promise.all([nameServer(Number(new URL(one.url).port)), broker('a', both, home)]);
  const other = await NameServerClient.connect(again.url);
  await until(async () => {
    const { sets } = await other.ask('route', {});
    return sets.length === 2 && sets.every(({ master }) => master !== null);
  });
  await until(async () => (await other.request('topicRoute', { topic: 'orders' })).failed === false);
  expect(b.log).not.toContain('"level":50');
  await asker.close();
  await other.close();
});
