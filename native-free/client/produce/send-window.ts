/**
 * A producer's closed batches: those that wait for their first sending, and those the broker has not acked.
 * Sequences are given in the order of sending; from the oldest unacked to the newest they never span more
 * than the broker remembers.
 */
import { MAX_UNACKED_BATCHES } from '../../wire/index.js';
import type { SendBatch } from './send-batch.js';
import { STAGE } from './send-batch.js';

/** Sequences the broker remembers of each producer. */
export const MAX_SPAN = MAX_UNACKED_BATCHES;

export class SendWindow {
  readonly #limit: number;
  /** Unacked batches by sequence modulo 64, which divides 2^32, so the wrap of sequences moves none. */
  readonly #slots: (SendBatch | null)[] = new Array<SendBatch | null>(MAX_SPAN).fill(null);
  /** Sequence of the oldest unacked batch, and the next to be given. They start at 1. */
  #oldest = 1;
  #next = 1;
  #unacked = 0;
  /** How many of the unacked must be sent again; whoever changes the stage of one keeps it true. */
  againCount = 0;
  /** Waiting batches; a ring would do, but the queue is short and shifts are rare beside sends. */
  #queue: SendBatch[] = [];
  #queueHead = 0;

  constructor(limit: number) {
    this.#limit = Math.min(limit, MAX_SPAN);
  }

  /** Batches with the broker, or to be sent again. */
  get unacked(): number {
    return this.#unacked;
  }

  /** Batches that wait for their first sending. */
  get queued(): number {
    return this.#queue.length - this.#queueHead;
  }

  get isEmpty(): boolean {
    return this.#unacked === 0 && this.queued === 0;
  }

  /** The sequence the next batch gets. */
  get nextSequence(): number {
    return this.#next;
  }

  /** Nothing is unacked: sequences go on from here. */
  startAt(sequence: number): void {
    this.#oldest = sequence;
    this.#next = sequence;
  }

  /** Takes all unacked batches back to the front of the queue, to be sent under other sequences. */
  requeue(): void {
    const batches = this.inOrder();
    for (const batch of batches) {
      batch.stage = STAGE.queued;
      batch.mayBeStored ||= batch.sendCount > 0;
      batch.sendCount = 0;
    }
    this.#slots.fill(null);
    this.#unacked = 0;
    this.againCount = 0;
    this.#oldest = this.#next;
    this.#queue = [...batches, ...this.waiting()];
    this.#queueHead = 0;
  }

  add(batch: SendBatch): void {
    this.#queue.push(batch);
  }

  /** The first waiting batch, if the window has room for it. */
  nextQueued(): SendBatch | undefined {
    if ((this.#next - this.#oldest) >>> 0 >= this.#limit) {
      return undefined;
    }
    return this.#queue[this.#queueHead];
  }

  /** Moves that batch into the window and gives it its sequence. */
  admit(): SendBatch {
    const batch = this.#queue[this.#queueHead++] as SendBatch;
    if (this.#queueHead > 64 && this.#queueHead * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#queueHead);
      this.#queueHead = 0;
    }
    batch.sequence = this.#next;
    this.#slots[this.#next & (MAX_SPAN - 1)] = batch;
    this.#next = (this.#next + 1) >>> 0;
    this.#unacked++;
    return batch;
  }

  /** The batch is settled. */
  remove(batch: SendBatch): void {
    const slot = batch.sequence & (MAX_SPAN - 1);
    if (this.#slots[slot] !== batch) {
      return;
    }
    this.#slots[slot] = null;
    this.#unacked--;
    while (this.#oldest !== this.#next && this.#slots[this.#oldest & (MAX_SPAN - 1)] === null) {
      this.#oldest = (this.#oldest + 1) >>> 0;
    }
  }

  /** Out of the window or the queue. The batch is not with the broker. */
  takeOut(batch: SendBatch): void {
    if (batch.stage === STAGE.again) {
      this.againCount--;
      this.remove(batch);
    } else {
      this.takeWaiting((waiting) => waiting === batch);
    }
  }

  /** Unacked batches, oldest first. A copy. */
  inOrder(): SendBatch[] {
    const batches: SendBatch[] = [];
    for (let sequence = this.#oldest; sequence !== this.#next; sequence = (sequence + 1) >>> 0) {
      const batch = this.#slots[sequence & (MAX_SPAN - 1)];
      if (batch !== null && batch !== undefined) {
        batches.push(batch);
      }
    }
    return batches;
  }

  /** Batches that somebody waits for, oldest first. A copy. */
  unsettled(): SendBatch[] {
    return [...this.inOrder(), ...this.waiting()].filter((batch) => batch.stage !== STAGE.abandoned);
  }

  /** The oldest batch that must be sent again; if so asked, of those that the broker may have. */
  firstAgain(mayBeThere: boolean): SendBatch | undefined {
    for (let sequence = this.#oldest; sequence !== this.#next; sequence = (sequence + 1) >>> 0) {
      const batch = this.#slots[sequence & (MAX_SPAN - 1)];
      if (batch?.stage === STAGE.again && (!mayBeThere || batch.sendCount > 0)) {
        return batch;
      }
    }
    return undefined;
  }

  /** Lowest running number of a message that is not settled; Infinity if all are. */
  lowestNumber(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const batch of this.inOrder()) {
      if (batch.stage !== STAGE.abandoned) {
        lowest = Math.min(lowest, batch.firstNumber);
      }
    }
    for (const batch of this.waiting()) {
      lowest = Math.min(lowest, batch.firstNumber);
    }
    return lowest;
  }

  /** Waiting batches. A copy. */
  waiting(): SendBatch[] {
    return this.#queue.slice(this.#queueHead);
  }

  /** Takes out waiting batches for which `isOver` holds, and returns them. */
  takeWaiting(isOver: (batch: SendBatch) => boolean): SendBatch[] {
    const taken: SendBatch[] = [];
    const kept: SendBatch[] = [];
    for (const batch of this.waiting()) {
      (isOver(batch) ? taken : kept).push(batch);
    }
    if (taken.length > 0) {
      this.#queue = kept;
      this.#queueHead = 0;
    }
    return taken;
  }
}
