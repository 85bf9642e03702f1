/** Messages that cannot be packed yet: their topic is being looked up, or the buffer has no room for them. */

import { BatchBuilder, capacityFor, RECORDS_AT } from '../../batch/batch-builder.js';
import type { Receipt } from '../../wire/index.js';
import { Deferred } from '../abort.js';
import type { OutgoingMessage, SendOptions } from '../types.js';

/** Room for most messages. */
const SCRATCH_BYTES = 16 * 1024;

/** One message. Its body is a copy if the caller may change it. */
export interface PendingMessage {
  message: OutgoingMessage;
  options: SendOptions | undefined;
  bornTime: number;
  number: number;
  /** What its record takes, at most. */
  bytes: number;
  /** null: written, nobody waits for a receipt. */
  waiter: Deferred<Receipt> | null;
}

/** Where messages are packed to see whether they can be: one for all producers, nothing stays in it. */
let scratch: BatchBuilder | null = null;

/** Throws what is wrong with the message: one that breaks a limit is refused now, not when its turn comes. */
export function pendingMessage(
  message: OutgoingMessage,
  options: SendOptions | undefined,
  bornTime: number,
  number: number,
  wantsReceipt: boolean,
): PendingMessage {
  const capacity = capacityFor(message);
  if (capacity > SCRATCH_BYTES) {
    new BatchBuilder(capacity).append(message, bornTime);
  } else {
    scratch ??= new BatchBuilder(SCRATCH_BYTES);
    scratch.reset();
    scratch.append(message, bornTime);
  }
  const bytes = capacity - RECORDS_AT;
  if (wantsReceipt) {
    return { message, options, bornTime, number, bytes, waiter: new Deferred<Receipt>() };
  }
  // A written message may be changed by its owner as soon as `write` returns.
  const body = message.body instanceof Uint8Array ? new Uint8Array(message.body) : message.body;
  return { message: { ...message, body }, options, bornTime, number, bytes, waiter: null };
}

/** Those that wait for room, oldest first. */
export class HeldMessages {
  #entries: PendingMessage[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get first(): PendingMessage | undefined {
    return this.#entries[this.#head];
  }

  push(entry: PendingMessage): void {
    this.#entries.push(entry);
  }

  shift(): PendingMessage | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) {
      return undefined;
    }
    this.#head++;
    // The part that is done with is cut off when it is half of the whole: each entry is moved once at most, on average.
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
    return entries;
  }
}
