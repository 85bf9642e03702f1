import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { BenchBroker } from '../ringmq.js';
import { DRIVER_NAMES, type DriverName } from './drivers/registry.js';
import { startLive } from './live.js';
import { describeRun, writeRun } from './output.js';
import { isClean } from './report.js';
import { runWorkload } from './run.js';
import type { LoadTarget } from './run-options.js';
import type { Api } from './thread-protocol.js';
import { BadWorkload, readWorkload, type Workload } from './workload.js';

const WRONG_USAGE = 2;
const MAX_SECONDS = 86_400;
const MAX_WORKERS = 64;

interface Flags {
  workload: string;
  driver: DriverName;
  url?: string;
  pid: number[];
  flush: 'sync' | 'async';
  api: Api;
  duration?: number;
  warmUp?: number;
  workers: number;
  long: boolean;
  consumers: boolean;
  json: boolean;
  out?: string;
}

function within(min: number, max: number, isWhole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text !== '' && value >= min && value <= max && (!isWhole || Number.isInteger(value))) {
      return value;
    }
    throw new InvalidArgumentError(`between ${min} and ${max}.`);
  };
}

function readFlags(): Flags {
  const command = new Command('bench:load')
    .description(
      'Runs a workload file against a message system and tells rates, latencies and what was lost.',
    )
    .requiredOption('--workload <file>', 'YAML; see bench/workloads/')
    .addOption(new Option('--driver <name>', 'the system').choices(DRIVER_NAMES).default('ringmq'))
    .option('--url <url>', 'where it serves; without it RingMQ is started on a temporary directory')
    .option(
      '--pid <pid>',
      'a process of it, whose CPU and memory count; may be repeated',
      (text, pids: number[]) => [...pids, within(1, 2 ** 22, true)(text)],
      [],
    )
    .addOption(
      new Option('--flush <policy>', 'of the RingMQ that is started; of others, what they were told')
        .choices(['sync', 'async'])
        .default('async'),
    )
    .addOption(
      new Option('--api <form>', 'write, where the system has it: no promise a message; or send')
        .choices(['write', 'send'])
        .default('write'),
    )
    .option('--duration <seconds>', 'instead of what the file says', within(0.1, MAX_SECONDS, false))
    .option('--warm-up <seconds>', 'instead of what the file says', within(0, MAX_SECONDS, false))
    .option('--workers <n>', 'threads that share producers and consumers', within(1, MAX_WORKERS, true), 1)
    .option('--long', 'the long form of the workload, if it has one', false)
    .option('--no-consumers', 'producers only')
    .option('--json', 'print one JSON object', false)
    .option('--out <directory>', 'write the JSON and .hgrm files there')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : WRONG_USAGE))
    .parse();
  const flags = command.opts<Flags>();
  if (flags.url === undefined && flags.driver !== 'ringmq') {
    command.error(`error: --driver ${flags.driver} needs --url: only RingMQ is started by this command`);
  }
  return flags;
}

function readWorkloadOf(flags: Flags): Workload {
  const workload = readWorkload(flags.workload, flags.long);
  if (!flags.consumers && workload.backlogMessages > 0) {
    throw new BadWorkload('--no-consumers: this workload is about draining a backlog');
  }
  return {
    ...workload,
    testSeconds: flags.duration ?? workload.testSeconds,
    warmupSeconds: flags.warmUp ?? workload.warmupSeconds,
    subscriptions: flags.consumers ? workload.subscriptions : 0,
  };
}

/** Runs `work` against the system the flags name, or against a broker of its own. */
async function withTarget<T>(flags: Flags, work: (target: LoadTarget) => Promise<T>): Promise<T> {
  const { driver, url, pid, flush } = flags;
  if (url !== undefined) {
    return work({ driver, url, pids: pid, flush });
  }
  const directory = mkdtempSync(join(tmpdir(), 'ringmq-bench-load-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const broker = await BenchBroker.start(join(directory, 'data'), flush);
  try {
    return await work({ driver, url: broker.url, pids: [broker.pid] });
  } finally {
    await broker.stop();
  }
}

async function main(): Promise<void> {
  const flags = readFlags();
  let workload: Workload;
  try {
    workload = readWorkloadOf(flags);
  } catch (error) {
    if (!(error instanceof BadWorkload)) {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    process.exitCode = WRONG_USAGE;
    return;
  }
  // Broken off, it takes its broker and its files with it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(1));
  }
  const command = `npm run bench:load -- ${process.argv.slice(2).join(' ')}`;
  const live = startLive(workload);
  const { api, workers } = flags;
  const run = await withTarget(flags, (target) =>
    runWorkload(workload, target, { api, workers, command, onSecond: live.onSecond }),
  ).finally(() => live.stop());
  if (flags.out !== undefined) {
    process.stderr.write(`written: ${writeRun(flags.out, run)}.*\n`);
  }
  process.stdout.write(`${flags.json ? JSON.stringify(run.report) : describeRun(run.report)}\n`);
  if (!isClean(run.report)) {
    process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench:load: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
