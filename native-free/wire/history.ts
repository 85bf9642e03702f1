/** What a broker keeps of its last day: samples at even steps of the wall clock. */
import { RingMQError } from './errors.js';

/** One sample each. */
export const HISTORY_STEP_MS = 10_000;
/** A day of them. */
export const HISTORY_SAMPLES = 8_640;

/**
 * Each with how several samples become one, and how several brokers' become a cluster's. Rates are a second's, of the time since the sample before.
 */
export const HISTORY_SERIES = {
  messagesIn: ['mean', 'sum'],
  bytesIn: ['mean', 'sum'],
  messagesOut: ['mean', 'sum'],
  bytesOut: ['mean', 'sum'],
  requests: ['mean', 'sum'],
  /** Of the fdatasyncs since the sample before; null: there was none. */
  syncP50Ms: ['mean', 'max'],
  syncP99Ms: ['max', 'max'],
  /** In the log's ring and not yet written. */
  unwrittenBytes: ['max', 'sum'],
  memoryUsedBytes: ['max', 'sum'],
  logBytes: ['mean', 'sum'],
  diskFreeBytes: ['min', 'min'],
  /** Of the slave that is furthest behind; null: there is none. */
  replicaLagBytes: ['max', 'max'],
  replicaLagMs: ['max', 'max'],
  connections: ['mean', 'sum'],
  backlog: ['mean', 'sum'],
  rssBytes: ['max', 'sum'],
  /** Processors at work: 1.5 is one and a half. */
  cpus: ['mean', 'sum'],
} as const satisfies Record<string, readonly [ofSamples: Joined, ofBrokers: Joined]>;

type Joined = 'mean' | 'sum' | 'max' | 'min';
export type HistoryName = keyof typeof HISTORY_SERIES;
export const HISTORY_NAMES = Object.keys(HISTORY_SERIES) as HistoryName[];

export interface HistoryParams {
  /** Milliseconds since 1970. Absent or null: a day before `to`. */
  from?: number | null;
  /** Absent or null: now. */
  to?: number | null;
  /** Absent or null: all. */
  names?: readonly string[] | null;
  /** Samples of each series at most, so that a step is longer where there are more: 1 to 8,640. Absent: 8,640. */
  points?: number;
}

export interface History {
  /** A whole number of 10 s. */
  stepMs: number;
  /** When the first sample's step begins, a multiple of `stepMs` since 1970. */
  from: number;
  /** null: nothing is known of that step. All have the same length. */
  series: Partial<Record<HistoryName, (number | null)[]>>;
}

/** The series asked for. @throws RingMQError BAD_ARGUMENT for one there is not */
export function historyNames(names: readonly string[] | null | undefined): HistoryName[] {
  for (const name of names ?? []) {
    if (!Object.hasOwn(HISTORY_SERIES, name)) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `names: there is no series '${name.slice(0, 64)}'; there are ${HISTORY_NAMES.join(', ')}`,
      );
    }
  }
  return names === null || names === undefined ? HISTORY_NAMES : ([...new Set(names)] as HistoryName[]);
}

/** Several numbers as one; null: there is none. */
export function joined(how: Joined, values: Iterable<number>): number | null {
  let count = 0;
  let result = 0;
  for (const value of values) {
    if (count === 0) {
      result = value;
    } else if (how === 'max') {
      result = Math.max(result, value);
    } else if (how === 'min') {
      result = Math.min(result, value);
    } else {
      result += value;
    }
    count++;
  }
  return count === 0 ? null : how === 'mean' ? result / count : result;
}

/** A cluster's history: of each step what those brokers have that have it. All were asked for the same. */
export function mergedHistory(all: readonly History[]): History {
  const stepMs = Math.max(...all.map((one) => one.stepMs));
  const fitting = all.filter((one) => one.stepMs === stepMs);
  const from = Math.min(...fitting.map((one) => one.from));
  const lengthOf = (one: History): number => Object.values(one.series)[0]?.length ?? 0;
  const end = Math.max(...fitting.map((one) => one.from + lengthOf(one) * stepMs));
  const series: History['series'] = {};
  for (const name of new Set(fitting.flatMap((one) => Object.keys(one.series) as HistoryName[]))) {
    const [, ofBrokers] = HISTORY_SERIES[name];
    series[name] = Array.from({ length: Math.round((end - from) / stepMs) }, (_, step) => {
      const values = fitting.map((one) => one.series[name]?.[step - Math.round((one.from - from) / stepMs)]);
      return joined(
        ofBrokers,
        values.filter((value): value is number => typeof value === 'number'),
      );
    });
  }
  return { stepMs, from, series };
}
