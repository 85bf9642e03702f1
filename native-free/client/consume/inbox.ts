/**
 * What has arrived and was not handed out yet, queue by queue, and the credit that bounds it. The queues that
 * have something take turns, and a turn is some bytes rather than a batch: batches may hold one message or
 * thousands.
 */

import { FrameSource } from '../../batch/record-source.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  PAD_HEADER_BYTES,
  RingMQError,
  readUint32,
  readUint64,
  slotAligned,
} from '../../wire/index.js';
import { type Arrival, QueueArrivals } from './queue-arrivals.js';

/** A queue gives up its turn once so much of it was taken: a full batch of a producer, or as many small ones. */
const TURN_BYTES = 64 * 1024;

/** Why nothing of a queue is handed out for now. */
export const HELD_BACK = {
  /** Its reader wants a pause. */
  paused: 1,
  /** As many of its messages as may be are in hand without an ack. */
  full: 2,
  /** Its handlers have enough to do. */
  busy: 4,
  /** It is about to go on elsewhere. */
  seeking: 8,
} as const;

export class Inbox {
  readonly #windowBytes: number;
  readonly #grant: (total: number) => void;
  readonly #queues = new Map<number, QueueArrivals>();
  /** Queues with something to take, in the order of their turns; threaded through them, so that a turn costs the same among thousands. */
  #head: QueueArrivals | null = null;
  #tail: QueueArrivals | null = null;
  /** Queues of which nothing is handed out, and why: bits of {@link HELD_BACK}. */
  readonly #heldBack = new Map<number, number>();
  /** Queues whose deliveries are thrown away until the broker begins them anew. */
  readonly #cut = new Set<number>();
  /** Left of the present turn. */
  #turnBytes = TURN_BYTES;
  #bufferedBytes = 0;
  #nextNumber = 1;
  /** Of those: what came from elsewhere than this link. */
  #asideBytes = 0;
  /** Running totals of this link: bytes of frames done with, and the last limit the broker was told. */
  #consumedBytes = 0;
  #grantedBytes = 0;

  constructor(windowBytes: number, grant: (total: number) => void) {
    this.#windowBytes = windowBytes;
    this.#grant = grant;
  }

  /** The number the next arrival gets. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** A new link: nothing is there, the totals begin anew. */
  clear(): void {
    this.#queues.clear();
    this.#cut.clear();
    this.#head = null;
    this.#tail = null;
    this.#bufferedBytes = 0;
    this.#asideBytes = 0;
    this.#consumedBytes = 0;
    this.#grantedBytes = 0;
  }

  /** Opens the window. */
  open(): void {
    this.#grantedBytes = this.#consumedBytes + this.#windowBytes;
    this.#grant(this.#grantedBytes);
  }

  /**
   * `release`: whom to give the frame back when it is done with. Throws `CREDIT_EXCEEDED` when more comes
   * than any reading of the window allows: memory stays bounded whatever the broker does; `BAD_BATCH` when it
   * cannot be told where its batches begin and end.
   */
  addFrame(frame: Uint8Array, release: ((frame: Uint8Array) => void) | null): void {
    const limit = this.#windowBytes + MAX_FRAME_BYTES;
    const bytes = this.#bufferedBytes - this.#asideBytes + frame.length;
    if (bytes > limit) {
      throw new RingMQError('CREDIT_EXCEEDED', 'the broker delivers more than the window allows', {
        details: { limit, value: bytes },
      });
    }
    this.#take(frame, release, null);
  }

  /**
   * The same, of a frame that came from another broker, whose credit is that one's: `done` is told as its bytes are done with, and the link's own
   * credit is the less meanwhile. Throws `BAD_BATCH`.
   */
  addAside(
    frame: Uint8Array,
    release: ((frame: Uint8Array) => void) | null,
    done: (bytes: number) => void,
  ): void {
    this.#asideBytes += frame.length;
    this.#consumedBytes -= frame.length;
    this.#take(frame, release, done);
  }

