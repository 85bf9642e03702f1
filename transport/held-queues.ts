/**
 * The queues that a consumer holds now, each with its reader.
 */
import type { EngineThread, TopicEntry } from '../engine/engine-thread.js';
import type { QueueOffset } from '../native-free/wire/index.js';
import { QueueFeed, type ReadyFeeds } from './queue-feed.js';
import { QUEUES_AT_ONCE, type QueuesEvent } from './subscription-events.js';

export class HeldQueues {
  readonly #engine: Pick<EngineThread, 'openReader'>;
  readonly #ready: ReadyFeeds;
  readonly #onReadable: (feed: QueueFeed) => void;
  readonly #feeds = new Map<number, QueueFeed>();

  /** A queue that is taken is put into `ready`; `onReadable` is called when one whose end was reached has more. */
  constructor(
    engine: Pick<EngineThread, 'openReader'>,
    ready: ReadyFeeds,
    onReadable: (feed: QueueFeed) => void,
  ) {
    this.#engine = engine;
    this.#ready = ready;
    this.#onReadable = onReadable;
  }

  get count(): number {
    return this.#feeds.size;
  }

  /** The queue, if it is held by that generation. */
  find(queueId: number, generation: number): QueueFeed | undefined {
    const feed = this.#feeds.get(queueId);
    return feed?.generation === generation ? feed : undefined;
  }

  /** Begins or ends to read the queues of an event, from the one numbered `from` up to the one before `end`. */
  apply(event: QueuesEvent, topic: TopicEntry, from: number, end: number): void {
    if (event.event === 'changeFlow') {
      for (const queue of event.queues.slice(from, end)) {
        this.#changeFlow(queue, topic, event.begun);
      }
    } else if (event.event === 'revoke') {
      for (const { queueId, generation } of event.queues.slice(from, end)) {
        this.#drop(queueId, generation);
      }
    } else {
      for (const { queueId, generation, offset } of event.queues.slice(from, end)) {
        this.#take(topic, queueId, generation, offset);
      }
    }
  }

  /** Closes as many as are closed in one go. False: none is left. */
  closeSome(): boolean {
    let count = 0;
    for (const [queueId, feed] of this.#feeds) {
      if (count++ === QUEUES_AT_ONCE) {
        return true;
      }
      this.#feeds.delete(queueId);
      feed.close();
    }
    return false;
  }

  #changeFlow({ queueId, generation, offset }: QueueOffset, topic: TopicEntry, begun: QueueOffset[]): void {
    const feed = this.find(queueId, generation);
    if (feed === undefined) {
      return;
    }
    feed.close();
    if (offset >= 0) {
      begun.push({ queueId, generation, offset });
      this.#take(topic, queueId, generation, offset);
    }
  }

  #take(topic: TopicEntry, queueId: number, generation: number, offset: number): void {
    this.#feeds.get(queueId)?.close();
    const reader = this.#engine.openReader(topic, queueId, offset);
    const feed = new QueueFeed(queueId, generation, reader, this.#onReadable);
    this.#feeds.set(queueId, feed);
    this.#ready.push(feed);
  }

  #drop(queueId: number, generation: number): void {
    const feed = this.#feeds.get(queueId);
    if (feed === undefined || feed.generation > generation) {
      return;
    }
    feed.close();
    this.#feeds.delete(queueId);
  }
}
