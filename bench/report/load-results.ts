/** Load runs as lines of the suite, so that one table and one set of targets serve both. */
import type { ReportLoadRun, ReportResult, ReportSuiteRun } from './inputs.js';

/** Runs of one commit belong together: what one machine measured of each system, one after the other. */
export function suitesOfLoads(loads: readonly ReportLoadRun[]): ReportSuiteRun[] {
  const byCommit = new Map<string, ReportSuiteRun>();
  for (const load of loads) {
    const { commit } = load.environment;
    const run = byCommit.get(commit) ?? {
      environment: load.environment,
      results: [],
      unavailable: {},
      failures: [],
    };
    byCommit.set(commit, run);
    run.results.push(resultOfLoad(load));
  }
  return [...byCommit.values()];
}

export function resultOfLoad(load: ReportLoadRun): ReportResult {
  const { workload, latencyMs } = load;
  // From intended start to receipt where somebody read along; else call to ack.
  const latency = latencyMs.endToEnd ?? latencyMs.send;
  return {
    system: load.system,
    version: load.version,
    workload: workload.name,
    durability: durabilityOf(load.flush),
    api: load.api,
    messagesPerSecond: load.backlog?.drainPerSecond ?? load.window.ackedPerSecond,
    p50Ms: latency?.p50 ?? null,
    p99Ms: latency?.p99 ?? null,
    endToEnd: latencyMs.endToEnd !== null,
    command: load.command,
    ...(workload.rate === 0 ? {} : { targetRate: workload.rate }),
  };
}

export function durabilityOf(flush: ReportLoadRun['flush']): ReportResult['durability'] {
  return flush === 'sync' ? 'disk' : 'page-cache';
}
