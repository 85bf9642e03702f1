import { describe, expect, test } from 'vitest';
import { EvenSchedule, FULL_SPEED } from '../../bench/load/schedule.js';
import { fc, test as propertyTest } from '../properties.js';

describe('the send schedule', () => {
  test('one producer sends at even distances, the first at once', () => {
    const schedule = new EvenSchedule(1000, 100, 1, 0);
    expect(schedule.dueBy(999)).toBe(0);
    expect(schedule.dueBy(1000)).toBe(1);
    expect(schedule.dueBy(1009.9)).toBe(1);
    expect(schedule.dueBy(1010)).toBe(2);
    expect(schedule.intendedMs(5)).toBe(1050);
  });

  test('producers take turns', () => {
    const times = [0, 1, 2].flatMap((index) => {
      const schedule = new EvenSchedule(0, 1000, 3, index);
      return [0, 1, 2, 3].map((number) => schedule.intendedMs(number));
    });
    expect(times.sort((a, b) => a - b).map((ms) => Math.round(ms))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
  });

  test('a new rate goes on with the number that is next', () => {
    const schedule = new EvenSchedule(5000, 10, 1, 0, 77);
    expect(schedule.dueBy(4999)).toBe(77);
    expect(schedule.intendedMs(77)).toBe(5000);
    expect(schedule.dueBy(5100)).toBe(79);
  });

  test('full speed: all is due, and meant for now', () => {
    expect(FULL_SPEED.dueBy(0)).toBe(Number.POSITIVE_INFINITY);
    expect(FULL_SPEED.intendedMs(3, 42)).toBe(42);
  });

  propertyTest.prop([
    fc.double({ min: 0.1, max: 1e6, noNaN: true }),
    fc.integer({ min: 1, max: 100 }),
    fc.double({ min: 0, max: 1e7, noNaN: true }),
  ])('what is due was meant to go out, what is not was not', (perSecond, producers, nowMs) => {
    const schedule = new EvenSchedule(0, perSecond, producers, producers - 1);
    const due = schedule.dueBy(nowMs);
    // Both sides are rounded, by less than the distance of two messages.
    const step = (1000 * producers) / perSecond;
    const slack = step * 1e-6 + nowMs * 1e-12;
    if (due > 0) {
      expect(schedule.intendedMs(due - 1)).toBeLessThanOrEqual(nowMs + slack);
    }
    expect(schedule.intendedMs(due)).toBeGreaterThan(nowMs - slack);
  });
});
