/**
 * SAMPLE DATA: made-up figures in the shapes that the suite writes, to see and test a report with. Nothing in
 * it was measured, and none of it may stand in docs/.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'hdr-histogram-js';

const ENVIRONMENT = {
  commit: 'SAMPLE',
  cpu: 'made-up CPU',
  cores: 2,
  memoryGiB: 24,
  node: 'v20.0.0',
  kernel: '6.0-sample',
  date: '2000-01-01T00:00:00.000Z',
};
const VERSION = '0-sample';

type Durability = 'memory' | 'page-cache' | 'disk';

/** System, what it is driven through, and made-up rates at 100 B in the page cache and on disk. */
const SYSTEMS: readonly (readonly [string, string, number, number])[] = [
  ['ringmq', 'write', 4_400_000, 3_900_000],
  ['ringmq', 'send', 1_200_000, 1_000_000],
  ['kafka', 'ProducerPerformance', 810_000, 400_000],
  ['rocketmq', 'batches of 512', 383_000, 250_000],
  ['nats', 'nats bench', 170_000, 4_800],
  ['redis', 'redis-benchmark', 566_000, 324_000],
  ['rabbitmq-stream', 'perf-test', 62_000, 0],
  ['rabbitmq-quorum', 'perf-test', 0, 38_000],
  ['artemis', 'artemis perf', 0, 45_000],
];

function results(workload: string, scale: number): unknown[] {
  return SYSTEMS.flatMap(([system, api, cached, synced]) =>
    (
      [
        ['page-cache', cached],
        ['disk', synced],
      ] as [Durability, number][]
    )
      .filter(([, rate]) => rate > 0)
      .map(([durability, rate]) => {
        const messagesPerSecond = Math.round(rate * scale);
        return {
          system,
          version: VERSION,
          workload,
          durability,
          api,
          messagesPerSecond,
          p50Ms: 4_000_000 / rate,
          p99Ms: 16_000_000 / rate,
          rounds: [0.93, 1, 1.05].map((share) => Math.round(messagesPerSecond * share)),
          command: `a made-up command --workload ${workload} | with a pipe`,
        };
      }),
  );
}

export function sampleSuite(): unknown {
  return {
    environment: ENVIRONMENT,
    results: [
      ...results('max-rate-100b', 1),
      ...results('max-rate-1kib', 0.15),
      ...results('max-rate-1-topic-1-queue-100b', 0.8),
      ...results('max-rate-1-topic-16-queues-100b', 1),
      ...results('max-rate-16-topics-16-queues-100b', 0.9),
      ...results('max-rate-10000-queues-100b', 0.85),
      ...results('64-producers-one-a-request', 0.02),
      ...results('drain-20m', 1.5),
      {
        system: 'zeromq',
        version: VERSION,
        workload: 'max-rate-100b',
        durability: 'memory',
        api: 'push/pull over TCP',
        messagesPerSecond: 2_300_000,
        p50Ms: null,
        p99Ms: null,
      },
    ],
    ratios: {},
    unavailable: { pulsar: 'a made-up reason: <not> in any registry' },
    failures: [
      {
        system: 'kafka',
        workload: 'drain-100b',
        durability: 'disk',
        round: 2,
        reason: 'a made-up reason: it did not end within its time',
      },
    ],
    systems: {
      kafka: {
        title: 'Apache Kafka',
        isRival: true,
        settings: {
          'page-cache': ['acks=1: the leader has it in memory'],
          disk: ['flush.messages=1: synced before the ack'],
        },
      },
      zeromq: { title: 'ZeroMQ', isRival: false, settings: { memory: ['keeps nothing'] } },
    },
  };
}

/** A distribution with a tail, in the form of a `.hgrm` file. */
function hgrm(medianMs: number): string {
  const histogram = build({ lowestDiscernibleValue: 1, numberOfSignificantValueDigits: 3 });
  for (let i = 1; i <= 20_000; i++) {
    const share = i / 20_001;
    histogram.recordValue(Math.ceil(medianMs * 1000 * (0.6 + 0.4 * (0.5 / (1 - share)) ** 0.45)));
  }
  return histogram.outputPercentileDistribution(5, 1000);
}

function latency(medianMs: number): unknown {
  const at = (factor: number): number => medianMs * factor;
  return {
    count: 20_000,
    mean: at(1),
    p50: at(1),
    p75: at(1.2),
    p90: at(1.5),
    p95: at(2),
    p99: at(4),
    p999: at(11),
    p9999: at(28),
    max: at(30),
  };
}

