/** Sends numbered messages, some at a time, and keeps which were acked. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Producer } from '../../../native-free/client/index.js';
import { monotonicMs } from '../../../native-free/time/index.js';

const AT_ONCE = 8;

export class Load {
  readonly acked = new Set<string>();
  readonly failed: string[] = [];
  longestWaitMs = 0;
  readonly #prefix: string;
  #next = 0;
  #isStopping = false;
  readonly #running: Promise<unknown>;

  constructor(client: Client, { prefix = 'm', sendTimeoutMs = 60_000 } = {}) {
    this.#prefix = prefix;
    const producer = client.producer({ sendTimeoutMs });
    this.#running = Promise.all(Array.from({ length: AT_ONCE }, () => this.#run(producer)));
  }

  async #run(producer: Producer): Promise<void> {
    while (!this.#isStopping) {
      const id = `${this.#prefix}${this.#next++}`;
      const since = monotonicMs();
      try {
        await producer.send({ topic: 't', body: id });
        this.acked.add(id);
      } catch (error) {
        this.failed.push(`${id}: ${String(error)}`);
        await delay(20);
      }
      this.longestWaitMs = Math.max(this.longestWaitMs, monotonicMs() - since);
    }
  }

  /** Resolves once so many more were acked: the load goes on. */
  async more(count: number): Promise<void> {
    const until = this.acked.size + count;
    while (this.acked.size < until) {
      await delay(10);
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }
}
