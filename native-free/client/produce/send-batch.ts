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

/** Where a batch goes to. */
export interface BatchLane {
  /** The broker set; null: there is one broker. */
  readonly set: string | null;
  add(batch: SendBatch): void;
}

/** The way to its topic, as a batch knows it: which one, for whoever closes it. */
export interface BatchRoute {
  readonly topic: string;
}

export class SendBatch {
  readonly builder: BatchBuilder;
  /** What it was made with. */
  readonly capacity: number;
  /** Buffers of the usual size go back to the pool. */
  readonly isPooled: boolean;
  stage: number = STAGE.open;
  topic = '';
  topicId = 0;
  queueId = 0;
  /** The queue's number among all of the topic, where several brokers have some. */
  queue = 0;
  /** What its messages have said of where they go; see topic-route.ts. */
  choice = 0;
  /** While it is open: the way to its topic, and its neighbours among the producer's open ones. */
  route: BatchRoute | null = null;
  openedBefore: SendBatch | null = null;
  openedAfter: SendBatch | null = null;
  /** Who sends it. */
  lane: BatchLane | null = null;
  memory = false;
  attributes = 0;
  sequence = 0;
  /** Milliseconds of the monotonic clock; set when the batch is closed, 0 before. */
  deadline = 0;
  /** Why the broker asked to try again, if it did. */
  refusal: RingMQError | null = null;
  /** How often it was sent under its sequence. Over 0, unless it is with the broker: the broker may have it. */
  sendCount = 0;
  /** It was sent to another broker before, which may have it. */
  mayBeStored = false;
  /** A connection ended over it with `BAD_CHECKSUM`. */
  wasDamaged = false;
  /** Those who wait for a receipt; null: nobody does. Never reused with the buffer. */
  receipts: BatchReceipts | null = null;
  /**
   * Running numbers of messages follow each other: a record's is `numberBase` and its place, counted from 1,
   * but for those before the last of `jumps` (record, base before it, …).
   */
  numberBase = 0;
  readonly #jumps: number[] = [];

  constructor(capacity: number, isPooled: boolean) {
    this.builder = new BatchBuilder(capacity);
    this.capacity = capacity;
    this.isPooled = isPooled;
  }

  /** Makes the batch as new. */
  reset(): void {
    this.builder.reset();
    this.stage = STAGE.open;
    this.receipts = null;
    this.refusal = null;
    this.deadline = 0;
    this.lane = null;
    this.sendCount = 0;
    this.mayBeStored = false;
    this.wasDamaged = false;
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

/** Bytes of buffers kept for reuse by all producers of a connection: some ten busy ones' need. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/** Buffers of batches for reuse. One for all producers of a connection, so that idle ones hold none. */
export class BatchPool {
  readonly #free = new Map<number, SendBatch[]>();
  #keptBytes = 0;

  take(capacity: number): SendBatch {
    const batch = this.#free.get(capacity)?.pop();
    if (batch === undefined) {
      return new SendBatch(capacity, true);
    }
    this.#keptBytes -= capacity;
    return batch;
  }

  give(batch: SendBatch): void {
    batch.stage = STAGE.done;
    const { capacity } = batch.builder;
    // One that was shrunk has not the size it was made with.
    if (!batch.isPooled || capacity !== batch.capacity || this.#keptBytes + capacity > MAX_KEPT_BYTES) {
      return;
    }
    batch.reset();
    this.#keptBytes += capacity;
    const free = this.#free.get(capacity);
    if (free === undefined) {
      this.#free.set(capacity, [batch]);
    } else {
      free.push(batch);
    }
  }
}
