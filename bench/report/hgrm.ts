/** A line of a percentile distribution as HdrHistogram's tools write it. */
export interface HgrmPoint {
  ms: number;
  /** 0 to below 1. */
  percentile: number;
}

/** The lines of a `.hgrm` file. The last one, the maximum at 100 %, has no place on a scale that never gets there and is left out. */
export function parseHgrm(text: string): HgrmPoint[] {
  const points: HgrmPoint[] = [];
  for (const line of text.split('\n')) {
    const [value, percentile] = line.trim().split(/\s+/).map(Number);
    if (value === undefined || percentile === undefined) {
      continue;
    }
    if (Number.isNaN(value) || Number.isNaN(percentile) || percentile >= 1) {
      continue;
    }
    points.push({ ms: value, percentile });
  }
  return points;
}
