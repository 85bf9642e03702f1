/**
 * A day of samples in memory of a fixed size. A sample has its place by the wall clock, and each place says of which time it is: what was not
 * sampled, as the machine slept or the clock was put forward, is a gap. When the clock is put back, what claims to be of times to come is forgotten.
 */
import {
  HISTORY_NAMES,
  HISTORY_SAMPLES,
  HISTORY_SERIES,
  HISTORY_STEP_MS,
  type History,
  type HistoryName,
  joined,
} from '../../native-free/wire/history.js';

const COLUMNS = HISTORY_NAMES.length;

/** What one sample has; null: it is not known. */
export type Sample = Readonly<Record<HistoryName, number | null>>;

export class HistoryRing {
  /** Number of the step since 1970 that a place has a sample of; -1: none. */
  readonly #steps = new Float64Array(HISTORY_SAMPLES).fill(-1);
  /** NaN: not known. */
  readonly #values = new Float64Array(HISTORY_SAMPLES * COLUMNS).fill(Number.NaN);
  #newest = -1;

  /** A second sample of one step takes the place of the first. */
  put(timeMs: number, sample: Sample): void {
    const step = Math.floor(timeMs / HISTORY_STEP_MS);
    if (step < this.#newest) {
      this.#forgetBehind(step);
    }
    this.#newest = step;
    const place = step % HISTORY_SAMPLES;
    this.#steps[place] = step;
    for (let column = 0; column < COLUMNS; column++) {
      this.#values[place * COLUMNS + column] = sample[HISTORY_NAMES[column] as HistoryName] ?? Number.NaN;
    }
  }

  /** The steps from `from` up to `to`, `points` of them at most: several samples are one then. */
  read(from: number, to: number, names: readonly HistoryName[], points: number): History {
    const last = Math.floor(to / HISTORY_STEP_MS);
    const first = Math.max(Math.floor(from / HISTORY_STEP_MS), last - HISTORY_SAMPLES + 1);
    const each = Math.max(1, Math.ceil((last - first + 1) / points));
    const begin = Math.floor(first / each);
    const count = Math.max(0, Math.floor(last / each) - begin + 1);
    const series: History['series'] = {};
    for (const name of names) {
      const column = HISTORY_NAMES.indexOf(name);
      const [ofSamples] = HISTORY_SERIES[name];
      series[name] = Array.from({ length: count }, (_, i) => {
        const at = (begin + i) * each;
        return joined(ofSamples, this.#between(Math.max(at, first), Math.min(at + each - 1, last), column));
      });
    }
    const stepMs = each * HISTORY_STEP_MS;
    return { stepMs, from: begin * stepMs, series };
  }

  *#between(first: number, last: number, column: number): Generator<number> {
    for (let step = first; step <= last; step++) {
      const place = step % HISTORY_SAMPLES;
      const value = this.#values[place * COLUMNS + column] as number;
      if (this.#steps[place] === step && !Number.isNaN(value)) {
        yield value;
      }
    }
  }

  #forgetBehind(step: number): void {
    for (let place = 0; place < HISTORY_SAMPLES; place++) {
      if ((this.#steps[place] as number) > step) {
        this.#steps[place] = -1;
      }
    }
  }
}
