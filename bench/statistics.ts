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

/** From the lowest to the highest value, as a share of the median; null of less than two. */
export function spread(values: readonly number[]): number | null {
  if (values.length < 2) {
    return null;
  }
  return (Math.max(...values) - Math.min(...values)) / median(values);
}
