/** Figures of the micro suites and the comparison with a saved run. */
import type { Environment } from '../environment.js';

export interface CaseFigure {
  name: string;
  unit: string;
  /** Of one unit, median of the samples. */
  nanoseconds: number;
  /** The same in multiples of the calibration loop that ran beside it: what is compared. */
  calibrations: number;
  /** Half the 95 % confidence interval of the mean, as benny tells it. */
  marginPercent: number;
}

export interface SuiteFigures {
  suite: string;
  cases: CaseFigure[];
}

export interface MicroRun {
  environment: Environment;
  suites: SuiteFigures[];
}

export interface ComparedCase extends CaseFigure {
  suite: string;
  /** The baseline's nanoseconds; null where it has no such case. */
  baselineNanoseconds: number | null;
  /** Time in calibrations against the baseline's, as a share: 0.1 is a tenth slower. */
  change: number | null;
}

/** What the same code differs by from run to run on a busy machine: less says nothing. */
export const NOISE = 0.25;

/** Each case of a run beside the baseline's of the same name. */
export function compareRuns(run: MicroRun, baseline: MicroRun | null): ComparedCase[] {
  const before = new Map<string, CaseFigure>();
  for (const { suite, cases } of baseline?.suites ?? []) {
    for (const figure of cases) {
      before.set(`${suite}/${figure.name}`, figure);
    }
  }
  return run.suites.flatMap(({ suite, cases }) =>
    cases.map((figure) => {
      const earlier = before.get(`${suite}/${figure.name}`);
      return {
        ...figure,
        suite,
        baselineNanoseconds: earlier?.nanoseconds ?? null,
        change: earlier === undefined ? null : figure.calibrations / earlier.calibrations - 1,
      };
    }),
  );
}

/** A baseline with the suites of `run` in it, and what it had of others. */
export function mergeBaseline(baseline: MicroRun | null, run: MicroRun): MicroRun {
  const renewed = new Set(run.suites.map(({ suite }) => suite));
  const kept = baseline?.suites.filter(({ suite }) => !renewed.has(suite)) ?? [];
  return { environment: run.environment, suites: [...kept, ...run.suites] };
}

/** `+12 %`, and a word when it is more than noise. */
export function describeChange(change: number | null): string {
  if (change === null) {
    return 'new';
  }
  const percent = `${change < 0 ? '-' : '+'}${Math.abs(change * 100).toFixed(0)} %`;
  if (Math.abs(change) <= NOISE) {
    return percent;
  }
  return `${percent} ${change > 0 ? 'slower' : 'faster'}`;
}
