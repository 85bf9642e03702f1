/** The plots of the page, as data. Points that a logarithmic axis cannot show are left out here. */
import type { ReportLoadRun, ReportSuiteRun } from './inputs.js';
import { durabilityOf } from './load-results.js';
import { describeSource, type Sourced } from './source-line.js';
import { RINGMQ, systemColours, systemRank, systemTitle } from './systems.js';
import { workloadTitle } from './workloads.js';

export interface Series {
  label: string;
  /** On light and on dark ground. */
  colours: readonly [string, string];
  /** Line and points; RingMQ's line is wider. */
  isOwn: boolean;
  dash: readonly number[];
  /** By x. */
  points: readonly (readonly [number, number])[];
}

export interface Axis {
  label: string;
  scale: 'linear' | 'log' | 'percentile';
  /** How ticks are written. */
  unit: 'messages/s' | 'messages' | 'ms' | 's' | 'count' | 'percentile';
}

export interface Plot {
  title: string;
  note: string;
  /** Commit, CPU, versions. */
  source: string;
  x: Axis;
  y: Axis;
  /** Lines between points; without it only the points. */
  hasLines: boolean;
  series: Series[];
}

type Durability = 'memory' | 'page-cache' | 'disk';

const DASHES: Record<Durability, readonly number[]> = { 'page-cache': [], disk: [7, 4], memory: [2, 3] };
const SHORT_CLASS: Record<Durability, string> = {
  'page-cache': 'page cache',
  disk: 'on disk',
  memory: 'memory',
};

function seriesOf(
  system: string,
  durability: Durability,
  extra: string,
  runs: readonly ReportSuiteRun[],
  points: [number, number][],
): Series & { rank: number } {
  const label = [systemTitle(system, runs), extra, SHORT_CLASS[durability]].filter((part) => part !== '');
  return {
    label: label.join(', '),
    colours: systemColours(system),
    isOwn: system === RINGMQ,
    dash: DASHES[durability],
    points: points.sort((a, b) => a[0] - b[0]),
    rank: systemRank(system),
  };
}

function inOrder(series: (Series & { rank: number })[]): Series[] {
  return series
    .filter(({ points }) => points.length > 0)
    .sort((a, b) => a.rank - b.rank || a.dash.length - b.dash.length || a.label.localeCompare(b.label))
    .map(({ rank: _rank, ...rest }) => rest);
}

const PARTS: Record<string, string> = {
  'end-to-end': 'Intended send to receipt',
  'send-intended': 'Intended send to ack',
  send: 'Send to ack',
};

