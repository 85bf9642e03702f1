/** Topics that a connection has sent messages to, as its description names them. */
import type { TopicEntry } from '../engine/engine-thread.js';

/** Topics of one connection that are known as its own. */
const MAX_TOPICS = 1_000;

export class RecentTopics {
  /** For its owner, which adds a topic only when it is another one. */
  last: TopicEntry | null = null;
  readonly #topics = new Set<TopicEntry>();

  add(topic: TopicEntry): void {
    this.last = topic;
    if (!this.#topics.has(topic) && this.#topics.size >= MAX_TOPICS) {
      const [oldest] = this.#topics;
      this.#topics.delete(oldest as TopicEntry);
    }
    this.#topics.add(topic);
  }

  /** Of those that there are still, those last that it came to last. */
  *names(): Generator<string> {
    for (const { topic, dead } of this.#topics) {
      if (!dead) {
        yield topic;
      }
    }
  }
}
