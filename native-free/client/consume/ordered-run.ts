/**
 * Handlers side by side that keep an order: of a queue, or of a sharding key within its queue, the next
 * message is begun when the handler of the one before has returned. A queue or key whose handler is stuck
 * holds up itself alone, as long as handlers are left.
 */

import type { QueueClaim } from './batch-info.js';
import { HELD_BACK } from './inbox.js';
import { newSlab } from './new-slab.js';
import type { Reading } from './reading.js';
import type { ReceivedBatch } from './received-batch.js';
import type { Workers } from './run.js';
import type { ConsumedMessage } from './types.js';

/** Messages of a queue that wait for others of their key, at most; behind them nothing of the queue is looked at. */
const MAX_WAITING_COUNT = 1_024;

/** One queue, of which a batch is at work; by key more than one, where keys of the first are still waiting. */
class QueueWork {
  readonly topic: string;
  readonly brokerSet: string | undefined;
  readonly queueId: number;
  readonly hold: QueueClaim;
  readonly #isByKey: boolean;
  #messages: Iterator<ConsumedMessage, undefined> | null = null;
  /** By sharding key: there is a handler at work with it, and these wait for it. */
  readonly #busyKeys = new Map<string, ConsumedMessage[]>();
  /** Their keys are free now. */
  readonly #freed: ConsumedMessage[] = [];
  #waitingCount = 0;
  #atWorkCount = 0;

  constructor({ topic, brokerSet, queueId, info }: ReceivedBatch, isByKey: boolean) {
    this.topic = topic;
    this.brokerSet = brokerSet;
    this.queueId = queueId;
    this.hold = info.hold;
    this.#isByKey = isByKey;
  }

  add(messages: Iterator<ConsumedMessage, undefined>): void {
    this.#messages = messages;
  }

  /** All its messages have been begun, or wait for one of their key: another batch is of use. */
  get isRead(): boolean {
    return this.#messages === null && (this.#isByKey || this.#atWorkCount === 0);
  }

  /** All its messages have been handled. */
  get isDone(): boolean {
    return this.#messages === null && this.#atWorkCount === 0 && this.#freed.length === 0;
  }

  /** A message that may be begun now; null: none. */
  next(): ConsumedMessage | null {
    if (!this.#isByKey) {
      return this.#atWorkCount > 0 ? null : this.#read();
    }
    const freed = this.#freed.shift();
    if (freed !== undefined) {
      this.#waitingCount--;
      return freed;
    }
    while (this.#waitingCount < MAX_WAITING_COUNT) {
      const message = this.#read();
      if (message === null) {
        return null;
      }
      const key = message.shardingKey;
      const waiting = key === undefined ? undefined : this.#busyKeys.get(key);
      if (waiting === undefined) {
        return message;
      }
      waiting.push(message);
      this.#waitingCount++;
    }
    return null;
  }

  begun(message: ConsumedMessage): void {
    this.#atWorkCount++;
    const key = message.shardingKey;
    if (this.#isByKey && key !== undefined && !this.#busyKeys.has(key)) {
      this.#busyKeys.set(key, []);
    }
  }

  ended(message: ConsumedMessage): void {
    this.#atWorkCount--;
    const key = message.shardingKey;
    if (!this.#isByKey || key === undefined) {
      return;
    }
    const next = this.#busyKeys.get(key)?.shift();
    if (next === undefined) {
      this.#busyKeys.delete(key);
    } else {
      this.#freed.push(next);
    }
  }

  #read(): ConsumedMessage | null {
    const message = this.#messages?.next();
    if (message === undefined || message.done === true) {
      this.#messages = null;
      return null;
    }
    return message.value;
  }
}

export class OrderedRun {
  readonly #reading: Reading;
  readonly #workers: Workers;
  readonly #concurrency: number;
  readonly #isByKey: boolean;
  readonly #slab = newSlab();
  /** Queues with a batch at work, in the order of their turns: no more of them than handlers, and one. */
  readonly #queues: QueueWork[] = [];

  constructor(reading: Reading, workers: Workers, concurrency: number, order: 'queue' | 'key') {
    this.#reading = reading;
    this.#workers = workers;
    this.#concurrency = concurrency;
    this.#isByKey = order === 'key';
  }

  /** Resolves at the plain end of the reading, or when a handler has failed. Throws what ended the reading. */
  async run(): Promise<void> {
    while (!this.#workers.hasFailed && !this.#reading.checkEnd()) {
      this.#beginAll();
      if (this.#workers.count === 0) {
        this.#reading.checkDamage();
      }
      await this.#reading.changed();
    }
  }

  #beginAll(): void {
    while (this.#workers.count < this.#concurrency) {
      const begun = this.#beginOne();
      if (!begun && !this.#takeBatch()) {
        return;
      }
    }
  }

  /** Begins the next message of the first queue that has one to begin; its next turn comes after the others'. */
  #beginOne(): boolean {
    for (let i = 0; i < this.#queues.length; i++) {
      const queue = this.#queues[i] as QueueWork;
      if (!queue.hold.held) {
        // Another member gets the rest.
        this.#remove(queue);
        i--;
        continue;
      }
      const message = queue.hold.isPaused ? null : queue.next();
      if (message === null) {
        if (queue.isRead) {
          this.#reading.memberOf(queue)?.control.release(queue.queueId, HELD_BACK.busy);
        }
        if (queue.isDone) {
          this.#remove(queue);
          i--;
        }
        continue;
      }
      this.#queues.splice(i, 1);
      this.#queues.push(queue);
      queue.begun(message);
      void this.#workers.begin(message).then(() => {
        queue.ended(message);
        this.#reading.wake();
      });
      return true;
    }
    return false;
  }

  /** Takes a batch. One at a time of each queue: what comes behind it waits in the inbox, where it is counted. */
  #takeBatch(): boolean {
    const batch = this.#reading.tryNext();
    if (batch === null) {
      return false;
    }
    this.#reading.memberOf(batch)?.control.holdBack(batch.queueId, HELD_BACK.busy);
    let queue = this.#queues.find(({ hold }) => hold === batch.info.hold);
    if (queue === undefined) {
      queue = new QueueWork(batch, this.#isByKey);
      this.#queues.push(queue);
    }
    queue.add(batch.owned(this.#slab));
    return true;
  }

  #remove(queue: QueueWork): void {
    this.#queues.splice(this.#queues.indexOf(queue), 1);
    if (queue.hold.held) {
      this.#reading.memberOf(queue)?.control.release(queue.queueId, HELD_BACK.busy);
    }
  }
}