/** One plot a workload: end to end where it was measured, else to the ack. */
export function percentilePlots(loads: readonly ReportLoadRun[], runs: readonly ReportSuiteRun[]): Plot[] {
  const names = [...new Set(loads.map(({ workload }) => workload.name))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  return names.flatMap((name) => {
    const here = loads.filter(({ workload }) => workload.name === name);
    const part = Object.keys(PARTS).find((one) => here.some((load) => distribution(load, one) !== null));
    if (part === undefined) {
      return [];
    }
    const series = here.map((load) => {
      const points = (distribution(load, part) ?? [])
        .filter(({ ms }) => ms > 0)
        .map(({ ms, percentile }): [number, number] => [1 / (1 - percentile), ms]);
      return seriesOf(load.system, durabilityOf(load.flush), load.api, runs, points);
    });
    const rate = here[0]?.workload.rate ?? 0;
    const plot: Plot = {
      title: `Latency percentiles, ${workloadTitle(name)}`,
      note: `${PARTS[part]}; ${rate === 0 ? 'as fast as it goes' : `${rate.toLocaleString('en')} messages/s asked for`}. Lower is better.`,
      source: describeSource(here, runs),
      x: { label: 'percentile', scale: 'percentile', unit: 'percentile' },
      y: { label: 'latency (ms)', scale: 'log', unit: 'ms' },
      hasLines: true,
      series: inOrder(series),
    };
    return plot.series.length === 0 ? [] : [plot];
  });
}

function distribution(load: ReportLoadRun, part: string): { ms: number; percentile: number }[] | null {
  return load.distributions.find((one) => one.part === part)?.points ?? null;
}

/** Every measured rate beside its p99, a plot for end to end and one for send to ack. */
export function rateLatencyPlots(runs: readonly ReportSuiteRun[]): Plot[] {
  return ([true, false] as const).flatMap((isEndToEnd) => {
    const found = new Map<string, [number, number][]>();
    const used: Sourced[] = [];
    for (const run of runs) {
      for (const result of run.results) {
        const { system, durability, p99Ms, messagesPerSecond } = result;
        if (p99Ms === null || p99Ms <= 0 || messagesPerSecond <= 0) {
          continue;
        }
        if ((result.endToEnd === true) !== isEndToEnd) {
          continue;
        }
        const key = `${system}/${durability}`;
        const points = found.get(key) ?? [];
        found.set(key, points);
        points.push([messagesPerSecond, p99Ms]);
        used.push({ ...result, environment: run.environment });
      }
    }
    const series = [...found].map(([key, points]) => {
      const [system = '', durability = 'page-cache'] = key.split('/');
      return seriesOf(system, durability as Durability, '', runs, points);
    });
    if (series.length === 0) {
      return [];
    }
    return [
      {
        title: `Rate against latency, ${isEndToEnd ? 'end to end' : 'send to ack'}`,
        note: 'A point for each workload that was measured. Right and low is better.',
        source: describeSource(used, runs),
        x: { label: 'rate (messages/s)', scale: 'log', unit: 'messages/s' },
        y: { label: 'p99 latency (ms)', scale: 'log', unit: 'ms' },
        hasLines: false,
        series: inOrder(series),
      },
    ] satisfies Plot[];
  });
}

/** Maximum rates by number of queues, from workloads that say how many they have. */
export function queuePlots(loads: readonly ReportLoadRun[], runs: readonly ReportSuiteRun[]): Plot[] {
  const sizes = new Map<number, Map<string, [number, number][]>>();
  const add = (size: number, key: string, queues: number, rate: number): void => {
    const ofSize = sizes.get(size) ?? new Map<string, [number, number][]>();
    sizes.set(size, ofSize);
    const points = ofSize.get(key) ?? [];
    ofSize.set(key, points);
    // The newest run of a number of queues counts; they come in that order.
    if (!points.some(([there]) => there === queues)) {
      points.push([queues, rate]);
    }
  };
  const used: Sourced[] = [];
  for (const { environment, results } of runs) {
    for (const { workload, system, version, durability, api, messagesPerSecond } of results) {
      const shape = queuesOf(workload, loads);
      if (shape === null) {
        continue;
      }
      add(shape.size, `${system}/${durability}/${api}`, shape.queues, messagesPerSecond);
      used.push({ system, version, environment });
    }
  }
  return [...sizes].flatMap(([size, found]) => {
    const series = [...found]
      .filter(([, points]) => points.length > 1)
      .map(([key, points]) => {
        const [system = '', durability = 'page-cache', api = ''] = key.split('/');
        return seriesOf(system, durability as Durability, system === RINGMQ ? api : '', runs, points);
      });
    if (series.length === 0) {
      return [];
    }
    return [
      {
        title: `Rate against number of queues, ${size} B`,
        note: 'Maximum rate, acked; queues of all topics together. Higher is better.',
        source: describeSource(used, runs),
        x: { label: 'queues', scale: 'log', unit: 'count' },
        y: { label: 'rate (messages/s)', scale: 'log', unit: 'messages/s' },
        hasLines: true,
        series: inOrder(series),
      },
    ] satisfies Plot[];
  });
}

/** Of a maximum-rate workload: from a load run of it, else from its name. */
export function queuesOf(
  name: string,
  loads: readonly ReportLoadRun[],
): { queues: number; size: number } | null {
  const load = loads.find(({ workload }) => workload.name === name);
  if (load !== undefined) {
    const { topics, queues, messageSize, rate, backlogMessages } = load.workload;
    return rate === 0 && backlogMessages === 0 && name.startsWith('max-rate')
      ? { queues: topics * queues, size: messageSize }
      : null;
  }
  const found = /^max-rate-(?:(\d+)-topics?-)?(\d+)-queues?-(\d+)(b|kib)$/.exec(name);
  if (found === null) {
    return null;
  }
  const [, topics = '1', queues = '1', size = '0', unit] = found;
  return { queues: Number(topics) * Number(queues), size: Number(size) * (unit === 'kib' ? 1024 : 1) };
}

/** How far behind readers were, second by second, of runs with a backlog. */
export function backlogPlots(loads: readonly ReportLoadRun[], runs: readonly ReportSuiteRun[]): Plot[] {
  const piled = loads.filter(({ backlog, seconds }) => backlog !== null && seconds.length > 1);
  if (piled.length === 0) {
    return [];
  }
  const over = (y: (second: ReportLoadRun['seconds'][number]) => number): Series[] =>
    inOrder(
      piled.map((load) =>
        seriesOf(
          load.system,
          durabilityOf(load.flush),
          load.api,
          runs,
          load.seconds.map((second): [number, number] => [second.atSecond, y(second)]),
        ),
      ),
    );
  const source = describeSource(piled, runs);
  const x: Axis = { label: 'time (s)', scale: 'linear', unit: 's' };
  return [
    {
      title: 'Backlog over time',
      note: 'Messages acked and not received yet: piled up while nobody reads, then drained while producing goes on.',
      source,
      x,
      y: { label: 'backlog (messages)', scale: 'linear', unit: 'messages' },
      hasLines: true,
      series: over(({ backlog }) => backlog),
    },
    {
      title: 'Receiving while the backlog is drained',
      note: 'Messages received a second over the same time. Higher is better.',
      source,
      x,
      y: { label: 'received (messages/s)', scale: 'linear', unit: 'messages/s' },
      hasLines: true,
      series: over(({ receivedPerSecond }) => receivedPerSecond),
    },
  ];
}
