/** Writing a checkpoint: index blocks, then the snapshots of state and tables, then the word that all of them count. */
// From the files themselves: their rooms' indexes would load a hundred modules into the thread that writes, which takes it 70 ms.
import { type Disk, replaceFile } from '../disk/disk.js';
import { type OpenedDir, OwnedDisk } from '../disk/opened-dir.js';
import { writeCheckpoint } from '../log/checkpoint.js';
import { writeState } from '../meta/write-state.js';
import { IndexFiles } from '../queue/index-files.js';

/** Plain data, so that a job on another thread can take it. */
export interface CheckpointJob {
  dir: OpenedDir;
  /** The state's snapshot, of `position` too. */
  state: Uint8Array;
  /** The tables' snapshot, and what it says of itself. */
  tables: Uint8Array;
  position: number;
  firstBlock: number;
  nextBlock: number;
  /** Flushed watermark now: not below `position`. */
  flushed: number;
  epoch: number;
}

/** Throws disk errors; the old checkpoint then still holds. */
export function writeCheckpointFiles(job: CheckpointJob, disk: Disk = new OwnedDisk(job.dir)): void {
  const dir = `${job.dir.path}/queues`;
  const files = new IndexFiles({ disk, dir });
  try {
    files.sync(job.firstBlock, job.nextBlock);
    // A state newer than tables and checkpoint is one that passes over what it has; the log is still read
    // from the old checkpoint's position.
    writeState(disk, `${job.dir.path}/meta`, job.state);
    replaceFile(disk, dir, 'tables', job.tables);
    writeCheckpoint(disk, job.dir.path, {
      position: job.position,
      flushed: job.flushed,
      epoch: job.epoch,
      derived: { nextBlock: job.nextBlock },
    });
    // Only now: the snapshot before this one would have missed them.
    files.deleteBelow(job.firstBlock);
  } finally {
    files.close();
  }
}
