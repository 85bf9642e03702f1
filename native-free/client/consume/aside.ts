/** The queues of a member that are read at a slave for now. */
import { monotonicMs } from '../../time/index.js';
import type { AsideLink } from '../brokers.js';
import { AsideQueue } from './aside-queue.js';
import type { HeldQueue } from './held-queue.js';
import type { Inbox } from './inbox.js';
import type { OldData } from './member-events.js';

/** At once; others are read at the master. */
const MAX_QUEUES = 16;
/** All of them have half as much in flight as the member may have from the master, and none less than this. */
const MIN_WINDOW_BYTES = 65_536;
/** A queue that a slave could not give is asked for there no more for so long. */
const TROUBLE_MS = 60_000;

export interface AsideOptions {
  readonly topic: string;
  readonly filter: string;
  readonly inbox: Inbox;
  readonly windowBytes: number;
  /** A link to one of these slaves; null: it is not known where they are. */
  slave(names: readonly string[]): AsideLink | null;
  topicId(): number | null;
  queueCount(): number;
  /** Stops the master's deliveries of the queue. Rejects where that is not sure. */
  stop(queue: HeldQueue): Promise<void>;
  /** The master delivers from `offset` on, as long as it is the same assignment. */
  goOn(queue: HeldQueue, generation: number, offset: number): void;
  onChange(): void;
}

interface Reading {
  readonly link: AsideLink;
  aside: AsideQueue | null;
}

export class Aside {
  readonly #options: AsideOptions;
  readonly #readings = new Map<number, Reading>();
  /** Until when a queue is read at the master only. */
  readonly #troubledUntil = new Map<number, number>();

  constructor(options: AsideOptions) {
    this.#options = options;
  }

  has(queueId: number): boolean {
    return this.#readings.has(queueId);
  }

  /** `queue`: as it is held; it has come to what the event says, or is near it. */
  begin(queue: HeldQueue, { until, slaves }: OldData): void {
    const { queueId, generation } = queue;
    const isTroubled = (this.#troubledUntil.get(queueId) ?? 0) > monotonicMs();
    if (isTroubled || this.has(queueId) || this.#readings.size >= MAX_QUEUES || queue.handedOut >= until) {
      return;
    }
    const topicId = this.#options.topicId();
    const link = topicId === null ? null : this.#options.slave(slaves);
    if (topicId === null || link === null) {
      return;
    }
    const reading: Reading = { link, aside: null };
    this.#readings.set(queueId, reading);
    this.#options.stop(queue).then(
      () => {
        if (this.#readings.get(queueId) === reading) {
          this.#read(reading, queue, generation, topicId, until);
        }
      },
      // The member joins anew, and all of this is over.
      () => this.end(queueId),
    );
  }

  #read(reading: Reading, queue: HeldQueue, generation: number, topicId: number, until: number): void {
    const { topic, filter, inbox, windowBytes, onChange } = this.#options;
    const { queueId } = queue;
    // A skip may be of before the assignment.
    const offset = Math.max(inbox.endOf(queueId) ?? 0, queue.handedOut);
    const share = windowBytes / (2 * Math.min(MAX_QUEUES, this.#options.queueCount()));
    reading.aside = new AsideQueue(reading.link.connection, {
      ...{ topic, topicId, queueId, filter, offset, until, inbox },
      windowBytes: Math.max(MIN_WINDOW_BYTES, Math.floor(share)),
      onChange,
      onEnd: (next, isTrouble) => {
        this.#forget(queueId, reading);
        if (isTrouble) {
          this.#troubledUntil.set(queueId, monotonicMs() + TROUBLE_MS);
        }
        this.#options.goOn(queue, generation, next);
      },
    });
  }

  /** The queue is another assignment's, or nobody's here. */
  end(queueId: number): void {
    const reading = this.#readings.get(queueId);
    if (reading !== undefined) {
      reading.aside?.close();
      this.#forget(queueId, reading);
    }
  }

  endAll(): void {
    for (const queueId of [...this.#readings.keys()]) {
      this.end(queueId);
    }
  }

  #forget(queueId: number, reading: Reading): void {
    if (this.#readings.get(queueId) === reading) {
      this.#readings.delete(queueId);
      reading.link.release();
    }
  }
}
