/**
 * `rebuild`: an empty file that says that what is derived from the log is to be made from it again at the
 * next opening, as the log has more than what was derived from.
 */
import { type Disk, diskErrorCode, removeIfThere } from '../disk/disk.js';

export const REBUILD_FILE = 'rebuild';

/** Notes it, durably. Throws disk errors. */
export function noteRebuild(disk: Disk, dataDir: string): void {
  try {
    disk.close(disk.create(`${dataDir}/${REBUILD_FILE}`));
  } catch (error) {
    if (diskErrorCode(error) !== 'EEXIST') {
      throw error;
    }
  }
  disk.fsyncDir(dataDir);
}

/** Whether it is noted: then the queue tables are gone when this returns. Throws disk errors. */
export function beginRebuild(disk: Disk, dataDir: string): boolean {
  if (!disk.readdir(dataDir).includes(REBUILD_FILE)) {
    return false;
  }
  disk.mkdir(`${dataDir}/queues`);
  removeIfThere(disk, `${dataDir}/queues/tables`);
  disk.fsyncDir(`${dataDir}/queues`);
  return true;
}

/** What was made again is on the disk, or is made again without the note. Throws disk errors. */
export function endRebuild(disk: Disk, dataDir: string): void {
  removeIfThere(disk, `${dataDir}/${REBUILD_FILE}`);
  disk.fsyncDir(dataDir);
}
