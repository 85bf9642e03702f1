/** What RabbitMQ's PerfTest prints, as figures. */
import type { Figure } from './peer.js';

export interface PerfTestInterval {
  perSecond: number;
  /** Where messages are confirmed. */
  p50Ms: number | null;
  p99Ms: number | null;
}

/** A line a second: `… time 3.001 s, sent: 35672 msg/s, confirmed: 35600 msg/s, … confirm latency: 35923/101113/…/149875 µs`. */
export function perfTestIntervals(printed: string, what: 'confirmed' | 'received'): PerfTestInterval[] {
  const intervals: PerfTestInterval[] = [];
  for (const line of printed.split('\n')) {
    const perSecond = new RegExp(`, time [\\d.]+ s,.* ${what}: (\\d+) msg/s`).exec(line)?.[1];
    if (perSecond === undefined) {
      continue;
    }
    const latencies = / confirm latency: ([\d/]+) µs/.exec(line)?.[1]?.split('/').map(Number) ?? [];
    const [, p50, , , p99] = latencies;
    const ms = (us: number | undefined): number | null => (us === undefined ? null : us / 1_000);
    intervals.push({ perSecond: Number(perSecond), p50Ms: ms(p50), p99Ms: ms(p99) });
  }
  return intervals;
}

/**
 * The mean rate, and the middle one of the seconds' percentiles, without the first `warmUpSeconds` (but half
 * of the seconds are kept in any case) and without the last second, in which it ends.
 */
export function steadyFigure(
  intervals: readonly PerfTestInterval[],
  warmUpSeconds: number,
): Pick<Figure, 'messagesPerSecond' | 'p50Ms' | 'p99Ms'> {
  const whole = intervals.length > 1 ? intervals.slice(0, -1) : intervals;
  const steady = whole.slice(Math.min(warmUpSeconds, whole.length >> 1));
  const sum = steady.reduce((total, { perSecond }) => total + perSecond, 0);
  if (!(sum > 0)) {
    throw new Error(`PerfTest told no rate in ${intervals.length} seconds`);
  }
  return {
    messagesPerSecond: sum / steady.length,
    p50Ms: middle(steady.map(({ p50Ms }) => p50Ms)),
    p99Ms: middle(steady.map(({ p99Ms }) => p99Ms)),
  };
}

function middle(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known[known.length >> 1] ?? null;
}
