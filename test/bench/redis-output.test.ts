import { expect, test } from 'vitest';
import { benchmarkRow, groupProgress } from '../../bench/peers/redis-output.js';

const HEADER =
  '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"';

test('redis-benchmark --csv: the rate and two percentiles', () => {
  const row =
    '"XADD s MAXLEN ~ 100000 * b uxyv","363914.88","2.251","0.272","1.935","2.831","8.607","55.231"';
  expect(benchmarkRow(`${HEADER}\n${row}\n`)).toEqual({
    messagesPerSecond: 363914.88,
    p50Ms: 1.935,
    p99Ms: 8.607,
  });
});

test('a command that looks like fields does not shift the values', () => {
  const row = '"XADD s * b a","b","43271.31","1.019","0.152","0.863","2.031","4.495","17.839"';
  expect(benchmarkRow(`${HEADER}\n${row}\n`).messagesPerSecond).toBe(43271.31);
});

test('what the server refuses is told in its words', () => {
  expect(() => benchmarkRow('Error from server: ERR wrong number of arguments\n')).toThrow(/wrong number/);
});

test('XINFO GROUPS: how far the group has read', () => {
  const lines = ['name', 'g', 'consumers', '1', 'pending', '0', 'last-delivered-id', '1795561810281-128'];
  expect(groupProgress([...lines, 'entries-read', '1000000', 'lag', '64', ''].join('\n'))).toEqual({
    entriesRead: 1_000_000,
  });
  expect(() => groupProgress('\n')).toThrow(/no group/);
});
