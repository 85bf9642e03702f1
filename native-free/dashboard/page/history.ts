/** The last 24 hours, as brokers keep them, together. */
import { setsHere, targetOf } from './lists.js';
import { backend } from './session.js';

export interface History {
  readonly times: readonly number[];
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

/** Series that are no sums: of several brokers the highest is shown. */
const HIGHEST = /p50|p99|occupancy|part|lag|Ms$/i;

/** Rejects with NOT_SUPPORTED where no broker keeps any. */
export async function askHistory(): Promise<History> {
  const answers = await Promise.allSettled(
    setsHere().map((set) => backend().control(targetOf(set), 'history', {})),
  );
  const told = answers.flatMap((answer) =>
    answer.status === 'fulfilled'
      ? [answer.value as unknown as { stepMs: number; from: number; series: History['series'] }]
      : [],
  );
  const [first] = told;
  if (first === undefined) {
    throw (answers[0] as PromiseRejectedResult).reason;
  }
  const steps = Math.max(
    0,
    ...told.flatMap(({ series }) => Object.values(series).map((values) => values.length)),
  );
  const times = Array.from({ length: steps }, (_, i) => first.from + i * first.stepMs);
  const series: Record<string, (number | null)[]> = {};
  for (const { from, stepMs, series: own } of told) {
    const shift = Math.round((from - first.from) / stepMs);
    for (const [name, values] of Object.entries(own)) {
      series[name] ??= Array.from({ length: steps }, () => null);
      const sums = series[name];
      for (const [i, value] of values.entries()) {
        const at = i + shift;
        if (value !== null && at >= 0 && at < steps) {
          const before = sums[at] ?? null;
          sums[at] = before === null ? value : HIGHEST.test(name) ? Math.max(before, value) : before + value;
        }
      }
    }
  }
  return { times, series };
}
