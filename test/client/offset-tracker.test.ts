import { expect, test } from 'vitest';
import { OffsetTracker } from '../../native-free/client/internal.js';
import { fc, test as property } from '../properties.js';

test('moves only when the lowest is done', () => {
  const tracker = new OffsetTracker(10);
  expect(tracker.mark(12, 14)).toBe(false);
  expect(tracker.mark(11, 12)).toBe(false);
  expect(tracker.gaps).toBe(1);
  expect(tracker.mark(10, 11)).toBe(true);
  expect(tracker.lowest).toBe(14);
  expect(tracker.gaps).toBe(0);
});

property.prop([
  fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 60 }),
  fc.infiniteStream(fc.nat()),
])('agrees with a set, for ranges in any order', (sizes, random) => {
  const ranges: { start: number; end: number }[] = [];
  let start = 100;
  for (const size of sizes) {
    ranges.push({ start, end: start + size });
    start += size;
  }
  const shuffled = ranges
    .map((range) => ({ range, key: random.next().value as number }))
    .sort((a, b) => a.key - b.key)
    .map(({ range }) => range);
  const tracker = new OffsetTracker(100);
  const done = new Set<number>();
  for (const range of shuffled) {
    const before = tracker.lowest;
    const moved = tracker.mark(range.start, range.end);
    for (let offset = range.start; offset < range.end; offset++) {
      done.add(offset);
    }
    let lowest = 100;
    while (done.has(lowest)) {
      lowest++;
    }
    expect(tracker.lowest).toBe(lowest);
    expect(moved).toBe(lowest > before);
  }
  expect(tracker.gaps).toBe(0);
});
