/** An attack, and beside it a client that means well: what becomes of that one, and of the broker. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { connect } from '../../native-free/client/index.js';
import type { AttackOrder } from './attack-worker.js';
import type { BrokerProcess } from './broker-process.js';

export interface SiegeReport {
  readonly attack: string;
  /** Sends and requests answered for the healthy client while it lasted. */
  readonly roundTrips: number;
  /** Of those, in milliseconds. */
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly rssPeakMiB: number;
  /** What the healthy client was refused with. */
  readonly failures: readonly string[];
  readonly isAlive: boolean;
}

/** A thread that attacks. */
export class Attacker {
  readonly #worker = new Worker(new URL('./attack-worker.js', import.meta.url));

  /** Resolves when it is over. */
  async run(order: AttackOrder): Promise<void> {
    const over = once(this.#worker, 'message');
    this.#worker.postMessage(order);
    await over;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** How long the healthy client goes on when the attack is over: what was begun must not be paid for later. */
const AFTERMATH_MS = 100;

export async function besiege(
  broker: BrokerProcess,
  attacker: Attacker,
  attack: string,
  ms: number,
): Promise<SiegeReport> {
  const client = await connect(broker.url, { requestTimeoutMs: 60_000 });
  const producer = client.producer();
  const admin = client.admin();
  const latencies: number[] = [];
  const failures: string[] = [];
  let rssPeakMiB = 0;
  let isOver = false;

  async function repeat(call: () => Promise<unknown>): Promise<void> {
    while (!isOver && broker.isAlive) {
      const from = performance.now();
      // An attack that stops the broker shows as a long latency, not as an error.
      await call().catch((error: unknown) => {
        failures.push(String(error));
      });
      latencies.push(performance.now() - from);
      await sleep(2);
    }
  }
  async function watch(): Promise<void> {
    while (!isOver && broker.isAlive) {
      rssPeakMiB = Math.max(rssPeakMiB, broker.rssMiB);
      await sleep(20);
    }
  }
  async function storm(): Promise<void> {
    await attacker.run({ name: attack, port: broker.port, ms });
    await sleep(AFTERMATH_MS);
    isOver = true;
  }

  const running = [
    repeat(() => producer.send({ topic: 'healthy', body: 'x' })),
    repeat(() => admin.describeTopic('healthy')),
    watch(),
  ];
  try {
    await storm();
    await Promise.all(running);
  } finally {
    isOver = true;
    await Promise.allSettled(running);
    await client.close();
  }
  latencies.sort((a, b) => a - b);
  return {
    attack,
    roundTrips: latencies.length,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.POSITIVE_INFINITY,
    maxMs: latencies.at(-1) ?? Number.POSITIVE_INFINITY,
    rssPeakMiB,
    failures,
    isAlive: broker.isAlive,
  };
}

/** What attacks and the healthy client need to be there. */
export async function prepare(broker: BrokerProcess, wideTopic: string): Promise<void> {
  const client = await connect(broker.url);
  const admin = client.admin();
  await admin.createTopic({ topic: 'healthy', queues: 1 });
  await admin.createTopic({ topic: wideTopic, queues: 16_384 });
  const consumer = client.consumer({ group: 'wide-group', topic: wideTopic, from: 'earliest' });
  await consumer.run(async () => {}, { signal: AbortSignal.timeout(500) }).catch(() => {});
  await consumer.close();
  await client.close();
}
