/** What RingMQ set out to reach against the other systems, and whether a run says that it did. Ratios are always of figures of one run. */
import { compareWays } from '../embedded/figures.js';
import { formatQuantity } from '../quantity.js';
import type { Inputs, ReportResult, ReportSuiteRun } from './inputs.js';
import { suitesOfLoads } from './load-results.js';
import { isRival, RINGMQ, systemTitle } from './systems.js';
import { milliseconds } from './tables.js';

export interface TargetLine {
  work: string;
  ringmq: string;
  /** System, or what of its own it is compared with. */
  against: string;
  figure: string;
  ratio: number | null;
  target: string;
  state: 'reached' | 'missed' | 'not measured';
}

type Durability = ReportResult['durability'];

const CLASS_NAMES: Record<Durability, string> = {
  'page-cache': 'page cache',
  disk: 'on disk before ack',
  memory: 'memory',
};
const CLASSES = ['page-cache', 'disk'] as const;

/** Names of workloads, the first that was run counts. */
const MAX_RATE_100B = ['max-rate-100b', 'max-rate-1-topic-16-queues-100b', 'max-rate-1-topic-1-queue-100b'];
const MAX_RATE_1KIB = ['max-rate-1kib', 'max-rate-1-topic-16-queues-1kib', 'max-rate-1-topic-1-queue-1kib'];
const FIXED_RATES = [
  [10_000, ['fixed-10k-100b']],
  [50_000, ['fixed-50k-100b']],
] as const;
const REQUESTS = ['64-producers-one-a-request', 'request-64-100b', 'request-64'];
const DRAIN = ['backlog-20m', 'drain-20m', 'drain-100b', 'drain'];
const QUEUES_10000 = ['max-rate-10000-queues-100b', '10000-queues'];
const QUEUES_16 = ['max-rate-1-topic-16-queues-100b', 'max-rate-100b'];

/** A system that cannot keep up with a fixed rate has no latency at it. */
const KEEPS_UP = 0.98;

export function targetLines(inputs: Inputs): TargetLine[] {
  const runs = [...inputs.suites, ...suitesOfLoads(inputs.loads)];
  const rate = (question: RateQuestion): TargetLine => askRuns(runs, rateName(question), question);
  return [
    rate({
      work: 'max rate 100 B, write',
      workloads: MAX_RATE_100B,
      durability: 'page-cache',
      api: 'write',
      atLeast: 3,
    }),
    rate({
      work: 'max rate 100 B, write',
      workloads: MAX_RATE_100B,
      durability: 'disk',
      api: 'write',
      atLeast: 5,
    }),
    rate({
      work: 'max rate 100 B, send',
      workloads: MAX_RATE_100B,
      durability: 'page-cache',
      api: 'send',
      atLeast: 1,
    }),
    rate({
      work: 'max rate 100 B, send',
      workloads: MAX_RATE_100B,
      durability: 'disk',
      api: 'send',
      atLeast: 2,
    }),
    ...CLASSES.map((durability) =>
      rate({ work: 'max rate 1 KiB, write', workloads: MAX_RATE_1KIB, durability, api: 'write', atLeast: 2 }),
    ),
    ...FIXED_RATES.map(([messages, workloads]) => latencyLine(runs, messages, workloads)),
    ...CLASSES.flatMap((durability) => [
      rate({
        work: '64 producers, one message a request',
        workloads: REQUESTS,
        durability,
        atLeast: 1,
        without: 'redis',
      }),
      rate({
        work: '64 producers, one message a request',
        workloads: REQUESTS,
        durability,
        atLeast: 0.7,
        only: 'redis',
      }),
    ]),
    ...CLASSES.map((durability) => queuesLine(runs, durability)),
    backlogLine(inputs),
    ...CLASSES.map((durability) =>
      rate({ work: 'drain of the backlog', workloads: DRAIN, durability, atLeast: 1.3 }),
    ),
    ...embeddedLines(inputs),
  ];
}

interface RateQuestion {
  work: string;
  workloads: readonly string[];
  durability: Durability;
  /** RingMQ's; any where it is absent. */
  api?: string;
  atLeast: number;
  without?: string;
  only?: string;
}

function rateName({ work, durability }: RateQuestion): string {
  return `${work}, ${CLASS_NAMES[durability]}`;
}

/** The first of its workloads that was run with both sides answers, by the newest of its runs. */
function askRuns(runs: readonly ReportSuiteRun[], work: string, question: RateQuestion): TargetLine {
  const target = `≥ ${question.atLeast} ×`;
  let alone = NOTHING;
  for (const workload of question.workloads) {
    for (const run of runs) {
      const here = run.results.filter(
        (result) => result.workload === workload && result.durability === question.durability,
      );
      const own = best(here.filter(({ system, api }) => system === RINGMQ && (question.api ?? api) === api));
      const peer = best(here.filter(({ system }) => isAsked(system, run, question)));
      if (own !== null && peer !== null) {
        const ratio = own.messagesPerSecond / peer.messagesPerSecond;
        const state = ratio >= question.atLeast ? 'reached' : 'missed';
        return {
          work,
          ringmq: rateOf(own),
          against: systemTitle(peer.system, runs),
          figure: rateOf(peer),
          ratio,
          target,
          state,
        };
      }
      if (own !== null && alone === NOTHING) {
        alone = rateOf(own);
      }
    }
  }
  return notMeasured(
    work,
    target,
    alone,
    question.only === undefined ? 'best peer' : systemTitle(question.only),
  );
}

