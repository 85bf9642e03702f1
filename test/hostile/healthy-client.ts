/** A client that means well, beside an attack: it sends and asks all the time, and notes how that goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../native-free/client/index.js';
import { HEALTHY_TOPIC } from './attack-tools.js';
import type { BrokerProcess } from './broker-process.js';

export class HealthyClient {
  /** Of all that was answered since {@link isMeasured}, in milliseconds. */
  readonly latencies: number[] = [];
  /** What it was refused with. */
  readonly failures: string[] = [];
  /** The most memory that the broker had meanwhile. */
  rssPeakMiB = 0;
  isMeasured = false;
  #isOver = false;
  readonly #broker: BrokerProcess;
  readonly #running: Promise<void>[];

  constructor(client: Client, broker: BrokerProcess) {
    this.#broker = broker;
    const producer = client.producer();
    const admin = client.admin();
    this.#running = [
      this.#repeat(() => producer.send({ topic: HEALTHY_TOPIC, body: 'x' })),
      this.#repeat(() => admin.describeTopic(HEALTHY_TOPIC)),
      this.#watch(),
    ];
  }

  /** Resolves once it has its last answers. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #repeat(call: () => Promise<unknown>): Promise<void> {
    while (!this.#isOver && this.#broker.isAlive) {
      const from = performance.now();
      // An attack that stops the broker shows as a long latency, not as an error.
      await call().catch((error: unknown) => {
        this.failures.push(String(error));
      });
      if (this.isMeasured) {
        this.latencies.push(performance.now() - from);
      }
      await sleep(2);
    }
  }

  async #watch(): Promise<void> {
    while (!this.#isOver && this.#broker.isAlive) {
      this.rssPeakMiB = Math.max(this.rssPeakMiB, this.#broker.rssMiB);
      await sleep(20);
    }
  }
}
