/** A cluster of processes, used from the command line and by a client while one of its masters is killed. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../native-free/client/index.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli, startCli } from '../../cli/cli-process.js';
import { until } from './cluster.js';

const SMALL = [
  '--ring-size',
  '1MiB',
  '--memory-ring-size',
  '1MiB',
  '--span-size',
  '256KiB',
  '--segment-size',
  '1MiB',
];
const directories = new Map([
  ['a', makeDirectory()],
  ['b', makeDirectory()],
]);
const brokers = new Map<string, BrokerProcess>();
let nameServer: ChildProcess;
let url = '';

async function start(name: string, port = 0): Promise<void> {
  const flags = ['--name', name, '--name-server', url, '--flush', 'async', ...SMALL];
  brokers.set(name, await BrokerProcess.start(directories.get(name) as string, flags, port));
}

beforeAll(async () => {
  nameServer = startCli(['nameserver', '--listen', '127.0.0.1:0']);
  const [line] = (await once(
    createInterface({ input: nameServer.stdout as NodeJS.ReadableStream }),
    'line',
  )) as [string];
  // Several addresses: the first that answers is taken.
  url = line.replace(/^ready /, '');
  await Promise.all(['a', 'b'].map((name) => start(name)));
  await until(async () => {
    const client = await connect(url);
    const { brokerSets } = client.broker;
    await client.close();
    return brokerSets?.length === 2;
  });
});
afterAll(async () => {
  await Promise.all([...brokers.values()].map((broker) => broker.kill()));
  nameServer.kill('SIGKILL');
  for (const directory of directories.values()) {
    removeDirectory(directory);
  }
});

async function cli(args: string[], input = ''): Promise<string> {
  const { status, stdout, stderr } = await runCli([...args, '--url', `ws://127.0.0.1:1,${url}`], { input });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.toString();
}

describe('the command line over name servers', () => {
  it('makes topics everywhere, sends to all sets and reads from all', async () => {
    await cli(['topic', 'create', 'jobs', '--queues', '2']);
    const described = await cli(['topic', 'describe', 'jobs']);
    for (const queue of ['a/0', 'a/1', 'b/0', 'b/1']) {
      expect(described).toContain(queue);
    }
    const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);
    for (const part of [lines.slice(0, 20), lines.slice(20)]) {
      await cli(['pub', 'jobs'], `${part.join('\n')}\n`);
    }
    const read = await cli(['sub', 'jobs', '--group', 'g', '--count', '40', '-o', 'json']);
    const messages = read
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { body: string; brokerSet: string });
    expect(messages.map(({ body }) => body).sort()).toEqual([...lines].sort());
    expect(messages.every(({ brokerSet }) => brokerSet === 'a' || brokerSet === 'b')).toBe(true);
    expect(JSON.parse(await cli(['group', 'describe', 'g', '-o', 'json']))).toMatchObject({ group: 'g' });
    expect(await cli(['group', 'reset-offset', 'g', '--topic', 'jobs', '--to', 'earliest'])).toContain('b/1');
    expect(JSON.parse(await cli(['stats', '-o', 'json']))).toMatchObject({ disk: 'ok' });
  });
});

describe('a master that is killed', () => {
  it('costs its producers less than a second, and nothing that was acked', async () => {
    const client = await connect(url, { reconnectMinMs: 5, reconnectMaxMs: 100, closeTimeoutMs: 1_000 });
    await client.admin().createTopic({ topic: 'load', queues: 2 });
    const producer = client.producer();
    const acked = new Set<string>();
    const failed: unknown[] = [];
    let longestMs = 0;
    let sent = 0;
    let killedAt = Number.POSITIVE_INFINITY;
    let kill: Promise<unknown> = Promise.resolve();
    while (monotonicMs() < killedAt + 1_500) {
      if (sent === 600) {
        killedAt = monotonicMs();
        kill = (brokers.get('a') as BrokerProcess).kill();
      }
      const start = monotonicMs();
      const bodies = Array.from({ length: 20 }, () => String(sent++));
      const results = await Promise.allSettled(bodies.map((body) => producer.send({ topic: 'load', body })));
      longestMs = Math.max(longestMs, monotonicMs() - start);
      for (const [i, result] of results.entries()) {
        if (result.status === 'fulfilled') {
          acked.add(bodies[i] as string);
        } else {
          failed.push(result.reason);
        }
      }
    }
    await kill;
    expect(failed).toEqual([]);
    expect(acked.size).toBe(sent);
    // The machine may be busy; without a failover it would be 30 s.
    expect(longestMs).toBeLessThan(20_000);
    // Those that wait there come when it is back, at its old address.
    await start('a', (brokers.get('a') as BrokerProcess).port);
    const seen = new Set<string>();
    const consumer = client.consumer({ group: 'all', topic: 'load' });
    const ended = consumer.run((message) => {
      seen.add(message.text());
    });
    await until(() => seen.size === sent);
    await client.close();
    await ended;
  });
});
