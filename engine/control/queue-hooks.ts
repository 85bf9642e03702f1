/** The queues of topics, as the control plane asks of them and has them changed. */
import type { ControlPlaneOptions } from './control-plane-options.js';
import type { DamageList } from './damage-list.js';
import type { TopicQueues } from './topic-queues.js';

export type QueueHooks = Pick<
  ControlPlaneOptions,
  | 'openQueues'
  | 'closeQueues'
  | 'queueDamage'
  | 'queueState'
  | 'queueBegin'
  | 'findOffsetByTime'
  | 'retention'
  | 'unreadTime'
  | 'unread'
>;

/** `retentionMs`, `retentionBytes`: of the log that all queues are in. */
export function queueHooks(
  queues: TopicQueues,
  damage: DamageList,
  { retentionMs, retentionBytes }: { retentionMs: number; retentionBytes: number },
): QueueHooks {
  return {
    openQueues: (topic, from) => queues.open(topic, from),
    closeQueues: (topic, from) => {
      queues.close(topic, from);
      if (from === 0) {
        damage.forget(topic.topicId);
      }
    },
    queueDamage: ({ topicId }, queueId) => damage.of(topicId, queueId),
    queueState: (topic, queueId) => queues.state(topic, queueId),
    queueBegin: (topic, queueId, before, latest) => queues.beginAfter(topic, queueId, before, latest),
    findOffsetByTime: (topic, queueId, time) => queues.findByTime(topic, queueId, time),
    retention: () => ({ retentionMs, retentionBytes, ...queues.logState() }),
    unreadTime: (topic, queueId, offset) => queues.unreadTime(topic, queueId, offset),
    unread: (topic, queueId, offset) => queues.unread(topic, queueId, offset),
  };
}
