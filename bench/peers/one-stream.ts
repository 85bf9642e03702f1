import type { Work } from './peer.js';

/** The most queues that are a matter of tuning: Kafka, RocketMQ and RingMQ take so many for one busy topic unless told otherwise. */
const TUNED_QUEUES = 4;

/**
 * How many streams (Redis, RabbitMQ) or subjects (NATS) a system without queues inside a topic takes for this
 * work: one for a topic that has queues for its speed only, else one for each queue, which is what a queue is
 * for its users: an order of its own.
 */
export function streamCount(work: Extract<Work, { kind: 'max-rate' }>): number {
  return work.topics === 1 && work.queues <= TUNED_QUEUES ? 1 : work.topics * work.queues;
}
