/** A batch that was delivered, without its bytes: where it is from, and which of its records are acked. */

import type { BatchHeader } from '../../batch/batch-reader.js';
import { messageId, messageIdPrefix } from '../../wire/message-id.js';

/** What `ack` resolves to, made once: whether the ack counts. */
export const ACK_COUNTS = Promise.resolve(true);
export const ACK_TOO_LATE = Promise.resolve(false);

/** The consumer's hold on a queue. */
export interface QueueClaim {
  /** Marks offsets as done; false: the queue has gone. Each offset at most once. */
  ack(start: number, end: number): boolean;
  readonly held: boolean;
  /** It is to stay: no other member is to have it. */
  readonly isActive: boolean;
  /** Nothing of it is to be handed out for now. */
  readonly isPaused: boolean;
}

/** What is known of a delivered batch without its bytes, and which of its records are acked. Outlives the bytes. */
export class BatchInfo {
  readonly topic: string;
  /** undefined: there is one broker. */
  readonly brokerSet: string | undefined;
  readonly queueId: number;
  readonly baseOffset: number;
  readonly recordCount: number;
  readonly storeTime: number;
  readonly bornTime: number;
  readonly #brokerId: string;
  readonly #memory: boolean;
  readonly #position: number;
  readonly hold: QueueClaim;
  /** Index of the first record that was handed out with this object. */
  readonly #from: number;
  #idPrefix = '';
  /** One byte a record, 1 = done; made when records are acked one by one. */
  #done: Uint8Array | null = null;
  #allDone = false;

  constructor(
    header: BatchHeader,
    from: number,
    topic: string,
    memory: boolean,
    brokerId: string,
    hold: QueueClaim,
    brokerSet?: string | undefined,
  ) {
    this.topic = topic;
    this.brokerSet = brokerSet;
    this.queueId = header.queueId;
    this.baseOffset = header.baseOffset;
    this.recordCount = header.recordCount;
    this.storeTime = header.storeTime;
    this.bornTime = header.bornTime;
    this.#position = header.position;
    this.#memory = memory;
    this.#brokerId = brokerId;
    this.hold = hold;
    this.#from = from;
  }

  /** Its queue is this consumer's still. */
  get held(): boolean {
    return this.hold.held;
  }

  messageId(index: number): string {
    if (this.#idPrefix === '') {
      this.#idPrefix = messageIdPrefix(this.#brokerId, this.#memory, this.#position);
    }
    return messageId(this.#idPrefix, index);
  }

  /** Records from `start` up to `end` are not handed out (the filter stops them): done as it were. */
  passOver(start: number, end: number): void {
    if (end <= start) {
      return;
    }
    this.#done ??= new Uint8Array(this.recordCount);
    this.#done.fill(1, start, end);
    this.hold.ack(this.baseOffset + start, this.baseOffset + end);
  }

  /** Acks one record; again is harmless. */
  ackRecord(index: number): boolean {
    if (this.#allDone) {
      return this.hold.held;
    }
    this.#done ??= new Uint8Array(this.recordCount);
    if (this.#done[index] === 1) {
      return this.hold.held;
    }
    this.#done[index] = 1;
    return this.hold.ack(this.baseOffset + index, this.baseOffset + index + 1);
  }

  /** Acks what is left of the batch, filtered records included. */
  ackAll(): boolean {
    if (this.#allDone) {
      return this.hold.held;
    }
    this.#allDone = true;
    const done = this.#done;
    if (done === null) {
      return this.hold.ack(this.baseOffset + this.#from, this.baseOffset + this.recordCount);
    }
    this.#done = null;
    let start = this.#from;
    for (let index = this.#from; index <= this.recordCount; index++) {
      if (index < this.recordCount && done[index] === 0) {
        continue;
      }
      if (index > start) {
        this.hold.ack(this.baseOffset + start, this.baseOffset + index);
      }
      start = index + 1;
    }
    return this.hold.held;
  }
}
