import { describe, expect, test } from 'vitest';
import { LatencyRecorder, mergeLatencies } from '../../bench/load/latency.js';

describe('latencies', () => {
  test('what two threads recorded has the percentiles of what one would have recorded', () => {
    const parts = [new LatencyRecorder(), new LatencyRecorder()] as const;
    const whole = new LatencyRecorder();
    for (let i = 1; i <= 20_000; i++) {
      // Uneven parts: the mean of their percentiles would be another.
      const ms = i % 10 === 0 ? i / 10 : i / 1000;
      parts[i % 10 === 0 ? 0 : 1].record(ms);
      whole.record(ms);
    }
    const merged = mergeLatencies(parts.map((part) => part.encode()));
    expect(merged.figures()).toEqual(whole.figures());
    expect(merged.figures()?.count).toBe(20_000);
    const lines = (recorder: LatencyRecorder): string[] =>
      recorder
        .hgrm()
        .split('\n')
        .filter((line) => !line.startsWith('#'));
    expect(lines(merged)).toEqual(lines(whole));
  });

  test('figures are true to three digits, up to p99.99', () => {
    const recorder = new LatencyRecorder();
    for (let us = 1; us <= 100_000; us++) {
      recorder.record(us / 1000);
    }
    const figures = recorder.figures();
    expect(figures?.p50).toBeCloseTo(50, 0);
    expect(figures?.p99).toBeCloseTo(99, 0);
    expect(figures?.p9999).toBeGreaterThan(99.9);
    expect(figures?.max).toBeGreaterThanOrEqual(figures?.p9999 ?? 0);
  });

  test('times out of bounds count as the bounds', () => {
    const recorder = new LatencyRecorder();
    recorder.record(-1);
    recorder.record(1e9);
    expect(recorder.figures()).toMatchObject({ count: 2, p50: 0.001 });
    expect(recorder.figures()?.max).toBeCloseTo(600_000, -3);
  });

  test('nothing recorded has no figures, also when merged', () => {
    expect(new LatencyRecorder().figures()).toBeNull();
    expect(mergeLatencies([new LatencyRecorder().encode(), '']).figures()).toBeNull();
  });

  test('an .hgrm has the columns that tools plot', () => {
    const recorder = new LatencyRecorder();
    recorder.record(5);
    expect(recorder.hgrm()).toMatch(/Value\s+Percentile\s+TotalCount\s+1\/\(1-Percentile\)/);
    expect(recorder.hgrm()).toMatch(/#\[Mean/);
  });
});
