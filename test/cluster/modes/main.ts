/**
 * `npm run test:modes [-- --mode NAME] [-- --flush sync]`: all modes with both flush policies through all
 * that docs/guides/deployment.md has a column of. Prints a row for each; ends with 1 if one loses what it
 * promised.
 */
import { parseArgs } from 'node:util';
import { CLUSTER_MODES, type ClusterMode, hasSlaves } from '../../../cli/cluster/cluster-plan.js';
import { mayCutPower } from './forgetful-disk.js';
import { mayMakeMachines } from './machines.js';
import { runMachineDown, runPowerCut } from './outages.js';
import { runMode } from './scenario.js';

type Flush = 'sync' | 'async';

/** What happened, in words, and what of it was not promised. */
interface Row {
  text: string;
  faults: string[];
}

async function killAndDisk(mode: ClusterMode, flush: Flush): Promise<Row> {
  const { acked, lostByKill, lostByDisk, failed, longestWaitMs } = await runMode(mode, flush);
  const mayLoseDisk = mode === 'async-replication';
  const disk = hasSlaves(mode) ? `, ${lostByDisk?.length} lost with the disk` : '';
  return {
    text: `a process killed: ${acked} acked, ${lostByKill.length} lost${disk}, ${failed.length} errors, longest wait ${Math.round(longestWaitMs)} ms`,
    faults: [...lostByKill, ...(mayLoseDisk ? [] : (lostByDisk ?? [])), ...failed],
  };
}

async function machineDown(mode: ClusterMode, flush: Flush): Promise<Row> {
  const { how, acked, noticedMs, insideMs, unreadMeanwhile, lost, failed } = await runMachineDown(
    mode,
    flush,
  );
  const noticed = noticedMs === null ? '' : `, noticed after ${noticedMs} ms, inside after ${insideMs} ms`;
  const meanwhile = unreadMeanwhile === null ? '' : `, ${unreadMeanwhile.length} not read while it was down`;
  return {
    text: `a ${how === 'machine' ? 'machine down' : 'process that stands still'}: ${acked} acked${noticed}${meanwhile}, ${lost.length} lost when it was back, ${failed.length} errors`,
    faults: [...lost, ...failed],
  };
}

async function powerCut(mode: ClusterMode, flush: Flush): Promise<Row> {
  const { acked, lostOld, lostLast } = await runPowerCut(mode, flush);
  return {
    text: `power cut everywhere: ${acked} acked, ${lostOld.length} lost of those acked long before, ${lostLast.length} of the last`,
    faults: [...lostOld, ...(flush === 'sync' ? lostLast : [])],
  };
}

const { values } = parseArgs({
  options: { mode: { type: 'string' }, flush: { type: 'string' }, only: { type: 'string' } },
});
const hasPower = mayCutPower();
const columns = Object.entries({ kill: killAndDisk, machine: machineDown, power: powerCut }).filter(
  ([name]) => (values.only ?? name) === name && (name !== 'power' || hasPower),
);
if (!mayMakeMachines()) {
  process.stdout.write(
    'no network can be made here: for a machine that is down stands a process that does\n',
  );
}
if (!hasPower) {
  process.stdout.write('left out: power cuts, as no ext4 can be made and mounted here\n');
}
let failed = 0;
for (const mode of CLUSTER_MODES.filter((one) => (values.mode ?? one) === one)) {
  for (const flush of (['sync', 'async'] as const).filter((one) => (values.flush ?? one) === one)) {
    for (const [, run] of columns) {
      const { text, faults } = await run(mode, flush).catch((error: unknown) => ({
        text: String(error),
        faults: [error instanceof Error ? (error.stack ?? '') : ''],
      }));
      failed += faults.length === 0 ? 0 : 1;
      process.stdout.write(`${faults.length === 0 ? 'ok' : 'not ok'} ${mode}, ${flush} flush, ${text}\n`);
      for (const fault of faults.slice(0, 3)) {
        process.stdout.write(`  ${fault}\n`);
      }
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;
