/**
 * The timers and the clock that everything here waits by.
 *
 * Tests of the host's program replace the global timers (`vi.useFakeTimers()`, Jest, Sinon); a broker or
 * client whose timers stand still hangs. So these are the real ones: under Node from `node:timers`, which
 * nobody replaces; in a browser the globals as they were when this was loaded.
 */

interface Timers {
  setTimeout: typeof globalThis.setTimeout;
  clearTimeout: typeof globalThis.clearTimeout;
  setInterval: typeof globalThis.setInterval;
  clearInterval: typeof globalThis.clearInterval;
}

interface Clock {
  now(): number;
}

/** Node's `process`, as far as it is used here. Browsers have none; a bundler's stand-in has not all of it. */
interface MaybeNode {
  getBuiltinModule?(name: string): unknown;
  hrtime?(): [number, number];
}

const node = (globalThis as { process?: MaybeNode }).process;
const timers = (node?.getBuiltinModule?.('timers') as Timers | undefined) ?? globalThis;
const clock =
  (node?.getBuiltinModule?.('perf_hooks') as { performance: Clock } | undefined)?.performance ??
  globalThis.performance;

export const setTimeout: Timers['setTimeout'] = timers.setTimeout.bind(globalThis) as Timers['setTimeout'];
export const clearTimeout: Timers['clearTimeout'] = timers.clearTimeout.bind(globalThis);
export const setInterval: Timers['setInterval'] = timers.setInterval.bind(globalThis);
export const clearInterval: Timers['clearInterval'] = timers.clearInterval.bind(globalThis);

const now: () => number = clock.now.bind(clock);

/** Each thread's `performance.now()` begins at its own start; `hrtime` is the process's. */
const sinceThreadStart = ((): number => {
  const time = node?.hrtime?.();
  return time === undefined ? 0 : time[0] * 1000 + time[1] / 1e6 - now();
})();

/**
 * Milliseconds since some moment of the past, the same for all threads of a process, and moved by no step of
 * the wall clock: what every wait, deadline, hold and interval is measured with. The wall clock is for time
 * stamps only.
 */
export function monotonicMs(): number {
  return now() + sinceThreadStart;
}
