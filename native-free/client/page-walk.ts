/** A list that comes page by page comes to an end, whatever the other side answers. */
import { type PageResult, RingMQError } from '../wire/index.js';

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

/** A page without what makes it one. */
export function wholeOf<P extends PageResult>(page: P): Omit<P, keyof PageResult> {
  const { cursor: _cursor, complete: _complete, ...whole } = page;
  return whole;
}

/** All items of a list that comes page by page. What changes meanwhile may be in it or not; nothing is in it twice. */
export async function allPages<P extends Partial<PageResult>, T>(
  ask: (cursor: string | null) => Promise<P>,
  itemsOf: (page: P) => T[],
): Promise<T[]> {
  const items: T[] = [];
  const walk = new PageWalk();
  let cursor: string | null = null;
  do {
    const page = await ask(cursor);
    const found: unknown = itemsOf(page);
    if (!Array.isArray(found)) {
      throw new RingMQError('BAD_FRAME', 'the broker answered without the list that was asked for');
    }
    items.push(...found);
    cursor = walk.next(page.cursor);
  } while (cursor !== null);
  return items;
}
