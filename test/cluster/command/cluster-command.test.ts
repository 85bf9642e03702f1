import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { identify, runningProcess, writeProcess } from '../../../cli/cluster/process-id.js';
import { runHere } from '../../cli/cli-here.js';
import { runCli } from '../../cli/cli-process.js';
import { SMALL, TestCluster } from './cluster-process.js';

const clusters: TestCluster[] = [];
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.remove()));
});

function newCluster(): TestCluster {
  const cluster = new TestCluster();
  clusters.push(cluster);
  return cluster;
}

describe('ringmq cluster', { timeout: 120_000 }, () => {
  test('starts, tells how it is, kills, restarts with what was acked, and stops', async () => {
    const cluster = newCluster();
    await cluster.start('multi-master');
    expect(cluster.urls).toHaveLength(2);
    const view = await cluster.status();
    expect(view).toMatchObject({
      cluster: 'default',
      mode: 'multi-master',
      nameServers: [
        { name: 'ns-1', url: cluster.urls[0], up: true },
        { name: 'ns-2', url: cluster.urls[1], up: true },
      ],
      brokers: [
        { name: 'a', set: 'a', role: 'master', up: true, start: 0 },
        { name: 'b', set: 'b', role: 'master', up: true, start: 0 },
      ],
    });
    const { url, pid } = view.brokers[0] as { url: string; pid: number };

    // Again: the same processes.
    await cluster.start('multi-master');
    expect((await cluster.broker('a')).pid).toBe(pid);

    await runHere(['topic', 'create', 't', '--queues', '1', '--url', url]);
    await runHere(['pub', 't', '--url', url], { input: 'one\ntwo\n' });
    expect(await cluster.done('kill', 'a')).toBe('a: killed\n');
    expect(await cluster.done('kill', 'a')).toBe('a: did not run\n');
    expect(await cluster.broker('a')).toMatchObject({ up: false, pid: null, url });
    expect(await cluster.done('status')).toMatch(/│ a +│ a +│ master │ down +│/);

    expect(await cluster.done('restart', 'a')).toBe(`a: ready ${url}\n`);
    const read = await runCli(['sub', 't', '--group', 'g', '--count', '2', '--url', url]);
    expect(read.stdout.toString()).toBe('one\ntwo\n');

    // By the name servers alone, from anywhere.
    const asked = await runCli(['cluster', 'status', '-o', 'json', '--url', cluster.urls.join(',')]);
    expect(asked.stderr).toBe('');
    expect(JSON.parse(asked.stdout.toString())).toMatchObject({
      brokers: [
        { name: 'a', up: true, pid: null },
        { name: 'b', up: true, pid: null },
      ],
    });

    expect(await cluster.done('stop')).toBe('stopped a, b, ns-1, ns-2\n');
    expect(await cluster.done('stop')).toBe('nothing ran\n');
    expect((await cluster.status()).brokers.map(({ up, pid }) => ({ up, pid }))).toEqual([
      { up: false, pid: null },
      { up: false, pid: null },
    ]);
  });

  test('a node that does not come up is said with its last words, and what was started is ended', async () => {
    const cluster = newCluster();
    const { status, stderr, stdout } = await cluster.run(
      'start',
      ...['--mode', 'single', '--', '--ring-size', '3MiB'],
    );
    expect(status).not.toBe(0);
    expect(stdout.toString()).toBe('');
    expect(stderr).toMatch(/^BAD_[A-Z]+: a ended before it served: .*--ring-size.*its log is .*\/a\/log\n$/);
    expect((await cluster.status()).nameServers).toMatchObject([{ up: false }]);
  });

  test('a port that somebody has is said with the node that wanted it', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const { port } = taken.address() as { port: number };
      const { status, stderr } = await newCluster().run(
        ...['start', '--mode', 'single', '--ports', String(port), ...SMALL],
      );
      expect(status).toBe(1);
      expect(stderr).toMatch(new RegExp(`^PORT_IN_USE: ns-1 ended .*${port}`));
    } finally {
      taken.close();
    }
  });

  test('another cluster in the same folder is not touched', async () => {
    const cluster = newCluster();
    await cluster.start('single');
    const { status, stderr } = await cluster.run('start', '--mode', 'multi-master');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^BAD_CONFIG: .* has another cluster \(single, .*which runs; stop it/);
    expect(await cluster.broker('a')).toMatchObject({ up: true });
  });

  test('two commands at once: one waits its turn or says so, and nothing is started twice', async () => {
    const cluster = newCluster();
    const start = ['start', '--mode', 'single', ...SMALL];
    const results = await Promise.all([cluster.run(...start), cluster.run(...start)]);
    const failed = results.filter(({ status }) => status !== 0);
    for (const { stderr } of failed) {
      expect(stderr).toMatch(/^DATA_DIR_LOCKED: another ringmq cluster command is at work/);
    }
    expect(failed.length).toBeLessThan(2);
    expect(await cluster.broker('a')).toMatchObject({ up: true });
  });

  test.each([
    [['status'], 1, /^BAD_CONFIG: there is no cluster in .*ringmq cluster start/],
    [['kill', 'a'], 1, /^BAD_CONFIG: there is no cluster in/],
    [['start'], 2, /--mode/],
    [['start', '--mode', 'double'], 2, /Allowed choices are single, multi-master/],
    [['start', '--mode', 'single', '--masters', '2'], 2, /^BAD_ARGUMENT: mode single has one master/],
    [['start', '--mode', 'multi-master', '--masters', '27'], 2, /at most 26/],
    [
      ['start', '--mode', 'single', '--controller', 'zk://h:1'],
      2,
      /^BAD_ARGUMENT: --controller must be like etcd:/,
    ],
  ])('%j is refused', async (args, expected, said) => {
    const { status, stderr } = await newCluster().run(...args);
    expect(status).toBe(expected);
    expect(stderr).toMatch(said);
  });

  test('processes of another machine cannot be ended from here', async () => {
    const { status, stderr } = await runHere(['cluster', 'kill', 'a', '--url', 'ws://127.0.0.1:9800']);
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^BAD_ARGUMENT: .*--dir/)]);
  });
});

describe('the process of a pid file', () => {
  test('is told from another that got its number', async () => {
    const cluster = newCluster();
    mkdirSync(cluster.dir, { recursive: true });
    const path = join(cluster.dir, 'pid');
    const self = identify(process.pid);
    expect(self).not.toBeNull();
    writeProcess(path, self as { pid: number; started: string });
    expect(runningProcess(path)).toEqual(self);
    writeProcess(path, { pid: process.pid, started: `1${self?.started}` });
    expect(runningProcess(path)).toBeNull();
    for (const text of ['', 'x', `${process.pid}\n`, '0 1 2\n', `-${process.pid} ${self?.started}\n`]) {
      writeFileSync(path, text);
      expect(runningProcess(path), text).toBeNull();
    }
  });

  test('kill and stop leave a foreign process alone', async () => {
    const cluster = newCluster();
    await cluster.run('start', '--mode', 'single', '--', '--ring-size', '3MiB');
    const path = join(cluster.dir, 'a', 'pid');
    // This very process, as if it had got the number of the broker that ran before.
    writeProcess(path, { pid: process.pid, started: '1 another-boot' });
    expect(await cluster.done('kill', 'a')).toBe('a: did not run\n');
    writeProcess(path, { pid: process.pid, started: '1 another-boot' });
    expect(await cluster.done('stop')).toBe('nothing ran\n');
    expect(() => readFileSync(path)).toThrow('ENOENT');
  });
});
