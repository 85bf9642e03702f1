import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

const MAX_US = 600_000_000;

/** Milliseconds. */
export interface LatencyFigures {
  count: number;
  mean: number;
  p50: number;
  p75: number;
  p90: number;
  p95: number;
  p99: number;
  p999: number;
  p9999: number;
  max: number;
}

/** Times from a microsecond to ten minutes, to three digits. Longer ones count as ten minutes. */
export class LatencyRecorder {
  readonly #histogram: Histogram;

  constructor(histogram: Histogram = emptyHistogram()) {
    this.#histogram = histogram;
  }

  record(ms: number): void {
    const us = Math.round(ms * 1000);
    this.#histogram.recordValue(Math.max(1, Math.min(us, MAX_US)));
  }

  /** For another thread, which reads it with {@link mergeLatencies}. */
  encode(): string {
    return this.#histogram.totalCount === 0 ? '' : encodeIntoCompressedBase64(this.#histogram);
  }

  /** null when nothing was recorded. */
  figures(): LatencyFigures | null {
    const histogram = this.#histogram;
    if (histogram.totalCount === 0) {
      return null;
    }
    const ms = (us: number): number => Number((us / 1000).toFixed(3));
    const at = (percentile: number): number => ms(histogram.getValueAtPercentile(percentile));
    return {
      count: histogram.totalCount,
      mean: ms(histogram.mean),
      p50: at(50),
      p75: at(75),
      p90: at(90),
      p95: at(95),
      p99: at(99),
      p999: at(99.9),
      p9999: at(99.99),
      // To three digits as the others, so that it is never below them.
      max: at(100),
    };
  }

  /** The distribution as HdrHistogram's tools plot it, in milliseconds. */
  hgrm(): string {
    return this.#histogram.outputPercentileDistribution(5, 1000);
  }
}

function emptyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MAX_US,
    numberOfSignificantValueDigits: 3,
  });
}

/** One distribution of what several threads recorded: percentiles of parts cannot be averaged, counts can be added. */
export function mergeLatencies(parts: readonly string[]): LatencyRecorder {
  const sum = emptyHistogram();
  for (const part of parts) {
    if (part !== '') {
      sum.add(decodeFromCompressedBase64(part));
    }
  }
  return new LatencyRecorder(sum);
}
