/** The last 24 hours, as brokers keep them, together. */
import type { History } from '../../client/index.js';
import { setsHere, targetOf } from './lists.js';
import { backend } from './session.js';

const NAMES = [
  'messagesIn',
  'messagesOut',
  'bytesIn',
  'bytesOut',
  'syncP50Ms',
  'syncP99Ms',
  'unwrittenBytes',
  'diskFreeBytes',
  'replicaLagMs',
] as const;
/** One of two minutes: as fine as a chart can show. */
const POINTS = 720;
/** With less of it the page's own looks say more. */
const MIN_SAMPLES = 10;
/** How fast a disk fills is taken over the last hour of so many steps a day. */
const PACE_POINTS = 1_440;
const PACE_SAMPLES = 60;

export interface Day {
  /** Milliseconds since 1970. */
  readonly times: readonly number[];
  readonly series: History['series'];
}

export interface Past {
  /** null: the brokers have not kept enough yet. */
  readonly day: Day | null;
  /** When the first disk is full, at the pace of the last hour. null: none fills, undefined: not enough is kept to say. */
  readonly fullInMs: number | null | undefined;
}

export async function askPast(): Promise<Past> {
  const [day, paces] = await Promise.all([askDay(), Promise.allSettled(setsHere().map(askPace))]);
  const known = paces.flatMap((pace) =>
    pace.status === 'fulfilled' && pace.value !== undefined ? [pace.value] : [],
  );
  const filling = known.filter((pace) => pace !== null);
  return {
    day,
    fullInMs: filling.length > 0 ? Math.min(...filling) : known.length > 0 ? null : undefined,
  };
}

/** Of a broker that was started a while ago what it has, in steps as fine as that allows. */
async function askDay(since?: number): Promise<Day | null> {
  const { from, stepMs, series } = await backend().admin('history', {
    names: [...NAMES],
    points: POINTS,
    ...(since === undefined ? {} : { from: since }),
  });
  const { messagesIn = [] } = series;
  const first = messagesIn.findIndex((value) => value !== null);
  if (first >= 0 && since === undefined && messagesIn.length - first < POINTS / 2) {
    return askDay(from + first * stepMs);
  }
  if (first < 0 || messagesIn.length - first < MIN_SAMPLES) {
    return null;
  }
  const times = messagesIn.slice(first).map((_, i) => from + (first + i) * stepMs);
  const cut = Object.fromEntries(Object.entries(series).map(([name, values]) => [name, values.slice(first)]));
  return { times, series: cut };
}

/** Each set has a disk of its own. */
async function askPace(set: string | null): Promise<number | null | undefined> {
  const answer = await backend().control(targetOf(set), 'history', {
    names: ['diskFreeBytes'],
    points: PACE_POINTS,
  });
  const { stepMs, series } = answer as unknown as History;
  return timeUntilFull(series.diskFreeBytes ?? [], stepMs);
}

/**
 * By the line that lies closest to all samples of the last hour: what retention deletes and what others write is in
 * them. undefined: there are too few.
 */
export function timeUntilFull(free: readonly (number | null)[], stepMs: number): number | null | undefined {
  const known = free
    .slice(-PACE_SAMPLES)
    .flatMap((value, step) => (value === null ? [] : [[step, value] as const]));
  if (known.length < MIN_SAMPLES) {
    return undefined;
  }
  const meanStep = known.reduce((sum, [step]) => sum + step, 0) / known.length;
  const mean = known.reduce((sum, [, value]) => sum + value, 0) / known.length;
  const [up, across] = known.reduce(
    ([rise, run], [step, value]) => [rise + (step - meanStep) * (value - mean), run + (step - meanStep) ** 2],
    [0, 0] as [number, number],
  );
  const lostPerStep = -up / across;
  const [, last] = known.at(-1) as readonly [number, number];
  return lostPerStep * 1_000 < stepMs ? null : (last / lostPerStep) * stepMs;
}
