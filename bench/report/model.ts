/** The report before it is Markdown or HTML: sections in their order. */
import { compareWays } from '../embedded/figures.js';
import { formatQuantity } from '../quantity.js';
import { spread } from '../statistics.js';
import type { Inputs, ReportSuiteRun } from './inputs.js';
import { suitesOfLoads } from './load-results.js';
import { loadSection } from './load-section.js';
import { backlogPlots, percentilePlots, queuePlots, rateLatencyPlots } from './plots.js';
import type { Report, Section } from './sections.js';
import { describeEnvironment } from './source-line.js';
import { RINGMQ, systemTitle } from './systems.js';
import { left, NONE, percent, right, type Table, times } from './tables.js';
import { targetLines } from './targets.js';
import {
  CLASS_TITLES,
  groupByWorkload,
  type WorkloadGroup,
  workloadTable,
  workloadTitle,
} from './workloads.js';

export function makeReport(inputs: Inputs): Report {
  const loadRuns = suitesOfLoads(inputs.loads);
  const runs = [...inputs.suites, ...loadRuns];
  const sections = [
    targetsSection(inputs),
    plotsSection(inputs, runs),
    ...workloadSections(inputs.suites, runs),
    loadSection(inputs.loads, runs),
    embeddedSection(inputs),
    limitsSection(inputs),
    settingsSection(inputs.suites, runs),
    unavailableSection(inputs.suites, runs),
    failuresSection(inputs.suites, runs),
    sourcesSection(inputs),
  ];
  return { title: 'Benchmarks', intro: intro(inputs), sections: sections.filter((one) => one !== null) };
}

function intro({ sources }: Inputs): string[] {
  const machines = new Set(
    sources.map(
      ({ environment: e }) => `${e.cores} × ${e.cpu}, ${e.memoryGiB} GiB, Linux ${e.kernel}, Node ${e.node}`,
    ),
  );
  const cores = [...new Set(sources.map(({ environment }) => environment.cores))];
  const many = cores.length === 1 && cores[0] === 2 ? 'two' : cores.join(' or ');
  return [
    `Measured on ${machines.size === 1 ? 'one machine' : `${machines.size} machines`}: ${[...machines].join('; ')}.`,
    `Producer, broker and consumer share ${many} cores. Every figure is of a whole system squeezed into them, load generator included: it says how the systems compare here, and not what any of them reaches on a machine of its own.`,
    'Everything is sent over loopback. The machine drifts by a factor of two between minutes, so systems are measured in turns, a round of each after the other, and what counts is the ratio within one run; rates are medians of the rounds, the spread is from the lowest to the highest round as a share of the median.',
  ];
}

function targetsSection(inputs: Inputs): Section {
  const lines = targetLines(inputs);
  const reached = lines.filter(({ state }) => state === 'reached').length;
  const measured = lines.filter(({ state }) => state !== 'not measured').length;
  return {
    id: 'targets',
    title: 'RingMQ against the best other system',
    text: [
      `${reached} of ${measured} measured targets are reached${measured < lines.length ? `; ${lines.length - measured} not measured` : ''}. A ratio is RingMQ's figure over the other one, both of one run; for times, lower is better.`,
    ],
    blocks: [
      {
        table: {
          columns: [
            left('work'),
            right('RingMQ'),
            left('against'),
            right('its figure'),
            right('ratio'),
            right('target'),
            { ...left(''), kind: 'status' },
          ],
          rows: lines.map(({ work, ringmq, against, figure, ratio, target, state }) => [
            work,
            ringmq,
            against,
            figure,
            times(ratio),
            target,
            state,
          ]),
        },
      },
    ],
  };
}

function workloadSections(suites: readonly ReportSuiteRun[], runs: readonly ReportSuiteRun[]): Section[] {
  const groups = groupByWorkload(suites);
  const workloads = [...new Set(groups.map(({ workload }) => workload))];
  return workloads.map((workload) => ({
    id: `workload-${workload}`,
    title: capital(workloadTitle(workload)),
    text: [sourceOf(groups.filter((group) => group.workload === workload))],
    blocks: groups
      .filter((group) => group.workload === workload)
      .map((group) => ({ table: workloadTable(group, runs), group })),
  }));
}

/** Versions are in the tables. */
function sourceOf(groups: readonly WorkloadGroup[]): string {
  const places = new Set(groups.map(({ run }) => describeEnvironment(run.environment)));
  return `${[...places].join('; ')}. ${COMMANDS_BELOW}`;
}

const COMMANDS_BELOW = 'The commands are at the end, the settings before them.';

const PLOTS_TEXT =
  'Dashes and hollow points are of systems that have a message on disk before they ack; whole lines and points of those that have it in the page cache. Point at a plot for figures.';

function plotsSection({ loads }: Inputs, runs: readonly ReportSuiteRun[]): Section | null {
  const plots = [
    ...rateLatencyPlots(runs),
    ...queuePlots(loads, runs),
    ...percentilePlots(loads, runs),
    ...backlogPlots(loads, runs),
  ];
  if (plots.length === 0) {
    return null;
  }
  return { id: 'plots', title: 'Plots', text: [PLOTS_TEXT], blocks: [{ plots }] };
}

