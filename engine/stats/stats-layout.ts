/**
 * The shared memory of a broker's counters. Each thread counts in its own block, so nobody shares a line, and
 * whoever wants to know sums the blocks up.
 *
 *     one block of 128 bytes a seat:
 *       Float64   counter            since
 *       ───────   ────────────────   ─────────────────────────────────────────────
 *          0      messagesIn         the opening; a seat's next owner goes on with it
 *          1      batchesIn          the opening
 *          2      bytesIn            the opening; batches with their headers
 *          3      messagesOut        the opening; those a filter passed over within a delivered stretch included
 *          4      bytesOut           the opening
 *          5      refusedBatches     the opening
 *          6      requests           the opening
 *          7      connections        now
 *          8      turns              the opening
 *          9      busyMs             the opening
 *         10      longestTurnMs      the thread took its seat
 *         11      connectionsOpened  the opening
 *         12      httpRequests       the opening
 *         13      httpFailures       the opening
 *         14      connectionsRefused the opening; for a limit of their address
 *         15      pacedWaits         the opening; times that a connection waited for its user's limit
 *
 *     then 64 Int32, written by the holder of the persist role only: how many fdatasyncs took how long. Three buckets an
 *     octave of microseconds: bucket b counts those that took 2^(b/3) up to 2^((b+1)/3) µs.
 *
 * Doubles are exact up to 2^53. A block's owner writes them with plain stores at the end of a turn; a reader
 * on a 64-bit machine sees each either before or after. Figures for people need no more.
 */
export const COUNTERS = [
  'messagesIn',
  'batchesIn',
  'bytesIn',
  'messagesOut',
  'bytesOut',
  'refusedBatches',
  'requests',
  'connections',
  'turns',
  'busyMs',
  'longestTurnMs',
  'connectionsOpened',
  'httpRequests',
  'httpFailures',
  'connectionsRefused',
  'pacedWaits',
] as const;

export type Counter = (typeof COUNTERS)[number];

const BLOCK_DOUBLES = 16;
const BLOCK_BYTES = BLOCK_DOUBLES * 8;
export const SYNC_BUCKETS = 64;
const BUCKETS_PER_OCTAVE = 3;

/** Goes through postMessage as it is. */
export function createStatsMemory(maxThreads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(maxThreads * BLOCK_BYTES + SYNC_BUCKETS * 4);
}

/** A seat's block. */
export function blockOf(memory: SharedArrayBuffer, seat: number): Float64Array {
  return new Float64Array(memory, seat * BLOCK_BYTES, BLOCK_DOUBLES);
}

/** How many fdatasyncs took how long. */
export function syncBuckets(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, memory.byteLength - SYNC_BUCKETS * 4, SYNC_BUCKETS);
}

/** Counts one fdatasync. */
export function countSync(buckets: Int32Array, micros: number): void {
  const bucket = micros < 1 ? 0 : Math.floor(Math.log2(micros) * BUCKETS_PER_OCTAVE);
  const at = Math.min(SYNC_BUCKETS - 1, bucket);
  Atomics.store(buckets, at, (Atomics.load(buckets, at) + 1) | 0);
}

/** The upper end of a bucket, ms. */
export function bucketEndMs(bucket: number): number {
  return 2 ** ((bucket + 1) / BUCKETS_PER_OCTAVE) / 1000;
}
