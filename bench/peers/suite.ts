/** Runs a plan: round by round, workload by workload, one system after the other, each started anew on an empty directory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DriverName } from '../load/drivers/registry.js';
import { resultOf } from '../load/report.js';
import { runWorkload } from '../load/run.js';
import type { Failure, Result } from '../result.js';
import type { BenchCache } from './cache.js';
import type { Durability, Peer, RunningPeer } from './peer.js';
import type { PlanItem } from './plan.js';

/** A system that is there, with its version. */
export interface InstalledPeer {
  peer: Peer;
  version: string;
}

/** One figure of one round, as a result without the rounds. */
export type Measurement = Omit<Result, 'rounds'>;

/** A piece of work: one workload on one system in one class, once. */
interface Task {
  item: PlanItem;
  installed: InstalledPeer;
  durability: Durability;
}

export interface SuiteOptions {
  cache: BenchCache;
  rounds: number;
  durabilities: readonly Durability[];
  /** Before each piece of work: its name, and how many come in all. */
  onTask: (name: string, total: number) => void;
  /** A piece of work that failed: the run goes on without it. */
  onFailure: (failure: Failure) => void;
  /** After each piece of work: all that was measured so far. */
  onDone: (found: readonly Measurement[]) => void;
}

export async function runPlan(
  plan: readonly PlanItem[],
  peers: readonly InstalledPeer[],
  options: SuiteOptions,
): Promise<Measurement[]> {
  const rounds = Array.from({ length: options.rounds }, (_, round) =>
    tasksOf(plan, peers, options.durabilities, round),
  );
  const total = rounds.reduce((sum, tasks) => sum + tasks.length, 0);
  const found: Measurement[] = [];
  for (const [round, tasks] of rounds.entries()) {
    for (const task of tasks) {
      const { item, installed, durability } = task;
      const name = `round ${round + 1}: ${item.workload}, ${durability}, ${installed.peer.system}`;
      options.onTask(name, total);
      try {
        found.push(...(await runTask(task, options.cache)));
      } catch (error) {
        const reason = reasonOf(error);
        const { system } = installed.peer;
        options.onFailure({ system, workload: item.workload, durability, round: round + 1, reason });
      }
      options.onDone(found);
    }
  }
  return found;
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Systems next to each other within a workload and class, so that what is compared was measured at about the same time. */
function tasksOf(
  plan: readonly PlanItem[],
  peers: readonly InstalledPeer[],
  durabilities: readonly Durability[],
  round: number,
): Task[] {
  return plan
    .filter(({ maxRounds = Number.POSITIVE_INFINITY }) => round < maxRounds)
    .flatMap((item) =>
      durabilities.flatMap((durability) =>
        peers
          .filter(({ peer }) => peer.durabilities.includes(durability) && (item.suits?.(peer) ?? true))
          .map((installed) => ({ item, installed, durability })),
      ),
    );
}

async function runTask(task: Task, cache: BenchCache): Promise<Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), 'ringmq-bench-'));
  try {
    const running = await task.installed.peer.start(cache, directory, task.durability);
    try {
      return await measure(task, running);
    } finally {
      await running.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure({ item, installed, durability }: Task, running: RunningPeer): Promise<Measurement[]> {
  const { peer, version } = installed;
  const { workload } = item;
  if (item.by === 'own tool') {
    const figures = (await running.run(item.work(peer))) ?? [];
    return [figures]
      .flat()
      .map((figure) => ({ system: peer.system, version, workload, durability, ...figure }));
  }
  const target = {
    driver: peer.system as DriverName,
    url: running.url,
    pids: running.pids,
    flush: durability === 'disk' ? ('sync' as const) : ('async' as const),
  };
  const { report } = await runWorkload(item.file, target, { api: 'write', workers: 1 });
  const { failed, lost, damaged } = report.counts;
  if (failed + lost + damaged > 0) {
    throw new Error(
      `${failed} messages failed, ${lost} were lost, ${damaged} damaged: ${report.errors.join('; ')}`,
    );
  }
  const command = `npm run bench:load -- --workload bench/workloads/${item.file.name}.yaml --driver ${peer.system}`;
  return [{ ...resultOf(report, durability), version, workload, command }];
}
