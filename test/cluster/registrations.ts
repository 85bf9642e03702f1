/** Brokers and topics as tests register them. */
import type { BrokerRegistration, NameServerMethods, RegisteredTopic } from '../../native-free/wire/index.js';

export const BROKER_ID = '00000000000000a1';

/** A master `a` of a set of its own; `changes` wins. */
export function registration(changes: Partial<BrokerRegistration> = {}): BrokerRegistration {
  const name = changes.name ?? 'a';
  return {
    cluster: 'default',
    set: name.replace(/-slave.*$/, ''),
    name,
    role: 'master',
    url: `ws://127.0.0.1:${10_000 + name.length}`,
    brokerId: BROKER_ID,
    openingId: '0123456789abcdef',
    epoch: 1,
    start: 0,
    end: 4096,
    flushed: 4096,
    replicas: [],
    ...changes,
  };
}

export function topicOf(topic: string, changes: Partial<RegisteredTopic> = {}): RegisteredTopic {
  return { topic, topicId: 1, queues: 4, memory: false, createdTime: 1_000, sets: null, ...changes };
}

/** All of a broker's topics at once. */
export function allTopics(
  topics: readonly RegisteredTopic[],
  changes: Partial<NameServerMethods['registerTopics']['params']> = {},
): NameServerMethods['registerTopics']['params'] {
  return {
    from: null,
    revision: 1,
    topics: [...topics],
    gone: [],
    tombstones: [],
    forgotten: [],
    more: false,
    ...changes,
  };
}
