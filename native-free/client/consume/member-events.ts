/** What events of the broker tell a member, as far as it makes sense. */
import { errorCodeOfName, RingMQError } from '../../wire/index.js';

/** A queue named by an event. */
export interface QueueGrant {
  queueId: number;
  generation: number;
  offset: number;
}

/** Where a queue is damaged; null: it does not say. */
export function damageOf(
  event: Record<string, unknown>,
  topic: string,
): { queueId: number; offset: number; error: RingMQError } | null {
  const { queueId, offset, position, code, message } = event;
  if (typeof queueId !== 'number' || typeof offset !== 'number') {
    return null;
  }
  const error = new RingMQError(errorCodeOfName(String(code)), String(message), {
    details: { topic, queueId, offset, position },
  });
  return { queueId, offset, error };
}

/** What an event says is gone, as far as it makes sense. */
export function expiredOf(event: Record<string, unknown>): { queueId: number; from: number; to: number }[] {
  const queues = event['queues'];
  if (!Array.isArray(queues)) {
    return [];
  }
  return queues
    .map((queue: Record<string, unknown>) => ({
      queueId: Number(queue['queueId']),
      from: Number(queue['from']),
      to: Number(queue['to']),
    }))
    .filter(({ queueId, from, to }) => Number.isInteger(queueId) && to > from);
}

/** Queues named by an event, those that make sense. */
export function grantsOf(event: Record<string, unknown>): QueueGrant[] {
  const queues = event['queues'];
  if (!Array.isArray(queues)) {
    return [];
  }
  return queues
    .map((queue: Record<string, unknown>) => ({
      queueId: Number(queue['queueId']),
      generation: Number(queue['generation']),
      offset: Number(queue['offset'] ?? 0),
    }))
    .filter((queue) => Number.isInteger(queue.queueId) && Number.isFinite(queue.offset));
}