function isAsked(system: string, run: ReportSuiteRun, { without, only }: RateQuestion): boolean {
  if (!isRival(system, run) || system === without) {
    return false;
  }
  return only === undefined || system === only;
}

function best(results: readonly ReportResult[]): ReportResult | null {
  return results.reduce<ReportResult | null>(
    (most, result) => (most === null || result.messagesPerSecond > most.messagesPerSecond ? result : most),
    null,
  );
}

function latencyLine(
  runs: readonly ReportSuiteRun[],
  messages: number,
  workloads: readonly string[],
): TargetLine {
  const work = `p99 end to end at ${messages.toLocaleString('en')} messages/s, page cache`;
  const target = '≤ 1.0 ×';
  let alone = NOTHING;
  for (const run of runs) {
    const here = run.results.filter(
      (result) =>
        workloads.includes(result.workload) &&
        result.durability === 'page-cache' &&
        result.endToEnd === true &&
        result.p99Ms !== null &&
        result.messagesPerSecond >= messages * KEEPS_UP,
    );
    const quickest = (results: readonly ReportResult[]): ReportResult | null =>
      [...results].sort((a, b) => (a.p99Ms ?? 0) - (b.p99Ms ?? 0))[0] ?? null;
    const own = quickest(here.filter(({ system }) => system === RINGMQ));
    const peer = quickest(here.filter(({ system }) => isRival(system, run)));
    if (own !== null && peer !== null) {
      const ratio = (own.p99Ms as number) / (peer.p99Ms as number);
      const against = systemTitle(peer.system, runs);
      const figure = milliseconds(peer.p99Ms);
      return {
        work,
        ringmq: milliseconds(own.p99Ms),
        against,
        figure,
        ratio,
        target,
        state: ratio <= 1 ? 'reached' : 'missed',
      };
    }
    if (own !== null && alone === NOTHING) {
      alone = milliseconds(own.p99Ms);
    }
  }
  return notMeasured(work, target, alone, 'best peer');
}

function queuesLine(runs: readonly ReportSuiteRun[], durability: Durability): TargetLine {
  const work = `10,000 queues against 16, ${CLASS_NAMES[durability]}`;
  const target = '≥ 0.8 ×';
  for (const run of runs) {
    const own = (workloads: readonly string[]): ReportResult | null =>
      best(
        run.results.filter(
          (result) =>
            result.system === RINGMQ &&
            result.api === 'write' &&
            result.durability === durability &&
            workloads.includes(result.workload),
        ),
      );
    const many = own(QUEUES_10000);
    const few = own(QUEUES_16);
    if (many === null || few === null) {
      continue;
    }
    const ratio = many.messagesPerSecond / few.messagesPerSecond;
    const state = ratio >= 0.8 ? 'reached' : 'missed';
    return {
      work,
      ringmq: rateOf(many),
      against: 'its own rate at 16',
      figure: rateOf(few),
      ratio,
      target,
      state,
    };
  }
  return notMeasured(work, target, NOTHING, 'its own rate at 16');
}

function backlogLine({ loads }: Inputs): TargetLine {
  const work = 'send rate with the backlog stored against empty';
  const target = '≥ 0.9 ×';
  // The longest backlog says most.
  const [run] = loads
    .filter(({ system, backlog }) => system === RINGMQ && backlog !== null)
    .sort((a, b) => (b.backlog?.messages ?? 0) - (a.backlog?.messages ?? 0));
  const backlog = run?.backlog ?? null;
  if (backlog === null) {
    return notMeasured(work, target, NOTHING, 'its own rate when empty');
  }
  const ratio = backlog.backloggedPerSecond / backlog.emptyPerSecond;
  return {
    work: `send rate with ${formatQuantity(backlog.messages, 'messages')} backlogged against empty`,
    ringmq: formatQuantity(backlog.backloggedPerSecond, 'messages/s'),
    against: 'its own rate when empty',
    figure: formatQuantity(backlog.emptyPerSecond, 'messages/s'),
    ratio,
    target,
    state: ratio >= 0.9 ? 'reached' : 'missed',
  };
}

function embeddedLines({ embedded }: Inputs): TargetLine[] {
  const ways = compareWays(embedded[0]?.ways ?? [], RINGMQ);
  const own = ways.find(({ name }) => name === RINGMQ);
  const asked = ways.filter(({ target }) => target !== null);
  if (own === undefined) {
    return [
      notMeasured('thread to thread inside a process', '≥ 1.5 ×, 10 ×, 1 ×', NOTHING, 'postMessage, ZeroMQ'),
    ];
  }
  return asked.map(({ title, target, ratio, reached, messagesPerSecond }) => {
    const work = 'thread to thread, memory topic, 100 B';
    const ringmq = formatQuantity(own.messagesPerSecond, 'messages/s');
    if (ratio === null) {
      return notMeasured(work, `≥ ${target} ×`, ringmq, title);
    }
    const figure = formatQuantity(messagesPerSecond, 'messages/s');
    const state = reached ? 'reached' : 'missed';
    return { work, ringmq, against: title, figure, ratio, target: `≥ ${target} ×`, state };
  });
}

const NOTHING = '–';

function notMeasured(work: string, target: string, ringmq: string, against: string): TargetLine {
  return { work, ringmq, against, figure: NOTHING, ratio: null, target, state: 'not measured' };
}

function rateOf({ messagesPerSecond }: ReportResult): string {
  return formatQuantity(messagesPerSecond, 'messages/s');
}
