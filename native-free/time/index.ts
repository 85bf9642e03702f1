/** Waiting, and the clock it is measured with. */
export { LongTimer, MAX_TIMEOUT_MS, unref } from './long-timer.js';
export { clearInterval, clearTimeout, monotonicMs, setInterval, setTimeout } from './timers.js';
