/**
 * The clock of the generator, in milliseconds: monotonic, and the same in every thread, as
 * `performance.now()` alone is not (its zero is each thread's start).
 */
const OFFSET_MS = measureOffset();

function measureOffset(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 - performance.now();
}

export function clockMs(): number {
  return performance.now() + OFFSET_MS;
}
