/** `artemis perf`: the load tool of Artemis, and its report as figures. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JavaProgram, javaCall, javaCommand, WARM_UP_SECONDS } from './java.js';
import type { Figure, Work } from './peer.js';
import { runCommand } from './processes.js';

/** Messages of one producer on their way: enough that the journal always has a full buffer to write. */
const MAX_PENDING = 2000;
/**
 * Of the client. Without a confirmation window it takes a message for acked once it has been written to the
 * socket; the window of a producer, 64 KiB by default, is in the way of rate.
 */
const CLIENT_SETTINGS = 'confirmationWindowSize=1048576&producerWindowSize=1048576';

export interface PerfTarget {
  /** How the command is run, but for its arguments. */
  command: Omit<JavaProgram, 'args'>;
  port: number;
  user: string;
  /** A name no other measurement has used. */
  address: string;
}

/** One line of the report. */
interface Sample {
  sampleType: 'interval' | 'summary';
  warmup?: boolean;
  /** When it was taken, milliseconds since the epoch. */
  time: number;
  /** Since the line before it. */
  completed?: number;
  received?: number;
  /** Microseconds. */
  totalSendTime?: { '50': number; '99': number };
}

/** Artemis knows no topic of many queues: each queue is a destination of its own. */
export async function perfProducer(
  target: PerfTarget,
  work: Exclude<Work, { kind: 'drain' }>,
): Promise<Figure> {
  const args = ['--persistent', '--message-size', work.sizeBytes];
  args.push('--warmup', WARM_UP_SECONDS, '--duration', WARM_UP_SECONDS + work.seconds);
  if (work.kind === 'request') {
    args.push('--producers', work.producers, '--threads', work.producers, '--max-pending', 1);
  } else {
    args.push('--num-destinations', work.topics * work.queues, '--threads', 2, '--max-pending', MAX_PENDING);
  }
  const { samples, command } = await perf(target, 'producer', args);
  const summary = samples.find((sample) => sample.sampleType === 'summary')?.totalSendTime;
  return {
    messagesPerSecond: steadyRate(samples, 'completed'),
    p50Ms: summary === undefined ? null : summary['50'] / 1000,
    p99Ms: summary === undefined ? null : summary['99'] / 1000,
    api: work.kind === 'request' ? 'perf producer, awaited' : 'perf producer',
    command,
  };
}

/** Piles the messages up, then has one consumer read them; the first seconds of its reading are its warm-up. */
export async function perfConsumer(
  target: PerfTarget,
  work: Extract<Work, { kind: 'drain' }>,
): Promise<Figure> {
  const count = ['--message-count', work.count];
  const fill = ['--persistent', '--message-size', work.sizeBytes, '--max-pending', MAX_PENDING, ...count];
  await perf(target, 'producer', fill);
  const { samples, command } = await perf(target, 'consumer', count);
  return {
    messagesPerSecond: bestRate(samples, 'received'),
    p50Ms: null,
    p99Ms: null,
    api: 'perf consumer',
    command,
  };
}

/** Of the whole measured window: the report has a line a second. */
function steadyRate(samples: readonly Sample[], count: 'completed' | 'received'): number {
  const intervals = samples.filter((sample) => sample.sampleType === 'interval');
  const firstSteady = intervals.findIndex((sample) => sample.warmup !== true);
  const start = intervals[firstSteady - 1];
  const end = intervals.at(-1);
  if (start === undefined || end === undefined || start === end) {
    throw new Error(`artemis perf reported ${samples.length} lines and no steady window`);
  }
  const steady = intervals.slice(firstSteady);
  const total = steady.reduce((sum, sample) => sum + (sample[count] ?? 0), 0);
  return (total * 1000) / (end.time - start.time);
}

/** Of the best stretch of five seconds, or of all when there is less: a backlog cannot be read for as long as one likes. */
function bestRate(samples: readonly Sample[], count: 'completed' | 'received'): number {
  const intervals = samples.filter((sample) => sample.sampleType === 'interval');
  const length = Math.min(5, intervals.length - 1);
  let best = 0;
  for (let first = 0; first + length < intervals.length && length > 0; first++) {
    const stretch = intervals.slice(first + 1, first + 1 + length);
    const elapsedMs = (stretch.at(-1)?.time ?? 0) - (intervals[first]?.time ?? 0);
    const total = stretch.reduce((sum, sample) => sum + (sample[count] ?? 0), 0);
    best = Math.max(best, (total * 1000) / elapsedMs);
  }
  if (best === 0) {
    throw new Error('artemis perf reported less than two seconds of reading: pile up more messages');
  }
  return best;
}

async function perf(
  target: PerfTarget,
  tool: 'producer' | 'consumer',
  options: readonly (string | number)[],
): Promise<{ samples: Sample[]; command: string }> {
  const { command, port, user, address } = target;
  const report = join(command.home, `${address}-${tool}.json`);
  const login = ['--silent', '--user', user, '--password', user];
  const url = `tcp://127.0.0.1:${port}?${CLIENT_SETTINGS}`;
  const args = ['perf', tool, ...login, '--url', url, ...options, '--json', report, `queue://${address}`];
  const program = { ...command, args };
  await runCommand(...javaCall(program));
  return { samples: JSON.parse(readFileSync(report, 'utf8')) as Sample[], command: javaCommand(program) };
}
