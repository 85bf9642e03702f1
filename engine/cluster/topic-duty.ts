/**
 * What a master has to do about a topic, given what the cluster has of it. The newest of a name counts, and a
 * tombstone ends all up to its time: both only grow, and each set looks at itself alone, so two sets never
 * create and delete against each other. Of one topic each set has as many queues as the one that has most.
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
      retentionMs: number | null;
      retentionSetTime: number | null;
    }
  | { do: 'retain'; topic: string; retentionMs: number | null; setTime: number }
  | { do: 'grow'; topic: string; queues: number }
  | { do: 'delete'; topic: string; upTo: number };

/** null: nothing. `set`: the master's own. */
export function topicDuty(cluster: ClusterTopic, own: OwnTopic, set: string): TopicDuty | null {
  const { topic, deletedUpTo } = cluster;
  if (own.topic !== null) {
    if (deletedUpTo !== null && own.topic.createdTime <= deletedUpTo) {
      return { do: 'delete', topic, upTo: deletedUpTo };
    }
    // First: a topic that this broker has no room to grow is not to be kept for longer than was said.
    const said = lastSaid(cluster.sets, own.topic.createdTime);
    if (said !== null && said.retentionSetTime > (own.topic.retentionSetTime ?? 0)) {
      return { do: 'retain', topic, retentionMs: said.retentionMs, setTime: said.retentionSetTime };
    }
    const queues = mostQueues(cluster.sets, own.topic.createdTime);
    return queues > own.topic.queues ? { do: 'grow', topic, queues } : null;
  }
  const endedAt = Math.max(deletedUpTo ?? -1, own.tombstone ?? -1);
  const alive = cluster.sets.filter(({ createdTime }) => createdTime > endedAt);
  const isOurs = cluster.belongsTo === null || cluster.belongsTo.includes(set);
  if (alive.length === 0 || !isOurs) {
    return null;
  }
  const newest = alive.reduce((best, each) => (each.createdTime > best.createdTime ? each : best));
  return {
    do: 'create',
    topic,
    queues: mostQueues(alive, newest.createdTime),
    memory: newest.memory,
    createdTime: newest.createdTime,
    sets: cluster.belongsTo,
    ...(lastSaid(alive, newest.createdTime) ?? { retentionMs: null, retentionSetTime: null }),
  };
}

/** The retention that was said last of the topic of that time; null: none was. */
function lastSaid(
  sets: ClusterTopic['sets'],
  time: number,
): { retentionMs: number | null; retentionSetTime: number } | null {
  let last: { retentionMs: number | null; retentionSetTime: number } | null = null;
  for (const { createdTime, retentionMs = null, retentionSetTime = 0 } of sets) {
    if (createdTime === time && retentionSetTime > (last?.retentionSetTime ?? 0)) {
      last = { retentionMs, retentionSetTime };
    }
  }
  return last;
}

/** Of the topic of that time; of others of its name nothing follows. */
function mostQueues(sets: ClusterTopic['sets'], time: number): number {
  return sets.reduce((most, each) => (each.createdTime === time ? Math.max(most, each.queues) : most), 0);
}
