/** Numbered messages that are sent while something happens, and a look at which of them are there afterwards. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Producer } from '../../../native-free/client/index.js';

export const TOPIC = 't';

/** Sends numbered messages, some at a time, and keeps which were acked. */
export class Load {
  readonly acked = new Set<string>();
  readonly failed: string[] = [];
  longestWaitMs = 0;
  #next = 0;
  #isStopping = false;
  readonly #running: Promise<unknown>;

  constructor(producer: Producer, first = 0) {
    this.#next = first;
    this.#running = Promise.all(Array.from({ length: 8 }, () => this.#run(producer)));
  }

  async #run(producer: Producer): Promise<void> {
    while (!this.#isStopping) {
      const id = `m${this.#next++}`;
      const since = performance.now();
      try {
        await producer.send({ topic: TOPIC, body: id });
        this.acked.add(id);
      } catch (error) {
        this.failed.push(`${id}: ${String(error)}`);
      }
      this.longestWaitMs = Math.max(this.longestWaitMs, performance.now() - since);
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

/** What of these a new group is given from the first offset on. Goes on as long as some of them come, and some seconds more. */
export async function missing(client: Client, group: string, wanted: ReadonlySet<string>): Promise<string[]> {
  const left = new Set(wanted);
  const consumer = client.consumer({ group, topic: TOPIC, from: 'earliest' });
  try {
    let silentSince = performance.now();
    while (left.size > 0 && performance.now() - silentSince < 8_000) {
      for (const message of await consumer.poll({ max: 1_000, waitMs: 500 })) {
        // Others may come all the time.
        silentSince = left.delete(message.text()) ? performance.now() : silentSince;
        await message.ack();
      }
    }
  } finally {
    await consumer.close();
  }
  return [...left];
}
