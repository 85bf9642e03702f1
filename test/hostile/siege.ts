/** An attack, and beside it a client that means well: what becomes of that one, and of the broker. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, connect } from '../../native-free/client/index.js';
import type { AttackOrder } from './attack-process.js';
import { HEALTHY_TOPIC, WIDE_TOPIC } from './attack-tools.js';
import type { BrokerProcess } from './broker-process.js';
import { HealthyClient } from './healthy-client.js';

export interface SiegeReport {
  readonly attack: string;
  /** Sends and requests answered for the healthy client while it lasted. */
  readonly roundTrips: number;
  /** Of those, in milliseconds. */
  readonly p99Ms: number;
  readonly maxMs: number;
  /** 99 of 100 times the measuring process itself was woken at most so late: what a busy machine adds to the latencies. */
  readonly ownDelayMs: number;
  /** The longest that one piece of work held a listener thread, and the thread that opened the broker; since the broker began. */
  readonly listenerTurnMs: number;
  readonly mainTurnMs: number;
  /** Parts of a processor, 0 to 1, that the busiest other thread of the broker (a listener's), and its main one, took meanwhile. */
  readonly listenerShare: number;
  readonly mainShare: number;
  readonly rssPeakMiB: number;
  /** A moment after the attack. */
  readonly rssAfterMiB: number;
  /** What the healthy client was refused with. */
  readonly failures: readonly string[];
  readonly isAlive: boolean;
}

/** A process that attacks. */
export class Attacker {
  readonly #process: ChildProcess = fork(fileURLToPath(new URL('./attack-process.js', import.meta.url)));

  /** Resolves when it is over. */
  async run(order: AttackOrder): Promise<void> {
    const over = once(this.#process, 'message');
    this.#process.send(order);
    await over;
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.disconnect();
    await gone;
  }
}

/** How long the healthy client goes on when the attack is over: what was begun must not be paid for later. */
const AFTERMATH_MS = 50;
/** How long it is there before, unmeasured: its first calls find code that has never run, in the broker and in itself. */
const WARM_UP_MS = 150;
/** What preparing has left to do (queues that are closed, a checkpoint) is done within so long. */
const SETTLE_MS = 250;

export async function besiege(
  broker: BrokerProcess,
  attacker: Attacker,
  attack: string,
  ms: number,
): Promise<SiegeReport> {
  const client = await connectTo(broker);
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const healthy = new HealthyClient(client, broker);
  await sleep(WARM_UP_MS);
  healthy.isMeasured = true;
  delays.enable();
  const timesBefore = broker.threadTimesMs;
  const begun = performance.now();
  let turns = { listenerTurnMs: Number.NaN, mainTurnMs: Number.NaN };
  let shares = { listenerShare: Number.NaN, mainShare: Number.NaN };
  try {
    await attacker.run({ name: attack, port: broker.port, ms });
    await sleep(AFTERMATH_MS);
    shares = sharesOf(timesBefore, broker.threadTimesMs, performance.now() - begun);
    delays.disable();
    await healthy.end();
    if (broker.isAlive) {
      turns = await longestTurns(client);
    }
  } finally {
    await Promise.allSettled([healthy.end()]);
    await client.close();
  }
  const latencies = healthy.latencies.sort((a, b) => a - b);
  return {
    attack,
    roundTrips: latencies.length,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.POSITIVE_INFINITY,
    maxMs: latencies.at(-1) ?? Number.POSITIVE_INFINITY,
    // The histogram has the whole interval, of which 1 ms was asked for.
    ownDelayMs: Math.max(0, delays.percentile(99) / 1_000_000 - 1),
    ...turns,
    ...shares,
    rssPeakMiB: healthy.rssPeakMiB,
    rssAfterMiB: broker.isAlive ? broker.rssMiB : 0,
    failures: healthy.failures,
    isAlive: broker.isAlive,
  };
}

function connectTo(broker: BrokerProcess): Promise<Client> {
  return connect(broker.url, {
    requestTimeoutMs: 60_000,
    ...(broker.ca === undefined ? {} : { tls: { ca: broker.ca, servername: 'localhost' } }),
  });
}

async function longestTurns(client: Client): Promise<{ listenerTurnMs: number; mainTurnMs: number }> {
  const { threads } = await client.admin().stats();
  const longest = (isListener: boolean): number =>
    Math.max(
      0,
      ...threads
        .filter(({ name }) => name.includes('listener') === isListener)
        .map(({ longestTurnMs }) => longestTurnMs),
    );
  return { listenerTurnMs: longest(true), mainTurnMs: longest(false) };
}

function sharesOf(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  ms: number,
): { listenerShare: number; mainShare: number } {
  const [main = 0, ...others] = [...after].map(([thread, time]) => (time - (before.get(thread) ?? 0)) / ms);
  return { listenerShare: Math.max(0, ...others), mainShare: main };
}

/** What attacks and the healthy client need to be there. */
export async function prepare(broker: BrokerProcess): Promise<void> {
  const client = await connectTo(broker);
  const admin = client.admin();
  await admin.createTopic({ topic: HEALTHY_TOPIC, queues: 1 });
  await admin.createTopic({ topic: WIDE_TOPIC, queues: 16_384 });
  const consumer = client.consumer({ group: 'wide-group', topic: WIDE_TOPIC, from: 'earliest' });
  await consumer.run(async () => {}, { signal: AbortSignal.timeout(500) }).catch(() => {});
  await consumer.close();
  await client.close();
  await sleep(SETTLE_MS);
}
