/**
 * Messages that cannot be packed into a batch yet: their topic is being looked up, or the buffer has no room
 * for them. What is kept is the record, packed at the call: whatever its owner does with the message
 * afterwards is not seen.
 */

import { BatchBuilder, capacityFor, RECORDS_AT } from '../../batch/batch-builder.js';
import { RecordSlab } from '../../batch/record-slab.js';
import type { TakenMessage } from '../../batch/taken-message.js';
import { type Receipt, RingMQError } from '../../wire/index.js';
import { Deferred } from '../abort.js';
import type { SendOptions } from '../types.js';
import { shardingHash } from './sharding-hash.js';

/** `send` calls that may wait for room, and the bytes of their records. */
const MAX_HELD = 1_048_576;
const MAX_HELD_BYTES = 1024 ** 3;
/** Room for most messages. */
const SCRATCH_BYTES = 16 * 1024;

/** One message. */
export interface PendingMessage {
  readonly topic: string;
  /** The record as it goes into a batch, but for its born time, which is relative to the batch's. */
  readonly record: Uint8Array;
  readonly bornTime: number;
  /** Chooses the queue; undefined: no sharding key. */
  readonly keyHash: number | undefined;
  readonly queueId: number | undefined;
  /** Whose queue is meant. */
  readonly set: string | undefined;
  readonly flush: 'sync' | 'async' | undefined;
  readonly signal: AbortSignal | undefined;
  readonly number: number;
  /** Until when it may wait for its topic, by the monotonic clock. */
  readonly deadline: number;
  /** null: written, nobody waits for a receipt. */
  readonly waiter: Deferred<Receipt> | null;
}

/** Where messages are packed first: one for all producers, nothing stays in it. */
let scratch: BatchBuilder | null = null;
const slab = new RecordSlab();

/** Throws what is wrong with the message: one that breaks a limit is refused now, not when its turn comes. */
export function pendingMessage(
  message: TakenMessage,
  options: SendOptions | undefined,
  bornTime: number,
  number: number,
  deadline: number,
  wantsReceipt: boolean,
): PendingMessage {
  const { topic, shardingKey } = message;
  return {
    topic,
    record: packRecord(message, bornTime),
    bornTime,
    keyHash: shardingKey === undefined ? undefined : shardingHash(shardingKey),
    queueId: options?.queueId,
    set: options?.brokerSet,
    flush: options?.flush,
    signal: options?.signal,
    number,
    deadline,
    waiter: wantsReceipt ? new Deferred<Receipt>() : null,
  };
}

function packRecord(message: TakenMessage, bornTime: number): Uint8Array {
  const capacity = capacityFor(message);
  if (capacity > SCRATCH_BYTES) {
    const builder = new BatchBuilder(capacity);
    builder.appendTaken(message, bornTime);
    // A text's bound may be three times what it takes.
    const record = builder.bytes.subarray(RECORDS_AT, builder.at);
    return record.length * 2 < capacity ? record.slice() : record;
  }
  scratch ??= new BatchBuilder(SCRATCH_BYTES);
  scratch.reset();
  scratch.appendTaken(message, bornTime);
  const length = scratch.at - RECORDS_AT;
  const { buffer } = slab.copy(scratch.bytes, RECORDS_AT, length);
  return new Uint8Array(buffer, slab.at, length);
}

/** Those that wait for room, oldest first. */
export class HeldMessages {
  #entries: PendingMessage[] = [];
  #head = 0;
  /** Bytes of their records. */
  bytes = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get first(): PendingMessage | undefined {
    return this.#entries[this.#head];
  }

  /** Throws `BUFFER_FULL` when no more may wait. */
  checkRoom(): void {
    const { length, bytes } = this;
    if (length >= MAX_HELD || bytes >= MAX_HELD_BYTES) {
      throw new RingMQError('BUFFER_FULL', `${length} sends of ${bytes} bytes wait for room already`, {
        details: { limit: MAX_HELD, limitBytes: MAX_HELD_BYTES, value: length, valueBytes: bytes },
      });
    }
  }

  push(entry: PendingMessage): void {
    this.#entries.push(entry);
    this.bytes += entry.record.length;
  }

  shift(): PendingMessage | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) {
      return undefined;
    }
    this.#head++;
    this.bytes -= entry.record.length;
    // The part that is done with is cut off when it is half of the whole: each entry is moved once at most,
    // on average.
    if (this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  takeAll(): PendingMessage[] {
    const entries = this.#entries.slice(this.#head);
    this.#entries = [];
    this.#head = 0;
    this.bytes = 0;
    return entries;
  }
}
