/** What destroys something says before what it would do, and asks only who sits in front of it. */
import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isToBeDone } from '../../cli/destroy.js';
import { buildProgram } from '../../cli/program.js';
import { connect } from '../../native-free/client/index.js';
import { runHere } from './cli-here.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli } from './cli-process.js';

let directory = '';
let broker: BrokerProcess;
beforeAll(async () => {
  directory = makeDirectory();
  broker = await BrokerProcess.start(`${directory}/data`, ['--flush', 'async']);
});
afterAll(async () => {
  await broker?.stop();
  removeDirectory(directory);
});

async function ringmq(...args: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const { status, stdout, stderr } = await runHere(['--url', broker.url, ...args], {
    env: { XDG_CONFIG_HOME: `${directory}/config` },
  });
  return { status, out: stdout.toString(), err: stderr };
}

it('every command that destroys has --dry-run', async () => {
  const program = await buildProgram([]);
  const all = (command: Command, path: string): [string, Command][] =>
    command.commands.flatMap((below): [string, Command][] => {
      const name = `${path} ${below.name()}`.trim();
      return [[name, below], ...all(below, name)];
    });
  const destroying = all(program, '').filter(([name]) =>
    /(^| )(delete|revoke|kill|stop|promote|restart|purge|reset-offset|copy|skip|close|roles|set)$/.test(name),
  );
  expect(destroying.length).toBeGreaterThanOrEqual(12);
  expect(
    destroying
      .filter(([, command]) => !command.options.some(({ long }) => long === '--dry-run'))
      .map(([name]) => name),
  ).toEqual([]);
});

it('says what would be gone, and nothing is', { timeout: 120_000 }, async () => {
  const client = await connect(broker.url, { name: 'who-looks' });
  try {
    const admin = client.admin();
    await admin.createTopic({ topic: 'orders', queues: 2 });
    await client.producer().sendBatch([1, 2, 3].map((i) => ({ topic: 'orders', body: `${i}` })));
    const consumer = client.consumer({ group: 'billing', topic: 'orders' });
    for await (const message of consumer) {
      await message.ack();
      break;
    }
    expect((await ringmq('group', 'delete', 'billing', '--dry-run')).status).toBe(0);
    await consumer.close();
    const aging = await ringmq('topic', 'set', 'orders', '--retention', '1s', '--dry-run');
    expect(aging.status).toBe(0);
    expect(aging.out).toMatch(
      /^would no longer give out messages of the topic orders from an age of .+ on, so today none of its 3 messages that was stored before 2.+Z; nothing was done\n$/,
    );
    expect((await admin.describeTopic('orders')).retentionMs).toBeUndefined();
    expect(await ringmq('topic', 'delete', 'orders', '--dry-run')).toEqual({
      status: 0,
      out: 'would delete the topic orders, with 3 messages in 2 queues, read by billing; nothing was done\n',
      err: '',
    });
    const told = await ringmq('topic', 'delete', 'orders', '--dry-run', '-o', 'json');
    expect(JSON.parse(told.out)).toEqual({
      dryRun: true,
      topic: 'orders',
      queues: 2,
      messages: 3,
      groups: ['billing'],
    });
    const group = await ringmq('group', 'delete', 'billing', '--dry-run');
    expect(group.out).toMatch(/^would delete the group billing, with its offsets in \d queues?; nothing/);
    expect((await admin.describeTopic('orders')).queues).toBe(2);
    expect((await admin.listGroups()).map((one) => one.group)).toContain('billing');
    const { connections } = await admin.listConnections({ filter: 'who-looks' });
    const id = connections[0]?.id ?? '';
    expect((await ringmq('connection', 'close', id, '--dry-run')).out).toMatch(
      /^would close the connection \S+ from 127\.0\.0\.1\S*; nothing was done\n$/,
    );
    for (const args of [
      ['connection', 'close', 'none'],
      ['topic', 'delete', 'none'],
      ['group', 'delete', 'none'],
      ['user', 'delete', 'none'],
      ['role', 'delete', 'none'],
    ]) {
      const { status, out, err } = await ringmq(...args, '--dry-run');
      expect([args, status, out, err]).toEqual([args, 1, '', expect.stringMatching(/_NOT_FOUND: /)]);
    }
  } finally {
    await client.close();
  }
});

