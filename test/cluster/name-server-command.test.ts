/** `ringmq nameserver` as a process. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { runHere } from '../cli/cli-here.js';
import { makeDirectory, removeDirectory, runCli, startCli } from '../cli/cli-process.js';
import { NameServerClient } from './name-server-client.js';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) {
    removeDirectory(directory);
  }
});

it('says where it serves, and stops cleanly', async () => {
  const child = startCli(['nameserver', '--listen', '127.0.0.1:0']);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line')) as [string];
  const url = /^ready (ws:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1] as string;
  const client = await NameServerClient.connect(url);
  expect((await client.ask('route', {})).sets).toEqual([]);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await client.closed();
  expect(client.error).toMatchObject({ code: 'BROKER_CLOSED' });
});

it('tells of the cluster also who comes as a user: it has none, and so cannot show that it knows one', async () => {
  const child = startCli(['nameserver', '--listen', '127.0.0.1:0']);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line')) as [string];
  const env = { RINGMQ_URL: line.replace('ready ', ''), RINGMQ_USER: 'admin', RINGMQ_PASSWORD: 'a password' };
  expect(await runCli(['cluster', 'status'], { env })).toMatchObject({ status: 0, stderr: '' });
  // It is asked, and has nobody to tell of.
  expect(await runHere(['check', 'replicas'], { env })).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^CHECK_FAILED: no broker is known to /),
  });
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
});

it.each([
  [['--secret-file', 'nowhere'], 'BAD_CONFIG', 'nowhere'],
  [['--listen', '0.0.0.0:0'], 'BAD_CONFIG', '--secret-file'],
  [['--tls-cert', 'a.pem'], 'BAD_CONFIG', '--tls-key'],
])('refuses %j', async (args, code, named) => {
  const directory = makeDirectory();
  directories.push(directory);
  const { status, stderr } = await runCli(['nameserver', ...args], { cwd: directory });
  expect(stderr).toMatch(new RegExp(`^${code}: .*${named}.*\n$`));
  expect(status).toBe(1);
});
