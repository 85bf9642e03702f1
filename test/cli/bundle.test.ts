/** `ringmq bundle`: what helps is in it, what is nobody's business is not. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scrubber } from '../../cli/bundle/scrub.js';
import { connect } from '../../native-free/client/index.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli } from './cli-process.js';

const BODY = 'a body that is nobody else’s business';
const SECRETS = [
  'hunter2-hunter2',
  'cluster-secret-in-a-file',
  'kXq9TzP4mW2rB7vN8sLd3FgH',
  'sk_live_in_config',
  'behind a name nobody knows',
];

let directory = '';
let broker: BrokerProcess;

beforeAll(async () => {
  directory = makeDirectory();
  broker = await BrokerProcess.start(`${directory}/data`, ['--flush', 'async']);
  const client = await connect(broker.url);
  await client.admin().createTopic({ topic: 'shop-orders', queues: 2 });
  await client.admin().createGroup({ group: 'billing-team' });
  await client.producer().send({ topic: 'shop-orders', body: BODY, keys: [BODY], tag: 'paid' });
  await client.close();
  writeFileSync(`${directory}/secret`, `${SECRETS[1]}\n`);
  writeFileSync(
    `${directory}/config.json`,
    JSON.stringify({ flush: 'async', secretFile: `${directory}/secret`, apiToken: SECRETS[3] }),
  );
  writeFileSync(
    `${directory}/broker.log`,
    [
      JSON.stringify({ level: 40, msg: `log in as \`admin\` with the password ${SECRETS[2]}, and make one` }),
      JSON.stringify({ level: 40, msg: 'the group forgotten-group has lost 3', group: 'forgotten-group' }),
      JSON.stringify({ level: 30, msg: `the secret is ${SECRETS[1]}`, address: '203.0.113.7' }),
      'wss://ops:hunter2-hunter2@mq.example.com/ is away',
    ].join('\n'),
  );
});
afterAll(async () => {
  await broker?.stop();
  removeDirectory(directory);
});

async function bundle(name: string, ...flags: string[]) {
  const out = `${directory}/${name}.tar.gz`;
  const args = ['--url', broker.url, 'bundle', '--out', out, '--data', `${directory}/data`];
  const more = ['--config', `${directory}/config.json`, '--log', `${directory}/broker.log`];
  const run = await runCli([...args, ...more, ...flags], {
    env: {
      RINGMQ_PASSWORD: SECRETS[0] as string,
      RINGMQ_FLUSH: 'sync',
      RINGMQ_PASWORD: SECRETS[4] as string,
    },
  });
  const to = `${directory}/${name}`;
  mkdirSync(to);
  execFileSync('tar', ['-xzf', out, '-C', to]);
  const files = execFileSync('tar', ['-tzf', out]).toString().trim().split('\n');
  const text = new Map(files.map((file) => [file, readFileSync(`${to}/${file}`, 'utf8')]));
  return { ...run, out, files, text, all: [...text.values()].join('\n') };
}

it('has what helps, lists it, and has no secret and no body', async () => {
  const { status, stderr, stdout, files, text, all, out } = await bundle('named');
  expect([status, stderr]).toEqual([0, '']);
  for (const file of [
    ...[
      'configuration.json',
      'history.json',
      'broker.json',
      'stats.json',
      'topics.json',
      'groups.json',
      'connections.json',
      'machine.json',
    ],
    ...['config-file.json', 'data-files.json', 'log-headers.json', 'doctor.json', 'logs/1-broker.log'],
  ]) {
    expect(files).toContain(file);
    expect(stdout.toString()).toContain(file);
  }
  expect(stdout.toString()).toMatch(/left out: what `log verify` finds.+: process \d+ is at work/);
  expect(all).toContain('shop-orders');
  for (const secret of [...SECRETS, BODY]) {
    expect(all).not.toContain(secret);
  }
  expect(JSON.parse(text.get('config-file.json') ?? '')).toEqual({
    flush: 'async',
    secretFile: `${directory}/secret`,
    apiToken: '[removed]',
  });
  expect(JSON.parse(text.get('log-headers.json') ?? '')[0]).toMatchObject({ position: 0, version: 1 });
  expect(JSON.parse(text.get('contents.json') ?? '').files.length).toBe(files.length - 1);
  expect(statSync(out).mode & 0o777).toBe(0o600);
  const again = await runCli(['--url', broker.url, 'bundle', '--out', out]);
  expect([again.status, again.stderr]).toEqual([
    2,
    expect.stringMatching(/^BAD_ARGUMENT: .+ is there already; name another file with --out\n$/),
  ]);
});

it('hides names when asked to, in logs too, the same name alike', async () => {
  const { status, all, text, stdout } = await bundle(
    'hidden',
    '--anonymous',
    '--log',
    `${directory}/shop-orders-gone.log`,
  );
  expect(status).toBe(0);
  for (const name of [
    ...['shop-orders', 'billing-team', 'forgotten-group', '203.0.113.7', 'mq.example.com'],
    ...[hostname(), `${directory}/data`, BODY, ...SECRETS],
  ]) {
    expect(all).not.toContain(name);
    expect(stdout.toString().replace(/^.+bytes; no message.+$/m, '')).not.toContain(name);
  }
  const topics = JSON.parse(text.get('topics.json') ?? '');
  expect(topics.topics[0].topic).toMatch(/^topic-[0-9a-f]{8}$/);
  expect(topics.described[0].topic).toBe(topics.topics[0].topic);
  const line = JSON.parse((text.get('logs/1') ?? '').split('\n')[1] ?? '');
  expect(line.msg).toBe(`the group ${line.group} has lost 3`);
});

it('is made without a broker, too, and says what is missing', async () => {
  const out = `${directory}/alone.tar.gz`;
  const { status, stdout } = await runCli(
    ['--url', 'ws://127.0.0.1:9', 'bundle', '--out', out, '-o', 'json'],
    {},
  );
  const told = JSON.parse(stdout.toString());
  expect(status).toBe(0);
  expect(told.missing).toEqual([
    { what: 'everything that the broker tells', why: expect.stringContaining('CONNECT_FAILED') },
  ]);
  expect(told.files.map(({ name }: { name: string }) => name)).toContain('machine.json');
});

describe('what is taken out', () => {
  const scrubber = new Scrubber(false);

  it.each([
    'Authorization: Basic dXNlcjpwYXNzd29yZA==',
    'bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
    'RINGMQ_PASSWORD=correct-horse ringmq user add',
    '-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----',
    '{"password":"correct-horse"}',
    'token Zm9vYmFyYmF6',
  ])('%s', (text) => {
    const clean = scrubber.text(text);
    expect(clean).toContain('[removed]');
    expect(clean).not.toMatch(/correct-horse|eyJ|MIIEvQ|dXNlcj|Zm9v/);
  });

  it.each([
    'the password of a user was changed',
    'this token expired, log in anew',
    'less than 1073741824 bytes are free on the disk',
    '/var/lib/ringmq/log/00000000000000aA.seg',
    'the broker at ws://127.0.0.1:9876 is away (CONNECTION_LOST: it has gone)',
  ])('not: %s', (text) => {
    expect(scrubber.text(text)).toBe(text);
    expect(new Scrubber(true).text(text)).toBe(text);
  });

  it('by the name of a value, wherever it is', () => {
    expect(
      scrubber.value({
        a: [{ storedKey: 'x', salt: 'y', secretFile: '/s', tokenMs: 5, user: 'u' }],
        passwords: ['p', 'q'],
      }),
    ).toEqual({
      a: [{ storedKey: '[removed]', salt: '[removed]', secretFile: '/s', tokenMs: 5, user: 'u' }],
      passwords: ['[removed]', '[removed]'],
    });
  });
});
