/** `ringmq connection` and `ringmq config`, against a broker of the command. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BrokerConfiguration, ConfiguredOption, ConnectionPage } from '../../broker/index.js';
import { type Client, connect } from '../../broker/index.js';
import { BrokerProcess, type CliResult, makeDirectory, removeDirectory, runCli } from './cli-process.js';

let directory = '';
let broker: BrokerProcess;
let client: Client;

beforeAll(async () => {
  directory = makeDirectory();
  const config = `${directory}/config.json`;
  writeFileSync(config, JSON.stringify({ retention: '7d', logFormat: 'json' }));
  broker = await BrokerProcess.start(`${directory}/data`, ['--config', config, '--flush', 'async']);
  client = await connect(broker.url, { name: 'the-billing-service' });
});
afterAll(async () => {
  await client?.close();
  await broker?.stop();
  removeDirectory(directory);
});

async function ringmq(...args: string[]): Promise<CliResult & { text: string }> {
  const result = await runCli(['--url', broker.url, ...args]);
  return { ...result, text: result.stdout.toString() };
}

describe('ringmq connection', () => {
  it('lists who is connected, finds and closes one', async () => {
    await client.admin().createTopic({ topic: 'orders', queues: 1 });
    await client.producer().send({ topic: 'orders', body: 'one' });
    const listed = await ringmq('connection', 'list', '--filter', 'BILLING', '-o', 'json');
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
      { timeout: 10_000 },
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
});
