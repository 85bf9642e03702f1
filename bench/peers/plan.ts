/** What the comparison runs, in its order, and on which systems. */
import { fileURLToPath } from 'node:url';
import type { DriverName } from '../load/drivers/registry.js';
import { DRIVER_NAMES } from '../load/drivers/registry.js';
import { readWorkload, type Workload } from '../load/workload.js';
import type { Peer, Work } from './peer.js';

/** Workload files are not copied by the build, so they are found in the sources: this file runs as dist/bench/peers/plan.js. */
const WORKLOADS = new URL('../../../bench/workloads/', import.meta.url);

export type PlanItem = {
  /** In results. */
  workload: string;
  /** Part of `--quick`. */
  isMain?: boolean;
  /** Which systems; all of them by default. */
  suits?: (peer: Peer) => boolean;
  /** Rounds at most: for what takes its time, or is a ratio of figures of one run by itself. */
  maxRounds?: number;
} & (
  | { by: 'own tool'; work: (peer: Peer) => Work }
  /** The common client of bench/load, by one of its workload files. */
  | { by: 'common client'; file: Workload }
);

const SECONDS = 5;
/** Shorter than the files say: a dozen of them are run one after the other, each on a system just started. */
const FIXED_RATE_TIMES = { warmupSeconds: 10, testSeconds: 15 };
/** Piled up for a drain: as issued for those that take millions a second, less for those that would take many minutes. */
const DRAIN_COUNT = 20_000_000;
const SMALL_DRAIN_COUNT = 1_000_000;
const LARGE_DRAINS = ['ringmq', 'kafka'];

function maxRate(sizeBytes: number, queues: number, topics = 1): (peer: Peer) => Work {
  return () => ({ kind: 'max-rate', sizeBytes, queues, topics, seconds: SECONDS });
}

/** Systems whose topics consist of queues. */
const hasQueues = ({ system }: Peer): boolean => ['ringmq', 'kafka', 'rocketmq'].includes(system);
const isOnly =
  (name: string) =>
  ({ system }: Peer): boolean =>
    system === name;
const hasDriver = ({ system }: Peer): boolean => DRIVER_NAMES.includes(system as DriverName);

/** `name` is that of a file in bench/workloads/; `changes` to what it says. */
function byFile(
  name: string,
  suits: (peer: Peer) => boolean,
  changes: Partial<Workload>,
  maxRounds = Number.POSITIVE_INFINITY,
): PlanItem {
  const file = readWorkload(fileURLToPath(new URL(`${name}.yaml`, WORKLOADS)));
  return { workload: name, by: 'common client', suits, maxRounds, file: { ...file, ...changes } };
}

export function fullPlan(): PlanItem[] {
  return [
    { workload: 'max-rate-100b', by: 'own tool', isMain: true, work: maxRate(100, 4) },
    { workload: 'max-rate-1kib', by: 'own tool', work: maxRate(1024, 4) },
    {
      workload: '64-producers-one-a-request',
      by: 'own tool',
      work: () => ({ kind: 'request', sizeBytes: 100, producers: 64, seconds: SECONDS }),
    },
    {
      workload: 'single-message-latency',
      by: 'own tool',
      work: () => ({ kind: 'request', sizeBytes: 100, producers: 1, seconds: SECONDS }),
    },
    {
      workload: 'drain-100b',
      by: 'own tool',
      maxRounds: 1,
      work: ({ system }) => ({
        kind: 'drain',
        sizeBytes: 100,
        count: LARGE_DRAINS.includes(system) ? DRAIN_COUNT : SMALL_DRAIN_COUNT,
      }),
    },
    byFile('fixed-10k-100b', hasDriver, FIXED_RATE_TIMES),
    byFile('fixed-50k-100b', hasDriver, FIXED_RATE_TIMES),
    oneTopic('max-rate-1-topic-1-queue-100b', 100, 1),
    oneTopic('max-rate-1-topic-16-queues-100b', 100, 16),
    oneTopic('max-rate-1-topic-1-queue-1kib', 1024, 1),
    oneTopic('max-rate-1-topic-16-queues-1kib', 1024, 16),
    {
      workload: 'max-rate-10000-queues-100b',
      by: 'own tool',
      suits: isOnly('ringmq'),
      work: maxRate(100, 10_000),
    },
    byFile(
      'max-rate-16-topics-16-queues-100b',
      isOnly('ringmq'),
      { subscriptions: 0, warmupSeconds: 3, testSeconds: SECONDS },
      1,
    ),
    {
      workload: 'max-rate-16-topics-16-queues-100b',
      by: 'own tool',
      suits: (peer) => hasQueues(peer) && peer.system !== 'ringmq',
      maxRounds: 1,
      work: maxRate(100, 16, 16),
    },
  ];
}

function oneTopic(workload: string, sizeBytes: number, queues: number): PlanItem {
  return { workload, by: 'own tool', suits: hasQueues, maxRounds: 1, work: maxRate(sizeBytes, queues) };
}
