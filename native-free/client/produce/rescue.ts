/**
 * Batches whose master is lost, or refuses them for reasons of its own, go to other masters, where nothing
 * was said of where they must go.
 */
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import type { ProduceLane } from './produce-lane.js';
import type { SendBatch } from './send-batch.js';
import { CHOICE, type TopicRoute } from './topic-route.js';

/**
 * A link that is back within this time gets its batches itself, and the broker tells which it has; elsewhere
 * they would be stored twice.
 */
const GRACE_MS = 300;

/** Whose batches they are. */
export interface RescueOwner {
  lanes(): Iterable<ProduceLane>;
  /** The way to a topic, if it is known. */
  routeOf(topic: string): TopicRoute | undefined;
}

export class Rescue {
  readonly #owner: RescueOwner;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(owner: RescueOwner) {
    this.#owner = owner;
  }

  /** A lane has batches, and no link or a broker that refuses them. */
  soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.now();
    }, GRACE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Moves what may be moved. What cannot be now may be when another master is there, or a topic is known again. */
  now(): void {
    const lostBefore = monotonicMs() - GRACE_MS;
    for (const lane of this.#owner.lanes()) {
      if (lane.isIdle) {
        continue;
      }
      if (lane.isUp) {
        this.#leaveRefusing(lane);
        continue;
      }
      if (lane.link.downSince > lostBefore) {
        this.soon();
        continue;
      }
      for (const batch of lane.takeBack((batch) => this.#elsewhere(batch, true) !== null)) {
        this.#move(batch, true);
      }
    }
  }

  /** What its master certainly has not stored goes to masters that take it. It is looked again as long as something waits. */
  #leaveRefusing(lane: ProduceLane): void {
    if (!lane.link.isRefused) {
      return;
    }
    if (lane.link.isRefusing) {
      for (const batch of lane.takeBack((batch) => this.#mayLeave(batch))) {
        this.#move(batch, false);
      }
    }
    if (!lane.isIdle) {
      this.soon();
    }
  }

  #mayLeave(batch: SendBatch): boolean {
    const { choice, memory, sendCount, mayBeStored } = batch;
    const isFree = choice === CHOICE.none && !memory && sendCount === 0 && !mayBeStored;
    return isFree && this.#elsewhere(batch, false) !== null;
  }

  #elsewhere(batch: SendBatch, isLost: boolean): ReturnType<TopicRoute['elsewhere']> {
    return this.#owner.routeOf(batch.topic)?.elsewhere(batch, isLost) ?? null;
  }

  #move(batch: SendBatch, isLost: boolean): void {
    const to = this.#elsewhere(batch, isLost);
    if (to !== null) {
      const { info, first, lane } = to.part;
      batch.topicId = info.topicId;
      batch.memory = info.memory;
      batch.queueId = to.queueId;
      batch.queue = first + to.queueId;
      batch.lane = lane;
      this.#owner.routeOf(batch.topic)?.passTurn(batch.queue);
    }
    batch.lane?.add(batch);
  }
}
