/**
 * How a member steers its queues: holds them back, pauses them, goes on elsewhere, and gives the room of
 * those that stand still to the others.
 */
import { RingMQError, type StartPosition } from '../../wire/index.js';
import { Deferred } from '../abort.js';
import type { Connection } from '../link/connection.js';
import { type HeldQueue, HOLD } from './held-queue.js';
import { HELD_BACK, type Inbox } from './inbox.js';

export interface QueueControlOptions {
  readonly consumerId: number;
  readonly topic: string;
  readonly inbox: Inbox;
  readonly windowBytes: number;
  /** Something may be there to hand out. */
  readonly onChange: () => void;
  /** The queue is read elsewhere for now. */
  readonly isAside: (queueId: number) => boolean;
  /** What the broker delivers is not known any more: the member has to join anew. */
  readonly onConfused: () => void;
}

/** A seek that waits for its turn, and where to: as who asked last says, of those who still want it. */
interface WaitingSeek {
  readonly queueIds: readonly number[] | undefined;
  readonly wishes: { to: StartPosition; signal: AbortSignal | undefined }[];
  readonly done: Promise<void>;
}

export class QueueControl {
  readonly #connection: Connection;
  readonly #queues: ReadonlyMap<number, HeldQueue>;
  readonly #options: QueueControlOptions;
  /** Queues that come later are paused, too. */
  #pausesAll = false;
  /** Queues that are to go on elsewhere, until their new assignment. */
  readonly #seeks = new Map<number, Deferred<void>>();
  /** Seeks go one after the other: an assignment does not say which of them it follows. */
  #seekAtWork: Promise<void> = Promise.resolve();
  /** The last of those that have not begun. */
  #waitingSeek: WaitingSeek | null = null;
  /** Held back at the last look, and how far each had come. */
  #heldBackAt = new Map<number, number>();
  /** Counts joins: what an earlier one was asked is over. */
  #runs = 0;

  constructor(connection: Connection, queues: ReadonlyMap<number, HeldQueue>, options: QueueControlOptions) {
    this.#connection = connection;
    this.#queues = queues;
    this.#options = options;
  }

  /** The connection is lost, or the membership, and all that was asked over it. */
  lost(why = new RingMQError('CONNECTION_LOST')): void {
    this.#runs++;
    for (const deferred of this.#seeks.values()) {
      deferred.reject(why);
    }
    this.#seeks.clear();
  }

  /** A new assignment of the queue. */
  assigned(queueId: number): void {
    if (this.#pausesAll) {
      this.#options.inbox.holdBack(queueId, HELD_BACK.paused);
    }
    this.#showPause(queueId);
    this.#options.inbox.mend(queueId);
    this.#seeks.get(queueId)?.resolve();
  }

  isSought(queueId: number): boolean {
    return this.#seeks.has(queueId);
  }

  /** Deliveries of these queues begin anew from here. */
  onFlow(queues: readonly { queueId: number }[]): void {
    for (const { queueId } of queues) {
      this.#options.inbox.mend(queueId);
    }
  }

  holdBack(queueId: number, reason: number): void {
    this.#options.inbox.holdBack(queueId, reason);
  }

  release(queueId: number, reason: number): void {
    if (this.#options.inbox.release(queueId, reason)) {
      this.#mend(queueId);
      this.#options.onChange();
    }
  }

  /**
   * Called now and then: a queue that has stood still since the last look, and of which more lies here than
   * its share of the window, gives up its room, or the others would get nothing. The broker delivers it anew
   * when it goes on.
   */
  relieve(): void {
    if (!this.#options.inbox.hasHeldBack && this.#heldBackAt.size === 0) {
      return;
    }
    const now = new Map<number, number>();
    for (const queueId of this.#options.inbox.heldBackQueues()) {
      const queue = this.#queues.get(queueId);
      if (queue !== undefined) {
        now.set(queueId, queue.handedOut);
        if (this.#heldBackAt.get(queueId) === queue.handedOut) {
          this.#cutIfLarge(queue);
        }
      }
    }
    this.#heldBackAt = now;
  }

