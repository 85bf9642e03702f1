/**
 * A list that comes page by page, from one broker or from each broker set, and is one list to who looks at
 * it: sorted by name, one row a name. Only so much is asked for as is looked at.
 */
import { signal } from '@preact/signals';
import { asFailure } from './session.js';

const PAGE_ITEMS = 500;

export interface ListPage<T> {
  items: T[];
  cursor: string | null;
}

export interface ListSource<T> {
  ask(cursor: string | null, limit: number): Promise<ListPage<T>>;
}

interface Feed<T> {
  readonly source: ListSource<T>;
  readonly waiting: T[];
  cursor: string | null;
  isComplete: boolean;
}

export interface ListState<T> {
  readonly rows: readonly T[];
  readonly isComplete: boolean;
  readonly isAsking: boolean;
  readonly error: { code: string; message: string } | null;
}

export class PagedList<T> {
  readonly state = signal<ListState<T>>({ rows: [], isComplete: false, isAsking: false, error: null });
  readonly #feeds: Feed<T>[];
  readonly #keyOf: (item: T) => string;
  readonly #merge: (row: T, item: T) => T;
  readonly #rows: T[] = [];
  #asking: Promise<void> | null = null;
  /** Of a set that is away: the list is without it. */
  #failure: ListState<T>['error'] = null;

  /** `merge`: what another set says of the same name is added to a row. */
  constructor(sources: readonly ListSource<T>[], keyOf: (item: T) => string, merge: (row: T, item: T) => T) {
    this.#feeds = sources.map((source) => ({ source, waiting: [], cursor: null, isComplete: false }));
    this.#keyOf = keyOf;
    this.#merge = merge;
  }

  /** Asks until there are so many rows, or all. */
  async upTo(rows: number): Promise<void> {
    while (this.#rows.length < rows && !this.state.value.isComplete) {
      this.#asking ??= this.#more().finally(() => {
        this.#asking = null;
      });
      await this.#asking;
      if (this.state.value.error !== null && this.#feeds.length === 1) {
        return;
      }
    }
  }

  async #more(): Promise<void> {
    this.#failure = this.#feeds.length > 1 ? this.state.value.error : null;
    this.state.value = { ...this.state.value, isAsking: true, error: this.#failure };
    const hungry = this.#feeds.filter((feed) => !feed.isComplete && feed.waiting.length === 0);
    const results = await Promise.allSettled(
      hungry.map(async (feed) => {
        const page = await feed.source.ask(feed.cursor, PAGE_ITEMS);
        feed.waiting.push(...page.items);
        feed.cursor = page.cursor;
        feed.isComplete = page.cursor === null;
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    for (const [i, result] of results.entries()) {
      // Of several sets one that is away holds up nobody.
      if (result.status === 'rejected' && this.#feeds.length > 1) {
        (hungry[i] as Feed<T>).isComplete = true;
      }
    }
    this.#take();
    this.state.value = {
      rows: [...this.#rows],
      isComplete: this.#feeds.every((feed) => feed.isComplete && feed.waiting.length === 0),
      isAsking: false,
      error: failed === undefined ? this.#failure : asFailure(failed.reason),
    };
  }

  /** What is certain: names up to where every feed has come. */
  #take(): void {
    for (;;) {
      const isHungry = this.#feeds.some((feed) => !feed.isComplete && feed.waiting.length === 0);
      const keys = this.#feeds.flatMap(({ waiting }) =>
        waiting[0] === undefined ? [] : [this.#keyOf(waiting[0])],
      );
      if (isHungry || keys.length === 0) {
        return;
      }
      const [least] = keys.sort();
      let row: T | undefined;
      for (const { waiting } of this.#feeds) {
        const [item] = waiting;
        if (item !== undefined && this.#keyOf(item) === least) {
          waiting.shift();
          row = row === undefined ? item : this.#merge(row, item);
        }
      }
      if (row !== undefined) {
        this.#rows.push(row);
      }
    }
  }
}
