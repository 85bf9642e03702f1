/** Entry of the jobs pool: runs `writeCheckpointFiles` off the broker's threads. */
import { type CheckpointJob, writeCheckpointFiles } from './checkpoint-files.js';

export function run(job: CheckpointJob): void {
  writeCheckpointFiles(job);
}
