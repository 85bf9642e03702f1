/** The last 24 hours, as brokers keep them, together. */
import type { History } from '../../client/index.js';
import { backend } from './session.js';

const NAMES = [
  'messagesIn',
  'messagesOut',
  'bytesIn',
  'bytesOut',
  'syncP50Ms',
  'syncP99Ms',
  'unwrittenBytes',
] as const;
/** One of two minutes: as fine as a chart can show. */
const POINTS = 720;
/** With less of it the page's own looks say more. */
const MIN_SAMPLES = 10;

export interface Day {
  /** Milliseconds since 1970. */
  readonly times: readonly number[];
  readonly series: History['series'];
}

/** null: the brokers have not kept enough yet. */
export async function askDay(): Promise<Day | null> {
  const { from, stepMs, series } = await backend().admin('history', { names: [...NAMES], points: POINTS });
  const { messagesIn = [] } = series;
  const first = messagesIn.findIndex((value) => value !== null);
  if (first < 0 || messagesIn.length - first < MIN_SAMPLES) {
    return null;
  }
  const times = messagesIn.slice(first).map((_, i) => from + (first + i) * stepMs);
  const cut = Object.fromEntries(Object.entries(series).map(([name, values]) => [name, values.slice(first)]));
  return { times, series: cut };
}
