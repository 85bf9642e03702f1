/**
 * Running totals of one load thread, in shared memory: the thread alone writes them, the main thread reads
 * them when it likes. They are plain doubles without Atomics; an aligned double is read whole on every
 * machine Node runs on, and a value that is a moment old does no harm.
 */
export const COUNTER = { sent: 0, acked: 1, failed: 2, received: 3 } as const;
const COUNTERS = 4;

export function makeCounters(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(COUNTERS * Float64Array.BYTES_PER_ELEMENT));
}

export interface Totals {
  sent: number;
  acked: number;
  failed: number;
  received: number;
}

export function readTotals(threads: readonly Float64Array[]): Totals {
  const sum = (at: number): number => threads.reduce((total, counters) => total + (counters[at] ?? 0), 0);
  return {
    sent: sum(COUNTER.sent),
    acked: sum(COUNTER.acked),
    failed: sum(COUNTER.failed),
    received: sum(COUNTER.received),
  };
}
