/** What a slave does about the topics that its master's log makes and deletes. */
import type { TopicQueues } from '../control/topic-queues.js';
import { ControlReplay } from '../data/control-replay.js';
import type { OpenData } from '../data/open-data.js';
import type { CatalogTopic } from '../meta/index.js';

/** Who is told of a topic. */
export interface FollowedTopicsHost {
  /** All threads: there is one of that name, or none any more. */
  changed(topic: string, topicId: number): void;
  /** It has more queues: all threads, and those who share them. */
  grown(topic: CatalogTopic): void;
  /** It has another retention: all who are told of topics. */
  retained(topic: string, topicId: number): void;
  /** Queues begin further up, as the log says at `position`. */
  begun(position: number): void;
  /** Its consumers end, and what was known of its damage is forgotten. */
  gone(topic: CatalogTopic): void;
}

export function followedTopics(
  { state, catalog }: OpenData,
  queues: TopicQueues,
  host: FollowedTopicsHost,
): ControlReplay {
  return new ControlReplay({
    state,
    catalog,
    openQueues: (topic, from) => {
      queues.open(topic, from);
      if (from === 0) {
        host.changed(topic.topic, topic.topicId);
      } else {
        host.grown(topic);
      }
    },
    retained: ({ topic, topicId }) => host.retained(topic, topicId),
    begun: (position) => host.begun(position),
    closeQueues: (topic) => {
      host.gone(topic);
      host.changed(topic.topic, topic.topicId);
      queues.close(topic, 0);
      catalog.freeSlots(topic);
    },
  });
}
