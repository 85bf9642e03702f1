/**
 * One answer's part of a list. Every list is sorted and is asked for page by page: an answer has so many
 * items and bytes at most, says whether it is `complete`, and where it is not gives a cursor to ask on with.
 * So no answer outgrows a frame, and none takes long to make.
 */
import { RingMQError } from '../../native-free/wire/index.js';

/** What a caller may say of the page it wants. */
export interface PageRequest {
  /** From the page before; null: from the start. */
  cursor?: string | null;
  /** Items at most; the broker may give fewer. */
  limit?: number;
}

/** The same of a list of names. */
export interface NamedPageRequest extends PageRequest {
  /** Only names that have this in them, whatever its case. */
  filter?: string;
}

/** Whether a name has what a list was asked for. */
export function nameFilter(filter = ''): (name: string) => boolean {
  const wanted = filter.toLowerCase();
  return (name) => wanted === '' || name.toLowerCase().includes(wanted);
}

export const DEFAULT_PAGE_ITEMS = 1_000;
export const MAX_PAGE_ITEMS = 10_000;
/** A page ends with the item that takes it to this; far below what a frame may have, as an item has 64 KiB at most. */
export const MAX_PAGE_BYTES = 1024 * 1024;

export class Page<T> {
  readonly items: T[] = [];
  readonly #limit: number;
  #bytes = 0;

  constructor(request: PageRequest) {
    this.#limit = Math.min(request.limit ?? DEFAULT_PAGE_ITEMS, MAX_PAGE_ITEMS);
  }

  get isFull(): boolean {
    return this.items.length >= this.#limit || this.#bytes >= MAX_PAGE_BYTES;
  }

  /** `bytes`: about what it takes in the answer, rather more than less. */
  add(item: T, bytes: number): void {
    this.items.push(item);
    this.#bytes += bytes;
  }
}

/** The end of an answer: `cursor` null when nothing is left. */
export function pageEnd(cursor: string | null): { cursor: string | null; complete: boolean } {
  return { cursor, complete: cursor === null };
}

/** First of `sorted` that comes after `key`; its length if none does. */
export function firstAfter<T>(sorted: readonly T[], keyOf: (item: T) => string, key: string | null): number {
  if (key === null) {
    return 0;
  }
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOf(sorted[middle] as T) <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The queue that a cursor goes on at, and the text before it. @throws RingMQError BAD_ARGUMENT for one that no page gave. */
export function queueCursor(cursor: string): { queueId: number; rest: string } {
  const match = /^(\d{1,6})(?:\/(.*))?$/.exec(cursor);
  if (match === null) {
    throw new RingMQError('BAD_ARGUMENT', 'the cursor is not one that an answer gave', {
      details: { value: cursor.slice(0, 64) },
    });
  }
  return { queueId: Number(match[1]), rest: match[2] ?? '' };
}
