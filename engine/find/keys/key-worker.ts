/** Entry of the pool that works on the key index, off the broker's threads. */
// From the files themselves, as in data/checkpoint-files.ts: a thread that loads less starts sooner.
import { OwnedDisk } from '../../disk/opened-dir.js';
import { LogReader, oldestSegmentIn } from '../../log/log-reader.js';
import { type KeyJob, type KeyProgress, workOnKeys } from './key-build.js';

/** `control`, `spare`: where retention says which segment is the oldest. */
export function run(job: KeyJob & { control: Int32Array; spare: number }): KeyProgress {
  const disk = new OwnedDisk(job.dir);
  const log = new LogReader(disk, {
    dir: `${job.dir.path}/log`,
    segmentBytes: job.segmentBytes,
    oldestSegment: oldestSegmentIn(job.control, job.spare),
  });
  try {
    return workOnKeys(job, disk, log);
  } finally {
    log.close();
  }
}