function embeddedSection({ embedded }: Inputs): Section | null {
  const [run] = embedded;
  if (run === undefined) {
    return null;
  }
  const rows = compareWays(run.ways, RINGMQ).map((way) => [
    way.title,
    way.rounds.length === 0 ? 'not available' : formatQuantity(way.messagesPerSecond, 'messages/s'),
    percent(spread(way.rounds)),
    times(way.ratio),
    way.target === null ? '' : `≥ ${way.target} ×`,
    way.target === null ? '' : way.reached === null ? 'not measured' : way.reached ? 'reached' : 'missed',
  ]);
  return {
    id: 'embedded',
    title: 'Inside a process, thread to thread',
    text: [
      `${describeEnvironment(run.environment)}. Made by \`npm run bench:embedded\`.`,
      `${run.bodyBytes} B messages from one thread to another. "The same batches" are packed and read message by message by the same code as RingMQ's, checksums included, and differ in the way they take: they are neither kept, numbered nor given to groups.`,
    ],
    blocks: [
      {
        table: {
          columns: [
            left('way'),
            right('messages'),
            right('spread'),
            right('RingMQ ÷ it'),
            right('target'),
            { ...left(''), kind: 'status' },
          ],
          rows,
        },
      },
    ],
  };
}

function limitsSection({ limits }: Inputs): Section | null {
  const [run] = limits;
  if (run === undefined) {
    return null;
  }
  return {
    id: 'limits',
    title: 'What the machine allows',
    text: [
      `${describeEnvironment(run.environment)}. Made by \`npm run bench:limits\`.`,
      'Each is as little as can do that part of the work; the raw path is pack, WebSocket, copy into shared memory, write, and a watermark back.',
    ],
    blocks: [
      {
        table: {
          columns: [left('limit'), left('how'), right('figure')],
          rows: run.limits.map(({ name, how, unit, value }) => [name, how, formatQuantity(value, unit)]),
        },
      },
    ],
  };
}

/** What each setting does to durability, as the run told it. */
function settingsSection(suites: readonly ReportSuiteRun[], runs: readonly ReportSuiteRun[]): Section | null {
  const found = new Map<string, string[]>();
  for (const run of suites) {
    for (const [system, { settings }] of Object.entries(run.systems ?? {})) {
      for (const durability of ['page-cache', 'disk', 'memory'] as const) {
        for (const setting of settings[durability] ?? []) {
          const row = [systemTitle(system, runs), CLASS_TITLES[durability], setting];
          found.set(row.join('\n'), row);
        }
      }
    }
  }
  if (found.size === 0) {
    return null;
  }
  return {
    id: 'settings',
    title: 'Settings, and what they do to durability',
    text: ['Systems are compared within a class only: with others that promise as much when they ack.'],
    blocks: [
      { table: { columns: [left('system'), left('class'), left('setting')], rows: [...found.values()] } },
    ],
  };
}

function unavailableSection(
  suites: readonly ReportSuiteRun[],
  runs: readonly ReportSuiteRun[],
): Section | null {
  const found = new Map<string, string>();
  // Oldest first, so that the newest reason stays; what any run has figures of was to be had.
  for (const { unavailable } of [...suites].reverse()) {
    for (const [system, reason] of Object.entries(unavailable)) {
      found.set(system, reason);
    }
  }
  for (const { results } of suites) {
    for (const { system } of results) {
      found.delete(system);
    }
  }
  if (found.size === 0) {
    return null;
  }
  return {
    id: 'unavailable',
    title: 'Systems that could not be had',
    text: [],
    blocks: [
      {
        table: {
          columns: [left('system'), left('why')],
          rows: [...found].map(([system, reason]) => [systemTitle(system, runs), reason]),
        },
      },
    ],
  };
}

/** A figure that is missing must be seen to be missing. */
function failuresSection(suites: readonly ReportSuiteRun[], runs: readonly ReportSuiteRun[]): Section | null {
  const rows = suites.flatMap(({ environment, failures }) =>
    failures.map(({ system, workload, durability, round, reason }) => [
      systemTitle(system, runs),
      `${workload}, ${CLASS_TITLES[durability]}`,
      `${environment.date.slice(0, 10)}, round ${round}`,
      reason,
    ]),
  );
  if (rows.length === 0) {
    return null;
  }
  return {
    id: 'failures',
    title: 'Measurements that gave no figure',
    text: [],
    blocks: [{ table: { columns: [left('system'), left('work'), left('run'), left('why')], rows } }],
  };
}

function sourcesSection({ sources, suites, loads }: Inputs): Section {
  const commands = new Map<string, string[]>();
  for (const { results } of suites) {
    for (const { system, workload, durability, api, command } of results) {
      if (command === undefined) {
        continue;
      }
      const row = [systemTitle(system, suites), `${workload}, ${durability}, ${api}`, command];
      commands.set(row.join('\n'), row);
    }
  }
  for (const { system, workload, flush, api, command } of loads) {
    const row = [systemTitle(system, suites), `${workload.name}, ${flush}, ${api}`, command];
    commands.set(row.join('\n'), row);
  }
  const files: Table = {
    caption: 'Runs this page is made from',
    columns: [
      { ...left('file'), kind: 'code' },
      left('kind'),
      left('commit'),
      left('date'),
      left('Node'),
      left('CPU'),
    ],
    rows: sources.map(({ file, kind, environment: e }) => [
      file,
      kind,
      e.commit,
      e.date.slice(0, 16).replace('T', ' '),
      e.node,
      `${e.cores} × ${e.cpu}`,
    ]),
  };
  const table: Table = {
    caption: 'What it took to make each figure',
    columns: [left('system'), left('figure'), { ...left('command'), kind: 'code' }],
    rows: [...commands.values()],
  };
  return {
    id: 'commands',
    title: 'Commands and runs',
    text: [],
    blocks: [{ table: files }, ...(table.rows.length === 0 ? [] : [{ table }])],
  };
}

function capital(text: string): string {
  return text === '' ? NONE : text.charAt(0).toUpperCase() + text.slice(1);
}
