import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { measureBareRing } from '../limits/bare-ring.js';
import { measureEcho } from '../limits/echo.js';
import { runRawPath } from '../limits/raw-path.js';
import { readProcessUse } from '../load/process-meter.js';
import { BenchBroker, CLI, commandIn, type LoadFigures, loadBy, ringmqBy } from '../ringmq.js';

type Flush = 'sync' | 'async';

/** Beside which a broker's first code is little. */
const CPU_COUNT = 24_000_000;

/** What can be measured. Rates are messages a second, times microseconds; `cpu…` the broker's processor time for a thousand messages. */
export const MEASURES = {
  rawAsync100: (at: Place) => raw(at, 100, 256, 'async'),
  rawAsync1k: (at: Place) => raw(at, 1024, 64, 'async'),
  rawSync100: (at: Place) => raw(at, 100, 256, 'sync'),
  rawSync1k: (at: Place) => raw(at, 1024, 64, 'sync'),
  produceAsync100: (at: Place) => produce(at, 'async', 100, 8_000_000),
  produceAsync1k: (at: Place) => produce(at, 'async', 1024, 1_500_000),
  produceSync100: (at: Place) => produce(at, 'sync', 100, 8_000_000),
  produceSync1k: (at: Place) => produce(at, 'sync', 1024, 1_500_000),
  send100: (at: Place) => produce(at, 'async', 100, 4_000_000, '--api', 'send', '--in-flight', '65536'),
  endToEnd100: (at: Place) => endToEnd(at),
  cpuProduceAsync100: (at: Place) => brokerTime(at, produceArgs(100, CPU_COUNT)),
  cpuEndToEnd100: (at: Place) => brokerTime(at, endToEndArgs(CPU_COUNT)),
  backlog100: (at: Place) => backlog(at),
  echo: (at: Place) => echo(at, false),
  echoSync: (at: Place) => echo(at, true),
  oneSendAsync: (at: Place) => oneSend(at, 'async', 15_000),
  oneSendSync: (at: Place) => oneSend(at, 'sync', 6_000),
  bareRing: () => measureBareRing(),
  embedded: (at: Place) => embedded(at),
  oneQueueSync: (at: Place) => queues(at, 1),
  manyQueuesSync: (at: Place) => queues(at, 10_000),
  awaitingAsync1: (at: Place) => awaiting(at, 'async', 1, 15_000),
  awaitingAsync64: (at: Place) => awaiting(at, 'async', 64, 400_000),
  awaitingSync1: (at: Place) => awaiting(at, 'sync', 1, 6_000),
  awaitingSync64: (at: Place) => awaiting(at, 'sync', 64, 200_000),
} as const satisfies Record<string, (at: Place) => Promise<number>>;

export type MeasureName = keyof typeof MEASURES;

/** Where a measurement works. */
export interface Place {
  /** Kept over all rounds: the probes' preallocated files. */
  probes: string;
  /** Empty, for this measurement alone. */
  scratch: string;
  /** Clients log in, and may do what their user may. */
  auth?: boolean;
  /** Of another build, a checkout of this project that has been built; the probes are always this one's. Default: this one. */
  build?: string;
}

/** `ringmq bench …` of the build that is measured. */
function load(at: Place, url: string, ...args: (string | number)[]): Promise<LoadFigures> {
  return loadBy(commandOf(at), url, ...args);
}

function commandOf({ build }: Place): string {
  return build === undefined ? CLI : commandIn(build);
}

function raw(at: Place, bodyBytes: number, recordsPerFrame: number, flush: Flush): Promise<number> {
  return runRawPath({ bodyBytes, recordsPerFrame, sync: flush === 'sync', directory: at.probes });
}

async function echo(at: Place, sync: boolean): Promise<number> {
  return (await measureEcho({ sync, directory: at.probes })).p50Us;
}

/** A fresh broker in a process of its own, for one piece of work. */
async function withBroker<T>(
  at: Place,
  flush: Flush,
  work: (broker: BenchBroker, dataDir: string) => Promise<T>,
): Promise<T> {
  const dataDir = join(at.scratch, 'data');
  const more = at.auth === true ? withLogins(at.scratch) : [];
  const broker = await BenchBroker.start(dataDir, flush, more, commandOf(at));
  try {
    return await work(broker, dataDir);
  } finally {
    await broker.stop();
    delete process.env['RINGMQ_USER'];
    delete process.env['RINGMQ_PASSWORD'];
  }
}

