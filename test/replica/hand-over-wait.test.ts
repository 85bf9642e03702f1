/** How long a master that comes back waits for its slaves, with limits of milliseconds. */
import { expect, it } from 'vitest';
import { HandOverWait } from '../../engine/replica/hand-over-wait.js';

/** `there`: who is known to be there, at each look; the last of them from then on. */
function waitFor(slaves: string[], there: string[][], longestMs = 600_000, limitMs = 1) {
  const missing: (readonly string[])[] = [];
  let looks = 0;
  let looked: () => void = () => {};
  const wait = new HandOverWait(
    slaves,
    { limitMs, longestMs, lookMs: 1 },
    {
      onTheWay: async (awaited) => {
        const known = there[Math.min(looks++, there.length - 1)] ?? [];
        looked();
        return awaited.filter((slave) => known.includes(slave));
      },
      onOver: (late) => missing.push(late),
    },
  );
  const look = (count: number): Promise<void> =>
    new Promise((resolve) => {
      looked = () => looks >= count && resolve();
      looked();
    });
  return { wait, missing, look };
}

it('is over once all have said what they had, or nobody knows those who have not', async () => {
  const all = waitFor(['s', 't'], [['s', 't']]);
  all.wait.done('s');
  expect(all.wait.isOver).toBe(false);
  all.wait.done('t');
  await all.wait.over;
  expect(all.missing).toEqual([[]]);
  const none = waitFor(['s', 't'], [[]]);
  none.wait.done('t');
  await none.wait.over;
  expect(none.missing).toEqual([['s']]);
});

it('goes on for one that is there and slow to come, and not for one that has gone meanwhile', async () => {
  const slow = waitFor(['s', 'dead'], [['s']]);
  await slow.look(5);
  expect(slow.wait.isOver).toBe(false);
  slow.wait.done('s');
  await slow.wait.over;
  expect(slow.missing).toEqual([['dead']]);
  const gone = waitFor(['s'], [['s'], ['s'], []]);
  await gone.wait.over;
  expect(gone.missing).toEqual([['s']]);
});

it('goes on for one that has come and opens its log again, which nobody knows meanwhile', async () => {
  const cutting = waitFor(['s'], [[]], 50);
  cutting.wait.came('s');
  const begun = performance.now();
  await cutting.wait.over;
  expect(performance.now() - begun).toBeGreaterThan(25);
  expect(cutting.missing).toEqual([['s']]);
});

it('a machine that stood still has not waited: who came meanwhile is heard', async () => {
  const stood = waitFor(['s'], [[]], 600_000, 100);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  // What comes over a socket is heard behind timers that are due.
  setImmediate(() => setImmediate(() => stood.wait.done('s')));
  await stood.wait.over;
  expect(stood.missing).toEqual([[]]);
});

it('has an end for one that is there and never comes, and tells nobody once it was closed', async () => {
  const never = waitFor(['s'], [['s']], 10);
  await never.wait.over;
  expect(never.missing).toEqual([['s']]);
  const closed = waitFor(['s'], [['s']]);
  await closed.look(2);
  closed.wait.close();
  await closed.wait.over;
  expect(closed.missing).toEqual([]);
});
