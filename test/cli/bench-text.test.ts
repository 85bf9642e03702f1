import { expect, it } from 'vitest';
import { type BenchResult, describeResult } from '../../cli/bench-command.js';

const RESULT: BenchResult = {
  work: 'produce',
  topic: 'load',
  messagesPerSecond: 1_234_567,
  bytesPerSecond: 123_456_700,
  latencyMs: { p50: 1.25, p99: 8, p999: 11.5, max: 20 },
  count: 1_000_000,
  size: 100,
  seconds: 0.81,
  producers: 1,
  rate: null,
  flush: 'sync',
  listener: 'ws',
  api: 'write',
  errors: 0,
};

it('tells a person what a run did', () => {
  expect(describeResult(RESULT)).toBe(
    [
      '1,000,000 messages of 100 bytes acked in 0.81 s',
      'rate      1,234,567 messages/s, 123.5 MB/s',
      'latency   p50 1.25 ms, p99 8 ms, p99.9 11.5 ms, max 20 ms',
      'broker    sync flush, listener ws',
    ].join('\n'),
  );
});

it('tells what failed, and leaves out what was not measured', () => {
  const text = describeResult({ ...RESULT, work: 'consume', count: 1, latencyMs: null, errors: 3 });
  expect(text).toContain('1 message of 100 bytes received');
  expect(text).toContain('not acked 3');
  expect(text).not.toContain('latency');
});
