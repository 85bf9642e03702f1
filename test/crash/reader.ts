import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Consumer } from '../../native-free/client/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';

const GROUP = 'crash-reader';
/** A commit is asked for after so many batches. */
const COMMIT_EVERY = 5;

/** A member of a group that reads through all crashes: it must miss nothing, and what it was told is committed must stay so. */
export class Reader {
  readonly #client: Client;
  readonly #consumer: Consumer;
  /** By queue: which offsets were handed out, and below which all were. */
  readonly #seen: boolean[][];
  readonly #whole: number[];
  /** By queue: the next offset after the last batch acked, and the highest such that a resolved commit covers. */
  readonly #acked: number[];
  readonly #committed: number[];
  readonly #faults: string[] = [];
  readonly #reading: Promise<void>;
  #onRead: () => void = () => {};

  constructor(client: Client, topic: string, queues: number) {
    this.#client = client;
    this.#seen = Array.from({ length: queues }, () => []);
    this.#whole = new Array<number>(queues).fill(0);
    this.#acked = new Array<number>(queues).fill(0);
    this.#committed = new Array<number>(queues).fill(0);
    this.#consumer = client.consumer({ group: GROUP, topic, commitIntervalMs: 10 });
    this.#reading = this.#read().catch((error: unknown) => {
      this.#faults.push(`the reader ended: ${String(error)}`);
      this.#onRead();
    });
  }

  async #read(): Promise<void> {
    let batches = 0;
    for await (const batch of this.#consumer.batches()) {
      const { queueId, baseOffset } = batch;
      const seen = this.#seen[queueId] as boolean[];
      const next = baseOffset + batch.length;
      for (let offset = baseOffset; offset < next; offset++) {
        seen[offset] = true;
      }
      // False: the connection was lost meanwhile, and the batch comes again.
      if (await batch.ack()) {
        this.#acked[queueId] = next;
      }
      if (++batches % COMMIT_EVERY === 0) {
        this.#commit();
      }
      this.#onRead();
    }
  }

  #commit(): void {
    const upTo = [...this.#acked];
    this.#consumer.commit().then(
      () => {
        for (const [queueId, offset] of upTo.entries()) {
          this.#committed[queueId] = Math.max(this.#committed[queueId] as number, offset);
        }
      },
      // Refused or lost: nothing was promised.
      () => {},
    );
  }

  /**
   * Reads until it was given all that is stored (`ends`, by queue), or has committed that without being given
   * it. What was missed, and what was committed once and is not any more.
   */
  async verify(ends: readonly number[]): Promise<string[]> {
    const promised = [...this.#committed];
    const faults: string[] = [];
    const offsets = await this.#committedOffsets();
    for (const [queueId, promise] of promised.entries()) {
      const offset = offsets[queueId] ?? 0;
      if (offset < promise) {
        faults.push(`queue ${queueId} of ${GROUP} was committed up to ${promise}, is up to ${offset}`);
      }
    }
    while (this.#faults.length === 0 && this.#missing(ends).length > 0) {
      const reached = await this.#committedOffsets();
      if (ends.every((end, queueId) => (reached[queueId] ?? 0) >= end)) {
        break;
      }
      await this.#moreRead();
    }
    return [...faults, ...this.#faults, ...this.#missing(ends)];
  }

  /** By queue, as the broker has them; none while the group is not known. */
  async #committedOffsets(): Promise<number[]> {
    const offsets: number[] = [];
    try {
      const { queues } = await this.#client.admin().describeGroup(GROUP);
      for (const { queueId, committedOffset } of queues) {
        offsets[queueId] = committedOffset ?? 0;
      }
    } catch (error) {
      if (!isRingMQError(error) || error.code !== 'GROUP_NOT_FOUND') {
        throw error;
      }
    }
    return offsets;
  }

  #missing(ends: readonly number[]): string[] {
    return ends.flatMap((end, queueId) => {
      const seen = this.#seen[queueId] as boolean[];
      let whole = this.#whole[queueId] as number;
      while (seen[whole] === true) {
        whole++;
      }
      this.#whole[queueId] = whole;
      return whole >= end ? [] : [`${GROUP} was never given ${queueId}/${whole}`];
    });
  }

  /** Something was read, or for a while nothing was. */
  async #moreRead(): Promise<void> {
    const read = new Promise<void>((resolve) => {
      this.#onRead = resolve;
    });
    await Promise.race([read, sleep(500)]);
  }

  async close(): Promise<void> {
    await this.#consumer.close();
    await this.#reading;
  }
}
