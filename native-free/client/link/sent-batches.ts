/**
 * The batches under way on one link, by their numbers. A hash table of plain arrays: numbers are given in
 * turn, so they hardly ever meet, and nothing is allocated for a batch. A `Map` whose entries come and go
 * copies itself with every few of them.
 */
import type { SendBatch } from '../produce/send-batch.js';
import type { FrameSender } from './frame-sender.js';

const FIRST_CAPACITY = 16;

export class SentBatches {
  /** Powers of two, at most half full. */
  #ids: number[] = [];
  #batches: (SendBatch | null)[] = [];
  #senders: (FrameSender | null)[] = [];
  #size = 0;

  constructor() {
    this.#makeRoom(FIRST_CAPACITY);
  }

  get size(): number {
    return this.#size;
  }

  add(id: number, batch: SendBatch, sender: FrameSender): void {
    if ((this.#size + 1) * 2 > this.#ids.length) {
      this.#grow();
    }
    this.#size++;
    this.#put(id, batch, sender);
  }

  /** Where the batch of that number lies; -1: none is under way. Holds until something is added or removed. */
  find(id: number): number {
    const mask = this.#ids.length - 1;
    for (let at = id & mask; this.#batches[at] !== null; at = (at + 1) & mask) {
      if (this.#ids[at] === id) {
        return at;
      }
    }
    return -1;
  }

  /** Where the first one lies; -1: there is none. */
  first(): number {
    return this.#batches.findIndex((batch) => batch !== null);
  }

  batchAt(at: number): SendBatch {
    return this.#batches[at] as SendBatch;
  }

  senderAt(at: number): FrameSender {
    return this.#senders[at] as FrameSender;
  }

  removeAt(at: number): void {
    const mask = this.#ids.length - 1;
    this.#size--;
    let hole = at;
    // What lies behind the hole moves into it, unless it would then lie before its own place.
    for (let next = (at + 1) & mask; this.#batches[next] !== null; next = (next + 1) & mask) {
      const home = (this.#ids[next] as number) & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        this.#ids[hole] = this.#ids[next] as number;
        this.#batches[hole] = this.#batches[next] as SendBatch;
        this.#senders[hole] = this.#senders[next] as FrameSender;
        hole = next;
      }
    }
    this.#batches[hole] = null;
    this.#senders[hole] = null;
  }

  clear(): void {
    if (this.#size > 0) {
      this.#size = 0;
      this.#makeRoom(FIRST_CAPACITY);
    }
  }

  #makeRoom(capacity: number): void {
    this.#ids = new Array<number>(capacity).fill(0);
    this.#batches = new Array<SendBatch | null>(capacity).fill(null);
    this.#senders = new Array<FrameSender | null>(capacity).fill(null);
  }

  #grow(): void {
    const [ids, batches, senders] = [this.#ids, this.#batches, this.#senders];
    this.#makeRoom(ids.length * 2);
    for (let at = 0; at < ids.length; at++) {
      const batch = batches[at];
      if (batch !== null && batch !== undefined) {
        this.#put(ids[at] as number, batch, senders[at] as FrameSender);
      }
    }
  }

  #put(id: number, batch: SendBatch, sender: FrameSender): void {
    const mask = this.#ids.length - 1;
    let at = id & mask;
    while (this.#batches[at] !== null) {
      at = (at + 1) & mask;
    }
    this.#ids[at] = id;
    this.#batches[at] = batch;
    this.#senders[at] = sender;
  }
}
