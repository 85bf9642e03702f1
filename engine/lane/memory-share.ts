/**
 * How topics share the ring of the memory lane, which all of them fill in one order. A reader that has not
 * read on keeps everything behind its place from being overwritten, of whatever topic it is. So that it holds
 * up its own topic and no other:
 *
 * - A topic's writers find no room once its readers are more than half a ring behind. They wait for these
 * readers. - A writer that finds the ring itself full says whose it is. Readers of other topics then hold no
 * more than half a ring, and
 *    lose what lies before that. Those of its own topic hold on: their writers are the ones to wait.
 */
import { SLOT_BYTES } from '../../native-free/wire/index.js';
import { type Ring, WORD } from '../ring/index.js';

/** A writer looks at its topic's readers anew when the ring has moved on by this part of it. */
const LOOKS_PER_RING = 64;

/** How far behind the head a reader may be, in slots, before it counts as one that holds others up. */
export function shareOf(ring: Ring): number {
  return (ring.ringBytes / SLOT_BYTES / 2) | 0;
}

/** The memory lane's room as the writers of one thread see it. */
export class MemoryShare {
  readonly #ring: Ring;
  readonly #share: number;
  readonly #step: number;
  /** Topics that were refused for their own readers' sake, until one has room again. Bounded by the number of memory topics. */
  readonly #refused = new Set<number>();
  #lookedAt = 0;
  #lookedFor = -1;
  /** Topic of the last claim that failed; 0: none has since one succeeded. */
  #wanted = 0;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#share = shareOf(ring);
    this.#step = Math.max(1, ring.ringBytes / SLOT_BYTES / LOOKS_PER_RING) | 0;
  }

  /** True when the topic's writers must wait for its readers. */
  isSpent(topicId: number): boolean {
    const head = this.#ring.head();
    if (this.#lookedFor === topicId && ((head - this.#lookedAt) | 0) < this.#step) {
      return false;
    }
    if (this.#ring.heldBehind(topicId) <= this.#share) {
      this.#lookedFor = topicId;
      this.#lookedAt = head;
      return false;
    }
    this.#lookedFor = -1;
    this.#refused.add(topicId);
    // Before the next look: a reader that moves after that sees it, one that moved before is seen.
    Atomics.store(this.#ring.control, WORD.shareWanted, 1);
    if (this.#ring.heldBehind(topicId) <= this.#share) {
      this.#refused.delete(topicId);
      return false;
    }
    return true;
  }

  /** True once after {@link isSpent} was, when another try may succeed. */
  roomAgain(): boolean {
    for (const topicId of this.#refused) {
      if (this.#ring.heldBehind(topicId) <= this.#share) {
        this.#refused.clear();
        return true;
      }
    }
    if (this.#refused.size > 0) {
      Atomics.store(this.#ring.control, WORD.shareWanted, 1);
    }
    return false;
  }

  /** A claim failed: whoever keeps the ring full for other topics is to let go. */
  claimFailed(topicId: number): void {
    this.#wanted = topicId;
    Atomics.store(this.#ring.control, WORD.wanted, topicId);
  }

  /** A claim succeeded, or nobody waits on this thread any more. */
  isServed(): void {
    if (this.#wanted !== 0) {
      Atomics.compareExchange(this.#ring.control, WORD.wanted, this.#wanted, 0);
      this.#wanted = 0;
    }
  }
}
