/**
 * What of the log is committed, kept over a restart: `log/committed` is stated anew while it moves, and an
 * opening begins with what it says. It is written without a sync: an older one only means that a little more
 * of the log waits for the slaves again, or for the master's word.
 */
import { type Disk, diskErrorCode, removeIfThere } from '../disk/disk.js';
import { COMMITTED_MARK, PositionMark, readMark } from '../log/index.js';
import { type EpochHistory, type EpochStart, NEVER_OWN, type NodeFacts } from '../meta/index.js';

/** Places are compared in 32 bits of slots on each thread: none is further below the log's end. */
const MAX_BELOW_END_BYTES = 2 ** 35;

/**
 * Up to where a log that begins at `start` and ends at `end` is known to be committed. One that had more
 * before its end was lost, or cut off, is not believed again once other batches lie there. Throws disk
 * errors.
 */
export function knownCommitted(disk: Disk, logDir: string, start: number, end: number): number {
  const stated = readMark(disk, logDir, COMMITTED_MARK);
  if (stated > end) {
    removeIfThere(disk, `${logDir}/${COMMITTED_MARK.file}`);
    disk.fsyncDir(logDir);
  }
  return Math.max(Math.min(stated, end), start, end - MAX_BELOW_END_BYTES);
}

/**
 * Up to where a master's log came from another master, whose slave it was: all that it has below its own first term, where acks wait for one
 * slave and no controller may choose another one. 0: nothing did, or that is no reason to deliver it.
 */
export function inheritedBelow(
  { ownFrom, isLed }: Pick<NodeFacts, 'ownFrom' | 'isLed'>,
  { starts }: Pick<EpochHistory, 'starts'>,
  minInSync: number,
  end: number,
): number {
  if (ownFrom === 0 || ownFrom === NEVER_OWN || isLed || minInSync > 1) {
    return 0;
  }
  // The first of its terms that is in the log: an earlier one may have ended before its first batch was there.
  const first = starts.findIndex(({ epoch }) => epoch >= ownFrom);
  if (first < 0) {
    return end;
  }
  // With none before it, those before are forgotten, and what they had of the log with them.
  return first === 0 ? 0 : Math.min((starts[first] as EpochStart).position, end);
}

export class CommittedKeeper {
  readonly #mark: PositionMark;
  readonly #committed: () => number;

  /** `committed`: up to where the log is now. Throws disk errors. */
  constructor(disk: Disk, logDir: string, committed: () => number) {
    this.#mark = new PositionMark(disk, logDir, COMMITTED_MARK);
    this.#committed = committed;
  }

  /** To be called every now and then. Where the disk does not take it, the older one stays. */
  note(): void {
    const committed = this.#committed();
    if (committed <= this.#mark.stated) {
      return;
    }
    try {
      this.#mark.state(committed, false);
    } catch (error) {
      // Whoever writes the log tells of the disk.
      if (diskErrorCode(error) === undefined) {
        throw error;
      }
    }
  }

  close(): void {
    this.#mark.close();
  }
}
