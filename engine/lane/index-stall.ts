/** What a thread does while the index stage cannot store an index block, so that nothing it publishes gets its place. */
import { clearTimeout, setTimeout } from '../../native-free/time/index.js';
import { isShortage, isShortOfResources } from '../disk/index.js';
import type { DiskState } from '../persist/disk-state.js';
import type { Lane } from './lane.js';

/** How soon indexing that found no room on the disk, or no descriptor, is tried again. */
const RETRY_MS = 100;

export class IndexStall {
  readonly #lane: Lane;
  readonly #disk: DiskState;
  readonly #retry: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** `retry` runs the index stage, then {@link tend}. */
  constructor(lane: Lane, disk: DiskState, retry: () => void) {
    this.#lane = lane;
    this.#disk = disk;
    this.#retry = retry;
  }

  /**
   * After the index stage has run: for want of room or of a descriptor sends are refused and it is tried
   * again, anything else ends the log. Whichever thread sees everything indexed takes the refusal back, so
   * that one that dies leaves none behind.
   */
  tend(): void {
    const error = this.#lane.stalledBy;
    if (error === null) {
      if (this.#disk.isIndexFull && this.#lane.isIndexed) {
        this.#disk.indexHasRoom();
      }
      return;
    }
    if (this.#disk.hasFailed()) {
      return;
    }
    if (!isShortage(error)) {
      this.#disk.fail(error);
      return;
    }
    this.#disk.setIndexFull(isShortOfResources(error));
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#retry();
    }, RETRY_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