it('users, roles, rights and contexts stay as they are', { timeout: 120_000 }, async () => {
  const client = await connect(broker.url);
  try {
    const admin = client.admin();
    await admin.createRole({ role: 'readers' });
    await admin.createUser({ user: 'shop', password: 'a-long-password', roles: ['readers'] });
    await admin.grant({ to: 'shop', right: 'publish', resource: 'topic:orders' });
    const would = async (...args: string[]): Promise<string> => (await ringmq(...args, '--dry-run')).out;
    expect(await would('user', 'delete', 'shop')).toBe(
      'would delete the user shop, with 1 grant, of role readers, and end its connections; nothing was done\n',
    );
    expect(await would('role', 'delete', 'readers')).toBe(
      'would delete the role readers, with 0 grants, of 1 user; nothing was done\n',
    );
    expect(await would('acl', 'revoke', 'shop', 'publish', 'topic:orders')).toBe(
      'would take publish topic:orders from shop; nothing was done\n',
    );
    expect(await would('acl', 'revoke', 'shop', 'publish', 'topic:none')).toMatch(/^would change nothing/);
    expect(await would('user', 'roles', 'shop')).toBe(
      'would change the roles of shop from readers to none; nothing was done\n',
    );
    expect(await admin.listUsers()).toMatchObject([{ user: 'shop', roles: ['readers'] }]);
    expect((await admin.listGrants()).length).toBe(1);
    await ringmq('context', 'save', 'here');
    expect(await would('context', 'delete', 'here')).toBe(
      'would forget the context here; nothing was done\n',
    );
    expect((await ringmq('context', 'list')).out).toContain('here');
    // stdin is no terminal: nobody is asked, with --yes or without.
    expect((await ringmq('user', 'delete', 'shop')).out).toBe('shop: deleted\n');
    expect((await ringmq('role', 'delete', 'readers', '--yes')).out).toBe('readers: deleted\n');
  } finally {
    await client.close();
  }
});

it('a cluster goes on', { timeout: 120_000 }, async () => {
  const dir = `${directory}/cluster`;
  const cluster = (...args: string[]) => ringmq('cluster', ...args, '--dir', dir);
  await runCli(['cluster', 'start', '--mode', 'async-replication', '--masters', '1', '--dir', dir]);
  try {
    const pids = async (): Promise<unknown[]> => {
      const { brokers } = JSON.parse((await cluster('status', '-o', 'json')).out);
      return brokers.map(({ name, pid, role }: Record<string, unknown>) => [name, pid, role]);
    };
    const before = await pids();
    expect((await cluster('kill', 'a', '--dry-run')).out).toBe('would kill a; nothing was done\n');
    expect((await cluster('restart', 'a', '--dry-run')).out).toBe('would restart a; nothing was done\n');
    expect((await cluster('stop', '--dry-run')).out).toMatch(/^would stop .*a-slave.*; nothing was done\n$/);
    expect((await cluster('promote', 'a-slave', '--dry-run')).out).toMatch(
      /^would make a-slave the master of a in place of a, which is up.*; nothing was done\n$/,
    );
    expect((await cluster('promote', 'a', '--dry-run')).out).toMatch(/^would change nothing/);
    expect(await pids()).toEqual(before);
  } finally {
    expect((await cluster('stop')).status).toBe(0);
  }
});

describe('the question', () => {
  const command = { optsWithGlobals: () => ({ output: 'text', url: '' }) } as unknown as Command;

  async function asked(answer: string | null, flags = {}): Promise<{ done: boolean; said: string }> {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = new PassThrough();
    answer === null ? input.end() : input.write(`${answer}\n`);
    const done = await isToBeDone(command, flags, () => ({ told: {}, text: 'delete it' }), { input, output });
    process.exitCode = undefined;
    return { done, said: String(output.read() ?? '') };
  }

  it.each(['y', 'YES', ' yes '])('is agreed to by %j', async (answer) => {
    expect(await asked(answer)).toEqual({ done: true, said: 'delete it? [y/N] ' });
  });

  it.each(['', 'n', 'yeah', null])('is not by %j', async (answer) => {
    const { done, said } = await asked(answer);
    expect([done, said]).toEqual([
      false,
      expect.stringMatching(/^delete it\? \[y\/N\] \s*nothing was done\n$/),
    ]);
  });

  it('is not asked with --yes', async () => {
    expect(await asked('n', { yes: true })).toEqual({ done: true, said: '' });
  });
});
