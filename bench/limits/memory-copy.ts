import { isMain, quantile } from './probe.js';

const RING_BYTES = 64 << 20;
const BATCH_BYTES = 16 << 10;

/** Bytes a second of copying 16 KiB batches one behind the other into a ring of 64 MiB of shared memory, round and round. */
export function measureMemoryCopy(runMs = 1000): number {
  const ring = new Uint8Array(new SharedArrayBuffer(RING_BYTES));
  const batch = new Uint8Array(BATCH_BYTES).fill(120);
  const rates: number[] = [];
  const end = performance.now() + runMs;
  // The first lap maps the pages and does not count.
  copyLap(ring, batch);
  while (rates.length === 0 || performance.now() < end) {
    const before = performance.now();
    copyLap(ring, batch);
    rates.push((RING_BYTES * 1000) / (performance.now() - before));
  }
  return quantile(Float64Array.from(rates).sort(), 0.5);
}

function copyLap(ring: Uint8Array, batch: Uint8Array): void {
  for (let at = 0; at < ring.length; at += batch.length) {
    ring.set(batch, at);
  }
}

if (isMain(import.meta.url)) {
  process.stdout.write(`copy into shared memory: ${(measureMemoryCopy() / 1e9).toFixed(1)} GB/s\n`);
}
