/** What events of the broker tell a member, as far as it makes sense. */
import { errorCodeOfName, RingMQError } from '../../wire/index.js';

/** A queue named by an event. */
export interface QueueGrant {
  queueId: number;
  generation: number;
  offset: number;
}

/** In an event `oldData`: what is read is in no memory of the master, up to `until`, and these slaves have it. */
export interface OldData {
  readonly queueId: number;
  readonly generation: number;
  readonly until: number;
  readonly slaves: readonly string[];
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

/** What an event says of old data, as far as it makes sense; else null. */
export function oldDataOf(event: Record<string, unknown>): OldData | null {
  const { queueId, generation, until, slaves } = event;
  const isSound =
    typeof queueId === 'number' &&
    typeof generation === 'number' &&
    typeof until === 'number' &&
    Array.isArray(slaves) &&
    slaves.every((name) => typeof name === 'string');
  return isSound ? { queueId, generation, until, slaves } : null;
}
