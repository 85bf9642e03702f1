import type { Client, ConsumedMessage } from '../native-free/client/index.js';
import { contentSum } from './flights.js';

/** What the members of one group have seen together. */
export class Tally {
  /** Different messages, by key and number. */
  count = 0;
  delayed = 0;
  /** Sum over the content of all different messages. */
  sum = 0;
  /** Messages seen again: read before a crash, acked, and not committed yet. */
  redelivered = 0;
  /** Messages that came before an earlier one of their key: must be none. */
  outOfOrder = 0;
  /** Seen again with other content: must be none. */
  changed = 0;
  readonly #sums = new Map<string, number[]>();

  take(message: ConsumedMessage): void {
    const key = message.shardingKey ?? '';
    const number = Number(message.properties['number']);
    const sum = contentSum({ body: message.text(), tag: message.tag, key, number });
    let seen = this.#sums.get(key);
    if (seen === undefined) {
      seen = [];
      this.#sums.set(key, seen);
    }
    if (number < seen.length) {
      this.redelivered++;
      if (seen[number] !== sum) {
        this.changed++;
      }
      return;
    }
    // The next of its key is the only one that may come now.
    if (number > seen.length) {
      this.outOfOrder++;
    }
    seen[number] = sum;
    this.count++;
    this.sum += sum;
    if (message.tag === 'delayed') {
      this.delayed++;
    }
  }

  /** True when this message was read. */
  has(key: string, number: number): boolean {
    return this.#sums.get(key)?.[number] !== undefined;
  }
}

/** One member of a group: reads into the tally until it is stopped. */
export class Member {
  count = 0;
  readonly #client: Client;
  readonly #consumer: ReturnType<Client['consumer']>;
  readonly #done: Promise<void>;

  constructor(client: Client, group: string, topic: string, tally: Tally, onRead: () => void) {
    this.#client = client;
    this.#consumer = client.consumer({ group, topic });
    this.#done = this.#read(tally, onRead);
  }

  async #read(tally: Tally, onRead: () => void): Promise<void> {
    for await (const batch of this.#consumer.batches()) {
      for (const message of batch) {
        tally.take(message);
      }
      this.count += batch.length;
      await batch.ack();
      onRead();
    }
  }

  /** Resolves with the first queues it was given. */
  get assigned(): Promise<{ queueId: number }[]> {
    return this.#consumer.assigned;
  }

  /** Rejects when reading fails. */
  get done(): Promise<void> {
    return this.#done;
  }

  async stop(): Promise<void> {
    await this.#consumer.close();
    await this.#done;
    await this.#client.close();
  }
}