  #cutIfLarge({ queueId, generation }: HeldQueue): void {
    const shareBytes = this.#options.windowBytes / (2 * this.#queues.size);
    if (
      this.#queues.size > 1 &&
      !this.#options.inbox.isCut(queueId) &&
      !this.#options.isAside(queueId) &&
      this.#options.inbox.bytesOf(queueId) > shareBytes
    ) {
      this.#options.inbox.cut(queueId);
      void this.#flow({ queueId, generation, offset: null }).catch(() => {});
    }
  }

  /** Deliveries that were stopped begin anew behind what was handed out. */
  #mend(queueId: number): void {
    const queue = this.#queues.get(queueId);
    if (queue !== undefined && this.#options.inbox.isCut(queueId) && !this.#options.isAside(queueId)) {
      this.goOn(queue, queue.generation, queue.handedOut);
    }
  }

  /** Resolves when the broker delivers the queue no more, and all that it has is here. Rejects where nobody knows that. */
  async stop({ queueId, generation }: HeldQueue): Promise<void> {
    await this.#flow({ queueId, generation, offset: null });
  }

  /** The broker delivers the queue again, from there. */
  goOn({ queueId }: HeldQueue, generation: number, offset: number): void {
    void this.#flow({ queueId, generation, offset }).catch(() => {});
  }

  async #flow(queue: { queueId: number; generation: number; offset: number | null }): Promise<void> {
    const run = this.#runs;
    try {
      await this.#connection.requests.call(
        'flow',
        { consumer: this.#options.consumerId, queues: [queue] },
        { onlyNow: true },
      );
    } catch (error) {
      // Nobody knows what is delivered now: a new join does. A lost connection brings that by itself.
      if (run === this.#runs) {
        this.#options.onConfused();
      }
      throw error;
    }
  }

  /** The queue is being taken away, and no assignment follows a seek of it. */
  revoked(queueId: number): void {
    this.#seeks.get(queueId)?.reject(this.#notHeld(queueId));
  }

  #notHeld(queueId: number): RingMQError {
    const { topic } = this.#options;
    return new RingMQError('QUEUE_NOT_FOUND', `queue ${queueId} of ${topic} is not this consumer's now`, {
      details: { topic, queueId },
    });
  }

  /**
   * Goes on elsewhere with these queues, absent: all it has. Resolves when what follows is handed out from
   * there, or from where a later call for the same queues has moved it meanwhile. Rejects with
   * `QUEUE_NOT_FOUND` for a queue it does not have, `CONNECTION_LOST`, and what the broker says.
   */
  seek(
    to: StartPosition,
    queueIds: readonly number[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const waiting = this.#waitingSeek;
    if (waiting !== null && String(waiting.queueIds) === String(queueIds)) {
      waiting.wishes.push({ to, signal });
      return waiting.done;
    }
    const wishes = [{ to, signal }];
    const done = this.#seekAtWork.then(async () => {
      if (this.#waitingSeek === next) {
        this.#waitingSeek = null;
      }
      const wish = wishes.findLast((each) => each.signal?.aborted !== true);
      if (wish !== undefined) {
        await this.#seek(wish.to, queueIds);
      }
    });
    const next: WaitingSeek = { queueIds, wishes, done };
    this.#waitingSeek = next;
    this.#seekAtWork = done.catch(() => {});
    return done;
  }

  async #seek(to: StartPosition, queueIds: readonly number[] | undefined): Promise<void> {
    const sought = new Map<number, Deferred<void>>();
    try {
      let left = queueIds ?? [...this.#queues.keys()];
      while (left.length > 0) {
        left = await this.#seekOnce(to, left, sought);
      }
    } finally {
      for (const [queueId, deferred] of sought) {
        if (this.#seeks.get(queueId) === deferred) {
          this.#seeks.delete(queueId);
        }
        this.release(queueId, HELD_BACK.seeking);
      }
    }
  }

  /** Asks for it, and waits for the assignments that follow. Those of another generation by then are returned. */
  async #seekOnce(
    to: StartPosition,
    queueIds: readonly number[],
    sought: Map<number, Deferred<void>>,
  ): Promise<number[]> {
    const queues = queueIds.map((queueId) => {
      const queue = this.#queues.get(queueId);
      if (queue?.hold === HOLD.suspended) {
        const message = `the connection is lost, and queue ${queueId} of ${this.#options.topic} is this consumer's again when it is back`;
        throw new RingMQError('CONNECTION_LOST', message);
      }
      if (queue?.isActive !== true) {
        throw this.#notHeld(queueId);
      }
      return queue;
    });
    for (const { queueId } of queues) {
      const deferred = new Deferred<void>();
      deferred.promise.catch(() => {});
      sought.set(queueId, deferred);
      this.#seeks.set(queueId, deferred);
      this.#options.inbox.holdBack(queueId, HELD_BACK.seeking);
    }
    const { queues: moved } = await this.#connection.requests.call(
      'seek',
      {
        consumer: this.#options.consumerId,
        queues: queues.map(({ queueId, generation }) => ({ queueId, generation })),
        to,
      },
      { onlyNow: true },
    );
    // What was not moved has been given out anew, or is being taken away: either is told.
    await Promise.all(queueIds.map((queueId) => sought.get(queueId)?.promise));
    return queueIds.filter((queueId) => !moved.some((each) => each.queueId === queueId));
  }

  /** Nothing of these queues, absent: of any, now and later, is handed out until {@link resume}. */
  pause(queueIds: readonly number[] | undefined): void {
    this.#pausesAll ||= queueIds === undefined;
    for (const queueId of queueIds ?? this.#queues.keys()) {
      this.#options.inbox.holdBack(queueId, HELD_BACK.paused);
      this.#showPause(queueId);
      const queue = this.#queues.get(queueId);
      if (queue !== undefined) {
        this.#cutIfLarge(queue);
      }
    }
  }

  resume(queueIds: readonly number[] | undefined): void {
    if (queueIds === undefined) {
      this.#pausesAll = false;
    }
    for (const queueId of queueIds ?? this.#options.inbox.heldBackQueues()) {
      this.release(queueId, HELD_BACK.paused);
      this.#showPause(queueId);
    }
    this.#options.onChange();
  }

  #showPause(queueId: number): void {
    const queue = this.#queues.get(queueId);
    if (queue !== undefined) {
      queue.isPaused = (this.#options.inbox.heldBack(queueId) & HELD_BACK.paused) !== 0;
    }
  }
}
