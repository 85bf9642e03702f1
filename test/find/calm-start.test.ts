/** When the thread that searches is started for who has come, by a clock of the test's own. */
import { expect, it } from 'vitest';
import { CalmStart } from '../../engine/find/calm-start.js';

const MIB = 1024 * 1024;

/** Looks once a second, while so much is written each second and so many have come; after how many seconds it is due. */
function dueAfter(start: CalmStart, came: number, mibPerSecond: (second: number) => number): number | null {
  let end = 0;
  for (let second = 1; second <= 200; second++) {
    end += mibPerSecond(second) * MIB;
    if (start.isDue(came, end, 5_000 + second * 1_000)) {
      return second;
    }
  }
  return null;
}

it('nobody came: it is not due', () => {
  expect(dueAfter(new CalmStart(5_000), 0, () => 0)).toBeNull();
});

it('is due some seconds after the opening where little is written, and once for who has come', () => {
  const start = new CalmStart(5_000);
  expect(dueAfter(start, 2, () => 1)).toBe(3);
  expect(dueAfter(start, 2, () => 1)).toBeNull();
  expect(start.isDue(3, 201 * MIB, 206_000)).toBe(true);
});

it('waits while much is written, and for a minute at most', () => {
  expect(dueAfter(new CalmStart(5_000), 1, (second) => (second < 20 ? 300 : 0))).toBe(20);
  expect(dueAfter(new CalmStart(5_000), 1, () => 300)).toBe(63);
});

it('a clock that stands still is not busy for ever', () => {
  const start = new CalmStart(0);
  expect(start.isDue(1, 0, 4_000)).toBe(true);
  expect(start.isDue(2, 100 * MIB, 4_000)).toBe(false);
  expect(start.isDue(2, 100 * MIB, 4_000)).toBe(true);
});
