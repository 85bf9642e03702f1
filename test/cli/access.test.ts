/** `ringmq user`, `role` and `acl`, against a broker of the command that asks for logins. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveListenOptions } from '../../broker/listen-options.js';
import { newPasswordFile } from '../../cli/new-password.js';
import { runHere } from './cli-here.js';
import { type CliResult, makeDirectory, removeDirectory, runCli, startCli } from './cli-process.js';

let directory: string;
let broker: ReturnType<typeof startCli>;
let url: string;

beforeAll(async () => {
  directory = makeDirectory();
  for (const user of ['admin', 'shop', 'wrong']) {
    writeFileSync(join(directory, user), `${user}-password\n`);
  }
  // As some editors write a text; who types the password knows nothing of it.
  writeFileSync(join(directory, 'admin'), '\uFEFFadmin-password\r\n');
  const flags = ['--auth', '--admin-password-file', 'admin', '--listener', 'ws', '--listen', '127.0.0.1:0'];
  broker = startCli(['broker', '--data', 'data', ...flags], { cwd: directory });
  broker.stderr?.resume();
  const lines = createInterface({ input: broker.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line')) as [string];
  url = line.replace('ready ', '');
});
afterAll(async () => {
  const ended = once(broker, 'exit');
  broker.kill('SIGTERM');
  await ended;
  removeDirectory(directory);
});

async function run(user: string | null, args: string[], input = ''): Promise<CliResult & { text: string }> {
  const who = user === null ? [] : ['--user', user, '--password-file', user];
  // A password is read from the stdin of the process.
  const way = input === '' ? runHere : runCli;
  const result = await way(['--url', url, ...who, ...args], { cwd: directory, input });
  return { ...result, text: result.stdout.toString() };
}

describe('users, roles and grants by the command', () => {
  it('let nobody in without a password, or with a wrong one', async () => {
    const nobody = await run(null, ['topic', 'list']);
    expect(nobody.stderr).toMatch(/^NOT_AUTHENTICATED: .+--user.+\n$/);
    expect(nobody.status).toBe(1);
    const wrong = await runCli(
      ['--url', url, '--user', 'admin', '--password-file', 'wrong', 'topic', 'list'],
      {
        cwd: directory,
      },
    );
    expect(wrong.stderr).toMatch(/^NOT_AUTHENTICATED: /);
    expect(wrong.status).toBe(1);
  });

  it('are made, given rights, and shown', async () => {
    expect((await run('admin', ['topic', 'create', 'orders', '--queues', '1'])).status).toBe(0);
    // The new one's password: in a file behind the command, or on stdin.
    expect((await run('admin', ['user', 'add', 'shop', '--password-file', 'shop'])).text).toBe(
      'shop: made\n',
    );
    expect((await run('admin', ['user', 'add', 'other'], 'other-password\n')).status).toBe(0);
    const denied = await run('shop', ['pub', 'orders'], 'one\n');
    expect(denied.status).toBe(1);
    expect((await run('admin', ['role', 'add', 'sellers'])).status).toBe(0);
    expect((await run('admin', ['acl', 'grant', 'sellers', 'publish', 'topic:ord*'])).text).toBe(
      'sellers: may publish topic:ord*\n',
    );
    expect((await run('admin', ['user', 'roles', 'shop', 'sellers'])).status).toBe(0);
    expect((await run('shop', ['pub', 'orders'], 'one\n')).status).toBe(0);
    const grants = await run('admin', ['acl', 'list', '-o', 'json']);
    expect(JSON.parse(grants.text)).toEqual([
      { to: 'sellers', isRole: true, right: 'publish', resource: 'topic:ord*' },
    ]);
    const users = JSON.parse((await run('admin', ['user', 'list', '-o', 'json'])).text) as { user: string }[];
    expect(users.map(({ user }) => user)).toEqual(['admin', 'other', 'shop']);
    expect(JSON.stringify(users)).not.toMatch(/salt|Key|password/);
  });

  it('are tested with an exit status', async () => {
    const test = (right: string, resource: string): Promise<CliResult> => {
      const who = ['--url', url, '--user', 'admin', '--password-file', 'admin'];
      return runCli([...who, 'acl', 'test', 'shop', right, resource], { cwd: directory });
    };
    expect((await test('publish', 'topic:orders')).status).toBe(0);
    expect((await test('manage', 'topic:orders')).status).toBe(1);
    expect((await run('admin', ['acl', 'test', 'nobody', 'publish', 'topic:orders'])).stderr).toMatch(
      /^USER_NOT_FOUND: /,
    );
    expect((await test('publish', 'orders')).status).toBe(2);
  });

  it('say what a user may not do, and what right that takes', async () => {
    const { status, stderr } = await run('shop', ['user', 'list']);
    expect(stderr).toMatch(/^NOT_ALLOWED: the user has no right to manage cluster; .+\n$/);
    expect(status).toBe(1);
  });

  it('limit a user, and take that back', async () => {
    const limit = (...flags: string[]) => run('admin', ['user', 'limit', 'shop', ...flags]);
    expect((await limit('--max-bytes-per-second', '10MiB', '--max-messages-per-second', '500')).text).toBe(
      'shop: 10MiB/s, 500 messages/s\n',
    );
    expect((await limit('--max-bytes-per-second', 'none', '--dry-run')).text).toBe(
      'would have shop keep to no limit of bytes/s, 500 messages/s in place of 10MiB/s, 500 messages/s; nothing was done\n',
    );
    expect(JSON.parse((await limit('--max-messages-per-second', 'default', '-o', 'json')).text)).toEqual({
      user: 'shop',
      limits: { bytesPerSecond: 10_485_760, messagesPerSecond: null },
    });
    expect((await run('admin', ['user', 'list'])).text).toMatch(/^shop +sellers +0 +10485760 /m);
    expect((await limit()).status).toBe(2);
    expect((await limit('--max-bytes-per-second', '5')).status).toBe(2);
  });

  it('take credentials from the environment, too', async () => {
    const env = { RINGMQ_USER: 'admin', RINGMQ_PASSWORD: 'admin-password', RINGMQ_URL: url };
    expect((await runHere(['topic', 'list'], { cwd: directory, env })).status).toBe(0);
  });

  it('are in the audit, with who made them', async () => {
    const list = () => run('admin', ['audit', 'list', '-o', 'json']);
    // What is done does not wait for its entry; the last one is behind all the others.
    await expect.poll(async () => (await list()).text).toMatch(/"details": ?"messagesPerSecond default"/);
    const listed = await list();
    expect(JSON.parse(listed.text)).toContainEqual(
      expect.objectContaining({ user: 'admin', method: 'createUser', resource: 'user:shop', result: 'done' }),
    );
    expect(JSON.parse(listed.text)).toContainEqual(
      expect.objectContaining({
        ...{ user: 'admin', method: 'setLimits', resource: 'user:shop', result: 'done' },
        details: 'bytesPerSecond 10485760, messagesPerSecond 500',
      }),
    );
    expect((await run('admin', ['audit', 'list'])).text).toMatch(
      / admin +127\.0\.0\.1 +createTopic +topic:orders +queues 1 +done$/m,
    );
    expect((await run('admin', ['audit', 'list', '--from', '2200-01-01'])).text).toMatch(/^TIME[^\n]+\n$/);
    const wanted = ['--by', 'admin', '--action', 'createUser', '--on', 'user:s*', '--result', 'done'];
    const found = await run('admin', ['audit', 'list', ...wanted, '--until', '2200-01-01', '-o', 'json']);
    expect(JSON.parse(found.text)).toEqual([
      expect.objectContaining({ user: 'admin', method: 'createUser', resource: 'user:shop' }),
    ]);
    expect((await run('shop', ['audit', 'list'])).stderr).toMatch(/^NOT_ALLOWED: /);
    expect((await run('admin', ['audit', 'list', '--from', 'yesterday'])).status).toBe(2);
  });

  it('go away', async () => {
    expect((await run('admin', ['acl', 'revoke', 'sellers', 'publish', 'topic:ord*'])).status).toBe(0);
    expect((await run('admin', ['role', 'delete', 'sellers'])).status).toBe(0);
    expect((await run('admin', ['user', 'delete', 'shop'])).text).toBe('shop: deleted\n');
    expect((await run('shop', ['topic', 'list'])).stderr).toMatch(/^NOT_AUTHENTICATED: /);
  });
});

describe('where a broker listens', () => {
  it('decides whether clients log in, unless it is said', () => {
    expect(resolveListenOptions({ host: '127.0.0.1' }).auth).toBe(false);
    expect(resolveListenOptions({ host: '0.0.0.0' }).auth).toBe(true);
    expect(resolveListenOptions({ host: '0.0.0.0', insecure: true }).auth).toBe(false);
    expect(resolveListenOptions({ host: '0.0.0.0', insecure: true, auth: true }).auth).toBe(true);
    expect(() => resolveListenOptions({ host: '0.0.0.0', auth: false })).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG' }),
    );
  });
});

it('a password file behind `user add` is the new one, before it that of who adds', () => {
  const args = ['--password-file', 'a', 'user', 'add', 'b', '--password-file=c', '--url', 'd'];
  expect(newPasswordFile(args)).toEqual([
    ...['--password-file', 'a', 'user', 'add', 'b', '--new-password-file=c', '--url', 'd'],
  ]);
  const others = ['--user', 'user', 'topic', 'list', '--password-file', 'a'];
  expect(newPasswordFile(others)).toEqual(others);
});
