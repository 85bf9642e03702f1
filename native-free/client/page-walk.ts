/** A list that comes page by page comes to an end, whatever the other side answers. */
import { RingMQError } from '../wire/index.js';

/** Far more than the longest list has. */
const MAX_PAGES = 16_384;

export class PageWalk {
  #count = 0;
  /** An earlier cursor, each time of twice as many pages ago: whatever goes round in a circle comes by it. */
  #mark: string | null = null;
  #markNext = 1;

  /** Takes the cursor of a page, null: it was the last. Throws `BAD_FRAME` for one that leads nowhere. */
  next(cursor: unknown): string | null {
    if (cursor === null || cursor === undefined) {
      return null;
    }
    if (typeof cursor !== 'string' || cursor === this.#mark || ++this.#count > MAX_PAGES) {
      throw new RingMQError('BAD_FRAME', 'the pages of a list do not come to an end');
    }
    if (this.#count === this.#markNext) {
      this.#mark = cursor;
      this.#markNext *= 2;
    }
    return cursor;
  }
}
