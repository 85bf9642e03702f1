/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) {
    return Number.NaN;
  }
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The standard normal distribution's, of 95 %. */
const Z = 1.96;

/**
 * Where the median of what `values` are a sample of lies, with 95 %, however that is distributed: between two of
 * them, by their ranks. Of less than six it is not known that well: from the lowest to the highest. NaN of none.
 */
export function medianRange(values: readonly number[]): [low: number, high: number] {
  const sorted = Float64Array.from(values).sort();
  const below = Math.max(0, Math.floor((sorted.length - Z * Math.sqrt(sorted.length)) / 2));
  return [sorted[below] ?? Number.NaN, sorted[sorted.length - 1 - below] ?? Number.NaN];
}

/** From the lowest to the highest value, as a share of the median; null of less than two. */
export function spread(values: readonly number[]): number | null {
  if (values.length < 2) {
    return null;
  }
  return (Math.max(...values) - Math.min(...values)) / median(values);
}
