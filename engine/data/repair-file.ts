/**
 * `repair`: stretches of the log that are damaged, and may be had from another broker of the set. Noted when
 * they are found, so that an end of the broker does not make them forgotten: a recovery reads from the last
 * checkpoint on and does not meet them again.
 *
 *     { "ranges": [[position, bytes, missing], …] }, JSON; removed when nothing is left
 */
import { isPosition } from '../../native-free/wire/index.js';
import { type Disk, readWholeFile, removeIfThere, replaceFile } from '../disk/disk.js';
import type { RepairRange } from '../replica/repair-run.js';

export const REPAIR_FILE = 'repair';
/** More are not kept; `ringmq log verify` finds them again. */
export const MAX_RANGES = 10_000;
const MAX_FILE_BYTES = 1024 * 1024;

/** What is noted in a data directory; nothing where the file is not one of ours. Throws disk errors. */
export function readRepairs(disk: Disk, dataDir: string): RepairRange[] {
  const bytes = readWholeFile(disk, `${dataDir}/${REPAIR_FILE}`, MAX_FILE_BYTES);
  if (bytes === undefined) {
    return [];
  }
  try {
    const { ranges } = JSON.parse(new TextDecoder().decode(bytes)) as { ranges: unknown[] };
    return ranges.slice(0, MAX_RANGES).flatMap((range) => {
      const [position, length, missing] = range as [number, number, number];
      return isPosition(position) && isPosition(length) && length > 0
        ? [{ position, bytes: length, isMissing: missing === 1 }]
        : [];
    });
  } catch {
    return [];
  }
}

/** Replaces what is noted, durably. Throws disk errors. */
export function writeRepairs(disk: Disk, dataDir: string, ranges: readonly RepairRange[]): void {
  if (ranges.length === 0) {
    removeIfThere(disk, `${dataDir}/${REPAIR_FILE}`);
    disk.fsyncDir(dataDir);
    return;
  }
  const text = JSON.stringify({
    ranges: ranges.map(({ position, bytes, isMissing }) => [position, bytes, isMissing ? 1 : 0]),
  });
  replaceFile(disk, dataDir, REPAIR_FILE, new TextEncoder().encode(text));
}
