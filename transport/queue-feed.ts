/**
 * One queue a consumer holds, and the list of those that have something to read. The list is threaded through
 * the feeds themselves: a consumer of ten thousand queues takes from it and puts back without moving the
 * others.
 */
import type { QueueReader } from '../engine/engine-thread.js';

export class QueueFeed {
  readonly queueId: number;
  readonly generation: number;
  readonly reader: QueueReader;
  /** Made once, so that waiting makes nothing. */
  readonly onReadable: () => void;
  /** The client knows that nothing below this is still to come. */
  told: number;
  isClosed = false;
  /** Before this time nobody is told again that a slave has what it reads. */
  suggestAtMs = 0;
  /** It met damage, and the client has not asked to pass over it. */
  isDamaged = false;
  isListed = false;
  next: QueueFeed | null = null;

  constructor(
    queueId: number,
    generation: number,
    reader: QueueReader,
    onReadable: (feed: QueueFeed) => void,
  ) {
    this.queueId = queueId;
    this.generation = generation;
    this.reader = reader;
    this.told = reader.offset;
    this.onReadable = () => onReadable(this);
  }

  close(): void {
    if (this.isClosed) {
      return;
    }
    this.isClosed = true;
    this.reader.close();
  }
}

/** First in, first out; a feed is in it once. Closed feeds fall out when their turn comes. */
export class ReadyFeeds {
  #head: QueueFeed | null = null;
  #tail: QueueFeed | null = null;

  /** The next open feed, left in its place. */
  peek(): QueueFeed | null {
    while (this.#head?.isClosed === true) {
      this.shift();
    }
    return this.#head;
  }

  push(feed: QueueFeed): void {
    if (feed.isListed || feed.isClosed) {
      return;
    }
    feed.isListed = true;
    if (this.#tail === null) {
      this.#head = feed;
    } else {
      this.#tail.next = feed;
    }
    this.#tail = feed;
  }

  shift(): void {
    const feed = this.#head;
    if (feed === null) {
      return;
    }
    this.#head = feed.next;
    if (this.#head === null) {
      this.#tail = null;
    }
    feed.next = null;
    feed.isListed = false;
  }
}
