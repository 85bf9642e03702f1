/** `ringmq connection` and `ringmq config`, against a broker of the command. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BrokerConfiguration, ConfiguredOption, ConnectionPage } from '../../broker/index.js';
import { type Client, connect, type NameServer, openNameServer } from '../../broker/index.js';
import { Pause } from '../../cli/reader-gone.js';
import { pressed, type Screen } from '../../cli/top/keys.js';
import { sorted, type TopTable } from '../../cli/top/tables.js';
import { RingMQError } from '../../native-free/wire/index.js';
import {
  BrokerProcess,
  type CliResult,
  makeDirectory,
  removeDirectory,
  runCli,
  startCli,
} from './cli-process.js';

let directory = '';
let broker: BrokerProcess;
let client: Client;
let nameServer: NameServer;

beforeAll(async () => {
  directory = makeDirectory();
  const config = `${directory}/config.json`;
  writeFileSync(config, JSON.stringify({ retention: '7d', logFormat: 'json' }));
  nameServer = await openNameServer({ port: 0 });
  broker = await BrokerProcess.start(`${directory}/data`, [
    ...['--config', config, '--flush', 'async', '--name-server', nameServer.url],
  ]);
  client = await connect(broker.url, { name: 'the-billing-service' });
});
afterAll(async () => {
  await client?.close();
  await broker?.stop();
  await nameServer?.close();
  removeDirectory(directory);
});

async function ringmq(...args: string[]): Promise<CliResult & { text: string }> {
  const result = await runCli(['--url', broker.url, ...args]);
  return { ...result, text: result.stdout.toString() };
}

it('stats --watch ends once nobody reads it any more', async () => {
  const child = startCli(['--url', broker.url, 'stats', '--watch', '100ms']);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.stdout?.destroy();
  expect(await once(child, 'close')).toEqual([0, null]);
});

it('what asks again and again goes on after a broker that was away, and ends with what no waiting mends', async () => {
  const answers: (string | RingMQError)[] = [
    new RingMQError('TIMEOUT'),
    new RingMQError('CONNECTION_LOST'),
    'it is back',
    new RingMQError('NOT_ALLOWED'),
  ];
  const ask = async (): Promise<string> => {
    const next = answers.shift() as string | RingMQError;
    if (typeof next !== 'string') {
      throw next;
    }
    return next;
  };
  const pause = new Pause();
  expect(await pause.untilThere(ask, 1)).toBe('it is back');
  await expect(pause.untilThere(ask, 1)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
});

describe('ringmq connection', () => {
  it('lists who is connected, finds and closes one', async () => {
    await client.admin().createTopic({ topic: 'orders', queues: 1 });
    await client.producer().send({ topic: 'orders', body: 'one' });
    const listed = await vi.waitUntil(
      async () => {
        // A thread that is busy is not waited for long, which is said.
        const result = await ringmq('connection', 'list', '--filter', 'BILLING', '-o', 'json');
        return result.stderr.includes('did not answer in time') ? null : result;
      },
      { timeout: 100_000 },
    );
    expect(listed.stderr).toBe('');
    const { connections } = JSON.parse(listed.text) as ConnectionPage;
    expect(connections).toMatchObject([
      { name: 'the-billing-service', messagesIn: 1, producers: [{ topic: 'orders' }], kind: 'client' },
    ]);
    const id = connections[0]?.id as string;
    expect((await ringmq('connection', 'list', '--sort', '-bytesIn')).text).toContain(id);
    expect((await ringmq('connection', 'list', '--topic', 'orders')).text).toMatch(
      new RegExp(`^${id} .*the-billing-service .* yes +-$`, 'm'),
    );
    expect((await ringmq('connection', 'close', id)).text).toBe(`${id}: closed\n`);
    await vi.waitFor(
      async () => {
        const now = await ringmq('connection', 'list', '--filter', 'billing', '-o', 'json');
        expect((JSON.parse(now.text) as ConnectionPage).connections).toMatchObject([
          { id: expect.not.stringContaining(id) },
        ]);
      },
      { timeout: 100_000 },
    );
    const again = await ringmq('connection', 'close', id);
    expect(again.status).toBe(1);
    expect(again.stderr).toMatch(/^CONNECTION_NOT_FOUND: .+; see `ringmq connection list`\n$/);
  });
});

describe('ringmq config', () => {
  it('says of each option where its value comes from, and sets the level of the log', async () => {
    const read = async (...flags: string[]): Promise<Map<string, ConfiguredOption>> => {
      const { text } = await ringmq('config', 'list', '-o', 'json', ...flags);
      const [one] = JSON.parse(text) as BrokerConfiguration[];
      return new Map(one?.options.map((row) => [row.name, row]));
    };
    const options = await read();
    expect(options.get('flush')).toMatchObject({ value: 'async', from: 'flag', default: 'sync' });
    expect(options.get('retentionMs')).toMatchObject({ value: 7 * 86_400_000, from: 'file', unit: 'ms' });
    expect(options.get('flushIntervalMs')).toMatchObject({ value: 500, from: 'default', scope: 'broker' });
    expect(options.get('host')).toMatchObject({ from: 'flag', scope: 'listener', listener: broker.url });
    expect(options.get('logLevel')).toMatchObject({ value: 'info', from: 'default', scope: 'log' });
    expect([...(await read('--changed')).keys()]).not.toContain('flushIntervalMs');
    expect((await ringmq('config', 'log-level', 'debug')).text).toBe('the log tells debug from now on\n');
    expect((await read()).get('logLevel')).toMatchObject({ value: 'debug', from: 'call' });
    expect((await ringmq('config', 'list')).text).toMatch(/^flush +async +flag +sync$/m);
    expect((await ringmq('config', 'log-level', 'loud')).status).toBe(2);
  });

  it('says the same of the name servers that the broker registers with', async () => {
    const option = { name: 'port', value: 0, from: 'call', scope: 'nameServer' };
    const told = async (): Promise<unknown> =>
      JSON.parse((await ringmq('config', 'list', '--name-servers', '--changed', '-o', 'json')).text);
    // It serves before it has registered, and does not wait long for an answer.
    await expect.poll(told).toMatchObject([{ nameServer: nameServer.url, failure: null, options: [option] }]);
    expect((await ringmq('config', 'list', '--name-servers')).text).toMatch(/^port +0 +call +9800$/m);
    const set = await ringmq('config', 'log-level', 'warn', '--name-server', nameServer.url);
    expect(set.stderr).toMatch(/^NOT_SUPPORTED: /);
  });
});

describe('ringmq top', () => {
  it('is a snapshot where it is not on a terminal, sorted as it is told', async () => {
    const admin = client.admin();
    await admin.createTopic({ topic: 'top-a', queues: 1 });
    await admin.createTopic({ topic: 'top-b', queues: 2 });
    await client.producer().sendBatch([1, 2, 3].map((n) => ({ topic: 'top-b', body: `${n}` })));
    await admin.createGroup({ group: 'top-g' });
    await admin.resetOffset({ group: 'top-g', topic: 'top-b', to: 'earliest' });
    const top = async (...args: string[]): Promise<Record<string, unknown>[]> => {
      const { text, stderr } = await ringmq('top', ...args, '--interval', '100ms', '-o', 'json');
      expect(stderr).toBe('');
      return (JSON.parse(text) as { rows: Record<string, unknown>[] }).rows;
    };
    const topics = await top('--sort', 'stored');
    expect(topics[0]).toEqual({ topic: 'top-b', queues: 2, stored: 3, 'in/s': 0 });
    const groups = await top('groups');
    expect(groups).toContainEqual(
      expect.objectContaining({ group: 'top-g', topic: 'top-b', behind: 3, stuck: 0 }),
    );
    expect((await top('connections')).map(({ name }) => name)).toContain('the-billing-service');
    const table = await ringmq('top', 'topics', '--interval', '100ms');
    expect(table.text).toMatch(/^TOPIC +QUEUES +STORED +IN\/S\n/);
    const wrong = await ringmq('top', '--sort', 'nonsense', '--interval', '100ms');
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("not 'nonsense'")]);
  });

  it('sorts by the column that a key says, and turns round', () => {
    const table: TopTable = {
      columns: ['topic', 'in/s'],
      standard: 'in/s',
      rows: [
        ['a', 1],
        ['b', null],
        ['c', 5],
      ],
      isComplete: true,
    };
    let screen: Screen | 'end' = { view: 'topics', column: null, isReversed: false };
    const order = (): unknown[] => {
      const { column, isReversed } = screen as Screen;
      return sorted(table, column ?? table.standard, isReversed).map(([topic]) => topic);
    };
    const press = (key: string): void => {
      screen = pressed(screen as Screen, key, table);
    };
    expect(order()).toEqual(['c', 'a', 'b']);
    press('r');
    expect(order()).toEqual(['a', 'c', 'b']);
    press('1');
    expect(order()).toEqual(['c', 'b', 'a']);
    press('\u001b[C');
    expect(screen).toMatchObject({ column: 'in/s' });
    press('9');
    expect(screen).toMatchObject({ column: 'in/s' });
    press('g');
    expect(screen).toEqual({ view: 'groups', column: null, isReversed: false });
    press('q');
    expect(screen).toBe('end');
  });
});
