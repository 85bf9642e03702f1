/** One queue as this consumer holds it: what was handed out, what is acked, what is committed. */
import { monotonicMs } from '../../time/index.js';
import type { RingMQError } from '../../wire/index.js';
import type { QueueClaim } from './batch-info.js';
import { HandOutTimes } from './hand-out-times.js';
import { OffsetTracker } from './offset-tracker.js';

/** How firmly a queue is held. */
export const HOLD = {
  /** Deliveries are handed out. */
  active: 0,
  /** Being given back: nothing new is handed out, acks still count. */
  revoking: 1,
  /** The connection is lost: acks are kept for when the queue is assigned again. */
  suspended: 2,
  /** Somebody else's, or nobody's: acks do not count. */
  gone: 3,
} as const;

/** Generations of one run of the broker lie between multiples of this; the next run's are higher. */
const GENERATIONS_PER_RUN = 2 ** 32;

export class HeldQueue implements QueueClaim {
  readonly queueId: number;
  generation: number;
  hold: number = HOLD.active;
  /** Next offset to hand out: all below was handed out, filtered out, or gone. */
  handedOut: number;
  /** What the broker has committed, as far as is known. */
  confirmed: number;
  /** Deliveries that arrived before this number belong to an earlier assignment. */
  since: number;
  /** What is damaged at `handedOut`: reading of the queue ends there. */
  damage: RingMQError | null = null;
  isPaused = false;
  /** The age at which the lowest message without an ack is warned of next, and which message that is about. */
  warnAtMs = 0;
  warnOffset = -1;
  readonly #times = new HandOutTimes();
  readonly #tracker: OffsetTracker;
  readonly #onMoved: (queue: HeldQueue) => void;

  constructor(
    queueId: number,
    generation: number,
    offset: number,
    since: number,
    onMoved: (queue: HeldQueue) => void,
  ) {
    this.queueId = queueId;
    this.generation = generation;
    this.handedOut = offset;
    this.confirmed = offset;
    this.since = since;
    this.#tracker = new OffsetTracker(offset);
    this.#onMoved = onMoved;
  }

  get held(): boolean {
    return this.hold !== HOLD.gone;
  }

  /** The lowest offset that is not done: what may be committed. */
  get done(): number {
    return this.#tracker.lowest;
  }

  get isActive(): boolean {
    return this.hold === HOLD.active;
  }

  /** Nothing that was handed out waits for its ack. */
  get isDrained(): boolean {
    return this.#tracker.lowest >= this.handedOut;
  }

  /** Messages from the lowest without an ack to the last handed out. */
  get inHandCount(): number {
    return this.handedOut - this.#tracker.lowest;
  }

  /** Messages handed out that are neither acked nor passed over. */
  get unackedCount(): number {
    return this.handedOut - this.#tracker.lowest - this.#tracker.doneAbove;
  }

  /** Acked messages that wait for one before them. */
  get waitingAcks(): number {
    return this.#tracker.doneAbove;
  }

  /** How long the lowest message without an ack has been in hand; null: none is. */
  unackedForMs(nowMs: number): number | null {
    if (this.isDrained) {
      return null;
    }
    const since = this.#times.since(this.#tracker.lowest);
    return since === null ? null : nowMs - since;
  }

  /** All up to `next` goes to the reader now. */
  handOut(next: number): void {
    this.#times.add(this.handedOut, monotonicMs());
    this.handedOut = next;
  }

  ack(start: number, end: number): boolean {
    if (this.hold === HOLD.gone) {
      return false;
    }
    if (this.#tracker.mark(start, end)) {
      this.#onMoved(this);
    }
    return true;
  }

  /** All up to `offset` that was not handed out never will be: filtered out by the broker, or no longer stored. */
  passOver(offset: number): void {
    const start = this.handedOut;
    if (offset <= start) {
      return;
    }
    this.handedOut = offset;
    this.ack(start, offset);
  }

  /** The broker has not been started anew since the queue was assigned. */
  isOfRun(generation: number): boolean {
    return runOf(generation) === runOf(this.generation);
  }

  /**
   * After a reconnect. True: the assignment goes on where this consumer was, what was handed out stays
   * ackable. False: a fresh start is needed. The broker's offset says that somebody else has read here, or
   * the group was set back; or the broker was started anew. Then the queue's end may be lost, all of it in a
   * memory topic, and its offsets be given to other messages.
   */
  resume(generation: number, offset: number, since: number): boolean {
    if (this.hold !== HOLD.suspended || offset < this.confirmed || offset > this.handedOut) {
      return false;
    }
    if (!this.isOfRun(generation)) {
      return false;
    }
    this.generation = generation;
    this.confirmed = offset;
    this.since = since;
    this.hold = HOLD.active;
    // Met again if it is still there.
    this.damage = null;
    return true;
  }
}

function runOf(generation: number): number {
  return Math.floor(generation / GENERATIONS_PER_RUN);
}
