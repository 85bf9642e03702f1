/** Numbered messages that are sent while something happens, and a look at which of them are there afterwards. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Producer } from '../../native-free/client/index.js';
import { monotonicMs } from '../../native-free/time/index.js';

export const TOPIC = 't';
const AT_ONCE = 8;
/** Whatever of a message is there has come by then, however busy the machine. */
const SURELY_READ_MS = 20_000;

/** Sends numbered messages, some at a time, and keeps which were acked. */
export class Load {
  readonly acked = new Set<string>();
  readonly failed: string[] = [];
  longestWaitMs = 0;
  readonly #prefix: string;
  readonly #bodyBytes: number;
  #next = 0;
  #isStopping = false;
  readonly #running: Promise<unknown>;

  /** `prefix`: begins the bodies, so that two loads are told apart. `bodyBytes`: they are filled up to so many with blanks. */
  constructor(producer: Producer, prefix = 'm', { bodyBytes = 0 }: { bodyBytes?: number } = {}) {
    this.#prefix = prefix;
    this.#bodyBytes = bodyBytes;
    this.#running = Promise.all(Array.from({ length: AT_ONCE }, () => this.#run(producer)));
  }

  async #run(producer: Producer): Promise<void> {
    while (!this.#isStopping) {
      const id = `${this.#prefix}${this.#next++}`;
      const since = monotonicMs();
      try {
        await producer.send({ topic: TOPIC, body: id.padEnd(this.#bodyBytes) });
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

/** What of these a new group is given from the first offset on. Goes on as long as some of them come, and some seconds more. */
export async function missing(client: Client, group: string, wanted: ReadonlySet<string>): Promise<string[]> {
  const left = new Set(wanted);
  const consumer = client.consumer({ group, topic: TOPIC, from: 'earliest' });
  try {
    let silentSince = monotonicMs();
    while (left.size > 0 && monotonicMs() - silentSince < SURELY_READ_MS) {
      for (const message of await consumer.poll({ max: 1_000, waitMs: 500 })) {
        // Others may come all the time.
        silentSince = left.delete(message.text().trimEnd()) ? monotonicMs() : silentSince;
        await message.ack();
      }
    }
  } finally {
    await consumer.close();
  }
  return [...left];
}
