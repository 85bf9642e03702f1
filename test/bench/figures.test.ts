import { describe, expect, it } from 'vitest';
import { compareWays } from '../../bench/embedded/figures.js';
import {
  compareRuns,
  describeChange,
  type MicroRun,
  mergeBaseline,
  NOISE,
} from '../../bench/micro/figures.js';
import { comparedOf, orderOf, renderCompared } from '../../bench/path/compare.js';
import { ROWS } from '../../bench/path/rows.js';
import { formatQuantity } from '../../bench/quantity.js';
import { median, medianRange, spread } from '../../bench/statistics.js';

const ENVIRONMENT = {
  commit: 'SAMPLE',
  cpu: 'made-up',
  cores: 2,
  memoryGiB: 1,
  node: 'v0',
  kernel: '0',
  date: '2000-01-01T00:00:00.000Z',
};

function microRun(suite: string, calibrations: Record<string, number>): MicroRun {
  const cases = Object.entries(calibrations).map(([name, value]) => ({
    name,
    unit: 'record',
    nanoseconds: value * 1000,
    calibrations: value,
    marginPercent: 1,
  }));
  return { environment: ENVIRONMENT, suites: [{ suite, cases }] };
}

describe('quantities', () => {
  it('have three digits that matter and a unit', () => {
    expect(formatQuantity(0, 'messages/s')).toBe('0/s');
    expect(formatQuantity(12, 'messages/s')).toBe('12.0/s');
    expect(formatQuantity(4_396_000, 'messages/s')).toBe('4.40 M/s');
    expect(formatQuantity(14.26e9, 'bytes/s')).toBe('14.3 GB/s');
    expect(formatQuantity(0.512, 'ms')).toBe('0.51 ms');
    expect(formatQuantity(2345, 'us')).toBe('2.35 ms');
    expect(formatQuantity(Number.NaN, 'ms')).toBe('–');
  });

  it('step up where rounding makes a thousand', () => {
    expect(formatQuantity(999_700, 'messages/s')).toBe('1.00 M/s');
    expect(formatQuantity(999_400, 'messages/s')).toBe('999 k/s');
    expect(formatQuantity(99.96, 'ms')).toBe('100 ms');
  });
});

describe('statistics', () => {
  it('find the middle and the spread', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(spread([90, 100, 120])).toBeCloseTo(0.3);
    expect(spread([1])).toBeNull();
  });

  it('say between which of the values the median of ever more lies', () => {
    expect(medianRange([3, 1, 2])).toEqual([1, 3]);
    expect(medianRange([6, 5, 4, 3, 2, 1])).toEqual([1, 6]);
    expect(medianRange([12, 1, 11, 2, 10, 3, 9, 4, 8, 5, 7, 6])).toEqual([3, 10]);
    expect(medianRange([])).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('the micro baseline', () => {
  it('is compared in calibrations, case by case', () => {
    const before = microRun('batch', { pack: 2, parse: 4 });
    const now = microRun('batch', { pack: 3, parse: 4, 'a new one': 1 });
    const changes = compareRuns(now, before).map(({ name, change }) => [name, change]);
    expect(changes).toEqual([
      ['pack', 0.5],
      ['parse', 0],
      ['a new one', null],
    ]);
    expect(compareRuns(now, null).every(({ change }) => change === null)).toBe(true);
  });

  it('says slower or faster only beyond the noise', () => {
    expect(describeChange(NOISE * 0.9)).not.toMatch(/slower|faster/);
    expect(describeChange(NOISE * 1.1)).toMatch(/^\+\d+ % slower$/);
    expect(describeChange(-NOISE * 1.1)).toMatch(/^-\d+ % faster$/);
    expect(describeChange(null)).toBe('new');
  });

  it('keeps the suites that were not run', () => {
    const merged = mergeBaseline(microRun('ring', { claim: 1 }), microRun('batch', { pack: 2 }));
    expect(merged.suites.map(({ suite }) => suite)).toEqual(['ring', 'batch']);
    const renewed = mergeBaseline(merged, microRun('ring', { claim: 5 }));
    expect(renewed.suites.find(({ suite }) => suite === 'ring')?.cases[0]?.calibrations).toBe(5);
    expect(renewed.suites).toHaveLength(2);
  });
});

describe('ways from thread to thread', () => {
  const way = (name: string, target: number | null, rounds: number[]) => ({
    name,
    title: name,
    target,
    rounds,
  });

  it('are compared round by round, so that a slow minute slows both', () => {
    const [own, other] = compareWays(
      [way('ringmq', null, [10, 1, 10]), way('other', 2, [5, 0.5, 5])],
      'ringmq',
    );
    expect(own?.ratio).toBeNull();
    expect(other?.ratio).toBe(2);
    expect(other?.reached).toBe(true);
  });

  it('that could not be had reach nothing and miss nothing', () => {
    const [, other] = compareWays([way('ringmq', null, [10]), way('other', 2, [])], 'ringmq');
    expect(other?.ratio).toBeNull();
    expect(other?.reached).toBeNull();
  });
});

describe('one build beside another', () => {
  const row = (unit: 'us' | 'per second') => ROWS.find((each) => each.unit === unit) as (typeof ROWS)[number];

  it('compares round by round, since the machine drifts between rounds', () => {
    // Half as fast in the second round, both of them.
    const [ratio] = comparedOf(row('per second'), [
      [100, 110],
      [50, 55],
      [100, 110],
    ]).ratios;
    expect(ratio?.median).toBeCloseTo(1.1);
    expect(ratio?.range[0]).toBeCloseTo(1.1);
  });

  it('is above 1 when this build is better, also where less is better', () => {
    const [ratio] = comparedOf(row('us'), [
      [100, 80],
      [100, 80],
    ]).ratios;
    expect(ratio?.median).toBeCloseTo(1.25);
  });

  it('gives each place in a round to all of them as often', () => {
    const rounds = (count: number, rounds: number): string[] =>
      Array.from({ length: rounds }, (_, round) => orderOf(count, round).join(''));
    expect(rounds(2, 4)).toEqual(['01', '10', '10', '01']);
    expect(rounds(3, 6).sort()).toEqual(['012', '021', '102', '120', '201', '210']);
  });

  it('says of each beside the first how sure its ratio is', () => {
    const figures = [100, 110, 90].map((value) => [value, value, value * 0.9]);
    const sides = ['without', 'again', 'with'].map((name) => ({ name }));
    const text = renderCompared(3, [comparedOf(row('per second'), figures)], sides);
    expect(text).toContain('with / without');
    expect(text).toContain('1.000 (1.000 to 1.000)');
    expect(text).toContain('0.900 (0.900 to 0.900)');
  });
});
