/** Batches whose master is lost go to other masters, where nothing was said of where they must go. */
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import type { ProduceLane } from './produce-lane.js';
import type { SendBatch } from './send-batch.js';
import type { TopicRoute } from './topic-route.js';

/** A link that is back within this time gets its batches itself, and the broker tells which it has; elsewhere they would be stored twice. */
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

  /** A lane has batches and no link. */
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
      if (lane.isUp || lane.isIdle) {
        continue;
      }
      if (lane.link.downSince > lostBefore) {
        this.soon();
        continue;
      }
      for (const batch of lane.takeBack((batch) => this.#elsewhere(batch) !== null)) {
        this.#move(batch);
      }
    }
  }

  #elsewhere(batch: SendBatch): ReturnType<TopicRoute['elsewhere']> {
    return this.#owner.routeOf(batch.topic)?.elsewhere(batch) ?? null;
  }

  #move(batch: SendBatch): void {
    const to = this.#elsewhere(batch);
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
