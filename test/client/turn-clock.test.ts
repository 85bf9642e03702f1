import { expect, test } from 'vitest';
import { TurnClock } from '../../native-free/batch/turn-clock.js';

/** Which of so many uses of one turn are looked at closely, counted from 0. */
function closeUses(clock: TurnClock, count: number): number[] {
  return Array.from({ length: count }, (_, use) => {
    const { isClose } = clock;
    clock.tick();
    return isClose ? use : -1;
  }).filter((use) => use >= 0);
}

test('the first eight uses of each turn are looked at closely, and then the one behind each reading of the clock', async () => {
  const clock = new TurnClock();
  const asExpected = [0, 1, 2, 3, 4, 5, 6, 7, 33, 65, 97];
  expect(closeUses(clock, 100)).toEqual(asExpected);
  await Promise.resolve();
  expect(closeUses(clock, 100)).toEqual(asExpected);
  await Promise.resolve();
  expect(closeUses(clock, 3)).toEqual([0, 1, 2]);
  await Promise.resolve();
  expect(closeUses(clock, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
