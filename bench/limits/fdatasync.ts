import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, makeProbeDirectory, preallocate, quantile, removeProbeDirectory } from './probe.js';

const FILE_BYTES = 16 << 20;
const WRITE_BYTES = 4096;

/** Median microseconds of writing 4 KiB into a preallocated file and fdatasync. */
export function measureFdatasync(directory: string, runMs = 2000): number {
  const path = join(directory, 'fdatasync.bin');
  preallocate(path, FILE_BYTES);
  const fd = openSync(path, 'r+');
  try {
    const block = new Uint8Array(WRITE_BYTES).fill(1);
    const times: number[] = [];
    const end = performance.now() + runMs;
    for (let at = 0; performance.now() < end; at = (at + WRITE_BYTES) % FILE_BYTES) {
      const before = performance.now();
      writeSync(fd, block, 0, WRITE_BYTES, at);
      fdatasyncSync(fd);
      times.push((performance.now() - before) * 1000);
    }
    return quantile(Float64Array.from(times).sort(), 0.5);
  } finally {
    closeSync(fd);
  }
}

if (isMain(import.meta.url)) {
  const directory = makeProbeDirectory();
  try {
    process.stdout.write(
      `fdatasync after 4 KiB, preallocated: p50 ${measureFdatasync(directory).toFixed(0)} us\n`,
    );
  } finally {
    removeProbeDirectory(directory);
  }
}
