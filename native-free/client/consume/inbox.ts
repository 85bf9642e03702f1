/** Deliver frames that have arrived and were not handed out yet, and the credit that bounds them. */

import { FrameSource } from '../../batch/record-source.js';
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, RingMQError } from '../../wire/index.js';

/** A frame with a place in it, or a skip. */
export interface Arrival {
  /** null: a skip. */
  source: FrameSource | null;
  /** Place of the next batch in the frame. */
  at: number;
  frameBytes: number;
  /** Counts arrivals, to tell those of an earlier assignment. */
  number: number;
  queueId: number;
  offset: number;
}

export class Inbox {
  readonly #windowBytes: number;
  readonly #grant: (total: number) => void;
  #arrivals: Arrival[] = [];
  #head = 0;
  /** The skips behind the last frame, by queue: a further one of the queue goes into it, so that there is one a queue and frame at most. */
  readonly #skips = new Map<number, Arrival>();
  #bufferedBytes = 0;
  #nextNumber = 1;
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
    this.#arrivals = [];
    this.#skips.clear();
    this.#head = 0;
    this.#bufferedBytes = 0;
    this.#consumedBytes = 0;
    this.#grantedBytes = 0;
  }

  /** Opens the window. */
  open(): void {
    this.#grantedBytes = this.#consumedBytes + this.#windowBytes;
    this.#grant(this.#grantedBytes);
  }

  /** `release`: whom to give the frame back when it is done with. Throws `CREDIT_EXCEEDED` when more comes than any reading of the window allows: memory stays bounded whatever the broker does. */
  addFrame(frame: Uint8Array, release: ((frame: Uint8Array) => void) | null): void {
    const limit = this.#windowBytes + MAX_FRAME_BYTES;
    if (this.#bufferedBytes + frame.length > limit) {
      throw new RingMQError('CREDIT_EXCEEDED', 'the broker delivers more than the window allows', {
        details: { limit, value: this.#bufferedBytes + frame.length },
      });
    }
    this.#bufferedBytes += frame.length;
    // Any queue may have a batch in it, which a later skip must not overtake.
    if (this.#skips.size > 0) {
      this.#skips.clear();
    }
    this.#add(new FrameSource(frame, release), frame.length, 0, 0);
  }

  /**
   * Skips cost the broker no credit and may come for ever while nothing is handed out. The newest says all: within an assignment they
   * only grow, and one of an earlier assignment counts no more.
   */
  addSkip(queueId: number, offset: number): void {
    const pending = this.#skips.get(queueId);
    if (pending === undefined) {
      this.#skips.set(queueId, this.#add(null, 0, queueId, offset));
      return;
    }
    pending.offset = offset;
    pending.number = this.#nextNumber++;
  }

  #add(source: FrameSource | null, frameBytes: number, queueId: number, offset: number): Arrival {
    const arrival = {
      source,
      at: FRAME_HEADER_BYTES,
      frameBytes,
      number: this.#nextNumber++,
      queueId,
      offset,
    };
    this.#arrivals.push(arrival);
    return arrival;
  }

  first(): Arrival | undefined {
    return this.#arrivals[this.#head];
  }

  /** Done with the first arrival: its bytes may come again. Told to the broker a quarter of the window at a time. */
  shift(): void {
    const arrival = this.#arrivals[this.#head] as Arrival;
    this.#head++;
    if (this.#head === this.#arrivals.length) {
      this.#arrivals = [];
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#arrivals = this.#arrivals.slice(this.#head);
      this.#head = 0;
    }
    if (arrival.source === null) {
      if (this.#skips.get(arrival.queueId) === arrival) {
        this.#skips.delete(arrival.queueId);
      }
    } else {
      arrival.source.letGo();
    }
    this.#bufferedBytes -= arrival.frameBytes;
    this.#consumedBytes += arrival.frameBytes;
    const limit = this.#consumedBytes + this.#windowBytes;
    if (this.#grantedBytes > 0 && limit - this.#grantedBytes >= this.#windowBytes / 4) {
      this.#grantedBytes = limit;
      this.#grant(limit);
    }
  }
}