/** As bench:load writes it. `rate` 0: all it takes. */
export function sampleLoad(system: string, workload: string, rate: number, medianMs: number): unknown {
  const isBacklog = workload.startsWith('backlog');
  const fillSeconds = 10;
  const seconds = Array.from({ length: isBacklog ? 24 : 8 }, (_, i) => {
    const fills = isBacklog && i < fillSeconds;
    const piled = Math.min(i + 1, fillSeconds) * 2_000_000;
    const drained = isBacklog ? Math.max(0, i + 1 - fillSeconds) * (1_900_000 - medianMs * 100_000) : piled;
    return {
      seconds: 1,
      atSecond: i + 1,
      phase: fills ? 'fill' : isBacklog ? 'drain' : 'test',
      sentPerSecond: fills ? 2_000_000 : rate,
      ackedPerSecond: fills ? 2_000_000 : rate,
      receivedPerSecond: fills ? 0 : isBacklog && piled > drained ? 1_900_000 - medianMs * 100_000 : rate,
      backlog: Math.max(0, piled - drained),
    };
  });
  return {
    system,
    version: VERSION,
    workload: {
      name: workload,
      topics: 1,
      queues: isBacklog ? 1 : 4,
      messageSize: 100,
      rate,
      backlogMessages: isBacklog ? 20_000_000 : 0,
    },
    flush: 'async',
    api: system === 'ringmq' ? 'write' : 'send',
    workers: 1,
    command: `npm run bench:load -- --workload bench/workloads/${workload}.yaml`,
    environment: ENVIRONMENT,
    window: {
      seconds: 8,
      sentPerSecond: rate,
      ackedPerSecond: rate,
      receivedPerSecond: rate,
      brokerCpuPercent: 40,
      generatorCpuPercent: 50,
    },
    counts: {
      sent: rate * 8,
      acked: rate * 8,
      failed: 0,
      received: rate * 8,
      lost: 0,
      duplicates: 0,
      damaged: 0,
      foreign: 0,
    },
    errors: [],
    latencyMs: {
      send: latency(medianMs),
      sendFromIntended: latency(medianMs * 1.1),
      endToEnd: isBacklog ? null : latency(medianMs * 1.3),
    },
    memory: { brokerPeakRssBytes: 200 << 20, generatorRssBytes: 150 << 20 },
    lag: { atEnd: 0, max: 0, drainSeconds: 0 },
    backlog: isBacklog
      ? {
          messages: 20_000_000,
          emptyPerSecond: 2_000_000,
          backloggedPerSecond: 1_950_000,
          drainMessages: 20_000_000,
          drainSeconds: 10.5,
          drainPerSecond: 1_800_000,
          hasCaughtUp: true,
        }
      : null,
    seconds,
  };
}

export function sampleEmbedded(): unknown {
  return {
    environment: ENVIRONMENT,
    bodyBytes: 100,
    ways: [
      { name: 'ringmq', title: 'RingMQ, memory topic', target: null, rounds: [5e6, 5.2e6, 4.9e6] },
      {
        name: 'post-batches',
        title: 'postMessage, the same batches',
        target: 1.5,
        rounds: [3e6, 3.1e6, 3e6],
      },
      { name: 'post-messages', title: 'postMessage, single messages', target: 10, rounds: [6e5, 6e5, 6e5] },
      { name: 'zeromq-inproc', title: 'ZeroMQ inproc', target: 1, rounds: [] },
    ],
  };
}

export function sampleLimits(): unknown {
  return {
    environment: ENVIRONMENT,
    limits: [
      { name: 'memory copy into the ring', how: '16 KiB at a time', unit: 'bytes/s', value: 1e10 },
      { name: 'fdatasync', how: 'after 4 KiB, median', unit: 'us', value: 130 },
    ],
  };
}

/** Fills a folder as a whole run of the suite does. */
export function writeSample(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const write = (name: string, value: unknown): void =>
    writeFileSync(join(directory, `${name}.json`), JSON.stringify(value));
  write('suite', sampleSuite());
  write('embedded', sampleEmbedded());
  write('limits', sampleLimits());
  for (const [system, workload, rate, medianMs] of [
    ['ringmq', 'fixed-10k-100b', 10_000, 0.5],
    ['kafka', 'fixed-10k-100b', 10_000, 1.8],
    ['redis', 'fixed-10k-100b', 10_000, 0.7],
    ['nats', 'fixed-10k-100b', 10_000, 1.1],
    ['ringmq', 'fixed-50k-100b', 50_000, 0.6],
    ['kafka', 'fixed-50k-100b', 50_000, 3.1],
    ['ringmq', 'backlog-20m', 0, 2],
    ['kafka', 'backlog-20m', 0, 6],
  ] as const) {
    const name = `${system}-${workload}-async-write`;
    write(name, sampleLoad(system, workload, rate, medianMs));
    for (const [part, factor] of [
      ['send', 1],
      ['end-to-end', 1.3],
    ] as const) {
      writeFileSync(join(directory, `${name}.${part}.hgrm`), hgrm(medianMs * factor));
    }
  }
}
