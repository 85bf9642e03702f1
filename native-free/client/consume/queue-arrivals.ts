/** What has arrived of one queue and was not handed out yet. */
import type { FrameSource } from '../../batch/record-source.js';
import type { RingMQError } from '../../wire/index.js';

/** Batches of one queue that lie side by side in a frame, with a place in them; or a skip; or the word that the queue is damaged. */
export interface Arrival {
  /** null: a skip, or damage. */
  source: FrameSource | null;
  /** Place of the next batch in the frame, and the end of those that are this queue's. */
  at: number;
  end: number;
  /** Counts arrivals, to tell those of an earlier assignment. */
  number: number;
  /** Of a skip: nothing below it is still to come. Of damage: where it begins. */
  offset: number;
  damage: RingMQError | null;
  /** From another broker: so many of its bytes are done with. null: from the one of the inbox's link. */
  done: ((bytes: number) => void) | null;
}

/** The arrivals of one queue, oldest first. */
export class QueueArrivals {
  readonly queueId: number;
  #arrivals: Arrival[] = [];
  #head = 0;
  /** The skip behind the last batch: a further one goes into it. */
  #skip: Arrival | null = null;
  /** Bytes of batches in it. */
  bytes = 0;
  /** In the inbox's list of those with something to take. */
  isListed = false;
  next: QueueArrivals | null = null;

  constructor(queueId: number) {
    this.queueId = queueId;
  }

  first(): Arrival | undefined {
    return this.#arrivals[this.#head];
  }

  last(): Arrival | undefined {
    return this.#arrivals.at(-1);
  }

  addBatches(arrival: Arrival): void {
    // A later skip must not overtake them.
    this.#skip = null;
    this.bytes += arrival.end - arrival.at;
    this.#arrivals.push(arrival);
  }

  /**
   * Skips cost the broker no credit and may come for ever while nothing is handed out. The newest says all:
   * within an assignment they only grow, and one of an earlier assignment counts no more.
   */
  addSkip(number: number, offset: number): void {
    if (this.#skip !== null) {
      this.#skip.number = number;
      this.#skip.offset = offset;
      return;
    }
    this.#skip = { source: null, at: 0, end: 0, number, offset, damage: null, done: null };
    this.#arrivals.push(this.#skip);
  }

  /** Nothing follows until the broker is asked to go on behind it. */
  addDamage(number: number, offset: number, damage: RingMQError): void {
    this.#skip = null;
    this.#arrivals.push({ source: null, at: 0, end: 0, number, offset, damage, done: null });
  }

  /** Done with the first arrival. */
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
    if (arrival === this.#skip) {
      this.#skip = null;
    }
    arrival.source?.letGo();
  }
}
