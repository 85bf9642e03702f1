import type { SendBatch } from './send-batch.js';
import type { TopicRoute } from './topic-route.js';

/**
 * A producer's open batches, oldest first. A chain through the batches: one that is opened and closed with
 * each message costs no memory.
 */
export class OpenBatches {
  #first: SendBatch | null = null;
  #last: SendBatch | null = null;
  size = 0;

  get first(): SendBatch | null {
    return this.#first;
  }

  add(batch: SendBatch, route: TopicRoute): void {
    batch.route = route;
    batch.openedBefore = this.#last;
    if (this.#last === null) {
      this.#first = batch;
    } else {
      this.#last.openedAfter = batch;
    }
    this.#last = batch;
    this.size++;
  }

  remove(batch: SendBatch): void {
    const { openedBefore, openedAfter } = batch;
    if (openedBefore === null) {
      this.#first = openedAfter;
    } else {
      openedBefore.openedAfter = openedAfter;
    }
    if (openedAfter === null) {
      this.#last = openedBefore;
    } else {
      openedAfter.openedBefore = openedBefore;
    }
    batch.openedBefore = null;
    batch.openedAfter = null;
    batch.route = null;
    this.size--;
  }
}
