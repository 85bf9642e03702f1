import { describe, expect, it } from 'vitest';
import { RetentionClock } from '../../engine/log/index.js';

const HOUR = 3_600_000;
const START = 1_700_000_000_000;

function setUp(retentionMs: number, lastStoreTime = START) {
  const time = { wall: START, monotonic: 5 };
  const clock = new RetentionClock({
    wall: () => time.wall,
    monotonic: () => time.monotonic,
    lastStoreTime,
    retentionMs,
  });
  const pass = (ms: number): void => {
    time.wall += ms;
    time.monotonic += ms;
  };
  return { time, clock, pass };
}

describe('the clock of retention', () => {
  it('follows the wall clock, also back', () => {
    const { time, clock, pass } = setUp(72 * HOUR);
    pass(10 * HOUR);
    expect(clock.now()).toBe(time.wall);
    time.wall -= 9 * HOUR;
    expect(clock.now()).toBe(time.wall);
  });

  it('does not believe a step ahead before it has lasted an hour', () => {
    const { time, clock, pass } = setUp(72 * HOUR);
    time.wall += 10_000 * HOUR;
    expect(clock.now()).toBe(START);
    pass(HOUR / 2);
    expect(clock.now()).toBe(START + HOUR / 2);
    time.wall -= 10_000 * HOUR;
    expect(clock.now()).toBe(time.wall);
    time.wall += 10_000 * HOUR;
    clock.now();
    pass(HOUR);
    expect(clock.now()).toBe(time.wall);
  });

  it('is patient for no longer than retention', () => {
    const { time, clock, pass } = setUp(3_000);
    time.wall += 1_000 * HOUR;
    clock.now();
    pass(3_000);
    expect(clock.now()).toBe(time.wall);
  });

  it('of a broker that was away for long goes on from the last message first', () => {
    const { time, clock, pass } = setUp(72 * HOUR, START - 1_000 * HOUR);
    expect(clock.now()).toBe(START - 1_000 * HOUR);
    pass(HOUR);
    expect(clock.now()).toBe(time.wall);
  });
});
