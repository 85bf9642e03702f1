/**
 * The receipts of one batch's `send` calls. All of them hang on one promise of the batch and share one
 * function: callbacks of a promise run once each, in the order they were added, so counting the calls tells
 * which message is meant. A message costs a promise and its reaction, and no closures; with tens of thousands
 * in flight that halves what the garbage collector has to carry.
 */
import type { Durability, Receipt } from '../../wire/index.js';
import { messageId } from '../../wire/message-id.js';

/** What all messages of a stored batch have in common. */
export interface StoredBatch {
  topic: string;
  queueId: number;
  baseOffset: number;
  idPrefix: string;
  durability: Durability;
  /** Only of a cluster. */
  brokerSet: string | null;
  /** Slaves that had it when it was acked. */
  replicas: number;
}

export class BatchReceipts {
  /** Record numbers of the messages somebody waits for, in order. */
  readonly indexes: number[] = [];
  #taken = 0;
  #stored: StoredBatch | null = null;
  readonly #promise: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor() {
    this.#promise = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** A promise for the receipt of record number `index`. */
  expect(index: number): Promise<Receipt> {
    this.indexes.push(index);
    return this.#promise.then(this.#take);
  }

  readonly #take = (): Receipt => {
    const stored = this.#stored as StoredBatch;
    const index = this.indexes[this.#taken++] as number;
    const receipt: Receipt = {
      messageId: messageId(stored.idPrefix, index),
      topic: stored.topic,
      queueId: stored.queueId,
      offset: stored.baseOffset + index,
      status: 'SEND_OK',
      durability: stored.durability,
    };
    const { brokerSet, replicas } = stored;
    if (brokerSet !== null) {
      return { ...receipt, brokerSet, replicas };
    }
    return replicas === 0 ? receipt : { ...receipt, replicas };
  };

  succeed(stored: StoredBatch): void {
    this.#stored = stored;
    this.#resolve();
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}
