/** A batch on its way from the producer's calls to the broker's ack, and who waits for it. */
import type { Receipt, RingMQError } from '../wire/index.js';
import { BatchBuilder } from './batch-builder.js';
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
  /** Messages nobody waits for one by one, whose failures are reported. */
  written = 0;
  /** Running numbers: those of records follow each other from `firstNumber` but where `jumps` (record, number, …) says otherwise. */
  firstNumber = 0;
  #nextNumber = 0;
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
    this.written = 0;
    this.refusal = null;
    this.#jumps.length = 0;
  }

  /** Notes the running number of the record that was just appended. */
  noteNumber(number: number): void {
    const record = this.builder.count - 1;
    if (record === 0) this.firstNumber = number;
    else if (number !== this.#nextNumber) this.#jumps.push(record, number);
    this.#nextNumber = number + 1;
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
    let number = this.firstNumber;
    let jump = 0;
    for (let record = 0; record < this.builder.count; record++) {
      if (this.#jumps[jump] === record) {
        number = this.#jumps[jump + 1] as number;
        jump += 2;
      }
      if (!waitedFor.has(record)) numbers.push(number);
      number++;
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
    if (!batch.isPooled || batch.builder.capacity !== this.capacity || this.#free.length >= this.#limit)
      return;
    batch.reset();
    this.#free.push(batch);
  }
}
