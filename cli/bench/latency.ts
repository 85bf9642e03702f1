import { build, type Histogram } from 'hdr-histogram-js';

/** Milliseconds. */
export interface LatencyFigures {
  p50: number;
  p99: number;
  p999: number;
  max: number;
}

/** Times of one run, from a microsecond to a minute, to three digits. */
export class LatencyRecorder {
  readonly #histogram = emptyHistogram();
  /** What came since it was last asked for; null where nobody asks. */
  #recent: Histogram | null;

  /** `hasIntervals`: {@link interval} is going to be asked. */
  constructor({ hasIntervals = false } = {}) {
    this.#recent = hasIntervals ? emptyHistogram() : null;
  }

  /** `count` messages took `ms`. Values past a minute count as a minute. */
  record(ms: number, count = 1): void {
    const us = Math.min(60_000_000, Math.max(1, Math.round(ms * 1000)));
    this.#histogram.recordValueWithCount(us, count);
    this.#recent?.recordValueWithCount(us, count);
  }

  /** Of what was recorded since the last call; null when nothing was. */
  interval(): LatencyFigures | null {
    const figures = this.#recent === null ? null : figuresOf(this.#recent);
    this.#recent?.reset();
    return figures;
  }

  /** null when nothing was recorded. */
  figures(): LatencyFigures | null {
    return figuresOf(this.#histogram);
  }
}

function emptyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
}

function figuresOf(histogram: Histogram): LatencyFigures | null {
  if (histogram.totalCount === 0) {
    return null;
  }
  // A percentile is told as the upper end of its step of the histogram, which may lie above the largest
  // value.
  const ms = (us: number): number => Number((Math.min(us, histogram.maxValue) / 1000).toFixed(3));
  return {
    p50: ms(histogram.getValueAtPercentile(50)),
    p99: ms(histogram.getValueAtPercentile(99)),
    p999: ms(histogram.getValueAtPercentile(99.9)),
    max: ms(histogram.maxValue),
  };
}