/** Flags of a broker that clients log in to; the processes of this one are told as whom. */
function withLogins(scratch: string): string[] {
  const password = randomBytes(16).toString('hex');
  const file = join(scratch, 'admin-password');
  writeFileSync(file, password);
  process.env['RINGMQ_USER'] = 'admin';
  process.env['RINGMQ_PASSWORD'] = password;
  return ['--auth', '--admin-password-file', file];
}

export type Measures = Readonly<Record<MeasureName, (at: Place) => Promise<number>>>;

/** The same with logins. */
export const MEASURES_WITH_LOGINS = measuresAt({ auth: true });

/** The same of the build in `directory`: by its command, with what is measured here. */
export function measuresOf(directory: string): Measures {
  return measuresAt({ build: resolve(directory) });
}

function measuresAt(where: Pick<Place, 'auth' | 'build'>): Measures {
  const all = Object.entries(MEASURES).map(([name, measure]) => [
    name,
    (at: Place) => measure({ ...at, ...where }),
  ]);
  return Object.fromEntries(all) as Measures;
}

function produce(at: Place, flush: Flush, size: number, count: number, ...more: string[]): Promise<number> {
  return withBroker(at, flush, async ({ url }) => {
    const args = [...produceArgs(size, count), ...warmUp(count), ...more];
    return (await load(at, url, ...args)).messagesPerSecond;
  });
}

function produceArgs(size: number, count: number): (string | number)[] {
  return ['produce', '--topic', 'bench', '--size', size, '--count', count];
}

/** Of `CPU_COUNT` messages, async flush. */
function brokerTime(at: Place, args: (string | number)[]): Promise<number> {
  return withBroker(at, 'async', async (broker) => {
    const seconds = (): number => readProcessUse([broker.pid]).cpuSeconds;
    const before = seconds();
    await load(at, broker.url, ...args);
    return (1e9 * (seconds() - before)) / CPU_COUNT;
  });
}

/**
 * Rates are of running programs: messages go first that are not counted, as the raw path's first half second is not. It
 * takes a second or two until client and broker have compiled what they do, and the broker has started its threads.
 */
function warmUp(count: number): (string | number)[] {
  return ['--warm-up', count];
}

function endToEnd(at: Place): Promise<number> {
  return withBroker(at, 'async', async ({ url }) => {
    return (await load(at, url, ...endToEndArgs(15_000_000))).messagesPerSecond;
  });
}

function endToEndArgs(count: number): (string | number)[] {
  return ['e2e', '--topic', 'bench', '--size', 100, '--count', count];
}

/**
 * Produces, starts the broker anew, and reads it all back with one consumer. A quarter of it takes half a second, most of which a
 * client's first code is compiled in.
 */
async function backlog(at: Place): Promise<number> {
  const work = ['--topic', 'bench', '--size', 100, '--count', 24_000_000];
  await withBroker(at, 'async', ({ url }) => load(at, url, 'produce', ...work));
  return withBroker(
    at,
    'async',
    async ({ url }) => (await load(at, url, 'consume', ...work)).messagesPerSecond,
  );
}

function oneSend(at: Place, flush: Flush, count: number): Promise<number> {
  return withBroker(at, flush, async ({ url }) => {
    const { latencyMs } = await load(at, url, ...sendAndAwait(1, count), ...warmUp(count));
    return (latencyMs?.p50 ?? Number.NaN) * 1000;
  });
}

function awaiting(at: Place, flush: Flush, producers: number, count: number): Promise<number> {
  return withBroker(at, flush, async ({ url }) => {
    return (await load(at, url, ...sendAndAwait(producers, count), ...warmUp(count / 4))).messagesPerSecond;
  });
}

function sendAndAwait(producers: number, count: number): (string | number)[] {
  const shape = ['produce', '--topic', 'bench', '--size', 100, '--count', count];
  return [...shape, '--api', 'send', '--in-flight', 1, '--producers', producers];
}

function queues(at: Place, count: number): Promise<number> {
  return withBroker(at, 'sync', async ({ url }) => {
    await ringmqBy(commandOf(at), '--url', url, 'topic', 'create', 'bench', '--queues', count);
    const messages = 8_000_000;
    const shape = ['--topic', 'bench', '--size', 100, '--count', messages, ...warmUp(messages)];
    return (await load(at, url, 'produce', ...shape)).messagesPerSecond;
  });
}

async function embedded({ build }: Place): Promise<number> {
  const path =
    build === undefined
      ? fileURLToPath(new URL('./embedded.js', import.meta.url))
      : join(build, 'dist/bench/path/embedded.js');
  const { stdout } = await promisify(execFile)(process.execPath, [path, '10000000']);
  return (JSON.parse(stdout) as { messagesPerSecond: number }).messagesPerSecond;
}
