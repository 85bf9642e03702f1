import { expect, test } from 'vitest';
import { benchStatistics } from '../../bench/peers/nats-output.js';

test('nats bench, one client: rate and percentiles on one line', () => {
  const printed =
    'NATS JetStream fast batch publisher stats: 182,098 msgs/sec ~ 17 MiB/sec ~ min: 1,676.87us ~ avg: 2,738.70us ~ max: 76,321.19us ~ P50: 2,190.17us ~ P90: 3,747.99us ~ P99: 8,226.98us ~ P99.9: 76,321.19us\n';
  expect(benchStatistics(printed)).toEqual({
    messagesPerSecond: 182_098,
    p50Ms: 2190.17 / 1_000,
    p99Ms: 8226.98 / 1_000,
  });
});

test('several clients: the figures of all together, not those of one', () => {
  const printed = [
    '  [63] 353 msgs/sec ~ 35 KiB/sec ~ min: 79.65us ~ avg: 2,826.26us ~ max: 61,230.43us ~ P50: 2,235.12us ~ P90: 4,489.53us ~ P99: 11,810.14us ~ P99.9: 61,230.43us (1,000 msgs)',
    ' NATS JetStream synchronous publisher aggregated stats: 22,637 msgs/sec ~ 2.2 MiB/sec',
    ' message rates min 353 | avg 356 | max 367 | stddev 2 msgs',
    ' latencies per operation min 32.15us | avg 2,803.38us | max 70,175.46us | stddev 4,475.47us | P50 2,234.29us | P90 4,388.92us | P99 11,524.06us | P99.9: 60,716.62us',
  ].join('\n');
  expect(benchStatistics(printed)).toEqual({
    messagesPerSecond: 22_637,
    p50Ms: 2234.29 / 1_000,
    p99Ms: 11524.06 / 1_000,
  });
});

test('a consumer has a rate only', () => {
  const printed = 'NATS JetStream ordered ephemeral consumer stats: 283,221 msgs/sec ~ 27 MiB/sec\n';
  expect(benchStatistics(printed)).toEqual({ messagesPerSecond: 283_221, p50Ms: null, p99Ms: null });
});

test('what the tool says when it fails is told', () => {
  expect(() => benchStatistics('nats: error: no responders\n')).toThrow(/no responders/);
});
