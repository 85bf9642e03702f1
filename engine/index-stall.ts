/** What a thread does while the index stage cannot store an index block, so that nothing it publishes gets its place. */
import { clearTimeout, setTimeout } from 'node:timers';
import type { Lane } from './lane.js';
import { isNoSpace } from './log/index.js';
import type { InlinePersist } from './persist-inline.js';

/** How soon indexing that found no room on the disk is tried again. */
const RETRY_MS = 100;

export class IndexStall {
  readonly #lane: Lane;
  readonly #inline: InlinePersist;
  readonly #retry: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** `retry` runs the index stage, then {@link tend}. */
  constructor(lane: Lane, inline: InlinePersist, retry: () => void) {
    this.#lane = lane;
    this.#inline = inline;
    this.#retry = retry;
  }

  /**
   * After the index stage has run: for want of room sends are refused and it is tried again, anything else ends the log.
   * Whichever thread sees everything indexed takes the refusal back, so that one that dies leaves none behind.
   */
  tend(): void {
    const error = this.#lane.stalledBy;
    if (error === null) {
      if (this.#inline.indexIsFull && this.#lane.isIndexed) {
        this.#inline.setIndexFull(false);
      }
      return;
    }
    if (this.#inline.failed()) {
      return;
    }
    if (!isNoSpace(error)) {
      this.#inline.fail(error);
      return;
    }
    this.#inline.setIndexFull(true);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#retry();
    }, RETRY_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
