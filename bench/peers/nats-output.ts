/** What `nats bench` prints at its end, as figures. */
import type { Figure } from './peer.js';

/**
 * One client: a line with the rate and percentiles. Several: a line a client, then a line of all together
 * (`aggregated stats`) and one of their latencies. An operation is a message for `sync`, a batch for the
 * others.
 */
export function benchStatistics(printed: string): Pick<Figure, 'messagesPerSecond' | 'p50Ms' | 'p99Ms'> {
  const summary = printed.slice(Math.max(printed.lastIndexOf(' stats: '), 0));
  const [, rate] = / stats: ([\d,]+) msgs\/sec/.exec(summary) ?? [];
  if (rate === undefined) {
    throw new Error(`nats bench printed no rate: ${printed.trim().slice(-2000)}`);
  }
  return {
    messagesPerSecond: numberOf(rate),
    p50Ms: milliseconds(/P50:? ([\d,.]+)us/.exec(summary)?.[1]),
    p99Ms: milliseconds(/P99:? ([\d,.]+)us/.exec(summary)?.[1]),
  };
}

function milliseconds(microseconds: string | undefined): number | null {
  return microseconds === undefined ? null : numberOf(microseconds) / 1_000;
}

/** Thousands are set apart by commas. */
function numberOf(text: string): number {
  return Number(text.replaceAll(',', ''));
}
