import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, makeProbeDirectory, removeProbeDirectory } from './probe.js';

const WRITE_BYTES = 1 << 20;
/** The file starts over there, so that a probe never fills a disk or the page cache. */
const FILE_BYTES = 512 << 20;

/** Bytes a second of writing 1 MiB at a time to the end of a growing file: into the page cache, nothing is synced. */
export function measureFileWrite(directory: string, runMs = 1500): number {
  const path = join(directory, 'file-write.bin');
  const block = new Uint8Array(new SharedArrayBuffer(WRITE_BYTES)).fill(1);
  let bytes = 0;
  let seconds = 0;
  try {
    while (seconds * 1000 < runMs) {
      const fd = openSync(path, 'w');
      const before = performance.now();
      for (let at = 0; at < FILE_BYTES && performance.now() - before < runMs; at += WRITE_BYTES) {
        bytes += writeSync(fd, block, 0, WRITE_BYTES, at);
      }
      seconds += (performance.now() - before) / 1000;
      closeSync(fd);
    }
  } finally {
    rmSync(path, { force: true });
  }
  return bytes / seconds;
}

if (isMain(import.meta.url)) {
  const directory = makeProbeDirectory();
  try {
    process.stdout.write(`file write, page cache: ${(measureFileWrite(directory) / 1e9).toFixed(2)} GB/s\n`);
  } finally {
    removeProbeDirectory(directory);
  }
}
