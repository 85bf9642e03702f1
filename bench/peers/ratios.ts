/** Rounds become results, results become ratios. */
import type { Result } from '../result.js';
import { median } from '../statistics.js';
import type { Measurement } from './suite.js';

export const RINGMQ = 'ringmq';

/** A system that falls behind a rate that is fixed has no latency at it. */
const KEEPS_UP = 0.98;

/** The medians of what was measured in several rounds, in the order in which it first came. */
export function resultsOf(measurements: readonly Measurement[]): Result[] {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const { system, workload, durability, api } = measurement;
    const key = JSON.stringify([workload, durability, system, api]);
    groups.set(key, [...(groups.get(key) ?? []), measurement]);
  }
  return [...groups.values()].map((rounds) => ({
    ...(rounds.at(-1) as Measurement),
    messagesPerSecond: Math.round(median(rounds.map(({ messagesPerSecond }) => messagesPerSecond))),
    p50Ms: medianTime(rounds.map(({ p50Ms }) => p50Ms)),
    p99Ms: medianTime(rounds.map(({ p99Ms }) => p99Ms)),
    rounds: rounds.map(({ messagesPerSecond }) => Math.round(messagesPerSecond)),
  }));
}

function medianTime(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Number(median(known).toFixed(3));
}

/**
 * RingMQ over the best rival of the same workload and class, by `workload/durability/api` of RingMQ's. Of
 * rates, where a rate is fixed of the end-to-end p99 (less is better then) among those that kept up. What no
 * rival has done has no ratio.
 */
export function ratiosOf(
  results: readonly Result[],
  isRival: (system: string) => boolean,
): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const own of results) {
    if (own.system !== RINGMQ) {
      continue;
    }
    const { workload, durability, api } = own;
    const rivals = results.filter(
      (other) => isRival(other.system) && other.workload === workload && other.durability === durability,
    );
    const ratio = own.targetRate === undefined ? rateRatio(own, rivals) : timeRatio(own, rivals);
    if (ratio !== null) {
      ratios[`${workload}/${durability}/${api}`] = Number(ratio.toFixed(3));
    }
  }
  return ratios;
}

function rateRatio(own: Result, rivals: readonly Result[]): number | null {
  const best = Math.max(...rivals.map(({ messagesPerSecond }) => messagesPerSecond));
  return best > 0 ? own.messagesPerSecond / best : null;
}

function timeRatio(own: Result, rivals: readonly Result[]): number | null {
  const times = rivals
    .filter(({ messagesPerSecond }) => messagesPerSecond >= (own.targetRate as number) * KEEPS_UP)
    .map(({ p99Ms }) => p99Ms)
    .filter((time) => time !== null);
  return times.length === 0 || own.p99Ms === null ? null : own.p99Ms / Math.min(...times);
}
