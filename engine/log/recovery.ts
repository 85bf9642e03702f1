/**
 * Opening a log after whatever happened to it. Bounded by what was written since the checkpoint, and by a
 * look ahead for headers behind the end. The rules are in log-scan.ts.
 */

import type { Disk } from '../disk/disk.js';
import type { Checkpoint } from './checkpoint.js';
import { LogFilesView } from './log-files-view.js';
import { type BatchVisitor, type Damage, LogScan } from './log-scan.js';
import { FLUSHED_MARK, readMark } from './position-mark.js';
import { segmentName } from './segment-files.js';

export interface RecoveryOptions {
  segmentBytes: number;
  spanBytes: number;
  /** Where to begin, and what is known to be flushed; null reads the whole log. */
  checkpoint: Pick<Checkpoint, 'position' | 'flushed' | 'epoch'> | null;
  /** First position the log ever had. Default 0. */
  start?: number | undefined;
  /** See {@link ScanStart.trustFrom}. */
  trustFrom?: number | undefined;
  /** See {@link ScanStart.onLost}. */
  onLost?: ((damage: Damage) => void) | undefined;
}

export interface Recovery {
  /** First position that the files have. */
  startPosition: number;
  /** Where the next batch goes; everything below is on the disk. A multiple of 64. */
  endPosition: number;
  /** Highest epoch met, the checkpoint's included; the new one must be higher. */
  lastEpoch: number;
  damage: Damage[];
  /** Stretches that the list has no room for. */
  unlistedDamage: number;
}

/**
 * Finds the end of the log in `dir` and shows every batch but pads from the checkpoint on to `visit`, in
 * order. A batch with a good header and a damaged body is shown too (third argument true): its offsets are
 * taken, its records cannot be read. What is found is synced before this returns: from then on it is flushed,
 * whatever it was before.
 *
 * Nothing is cut by writing: the log just ends at `endPosition`, and the next epoch tells what is appended
 * there from what lies behind. Throws disk errors.
 */
export function recoverLog(disk: Disk, dir: string, options: RecoveryOptions, visit: BatchVisitor): Recovery {
  const { checkpoint } = options;
  disk.mkdir(dir);
  const view = new LogFilesView(disk, dir, options.segmentBytes);
  const first = logStart(view.segments[0]?.base, options.start ?? 0);
  const position = checkpoint?.position ?? first;
  const flushed = Math.max(checkpoint?.flushed ?? 0, readMark(disk, dir, FLUSHED_MARK));
  const { trustFrom, onLost } = options;
  const start = { position, flushed, epoch: checkpoint?.epoch ?? 0 };
  try {
    const result = new LogScan(view, options.spanBytes).run({ ...start, trustFrom, onLost }, visit);
    syncTail(disk, dir, view, checkpoint?.flushed ?? 0, result.endPosition);
    return {
      startPosition: Math.min(view.segments.length === 0 ? result.endPosition : first, result.endPosition),
      endPosition: result.endPosition,
      lastEpoch: result.lastEpoch,
      damage: result.damage,
      unlistedDamage: result.unlistedDamage,
    };
  } finally {
    view.close();
  }
}

/** After a kill the tail is in the page cache only; what is handed out from now on must survive the next power cut. */
function syncTail(disk: Disk, dir: string, view: LogFilesView, flushed: number, end: number): void {
  for (const segment of view.segments) {
    if (segment.base + view.segmentBytes <= flushed || segment.base >= end) {
      continue;
    }
    const fd = disk.open(`${dir}/${segmentName(segment.base)}`, 'write');
    try {
      disk.fdatasync(fd);
    } finally {
      disk.close(fd);
    }
  }
  disk.fsyncDir(dir);
}

/** Where a log begins: with its oldest segment, but not before it began in the middle of that one. */
export function logStart(oldestSegment: number | undefined, start: number): number {
  return Math.max(oldestSegment ?? 0, start);
}
