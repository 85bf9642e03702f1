/** Load tools that are told how many messages, not how long. */
import type { Figure } from './peer.js';

/** Fewer would be over before the tool's clock says anything; more would fill a disk when a first run was misjudged. */
const LEAST_COUNT = 1_000;
const MOST_COUNT = 100_000_000;

/** How many messages take about `seconds` at that rate. */
export function countFor(messagesPerSecond: number, seconds: number): number {
  const count = Math.round(messagesPerSecond * seconds);
  return Math.min(Math.max(Number.isFinite(count) ? count : 0, LEAST_COUNT), MOST_COUNT);
}

/**
 * Measures for about `seconds`: a first run of `firstCount` messages, which is also the warm-up of server and
 * disk, says how many that takes; the second run is the figure.
 */
export async function calibrated(
  seconds: number,
  firstCount: number,
  run: (count: number) => Promise<Figure>,
): Promise<Figure> {
  const first = await run(firstCount);
  return run(countFor(first.messagesPerSecond, seconds));
}