  #take(
    frame: Uint8Array,
    release: ((frame: Uint8Array) => void) | null,
    done: ((bytes: number) => void) | null,
  ): void {
    this.#bufferedBytes += frame.length;
    const source = new FrameSource(frame, release);
    const number = this.#nextNumber++;
    let used = 0;
    let arrival: Arrival | null = null;
    let queueId = -1;
    for (let at = FRAME_HEADER_BYTES; at < frame.length; ) {
      const next = batchEnd(frame, at);
      if (frame[at + BATCH.type] !== BATCH_TYPE.pad) {
        const of = readUint32(frame, at + BATCH.queueId);
        if (of !== queueId) {
          if (arrival !== null) {
            this.#add(queueId, arrival);
            used += arrival.end - arrival.at;
          }
          arrival = null;
          queueId = of;
          if (!this.isCut(of)) {
            arrival = { source, at, end: next, number, offset: 0, damage: null, done };
            source.hold();
          }
        }
        if (arrival !== null) {
          arrival.end = next;
        }
      }
      at = next;
    }
    if (arrival !== null) {
      this.#add(queueId, arrival);
      used += arrival.end - arrival.at;
    }
    source.letGo();
    // The frame's own header, and what lies between the batches, is done with at once.
    this.#done(frame.length - used, done);
  }

  addSkip(queueId: number, offset: number): void {
    if (this.isCut(queueId)) {
      return;
    }
    const queue = this.#queue(queueId);
    queue.addSkip(this.#nextNumber++, offset);
    this.#list(queue);
  }

  addDamage(queueId: number, offset: number, damage: RingMQError): void {
    if (this.isCut(queueId)) {
      return;
    }
    const queue = this.#queue(queueId);
    queue.addDamage(this.#nextNumber++, offset, damage);
    this.#list(queue);
  }

  /** The queue whose turn it is; it has something. */
  turn(): QueueArrivals | null {
    while (this.#head !== null && this.#heldBack.size > 0 && this.#heldBack.has(this.#head.queueId)) {
      this.#unlist();
    }
    return this.#head;
  }

  /** What is there of the queue, and what still comes, is kept until the last reason has gone. */
  holdBack(queueId: number, reason: number): void {
    this.#heldBack.set(queueId, (this.#heldBack.get(queueId) ?? 0) | reason);
  }

  /** These reasons are gone. True: the queue takes turns again. */
  release(queueId: number, reason: number): boolean {
    const reasons = this.#heldBack.size === 0 ? undefined : this.#heldBack.get(queueId);
    if (reasons === undefined || (reasons & reason) === 0) {
      return false;
    }
    if ((reasons & ~reason) !== 0) {
      this.#heldBack.set(queueId, reasons & ~reason);
      return false;
    }
    this.#heldBack.delete(queueId);
    const queue = this.#queues.get(queueId);
    if (queue?.first() !== undefined) {
      this.#list(queue);
    }
    return true;
  }

  heldBackQueues(): number[] {
    return [...this.#heldBack.keys()];
  }

  /** Bits of {@link HELD_BACK}; 0: it takes its turns. */
  heldBack(queueId: number): number {
    return this.#heldBack.get(queueId) ?? 0;
  }

  /** Throws away what is there of the queue, and what still comes, until {@link mend}: its room is others' meanwhile. */
  cut(queueId: number): void {
    this.#cut.add(queueId);
    const queue = this.#queues.get(queueId);
    if (queue === undefined) {
      return;
    }
    for (let arrival = queue.first(); arrival !== undefined; arrival = queue.first()) {
      this.#done(arrival.end - arrival.at, arrival.done);
      queue.shift();
    }
    queue.bytes = 0;
  }

  isCut(queueId: number): boolean {
    return this.#cut.size > 0 && this.#cut.has(queueId);
  }

  mend(queueId: number): void {
    this.#cut.delete(queueId);
  }

  get hasHeldBack(): boolean {
    return this.#heldBack.size > 0;
  }

  /** Where what has come of the queue ends, and was not taken yet; null: nothing is there. */
  endOf(queueId: number): number | null {
    const arrival = this.#queues.get(queueId)?.last();
    if (arrival === undefined || arrival.source === null) {
      return arrival?.offset ?? null;
    }
    let end: number | null = null;
    const { bytes } = arrival.source;
    for (let { at } = arrival; at < arrival.end; at = batchEnd(bytes, at)) {
      if (bytes[at + BATCH.type] !== BATCH_TYPE.pad) {
        end = readUint64(bytes, at + BATCH.baseOffset) + readUint32(bytes, at + BATCH.recordCount);
      }
    }
    return end;
  }

  /** Bytes of the queue that wait here. */
  bytesOf(queueId: number): number {
    return this.#queues.get(queueId)?.bytes ?? 0;
  }

  /** A batch of the queue whose turn it is was taken, `bytes` long with what is between it and the next. */
  took(queue: QueueArrivals, bytes: number): void {
    queue.bytes -= bytes;
    this.#turnBytes -= bytes;
    this.#done(bytes, queue.first()?.done ?? null);
  }

  /** Something was taken, or there was nothing to take: the turn goes on to the next queue if this one has had its share. */
  passTurn(): void {
    const queue = this.#head;
    if (queue === null || (this.#turnBytes > 0 && queue.first() !== undefined)) {
      return;
    }
    this.#unlist();
    if (queue.first() === undefined) {
      this.#queues.delete(queue.queueId);
    } else {
      this.#list(queue);
    }
  }

  #queue(queueId: number): QueueArrivals {
    let queue = this.#queues.get(queueId);
    if (queue === undefined) {
      queue = new QueueArrivals(queueId);
      this.#queues.set(queueId, queue);
    }
    return queue;
  }

  #add(queueId: number, arrival: Arrival): void {
    const queue = this.#queue(queueId);
    queue.addBatches(arrival);
    this.#list(queue);
  }

  /** Takes the first one out of the list: its turn is over. */
  #unlist(): void {
    const queue = this.#head as QueueArrivals;
    this.#turnBytes = TURN_BYTES;
    this.#head = queue.next;
    if (this.#head === null) {
      this.#tail = null;
    }
    queue.next = null;
    queue.isListed = false;
  }

  #list(queue: QueueArrivals): void {
    if (queue.isListed || (this.#heldBack.size > 0 && this.#heldBack.has(queue.queueId))) {
      return;
    }
    queue.isListed = true;
    if (this.#tail === null) {
      this.#head = queue;
    } else {
      this.#tail.next = queue;
    }
    this.#tail = queue;
  }

  /** These bytes may come again. Told to the broker a quarter of the window at a time. */
  #done(bytes: number, aside: ((bytes: number) => void) | null): void {
    this.#bufferedBytes -= bytes;
    if (aside !== null) {
      this.#asideBytes -= bytes;
      aside(bytes);
    }
    this.#consumedBytes += bytes;
    const limit = this.#consumedBytes + this.#windowBytes;
    if (this.#grantedBytes > 0 && limit - this.#grantedBytes >= this.#windowBytes / 4) {
      this.#grantedBytes = limit;
      this.#grant(limit);
    }
  }
}

/** Where the batch at `at` ends, and the next begins, at most at the end of the frame. Throws `BAD_BATCH`. */
export function batchEnd(frame: Uint8Array, at: number): number {
  const left = frame.length - at;
  const least = frame[at + BATCH.type] === BATCH_TYPE.pad ? PAD_HEADER_BYTES : BATCH_HEADER_BYTES;
  const length = left < PAD_HEADER_BYTES ? 0 : readUint32(frame, at + BATCH.length);
  if (length < least || length > left) {
    throw new RingMQError('BAD_BATCH', 'a deliver frame holds a batch of impossible length', {
      details: { at, length, bytes: left },
    });
  }
  return Math.min(at + slotAligned(length), frame.length);
}
