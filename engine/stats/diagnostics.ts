/**
 * What happens in a broker, for whoever subscribes with `node:diagnostics_channel` on the thread that opened
 * it. Without a subscriber an event costs the look whether there is one.
 *
 * | channel | message |
 * |---|---|
 * | `ringmq:connection` | `{ event: 'opened' \| 'closed', thread, connection, client }`; `client` is empty until its hello |
 * | `ringmq:topic` | `{ event: 'created' \| 'grown' \| 'retained' \| 'deleted', topic, topicId }` |
 * | `ringmq:group` | `{ event: 'joined' \| 'left', group, topic, memberId }` |
 * | `ringmq:checkpoint` | `{ event: 'written' \| 'failed', position, ms }` |
 * | `ringmq:disk` | `{ event: 'full' \| 'room' \| 'failed' \| 'error', message }` |
 *
 * Subscribe before `openBroker`: connections that other threads serve are told from then on, else from a
 * second after the first subscription.
 */
import { type Channel, channel } from 'node:diagnostics_channel';

export interface DiagnosticEvents {
  connection: { event: 'opened' | 'closed'; thread: number; connection: string; client: string };
  topic: { event: 'created' | 'grown' | 'retained' | 'deleted'; topic: string; topicId: number };
  group: { event: 'joined' | 'left'; group: string; topic: string; memberId: string };
  checkpoint: { event: 'written' | 'failed'; position: number; ms: number };
  disk: { event: 'full' | 'room' | 'failed' | 'error'; message: string };
}

export type DiagnosticKind = keyof DiagnosticEvents;

const CHANNELS: Record<DiagnosticKind, Channel> = {
  connection: channel('ringmq:connection'),
  topic: channel('ringmq:topic'),
  group: channel('ringmq:group'),
  checkpoint: channel('ringmq:checkpoint'),
  disk: channel('ringmq:disk'),
};

/** Somebody on this thread listens. */
export function isDiagnosed(kind: DiagnosticKind): boolean {
  return CHANNELS[kind].hasSubscribers;
}

/** Tells the subscribers of this thread. */
export function diagnose<K extends DiagnosticKind>(kind: K, message: DiagnosticEvents[K]): void {
  const to = CHANNELS[kind];
  if (to.hasSubscribers) {
    to.publish(message);
  }
}
