/** How a producer gets to a topic's queues: which queue a message goes to, and the batch that is open for it. */

import { RingMQError, type TopicInfo } from '../../wire/index.js';
import type { OutgoingMessage } from '../types.js';
import type { PendingMessage } from './pending-message.js';
import type { SendBatch } from './send-batch.js';
import { shardingHash } from './sharding-hash.js';

export class TopicRoute {
  readonly topic: string;
  /** null until the broker has answered. */
  info: TopicInfo | null = null;
  /** The open batch of each queue. */
  open: (SendBatch | null)[] = [];
  /** Messages from before the answer, in order. */
  pending: PendingMessage[] = [];
  /** Queue that messages without a key go to until its batch is closed. */
  turn = 0;

  constructor(topic: string) {
    this.topic = topic;
  }

  resolve(info: TopicInfo): void {
    this.info = info;
    this.open = new Array<SendBatch | null>(info.queues).fill(null);
    // Producers start at different queues, or the first queue would get the most.
    this.turn = Math.floor(Math.random() * info.queues);
  }

  /** The queue for a message. Throws `QUEUE_NOT_FOUND` for one that does not exist. */
  queueFor(message: OutgoingMessage, queueId: number | undefined): number {
    if (queueId === undefined && message.shardingKey !== undefined) {
      return shardingHash(message.shardingKey) % this.open.length;
    }
    return this.queueOf(undefined, queueId);
  }

  /** The same for a sharding key's hash. */
  queueOf(keyHash: number | undefined, queueId: number | undefined): number {
    if (queueId !== undefined) {
      return this.#checkedQueue(queueId);
    }
    return keyHash === undefined ? this.turn : keyHash % this.open.length;
  }

  #checkedQueue(queueId: number): number {
    const queues = this.open.length;
    if (Number.isInteger(queueId) && queueId >= 0 && queueId < queues) {
      return queueId;
    }
    throw new RingMQError(
      'QUEUE_NOT_FOUND',
      `${this.topic} has queues 0 to ${queues - 1}, not ${String(queueId)}`,
      {
        details: { topic: this.topic, limit: queues, value: queueId },
      },
    );
  }
}
