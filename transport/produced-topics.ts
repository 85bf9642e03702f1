/**
 * The topics that a connection produces to. The last one is kept at hand: most connections produce to one
 * topic at a time.
 */
import type { EngineThread, TopicEntry } from '../engine/engine-thread.js';
import { AUDIT_TOPIC } from '../native-free/wire/index.js';

export class ProducedTopics {
  readonly #engine: Pick<EngineThread, 'topicById' | 'resolveTopicById'>;
  #last: TopicEntry | undefined;
  /** The last topic id that turned out not to exist, so that a stream of batches for it is not a stream of questions. */
  #missingId = -1;

  constructor(engine: Pick<EngineThread, 'topicById' | 'resolveTopicById'>) {
    this.#engine = engine;
  }

  /** The topic, if this thread knows it. */
  find(topicId: number): TopicEntry | undefined {
    const last = this.#last;
    if (last !== undefined && last.topicId === topicId && !last.dead) {
      return last;
    }
    const topic = this.#engine.topicById(topicId);
    if (topic === undefined || topic.topic === AUDIT_TOPIC) {
      return undefined;
    }
    this.#last = topic;
    return topic;
  }

  /** There is none by that id: that was the last answer. */
  isMissing(topicId: number): boolean {
    return topicId === this.#missingId;
  }

  /** Asks for a topic that this thread does not know. */
  async resolve(topicId: number): Promise<void> {
    const topic = await this.#engine.resolveTopicById(topicId);
    // What is in the audit nobody but the broker has put there.
    if (topic === undefined || topic.dead || topic.topic === AUDIT_TOPIC) {
      this.#missingId = topicId;
    } else {
      this.#last = topic;
    }
  }

  /** A topic came, went or changed: the missing one is asked about again. */
  changed(): void {
    this.#missingId = -1;
  }
}
