/** `ringmq message`: stored messages printed in every form, whole, and what cannot be found or used told. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runHere } from './cli-here.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli } from './cli-process.js';

let directory = '';
let broker: BrokerProcess;

beforeAll(async () => {
  directory = makeDirectory();
  broker = await BrokerProcess.start(`${directory}/data`, ['--flush', 'async']);
  const here = (args: readonly string[], input = '') => runHere(['--url', broker.url, ...args], { input });
  await here(['topic', 'create', 'orders', '--queues', '2']);
  await here(
    ['pub', 'orders', '--tag', 'paid', '--key', 'o-1', '--property', 'region=eu'],
    '{"n":1}\n{"n":2}\n',
  );
  await here(['pub', 'orders', '--key', 'o-2', '--sharding-key', 's'], 'a "quoted", body\n\x1b[31mred\n');
});
afterAll(async () => {
  await broker?.stop();
  removeDirectory(directory);
});

async function ringmq(args: readonly string[], input: string | Uint8Array = '') {
  const { status, stdout, stderr } = await runCli(['--url', broker.url, ...args], { input });
  return { status, stdout: stdout.toString(), stderr };
}

async function lines(args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { status, stdout, stderr } = await ringmq(args);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const byPlace = (a: Record<string, unknown>, b: Record<string, unknown>): number =>
  `${a['queueId']}/${a['offset']}` < `${b['queueId']}/${b['offset']}` ? -1 : 1;

describe('ringmq message', () => {
  it('prints the lines that sub prints, and pub takes', async () => {
    const found = await lines(['message', 'browse', 'orders', '-o', 'json']);
    const read = await lines(['sub', 'orders', '--group', 'g', '--count', '4', '-o', 'json']);
    expect(found.sort(byPlace)).toEqual(read.sort(byPlace));
    expect(await lines(['message', 'browse', 'orders', '--as', 'ndjson'])).toHaveLength(4);
    await ringmq(['topic', 'create', 'copy', '--queues', '1']);
    const text = found.map((line) => `${JSON.stringify(line)}\n`).join('');
    expect((await ringmq(['pub', 'copy', '-i', 'json'], text)).status).toBe(0);
    expect(await lines(['message', 'find', 'copy', '--key', 'o-1', '-o', 'json'])).toMatchObject([
      { tag: 'paid', keys: ['o-1'], properties: { region: 'eu' } },
      { tag: 'paid', keys: ['o-1'], properties: { region: 'eu' } },
    ]);
  });

  it('finds by key, narrowed down', async () => {
    const bodies = async (...flags: string[]): Promise<unknown[]> =>
      (await lines(['message', 'find', 'orders', ...flags, '-o', 'json'])).map(({ body }) => body);
    expect((await bodies('--key', 'o-1')).sort()).toEqual(['{"n":1}', '{"n":2}']);
    expect(await bodies('--key', 'o-1', '--count', '1')).toHaveLength(1);
    expect(await bodies('--key', 'o-1', '--tag', 'other')).toEqual([]);
    expect(await bodies('--key', 'o-1', '--from', '2999-01-01')).toEqual([]);
    expect(await bodies('--key', 'o-1', '--until', '2001-01-01')).toEqual([]);
  });

  it('has a form for people, programs and spreadsheets', async () => {
    const form = async (as: string): Promise<string> =>
      (await ringmq(['message', 'browse', 'orders', '--as', as])).stdout;
    const table = await form('table');
    expect(table.split('\n')[0]).toMatch(/^STORED +QUEUE +OFFSET +TAG +KEYS +BYTES +BODY$/);
    expect(table).toContain('o-1');
    expect(table).not.toContain('\x1b');
    expect((await form('text')).split('\n').sort()).toEqual(
      ['', '{"n":1}', '{"n":2}', 'a "quoted", body', '\x1b[31mred'].sort(),
    );
    expect(await form('json')).toContain('{\n  "n": 1\n}');
    expect(await form('hex')).toMatch(/^00000000 {2}7b 22 6e 22 3a 31 7d +\|\{"n":1\}\|$/m);
    const csv = await form('csv');
    expect(csv.split('\n')[0]).toBe(
      'brokerSet,queueId,offset,messageId,storeTime,bornTime,tag,keys,shardingKey,properties,body,bodyBase64',
    );
    expect(csv).toContain('"a ""quoted"", body"');
    expect(csv).toContain('"{""region"":""eu""}"');
  });

  it('shows one whole, however large', async () => {
    await ringmq(['topic', 'create', 'large', '--queues', '1']);
    const body = 'x'.repeat(3_000_000);
    await ringmq(['pub', 'large'], `${body}\n`);
    const [line] = await lines(['message', 'browse', 'large', '-o', 'json']);
    expect(line?.['body'] === body).toBe(true);
    const id = String(line?.['messageId']);
    expect((await ringmq(['message', 'get', id, '--as', 'text'])).stdout === `${body}\n`).toBe(true);
    const details = (await ringmq(['message', 'get', id])).stdout;
    expect(details).toMatch(/^topic +large$/m);
    expect(details).toMatch(/^body +3,000,000 bytes$/m);
    expect(await lines(['message', 'get', id, '-o', 'json'])).toEqual([line]);
  });

  it('shows one of a time that no calendar has', async () => {
    await ringmq(['pub', 'large', '-i', 'json'], '{"keys":["late"],"bornTime":9007199254740991}\n');
    const [line] = await lines(['message', 'find', 'large', '--key', 'late', '-o', 'json']);
    const { status, stdout } = await ringmq(['message', 'get', String(line?.['messageId'])]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^born +9007199254740991 ms after 1970$/m);
  });

  it('says what is not there, and what cannot be used', async () => {
    const gone = await ringmq(['message', 'get', '0'.repeat(34)]);
    expect(gone).toMatchObject({ status: 1, stdout: '' });
    expect(gone.stderr).toMatch(/^MESSAGE_NOT_FOUND: .+; .+$/m);
    expect((await ringmq(['message', 'browse', 'nothing'])).stderr).toMatch(/^TOPIC_NOT_FOUND: /m);
    expect((await ringmq(['message', 'browse', 'orders', '--queue', '7'])).stderr).toMatch(
      /^QUEUE_NOT_FOUND: /m,
    );
    expect(await ringmq(['message', 'browse', 'orders', '--from', '5'])).toMatchObject({ status: 2 });
    expect(await ringmq(['message', 'find', 'orders'])).toMatchObject({ status: 2 });
    expect(await ringmq(['message', 'get', 'x'])).toMatchObject({ status: 2 });
    expect((await ringmq(['message', 'trace', 'x'])).stderr).toMatch(/^NOT_SUPPORTED: /m);
  });
});
