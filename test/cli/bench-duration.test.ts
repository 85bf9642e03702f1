/** `ringmq bench --duration`: a line of CSV a second, and marks where acks stay away. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AckGapWatch } from '../../cli/bench/ack-gaps.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli, startCli } from './cli-process.js';

let directory = '';
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

it('a gap is a time without an ack while some are outstanding', () => {
  const watch = new AckGapWatch(500);
  const none = { begins: null, ends: null };
  expect(watch.look(100, 10, 5)).toEqual(none);
  // Nothing is outstanding: nobody waits, however long.
  expect(watch.look(200, 15, 0)).toEqual(none);
  expect(watch.look(5_000, 15, 0)).toEqual(none);
  expect(watch.look(5_400, 15, 3)).toEqual(none);
  const { begins } = watch.look(5_600, 15, 4);
  expect(begins).toEqual({ fromMs: 5_000, toMs: null });
  expect(watch.look(7_000, 15, 9)).toEqual(none);
  expect(watch.look(7_200, 16, 9).ends).toEqual({ fromMs: 5_000, toMs: 7_200 });
  // One that was over before anybody looked is told from end to end.
  expect(watch.look(9_000, 17, 9)).toEqual({
    begins: { fromMs: 7_200, toMs: 9_000 },
    ends: { fromMs: 7_200, toMs: 9_000 },
  });
  expect([watch.count, watch.longestMs]).toEqual([2, 2_200]);
});

it('keeps what it lists bounded, and counts all', () => {
  const watch = new AckGapWatch(50);
  for (let i = 0; i <= 500; i++) {
    watch.look(i * 100, i, 1);
  }
  expect([watch.count, watch.gaps.length]).toEqual([500, 100]);
});

it('a broker that is killed and comes back is an ack gap', async () => {
  const data = `${directory}/killed`;
  let broker = await BrokerProcess.start(data);
  const { port } = broker;
  const args = ['bench', 'produce', '--topic', 'load', '--rate', '500', '--duration', '8s'];
  const bench = startCli(['--url', broker.url, ...args, '--ack-gap', '300ms']);
  const closed = once(bench, 'close');
  const lines: string[] = [];
  let said = '';
  bench.stderr?.on('data', (data: Buffer) => {
    said += data.toString();
  });
  const reader = createInterface({ input: bench.stdout as NodeJS.ReadableStream });
  const until = async (isIt: (line: string) => boolean): Promise<void> => {
    while (!lines.some(isIt)) {
      await once(reader, 'line');
    }
  };
  reader.on('line', (line) => lines.push(line));
  try {
    await until((line) => line.startsWith('2'));
    await broker.kill();
    await until((line) => line.includes('ack gap begins'));
    broker = await BrokerProcess.start(data, [], port);
    await until((line) => line.includes('ack gap ends'));
    expect(await closed).toEqual([0, null]);
    expect(said).toMatch(/^ringmq: the broker at .+ is away.*\nringmq: the broker at .+ is back\n$/);
  } finally {
    bench.kill('SIGKILL');
    await broker.stop();
  }
  const [head = '', ...rest] = lines;
  const columns = head.split(',');
  expect(columns.slice(0, 4)).toEqual(['time', 'seconds', 'written_per_s', 'acked_per_s']);
  const rows = rest.filter((line) => !line.startsWith('#')).map((line) => line.split(','));
  expect(rows.every((row) => row.length === columns.length)).toBe(true);
  expect(rows.length).toBeGreaterThanOrEqual(5);
  const result = JSON.parse(rest.at(-1)?.slice(2) ?? '');
  expect(result).toMatchObject({ errors: 0, ackGaps: { count: expect.any(Number) } });
  expect(result.ackGaps.longestMs).toBeGreaterThanOrEqual(300);
});

it('the lines go to a file, and stdout has the result alone', async () => {
  const broker = await BrokerProcess.start(`${directory}/file`, ['--flush', 'async']);
  try {
    // Long enough for a machine that stops for a while, so together; what is consumed is what one of them has stored.
    const run = async (work: string, api: string, topic: string): Promise<void> => {
      const csv = `${directory}/${work}-${api}.csv`;
      const shape = ['--topic', topic, '--rate', '1000', '--duration', '3s', '--api', api];
      const { status, stdout, stderr } = await runCli(
        ['--url', broker.url, 'bench', work, ...shape, '--csv', csv, '-o', 'json'],
        {},
      );
      expect([status, stderr]).toEqual([0, '']);
      const result = JSON.parse(stdout.toString());
      expect(result).toMatchObject({ work, errors: 0 });
      expect(result.count).toBeGreaterThanOrEqual(200);
      expect(readFileSync(csv, 'utf8').trimEnd().split('\n').length).toBeGreaterThanOrEqual(2);
    };
    await Promise.all([
      run('e2e', 'write', 'load-1'),
      run('produce', 'send', 'load-2'),
      run('produce', 'batch', 'load-3'),
    ]);
    await run('consume', 'write', 'load-1');
    const both = await runCli(['bench', 'produce', '--topic', 't', '--csv', '-', '-o', 'json']);
    expect([both.status, both.stderr]).toEqual([
      2,
      expect.stringContaining('--csv - and -o json both want stdout'),
    ]);
  } finally {
    await broker.stop();
  }
});
