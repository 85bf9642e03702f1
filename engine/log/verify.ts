/**
 * Reads a whole log and says what is wrong with it: what `ringmq log verify DIR` shows. Changes nothing; only
 * while no broker runs on the directory does the end mean anything.
 */
import { BATCH, readUint32 } from '../../native-free/wire/batch-layout.js';
import type { Disk } from '../disk/disk.js';
import type { Checkpoint } from './checkpoint.js';
import { LogFilesView } from './log-files-view.js';
import { type Damage, LogScan } from './log-scan.js';
import { FLUSHED_MARK, readMark } from './position-mark.js';
import { logStart } from './recovery.js';

export interface VerifyOptions {
  segmentBytes: number;
  spanBytes: number;
  /** Makes damage at the very end tellable from an append that never finished. */
  checkpoint?: Pick<Checkpoint, 'flushed'> | null | undefined;
  /** As for a recovery. */
  start?: number | undefined;
  trustFrom?: number | undefined;
  /** Shown every control batch, as {@link BatchVisitor} is. */
  onControl?: (header: Uint8Array, position: number, bodyIsDamaged: boolean, control: Uint8Array) => void;
}

export interface LogReport {
  segments: number;
  /** Of messages. */
  batches: number;
  records: number;
  controlBatches: number;
  /** From the first segment to the end of the log. */
  bytes: number;
  startPosition: number;
  endPosition: number;
  damage: Damage[];
  /** Stretches that the list has no room for. */
  unlistedDamage: number;
}

/** Checks every batch in a `log/` directory. Throws disk errors; damage is returned, not thrown. */
export function verifyDir(disk: Disk, dir: string, options: VerifyOptions): LogReport {
  const view = new LogFilesView(disk, dir, options.segmentBytes);
  let batches = 0;
  let records = 0;
  let controlBatches = 0;
  try {
    const startPosition = logStart(view.segments[0]?.base, options.start ?? 0);
    const flushed = Math.max(options.checkpoint?.flushed ?? 0, readMark(disk, dir, FLUSHED_MARK));
    const result = new LogScan(view, options.spanBytes).run(
      { position: startPosition, flushed, epoch: 0, trustFrom: options.trustFrom },
      (header, position, bodyIsDamaged, control) => {
        if (control !== null) {
          controlBatches++;
          options.onControl?.(header, position, bodyIsDamaged, control);
          return;
        }
        batches++;
        records += readUint32(header, BATCH.recordCount);
      },
    );
    return {
      segments: view.segments.length,
      batches,
      records,
      controlBatches,
      bytes: result.endPosition - startPosition,
      startPosition,
      endPosition: result.endPosition,
      damage: result.damage,
      unlistedDamage: result.unlistedDamage,
    };
  } finally {
    view.close();
  }
}
