/**
 * What a master has to do about a topic, given what the cluster has of it. The newest of a name counts, and a
 * tombstone ends all up to its time: both only grow, and each set looks at itself alone, so two sets never
 * create and delete against each other.
 */
import type { ClusterTopic } from '../../native-free/wire/index.js';
import type { OwnTopic } from './topic-feed.js';

export type TopicDuty =
  | {
      do: 'create';
      topic: string;
      queues: number;
      memory: boolean;
      createdTime: number;
      sets: string[] | null;
    }
  | { do: 'delete'; topic: string; upTo: number };

/** null: nothing. `set`: the master's own. */
export function topicDuty(cluster: ClusterTopic, own: OwnTopic, set: string): TopicDuty | null {
  const { topic, deletedUpTo } = cluster;
  if (own.topic !== null) {
    return deletedUpTo !== null && own.topic.createdTime <= deletedUpTo
      ? { do: 'delete', topic, upTo: deletedUpTo }
      : null;
  }
  const endedAt = Math.max(deletedUpTo ?? -1, own.tombstone ?? -1);
  const alive = cluster.sets.filter(({ createdTime }) => createdTime > endedAt);
  const isOurs = cluster.belongsTo === null || cluster.belongsTo.includes(set);
  if (alive.length === 0 || !isOurs) {
    return null;
  }
  const newest = alive.reduce((best, each) => (each.createdTime > best.createdTime ? each : best));
  const same = alive.filter(({ createdTime }) => createdTime === newest.createdTime);
  return {
    do: 'create',
    topic,
    queues: Math.max(...same.map(({ queues }) => queues)),
    memory: newest.memory,
    createdTime: newest.createdTime,
    sets: cluster.belongsTo,
  };
}
