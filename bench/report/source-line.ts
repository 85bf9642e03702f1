/** Where figures come from, in a line: commit, CPU, Node, date, and the version of each system. */
import type { ReportEnvironment, ReportSuiteRun } from './inputs.js';
import { systemRank, systemTitle } from './systems.js';

export interface Sourced {
  system: string;
  version: string;
  environment: ReportEnvironment;
}

export function describeSource(figures: readonly Sourced[], runs: readonly ReportSuiteRun[]): string {
  const places = new Set(figures.map(({ environment }) => describeEnvironment(environment)));
  const versions = new Map<string, Set<string>>();
  for (const { system, version } of figures) {
    versions.set(system, (versions.get(system) ?? new Set()).add(version));
  }
  const systems = [...versions]
    .sort(([a], [b]) => systemRank(a) - systemRank(b))
    .map(([system, found]) => `${systemTitle(system, runs)} ${[...found].join(' and ')}`);
  return `${[...places].join('; ')}. ${systems.join(', ')}.`;
}

/** To the day: the runs of one suite take an hour. */
export function describeEnvironment({ commit, cpu, cores, node, date }: ReportEnvironment): string {
  return `Commit ${commit}, ${cores} × ${cpu}, Node ${node}, ${date.slice(0, 10)}`;
}
