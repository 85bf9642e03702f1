import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';

/**
 * When each message is meant to go out. Latency is counted from then, not from when the sender got round to
 * it, so a stall of the broker shows in every message it held up.
 */
export interface Pace {
  /** How many of the messages from `done` on may go now, at most `limit`; waits until it is at least one. */
  due(done: number, limit: number): Promise<number> | number;
  /** Time message `number` was meant to go out, on `performance.now()`'s clock. */
  intended(number: number): number;
}

/** As fast as it goes: all that is asked for is due at once. */
export const FULL_SPEED: Pace = {
  due: (_done, limit) => limit,
  intended: () => monotonicMs(),
};

/** Evenly spaced, `perSecond` in a second, from now on. */
export function evenPace(perSecond: number): Pace {
  const startedAt = monotonicMs();
  const perMs = perSecond / 1000;
  const countDue = (): number => Math.floor((monotonicMs() - startedAt) * perMs) + 1;
  const wait = async (done: number, limit: number): Promise<number> => {
    for (;;) {
      const count = Math.min(limit, countDue() - done);
      if (count > 0) {
        return count;
      }
      const ms = startedAt + done / perMs - monotonicMs();
      // A timer is good to a millisecond; the rest is waited for in turns of the event loop.
      await (ms > 2 ? sleep(ms - 1) : nextTurn());
    }
  };
  return {
    due: (done, limit) => {
      const count = Math.min(limit, countDue() - done);
      return count > 0 ? count : wait(done, limit);
    },
    intended: (number) => startedAt + number / perMs,
  };
}
