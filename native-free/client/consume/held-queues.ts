/** The queues a member holds: which are read, which are being given back, and what becomes of those that are gone. */
import type { RingMQError } from '../../wire/index.js';
import { Deferred, pause, whenAborted } from '../abort.js';
import type { AssignedQueue } from '../types.js';
import { HeldQueue, HOLD } from './held-queue.js';
import { HELD_BACK, type Inbox } from './inbox.js';
import type { QueueGrant } from './member-events.js';

export interface HeldQueuesOwner {
  readonly inbox: Inbox;
  /** Past so many messages in hand a queue gives no more until there are acks. */
  readonly maxUnackedCount: number;
  /** An active queue has acks to be committed; `hasRoom`: fewer are in hand than may be. */
  onAcked(queue: HeldQueue, hasRoom: boolean): void;
  /** A queue goes on where it was, with acks to be committed. */
  onUncommitted(): void;
  /** The queue went over a lost connection, and with it acks that were not committed. */
  onLost(queue: HeldQueue): void;
}

export class HeldQueues {
  readonly byId = new Map<number, HeldQueue>();
  readonly #owner: HeldQueuesOwner;
  /** Queues being given back wait here for their last acks. */
  readonly #drains = new Map<HeldQueue, Deferred<void>>();

  constructor(owner: HeldQueuesOwner) {
    this.#owner = owner;
  }

  /** A copy: queues come and go while they are told things. */
  all(): HeldQueue[] {
    return [...this.byId.values()];
  }

  get assigned(): AssignedQueue[] {
    return this.all()
      .filter((queue) => queue.hold === HOLD.active)
      .map((queue) => ({ queueId: queue.queueId, offset: queue.handedOut }));
  }

  /** Those it reads, for looking at. */
  get read(): HeldQueue[] {
    return this.all().filter((queue) => queue.hold <= HOLD.revoking);
  }

  /** How far each has come. */
  positions(): QueueGrant[] {
    return this.all().map(({ queueId, generation, handedOut }) => ({
      queueId,
      generation,
      offset: handedOut,
    }));
  }

  /** The queue, if a delivery with this arrival number is for its present assignment. */
  active(queueId: number, arrival: number): HeldQueue | undefined {
    const queue = this.byId.get(queueId);
    if (queue === undefined || queue.hold !== HOLD.active || arrival < queue.since || queue.damage !== null) {
      return undefined;
    }
    return queue;
  }

  /** Why nothing more can come: each of the queues has stopped at damage. */
  get damageOfAll(): RingMQError | null {
    let damage: RingMQError | null = null;
    for (const queue of this.byId.values()) {
      if (queue.damage === null) {
        return null;
      }
      damage = queue.damage;
    }
    return damage;
  }

  /**
   * A queue is the member's from `since`, the number of the next arrival. True: it begins anew; false: it
   * goes on where it was. `isSought`: it is to go on elsewhere. `isMemory`: of a memory topic.
   */
  assign(
    { queueId, generation, offset }: QueueGrant,
    since: number,
    { isSought, isMemory }: { isSought: boolean; isMemory: boolean },
  ): boolean {
    const before = this.byId.get(queueId);
    if (before?.resume(generation, offset, since) === true) {
      if (before.done > before.confirmed) {
        this.#owner.onUncommitted();
      }
      return false;
    }
    if (before !== undefined && isSought) {
      this.drop(before);
    } else if (before !== undefined && isMemory && !before.isOfRun(generation)) {
      // Its messages went with the broker's memory: there is nothing left to come again.
      this.drop(before);
    } else if (before !== undefined) {
      this.lose(before);
    }
    this.byId.set(queueId, new HeldQueue(queueId, generation, offset, since, this.#onMoved));
    return true;
  }

  loseAll(): void {
    for (const queue of this.all()) {
      this.lose(queue);
    }
  }

  loseSuspended(): void {
    for (const queue of this.all()) {
      if (queue.hold === HOLD.suspended) {
        this.lose(queue);
      }
    }
  }

  /** The connection is lost: acks are kept for when the queues are assigned again; those being given back are gone. */
  suspend(): void {
    for (const queue of this.byId.values()) {
      if (queue.hold === HOLD.active) {
        queue.hold = HOLD.suspended;
      } else if (queue.hold === HOLD.revoking) {
        this.lose(queue);
      }
    }
  }

  /** Begins to give these back; those that were active are returned. */
  revoke(queueIds: readonly number[]): HeldQueue[] {
    const given: HeldQueue[] = [];
    for (const queueId of queueIds) {
      const queue = this.byId.get(queueId);
      if (queue === undefined || queue.hold !== HOLD.active) {
        continue;
      }
      queue.hold = HOLD.revoking;
      given.push(queue);
    }
    return given;
  }

  /** Waits until everything handed out of the queues is acked, or the grace is over, or the member leaves. */
  async drain(queues: readonly HeldQueue[], graceMs: number, left: AbortSignal): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const queue of queues) {
      if (queue.isDrained) {
        continue;
      }
      const drain = new Deferred<void>();
      this.#drains.set(queue, drain);
      waits.push(drain.promise);
    }
    if (waits.length === 0) {
      return;
    }
    const stop = new AbortController();
    const unwatch = whenAborted(left, () => stop.abort());
    await Promise.race([Promise.all(waits), pause(graceMs, stop.signal)]);
    stop.abort();
    unwatch();
    for (const queue of queues) {
      this.#drains.delete(queue);
    }
  }

  /** The queue is gone over a lost connection. */
  lose(queue: HeldQueue): void {
    this.#owner.onLost(queue);
    this.drop(queue);
  }

  drop(queue: HeldQueue): void {
    queue.hold = HOLD.gone;
    this.#drains.get(queue)?.resolve();
    if (this.byId.get(queue.queueId) === queue) {
      this.byId.delete(queue.queueId);
      this.#owner.inbox.release(queue.queueId, HELD_BACK.full | HELD_BACK.busy);
    }
  }

  dropAll(): void {
    for (const queue of this.all()) {
      this.drop(queue);
    }
  }

  readonly #onMoved = (queue: HeldQueue): void => {
    if (queue.hold === HOLD.active) {
      this.#owner.onAcked(queue, queue.inHandCount < this.#owner.maxUnackedCount);
    } else if (queue.hold === HOLD.revoking && queue.isDrained) {
      this.#drains.get(queue)?.resolve();
    }
  };
}
