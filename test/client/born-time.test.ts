/** When messages say they were born: the clock is read now and then only, and records keep distances to their batch's time. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TurnClock } from '../../native-free/batch/turn-clock.js';
import { BatchBuilder } from '../../native-free/client/internal.js';
import { RECORD } from '../../native-free/wire/index.js';

const NOW = 1_700_000_000_000;
const message = { topic: 't', body: new Uint8Array(10) };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the clock of a turn', () => {
  test('is read for every 32nd use, and for the first of the next turn', async () => {
    const clock = new TurnClock();
    expect(clock.now()).toBe(NOW);
    vi.setSystemTime(NOW + 5);
    for (let use = 2; use <= 32; use++) {
      expect(clock.now()).toBe(NOW);
    }
    expect(clock.now()).toBe(NOW + 5);
    vi.setSystemTime(NOW + 9);
    expect(clock.now()).toBe(NOW + 5);
    await Promise.resolve();
    expect(clock.now()).toBe(NOW + 9);
  });
});

test.each([-1, Number.NaN, 2 ** 60, Number.POSITIVE_INFINITY])(
  'a wall clock that says %d is not believed: a batch with such a time would end its connection',
  (time) => {
    const now = vi.spyOn(Date, 'now').mockReturnValue(time);
    expect(new TurnClock().now()).toBe(0);
    now.mockRestore();
  },
);

describe('a plain message behind one with a time of its own', () => {
  test.each([5_000, -5_000, 0x7fffffff, -0x7fffffff])('%i ms from it keeps its own', (distance) => {
    const builder = new BatchBuilder(4096);
    builder.append(message, NOW - distance);
    const { at } = builder;
    expect(builder.appendUsual(message.body, message.body.length, new TurnClock())).toBeGreaterThan(0);
    expect(builder.bornTime + builder.view.getInt32(at + RECORD.bornDelta, true)).toBe(NOW);
  });

  test.each([0x80000000, -0x80000000])('%i ms from it goes into another batch', (distance) => {
    const builder = new BatchBuilder(4096);
    builder.append(message, NOW - distance);
    const { at } = builder;
    expect(builder.appendUsual(message.body, message.body.length, new TurnClock())).toBe(0);
    expect(builder.append(message, NOW)).toBe(false);
    expect([builder.at, builder.count]).toEqual([at, 1]);
  });
});
