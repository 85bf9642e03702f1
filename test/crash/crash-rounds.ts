import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect } from '../../native-free/client/index.js';
import { BrokerProcess, runCli } from '../cli/cli-process.js';
import { Ledger, type StoredMessage, storedMessage } from './ledger.js';
import { SeededRandom } from './random.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

const TOPIC = 'crash';
const QUEUES = 3;
const WRITERS = 3;
/** Small files, so that kills also fall on their boundaries. */
const BROKER_CONFIG = { segmentSize: '16MiB', checkpointSize: '4MiB' };
/** Past this many messages the whole topic is read every tenth round only. */
const READ_ALL_BELOW = 100_000;
/** What a round may take before it counts as hung. */
const ROUND_DEADLINE_MS = 60_000;

export interface CrashOptions {
  directory: string;
  rounds: number;
  seed: number;
  onRound?: (round: CrashRound) => void;
}

/** One round as it went. */
export interface CrashRound {
  round: number;
  flush: 'sync' | 'async';
  /** From the first write to the kill. */
  killedAfterMs: number;
  restartMs: number;
  acked: number;
  faults: string[];
}

/**
 * Kills a broker with SIGKILL at a random moment while producers write, starts it again under one flush
 * policy or the other, lets the same producers finish what they had under way, and compares what is stored
 * with what was acked, and what a group that reads all the time was given and has committed. All rounds use
 * one data directory and the same producers. Throws at the first fault, with its round and seed.
 */
export async function runCrashRounds(options: CrashOptions): Promise<CrashRound[]> {
  const random = new SeededRandom(options.seed);
  const suite = await CrashSuite.open(options.directory, random);
  const rounds: CrashRound[] = [];
  try {
    for (let number = 1; number <= options.rounds; number++) {
      const deadline = failAfter(ROUND_DEADLINE_MS);
      const round = await Promise.race([suite.round(number, number === options.rounds), deadline.failed]);
      deadline.clear();
      rounds.push(round);
      options.onRound?.(round);
      if (round.faults.length > 0) {
        throw new Error(round.faults.slice(0, 10).join('\n'));
      }
    }
  } catch (cause) {
    const where = `round ${rounds.length} of ${options.rounds}, seed ${options.seed}, in ${options.directory}`;
    throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  } finally {
    await suite.close();
  }
  const verified = await runCli(['log', 'verify', `${options.directory}/data`]);
  if (verified.status !== 0) {
    throw new Error(`seed ${options.seed}: log verify: ${verified.stderr}`);
  }
  return rounds;
}

class CrashSuite {
  readonly #dataDir: string;
  readonly #configPath: string;
  readonly #random: SeededRandom;
  readonly #ledger = new Ledger(QUEUES);
  #clients: Client[] = [];
  #writers: Writer[] = [];
  #reader: Reader | null = null;
  #broker: BrokerProcess;

  private constructor(directory: string, configPath: string, random: SeededRandom, broker: BrokerProcess) {
    this.#dataDir = `${directory}/data`;
    this.#configPath = configPath;
    this.#random = random;
    this.#broker = broker;
  }

  static async open(directory: string, random: SeededRandom): Promise<CrashSuite> {
    const configPath = `${directory}/broker.json`;
    writeFileSync(configPath, JSON.stringify(BROKER_CONFIG));
    const broker = await BrokerProcess.start(`${directory}/data`, ['--config', configPath]);
    const suite = new CrashSuite(directory, configPath, random, broker);
    for (let writer = 0; writer < WRITERS; writer++) {
      const client = await connect(broker.url, { reconnectMinMs: 10, reconnectMaxMs: 100 });
      if (writer === 0) {
        await client.admin().createTopic({ topic: TOPIC, queues: QUEUES });
      }
      suite.#clients.push(client);
      suite.#writers.push(new Writer(client, writer, TOPIC, QUEUES, suite.#ledger));
    }
    const client = await connect(broker.url, { reconnectMinMs: 10, reconnectMaxMs: 100 });
    suite.#clients.push(client);
    suite.#reader = new Reader(client, TOPIC, QUEUES);
    return suite;
  }

  async round(round: number, last: boolean): Promise<CrashRound> {
    const random = this.#random;
    const killedAfterMs = random.between(0, 250);
    const flush = random.next() < 0.5 ? 'sync' : 'async';
    for (const writer of this.#writers) {
      writer.start();
    }
    await sleep(killedAfterMs);
    const { port } = this.#broker;
    await this.#broker.kill();
    const startedAt = performance.now();
    this.#broker = await BrokerProcess.start(
      this.#dataDir,
      ['--flush', flush, '--config', this.#configPath],
      port,
    );
    const restartMs = Math.round(performance.now() - startedAt);
    await Promise.all(this.#writers.map((writer) => writer.stop()));
    const faults = this.#writers.flatMap((writer) => writer.failures.map((error) => `not acked: ${error}`));
    const total = this.#writers.reduce((sum, writer) => sum + writer.sent, 0);
    if (total < READ_ALL_BELOW || round % 10 === 0 || last) {
      faults.push(...this.#ledger.verify(await this.#readAll(round, total)));
    }
    if (this.#reader !== null) {
      faults.push(...(await this.#reader.verify(await this.#ends())));
    }
    return { round, flush, killedAfterMs, restartMs, acked: this.#ledger.ackedCount, faults };
  }

  /** The next offset of each queue. */
  async #ends(): Promise<number[]> {
    const { queueStates } = await (this.#clients[0] as Client).admin().describeTopic(TOPIC);
    return queueStates.map(({ maxOffset }) => maxOffset);
  }

  /** Everything the queues hold, by a consumer of its own. */
  async #readAll(round: number, expected: number): Promise<StoredMessage[]> {
    const client = await connect(this.#broker.url);
    try {
      const { queueStates } = await client.admin().describeTopic(TOPIC);
      const stored = queueStates.reduce((sum, queue) => sum + queue.maxOffset - queue.minOffset, 0);
      const read: StoredMessage[] = [];
      const consumer = client.consumer({ group: `verify-${round}`, topic: TOPIC });
      // Duplicates would be more than was sent, so it is what is stored that is read, and not what should be.
      if (stored > 0 || expected > 0) {
        for await (const batch of consumer.batches()) {
          for (const message of batch) {
            read.push(storedMessage(message));
          }
          await batch.ack();
          if (read.length >= stored) {
            break;
          }
        }
      }
      await consumer.close();
      return read;
    } finally {
      await client.close();
    }
  }

  async close(): Promise<void> {
    // Settled, not awaited one by one: after a fault the broker may be gone, and the fault is what is to be
    // told.
    await Promise.allSettled([...this.#writers, this.#reader].map((part) => part?.close()));
    await Promise.allSettled(this.#clients.map((client) => client.close()));
    await this.#broker.stop();
  }
}

function failAfter(ms: number): { failed: Promise<never>; clear: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`hung for ${ms / 1000} s`)), ms);
  });
  failed.catch(() => {});
  return { failed, clear: () => clearTimeout(timer) };
}
