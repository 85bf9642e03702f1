import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Client, Producer } from '../../native-free/client/index.js';
import { bodyOf, type Ledger } from './ledger.js';

/** Messages one writer keeps unacked: enough that a kill finds batches at every stage. */
const IN_FLIGHT = 512;

/** An idempotent producer that writes without pause until it is told to stop, over as many crashes as there are. */
export class Writer {
  /** Messages that failed: the client gives up none of these rounds' outages, so there must be none. */
  readonly failures: unknown[] = [];
  readonly #writer: number;
  readonly #topic: string;
  readonly #queues: number;
  readonly #ledger: Ledger;
  readonly #producer: Producer;
  #number = 0;
  #underWay = 0;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(client: Client, writer: number, topic: string, queues: number, ledger: Ledger) {
    this.#writer = writer;
    this.#topic = topic;
    this.#queues = queues;
    this.#ledger = ledger;
    // Small batches, many of them: it is their boundaries that a crash may tear.
    this.#producer = client.producer({ group: `crash-${writer}`, batchBytes: 4096, lingerMs: 0 });
  }

  get sent(): number {
    return this.#number;
  }

  start(): void {
    this.#stopped = false;
    this.#running = this.#run();
  }

  /** Resolves when everything it sent was acked, or has failed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.#producer.flush();
    while (this.#underWay > 0) {
      await nextTurn();
    }
  }

  async close(): Promise<void> {
    await this.#producer.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      for (let burst = 0; burst < 32 && this.#underWay < IN_FLIGHT; burst++) {
        this.#sendOne();
      }
      await nextTurn();
    }
  }

  #sendOne(): void {
    const number = this.#number++;
    this.#underWay++;
    const message = { topic: this.#topic, body: bodyOf(this.#writer, number) };
    this.#producer
      .send(message, { queueId: number % this.#queues })
      .then(
        (receipt) => this.#ledger.acked(this.#writer, number, receipt),
        (error: unknown) => this.failures.push(error),
      )
      .finally(() => {
        this.#underWay--;
      });
  }
}
