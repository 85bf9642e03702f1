import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Frames a probe's client keeps unacknowledged, as the figures in docs/performance.md are defined. */
export const FRAMES_IN_FLIGHT = 64;

/** A fresh directory under the system's temporary one, on the disk that is measured; `RINGMQ_BENCH_DIR` names another place. */
export function makeProbeDirectory(): string {
  return mkdtempSync(join(process.env['RINGMQ_BENCH_DIR'] ?? tmpdir(), 'ringmq-probe-'));
}

/** Removes what {@link makeProbeDirectory} made. */
export function removeProbeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

/** A file of `bytes` zeroes, on disk: later writes into it allocate nothing. */
export function preallocate(path: string, bytes: number): void {
  const fd = openSync(path, 'w');
  try {
    const zeroes = new Uint8Array(1 << 20);
    for (let at = 0; at < bytes; at += zeroes.length) {
      writeSync(fd, zeroes, 0, Math.min(zeroes.length, bytes - at), at);
    }
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The value below which `share` (0 to 1) of the sorted values lie. */
export function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) {
    return Number.NaN;
  }
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

/** True when the module at `url` is what Node was started with. */
export function isMain(url: string): boolean {
  return process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
}
