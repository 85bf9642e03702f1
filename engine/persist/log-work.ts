/** Whether the persist worker has something to do with the log. */
import { SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import { WORD } from '../ring/ring-layout.js';

/** What of the log's ring this looks at; positions in slots. */
export interface LogMarks {
  readonly control: Int32Array;
  indexed(): number;
  written(): number;
  flushed(): number;
}

export interface WorkerDuty {
  /** The broker's policy. */
  readonly flush: 'sync' | 'async';
  /** The sync thread is at it, and nobody has collected what came of it. */
  readonly isSyncUnderWay: boolean;
  /** So much may wait to be written: the thread that put it into the ring does that by itself. */
  readonly leftToOthersBytes: number;
}

/**
 * True only where a step of the persist stage would come further: the worker does not park while it is, so it
 * would go round for nothing, on a core that others need. While a sync is under way that is so under sync
 * flush, whoever asked for what: the next one begins when it is over.
 */
export function hasLogWork(ring: LogMarks, duty: WorkerDuty): boolean {
  const written = ring.written();
  const flushed = ring.flushed();
  if (((ring.indexed() - written) | 0) * SLOT_BYTES > duty.leftToOthersBytes) {
    return true;
  }
  return duty.flush === 'sync'
    ? !duty.isSyncUnderWay && ((written - flushed) | 0) > 0
    : ((Atomics.load(ring.control, WORD.syncWanted) - flushed) | 0) > 0;
}
