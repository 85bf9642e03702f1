/** A batch on its way from the producer's calls to the broker's ack, and who waits for it. */

import { BatchBuilder } from '../../batch/batch-builder.js';
import type { Receipt, RingMQError } from '../../wire/index.js';
import { BatchReceipts } from './batch-receipts.js';

/** Where a batch stands. */
export const STAGE = {
  /** Takes messages. */
  open: 0,
  /** Closed, waits for its first sending; has no sequence yet. */
  queued: 1,
  /** With the broker. */
  sent: 2,
  /** Has a sequence, must be sent again: the connection was lost, or the broker asked for patience. */
  again: 3,
  /** Nobody waits for it any more, the broker may still have it: its buffer is not reused before the ack or the connection's end. */
  abandoned: 4,
  done: 5,
} as const;

export class SendBatch {
  readonly builder: BatchBuilder;
  /** Buffers of the usual size go back to the pool. */
  readonly isPooled: boolean;
  stage: number = STAGE.open;
  topic = '';
  topicId = 0;
  queueId = 0;
  memory = false;
  attributes = 0;
  sequence = 0;
  /** Milliseconds of the monotonic clock; set when the batch is closed. */
  deadline = 0;
  /** Why the broker asked to try again, if it did. */
  refusal: RingMQError | null = null;
  /** Those who wait for a receipt; null: nobody does. Never reused with the buffer. */
  receipts: BatchReceipts | null = null;
  /**
   * Running numbers of messages follow each other: a record's is `numberBase` and its place, counted from 1, but for those before the
   * last of `jumps` (record, base before it, …).
   */
  numberBase = 0;
  readonly #jumps: number[] = [];

  constructor(capacity: number, isPooled: boolean) {
    this.builder = new BatchBuilder(capacity);
    this.isPooled = isPooled;
  }

  /** Makes the batch as new. */
  reset(): void {
    this.builder.reset();
    this.stage = STAGE.open;
    this.receipts = null;
    this.refusal = null;
    this.#jumps.length = 0;
  }

  /** Messages nobody waits for one by one, whose failures are reported. */
  get written(): number {
    return this.builder.count - (this.receipts?.indexes.length ?? 0);
  }

  /** Running number of the first record. */
  get firstNumber(): number {
    return (this.#jumps[1] ?? this.numberBase) + 1;
  }

  /** The record that was just appended does not follow the one before it: notes its running number. */
  noteJump(number: number): void {
    const { count } = this.builder;
    if (count > 1) {
      this.#jumps.push(count - 1, this.numberBase);
    }
    this.numberBase = number - count;
  }

  /** A promise for the receipt of the record that was just appended. */
  expectReceipt(): Promise<Receipt> {
    this.receipts ??= new BatchReceipts();
    return this.receipts.expect(this.builder.count - 1);
  }

  /** Running numbers of all records but those that somebody waits for. */
  writtenNumbers(): number[] {
    const waitedFor = new Set(this.receipts?.indexes);
    const numbers: number[] = [];
    let jump = 0;
    for (let record = 0; record < this.builder.count; record++) {
      if (record === this.#jumps[jump]) {
        jump += 2;
      }
      if (!waitedFor.has(record)) {
        numbers.push((this.#jumps[jump + 1] ?? this.numberBase) + record + 1);
      }
    }
    return numbers;
  }
}

/** Keeps buffers of one size for reuse. Not more than `limit` of them. */
export class BatchPool {
  readonly capacity: number;
  readonly #limit: number;
  readonly #free: SendBatch[] = [];

  constructor(capacity: number, limit: number) {
    this.capacity = capacity;
    this.#limit = limit;
  }

  take(): SendBatch {
    return this.#free.pop() ?? new SendBatch(this.capacity, true);
  }

  give(batch: SendBatch): void {
    batch.stage = STAGE.done;
    if (!batch.isPooled || batch.builder.capacity !== this.capacity || this.#free.length >= this.#limit) {
      return;
    }
    batch.reset();
    this.#free.push(batch);
  }
}
