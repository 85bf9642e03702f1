/**
 * `npm run bench:peers`: RingMQ and the other brokers on this machine, each started by the suite and driven
 * by its own best tool or by the common client. See docs/benchmarks.md for what came of it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MultiBar, Presets } from 'cli-progress';
import Table from 'cli-table3';
import { Command, InvalidArgumentError, Option } from 'commander';
import { describeEnvironment } from '../environment.js';
import type { Failure, SuiteRun, SystemNotes } from '../result.js';
import { BenchCache } from './cache.js';
import type { Durability, Peer } from './peer.js';
import { PEERS } from './peers.js';
import { fullPlan, type PlanItem } from './plan.js';
import { ratiosOf, resultsOf } from './ratios.js';
import { type InstalledPeer, type Measurement, reasonOf, runPlan } from './suite.js';

const WRONG_USAGE = 2;
const CLASSES: readonly Durability[] = ['page-cache', 'disk', 'memory'];
const MAX_ROUNDS = 20;

interface Flags {
  quick: boolean;
  json: boolean;
  rounds?: number;
  only?: string[];
  workload?: string[];
  durability?: Durability[];
  out: string;
}

/** A list of names divided by commas, each of them one of `known`. */
function namesOf<T extends string>(known: readonly T[]): (text: string) => T[] {
  return (text) => {
    const names = text.split(',');
    for (const name of names) {
      if (!known.includes(name as T)) {
        throw new InvalidArgumentError(`${name} is none of ${known.join(', ')}.`);
      }
    }
    return names as T[];
  };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_ROUNDS) {
    return value;
  }
  throw new InvalidArgumentError(`a whole number from 1 to ${MAX_ROUNDS}.`);
}

function readFlags(plan: readonly PlanItem[]): Flags {
  const workloads = [...new Set(plan.map(({ workload }) => workload))];
  return new Command('bench:peers')
    .description(
      'Compares RingMQ with the other brokers on this machine. What is installed is kept in a cache.',
    )
    .option('--quick', 'the main comparison: maximum rate of 100 B, every system and class, one round', false)
    .option('--json', 'print one JSON object', false)
    .addOption(new Option('--rounds <n>', 'of each measurement (3; with --quick 1)').argParser(wholeNumber))
    .option('--only <systems>', 'divided by commas', namesOf(PEERS.map(({ system }) => system)))
    .option('--workload <names>', 'divided by commas', namesOf(workloads))
    .option('--durability <classes>', 'divided by commas', namesOf(CLASSES))
    .option('--out <file>', 'the JSON object is written there too', `bench/results/peers-${fileTime()}.json`)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : WRONG_USAGE))
    .parse()
    .opts<Flags>();
}

function fileTime(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '');
}

/** Those that can be had; the others with the reason. */
async function installAll(
  peers: readonly Peer[],
  cache: BenchCache,
  log: (line: string) => void,
): Promise<{ installed: InstalledPeer[]; unavailable: Record<string, string> }> {
  const installed: InstalledPeer[] = [];
  const unavailable: Record<string, string> = {};
  for (const peer of peers) {
    try {
      installed.push({ peer, version: await peer.install(cache) });
    } catch (error) {
      unavailable[peer.system] = reasonOf(error);
      log(`${peer.title} cannot be had: ${unavailable[peer.system]}`);
    }
  }
  return { installed, unavailable };
}

/** Lines and a bar on stderr; the bar only where somebody looks. */
function startProgress(): {
  log: (line: string) => void;
  task: (name: string, total: number) => void;
  stop: () => void;
} {
  const print = (line: string): void => void process.stderr.write(`${line}\n`);
  if (process.stderr.isTTY !== true) {
    return { log: print, task: print, stop: () => {} };
  }
  const bars = new MultiBar(
    {
      format: '{bar} {value}/{total} · {duration_formatted} · {doing}',
      stream: process.stderr,
      clearOnComplete: true,
    },
    Presets.shades_grey,
  );
  const bar = bars.create(1, 0, { doing: 'installing' });
  let begun = 0;
  return {
    log: (line) => bars.log(`${line}\n`),
    task: (name, total) => {
      bar.setTotal(total);
      bar.update(begun++, { doing: name });
    },
    stop: () => bars.stop(),
  };
}

async function main(): Promise<void> {
  const plan = fullPlan();
  const flags = readFlags(plan);
  // Broken off, it takes the systems it started with it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(1));
  }
  const chosen = plan.filter(
    ({ workload, isMain }) =>
      (!flags.quick || isMain === true) && (flags.workload?.includes(workload) ?? true),
  );
  const peers = PEERS.filter(({ system }) => flags.only?.includes(system) ?? true);
  const cache = new BenchCache();
  const progress = startProgress();
  const { installed, unavailable } = await installAll(peers, cache, progress.log);
  const failures: Failure[] = [];
  const rivals = new Set(peers.filter(({ isRival }) => isRival).map(({ system }) => system));
  const environment = describeEnvironment();
  /** Written after each piece of work: what takes hours must not be lost when it is broken off. */
  const save = (found: readonly Measurement[]): SuiteRun => {
    const missing = { ...unavailable };
    for (const { system, workload, reason } of failures) {
      const hasFigures = found.some((measurement) => measurement.system === system);
      if (!hasFigures) {
        missing[system] ??= `${workload}: ${reason}`;
      }
    }
    const results = resultsOf(found);
    const ratios = ratiosOf(results, (system) => rivals.has(system));
    const run = { environment, results, ratios, unavailable: missing, failures, systems: notesOf(peers) };
    writeFileSync(flags.out, `${JSON.stringify(run)}\n`);
    return run;
  };
  mkdirSync(dirname(flags.out), { recursive: true });
  const measurements = await runPlan(chosen, installed, {
    cache,
    rounds: flags.rounds ?? (flags.quick ? 1 : 3),
    durabilities: flags.durability ?? CLASSES,
    onTask: progress.task,
    onDone: save,
    onFailure: (failure) => {
      failures.push(failure);
      const { round, workload, durability, system, reason } = failure;
      progress.log(`FAILED: round ${round}: ${workload}, ${durability}, ${system}: ${reason}`);
    },
  });
  progress.stop();
  const run = save(measurements);
  process.stderr.write(`written: ${flags.out}\n`);
  process.stdout.write(`${flags.json ? JSON.stringify(run) : describeRun(run)}\n`);
}

function notesOf(peers: readonly Peer[]): Record<string, SystemNotes> {
  return Object.fromEntries(
    peers.map(({ system, title, isRival, settings }) => [system, { title, isRival, settings }]),
  );
}

function describeRun(run: SuiteRun): string {
  const table = new Table({
    head: ['workload', 'class', 'system', 'version', 'through', 'messages/s', 'p50 ms', 'p99 ms'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'left', 'left', 'left', 'right', 'right', 'right'],
  });
  for (const result of run.results) {
    const { workload, durability, system, version, api, messagesPerSecond, p50Ms, p99Ms } = result;
    const rate = messagesPerSecond.toLocaleString('en-US');
    table.push([workload, durability, system, version, api, rate, p50Ms ?? '-', p99Ms ?? '-']);
  }
  const ratios = Object.entries(run.ratios).map(([name, ratio]) => `${ratio.toFixed(2)} x  ${name}`);
  return [table.toString(), 'RingMQ over the best rival of the class:', ...ratios].join('\n');
}

await main();
