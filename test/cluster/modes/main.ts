/** All modes with both flush policies: `npm run test:modes`. Prints a row each; ends with 1 if one loses what it promised. */
import { CLUSTER_MODES, hasSlaves } from '../../../cli/cluster/cluster-plan.js';
import { runMode } from './scenario.js';

let failed = 0;
for (const mode of CLUSTER_MODES) {
  for (const flush of ['sync', 'async'] as const) {
    try {
      const { acked, lostByKill, lostByDisk, failed: errors, longestWaitMs } = await runMode(mode, flush);
      const mayLoseDisk = mode === 'async-replication';
      const isGood =
        lostByKill.length === 0 &&
        errors.length === 0 &&
        (lostByDisk === null || mayLoseDisk || lostByDisk.length === 0);
      failed += isGood ? 0 : 1;
      const disk = hasSlaves(mode) ? `, ${lostByDisk?.length} lost with the disk` : '';
      process.stdout.write(
        `${isGood ? 'ok' : 'not ok'} ${mode}, ${flush} flush: ${acked} acked, ${lostByKill.length} lost by a kill${disk}, ${errors.length} errors, longest wait ${Math.round(longestWaitMs)} ms\n`,
      );
      for (const error of errors.slice(0, 3)) {
        process.stdout.write(`  ${error}\n`);
      }
    } catch (error) {
      failed++;
      process.stdout.write(`not ok ${mode}, ${flush} flush: ${String(error)}\n`);
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;
