import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { LoadReport } from '../../bench/load/report.js';

const MAIN = fileURLToPath(new URL('../../bench/load/main.js', import.meta.url));
const SMOKE = fileURLToPath(new URL('../../../bench/workloads/smoke.yaml', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'ringmq-test-load-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function runLoad(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { timeout: 110_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function writeWorkload(name: string, ...changes: [string, string][]): string {
  const path = join(directory, `${name}.yaml`);
  const text = changes.reduce((all, [from, to]) => all.replace(from, to), readFileSync(SMOKE, 'utf8'));
  writeFileSync(path, text);
  return path;
}

// That it works, never how fast.
describe('bench:load', () => {
  test('runs the smoke workload on a broker of its own and writes what it found', async () => {
    const out = join(directory, 'out');
    const short = ['--duration', '1.5', '--warm-up', '0.5', '--json', '--out', out];
    const { status, stdout, stderr } = await runLoad('--workload', SMOKE, ...short);
    expect(stderr).toMatch(/sent .* acked .* received .* backlog .* broker .* generator/);
    const report = JSON.parse(stdout) as LoadReport;
    expect(report.counts).toMatchObject({ failed: 0, lost: 0, duplicates: 0, damaged: 0 });
    expect(report.counts.received).toBe(report.counts.sent);
    expect(report.counts.sent).toBeGreaterThan(1000);
    expect(report).toMatchObject({ system: 'ringmq', flush: 'async', api: 'write', workers: 1, errors: [] });
    expect(report.latencyMs.endToEnd?.p9999).toBeGreaterThan(0);
    expect(report.latencyMs.sendFromIntended?.p50).toBeGreaterThan(0);
    expect(status).toBe(0);
    const written = readdirSync(out);
    expect(written).toContain('ringmq-smoke-async-write.json');
    expect(written.filter((name) => name.endsWith('.hgrm'))).toHaveLength(3);
  });

  test('shares the work out among threads; two subscriptions each get everything', async () => {
    const two: [string, string] = ['subscriptionsPerTopic: 1', 'subscriptionsPerTopic: 2'];
    const path = writeWorkload('two', two, ['consumerPerSubscription: 1', 'consumerPerSubscription: 2']);
    const how = ['--workers', '2', '--api', 'send', '--flush', 'sync', '--json'];
    const { stdout } = await runLoad('--workload', path, '--duration', '1', '--warm-up', '0', ...how);
    const report = JSON.parse(stdout) as LoadReport;
    expect(report.counts).toMatchObject({ failed: 0, lost: 0, damaged: 0 });
    expect(report.counts.received).toBe(2 * report.counts.sent);
    expect(report).toMatchObject({ flush: 'sync', api: 'send', workers: 2 });
  });

  test('piles up a backlog and drains it', async () => {
    const path = writeWorkload(
      'backlog',
      ['producerRate: 2000', 'producerRate: 0'],
      ['consumerBacklogSizeGB: 0', 'consumerBacklogMessages: 20000\ndrainProducerRate: 1000'],
    );
    const { status, stdout } = await runLoad('--workload', path, '--json');
    const report = JSON.parse(stdout) as LoadReport;
    expect(report.backlog).toMatchObject({ messages: 20_000, hasCaughtUp: true });
    expect(report.backlog?.drainMessages).toBeGreaterThan(10_000);
    expect(report.counts).toMatchObject({ failed: 0, lost: 0, duplicates: 0, damaged: 0 });
    expect(status).toBe(0);
  });

  test.each([
    [['--workload', join(directory, 'none.yaml')], /none\.yaml/],
    [['--workload', SMOKE, '--driver', 'carrier-pigeon'], /carrier-pigeon/],
    [['--workload', SMOKE, '--driver', 'redis'], /--url/],
    [['--workload', SMOKE, '--duration', 'long'], /--duration/],
    [['--workload', SMOKE, '--workers', '0'], /--workers/],
    [[], /--workload/],
  ])('refuses wrong usage %#', async (args, message) => {
    const { status, stderr } = await runLoad(...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  test('refuses a workload with an unknown field by name', async () => {
    const path = writeWorkload('unknown', ['topics: 1', 'topics: 1\npartitions: 7']);
    const { status, stderr } = await runLoad('--workload', path);
    expect(stderr).toMatch(/partitions/);
    expect(status).toBe(2);
    expect(existsSync(path)).toBe(true);
  });
});
