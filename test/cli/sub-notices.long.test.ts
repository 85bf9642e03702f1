/** What `ringmq sub` and `pub` say on stderr while they run. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connect } from '../../native-free/client/index.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli, startCli } from './cli-process.js';

let directory = '';
let broker: BrokerProcess;
const children: ChildProcess[] = [];

beforeAll(async () => {
  directory = makeDirectory();
  broker = await BrokerProcess.start(directory, ['--flush', 'async']);
  const client = await connect(broker.url);
  for (const topic of ['away', 'refused', 'json', 'peek', 'broadcast']) {
    await client.admin().createTopic({ topic, queues: 1 });
  }
  await client.close();
});
afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
});
afterAll(async () => {
  await broker.stop();
  removeDirectory(directory);
});

/** Starts a command; `until` resolves when its stderr or stdout matches. */
function start(args: readonly string[]) {
  const child = startCli(['--url', broker.url, ...args]);
  children.push(child);
  let text = '';
  let check = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      check();
    });
  }
  const until = (pattern: RegExp) =>
    new Promise<void>((resolve) => {
      check = () => {
        if (pattern.test(text)) {
          resolve();
        }
      };
      check();
    });
  return { child, until };
}

it('sub and pub say when the broker is away, and when it is back', async () => {
  const { child, until } = start(['sub', 'away', '--group', 'g']);
  const sender = start(['pub', 'away']);
  sender.child.stdin?.write('before\n');
  await until(/^before$/m);
  const { port } = broker;
  await broker.stop();
  await Promise.all([until(/^ringmq: the broker at ws:\S+ is away/m), sender.until(/ is away/)]);
  broker = await BrokerProcess.start(directory, ['--flush', 'async'], port);
  await Promise.all([until(/^ringmq: the broker at ws:\S+ is back$/m), sender.until(/ is back$/m)]);
  sender.child.stdin?.end('after\n');
  await until(/^after$/m);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
});

it('sub says that the group does not take it, and ends with that when it waits no longer', async () => {
  await runCli(['--url', broker.url, 'pub', 'refused', '--tag', 'old'], { input: 'one\n' });
  const { until } = start(['sub', 'refused', '--group', 'g', '--filter', 'old']);
  await until(/^one$/m);
  const refused = await runCli([
    '--url',
    broker.url,
    'sub',
    'refused',
    '--group',
    'g',
    '--filter',
    'new',
    '--idle-exit',
    '300ms',
  ]);
  expect(refused.status).toBe(1);
  const lines = refused.stderr.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^ringmq: group g does not take this consumer of refused now.*GROUP_BUSY/);
  expect(lines.at(-1)).toMatch(/^GROUP_BUSY: .*filter/);
});

it('sub -o json names everything that is known of a message', async () => {
  await runCli(['--url', broker.url, 'pub', 'json', '--sharding-key', 'k-1'], { input: 'one\n' });
  const { stdout } = await runCli([
    '--url',
    broker.url,
    'sub',
    'json',
    '--group',
    'g',
    '--count',
    '1',
    '-o',
    'json',
  ]);
  expect(JSON.parse(stdout.toString())).toMatchObject({
    topic: 'json',
    messageId: expect.stringMatching(/^[0-9a-f]{34}$/),
    bornTime: expect.any(Number),
    storeTime: expect.any(Number),
    shardingKey: 'k-1',
    body: 'one',
  });
});

it('sub --peek prints, and leaves the live group and the list of groups as they are', async () => {
  await runCli(['--url', broker.url, 'pub', 'peek'], { input: 'one\ntwo\n' });
  const peek = ['--url', broker.url, 'sub', 'peek', '--peek'];
  for (let i = 0; i < 2; i++) {
    const { stdout, status } = await runCli([...peek, '--count', '2']);
    expect(stdout.toString()).toBe('one\ntwo\n');
    expect(status).toBe(0);
  }
  const { stdout } = await runCli(['--url', broker.url, 'group', 'list', '-o', 'json']);
  expect(stdout.toString()).not.toContain('peek');
  const second = await runCli([...peek, '--from', '1', '--count', '1']);
  expect(second.stdout.toString()).toBe('two\n');
  for (const args of [
    ['sub', 'peek'],
    [...peek.slice(2), '--group', 'g'],
  ]) {
    const { status, stderr } = await runCli(['--url', broker.url, ...args]);
    expect([status, stderr.trimEnd().split('\n')]).toEqual([2, [expect.stringContaining('--group')]]);
  }
});

it('sub --broadcast gets everything, whoever else reads; under a member name it goes on where it was', async () => {
  await runCli(['--url', broker.url, 'pub', 'broadcast'], { input: 'one\ntwo\n' });
  const sub = ['--url', broker.url, 'sub', 'broadcast', '--group', 'caches', '--broadcast'];
  const printed = async (...more: string[]) => (await runCli([...sub, ...more])).stdout.toString();
  expect(await printed('--count', '2')).toBe('one\ntwo\n');
  expect(await printed('--count', '2')).toBe('one\ntwo\n');
  expect(await printed('--member', 'left', '--count', '1')).toBe('one\n');
  expect(await printed('--member', 'left', '--count', '1')).toBe('two\n');
  expect(await printed('--member', 'right', '--count', '1')).toBe('one\n');
  const wrong = await runCli(['--url', broker.url, 'sub', 'broadcast', '--group', 'g', '--member', 'left']);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('--broadcast')]);
});
