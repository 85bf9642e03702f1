/**
 * What changes the queues of a consumer: the coordinator's events, and what its client asks of their flow.
 * Those about many queues are taken in pieces.
 */
import type { ControlEvent, PackedOffsets, QueueOffset } from '../native-free/wire/index.js';

/** Queues that are begun, or given up, in one go. */
export const QUEUES_AT_ONCE = 256;

/** What a client has asked of the flow of its queues. */
export interface FlowChange {
  readonly event: 'changeFlow';
  readonly queues: PackedOffsets;
  /** Those that are delivered anew. */
  readonly begun: QueueOffset[];
  /** To be called when it is done, or the consumer has ended. */
  done(): void;
}

export type AssignEvent = Extract<ControlEvent, { event: 'assign' }>;
export type RevokeEvent = Extract<ControlEvent, { event: 'revoke' }>;
/** What begins or ends the reading of queues. */
export type QueuesEvent = AssignEvent | RevokeEvent | FlowChange;
export type SubscriptionEvent = ControlEvent | FlowChange;

export function isFlowChange(event: SubscriptionEvent): event is FlowChange {
  return event.event === 'changeFlow';
}

/** It is about more queues than are begun or given up in one go. */
export function isLong(event: SubscriptionEvent): event is QueuesEvent {
  return (
    (event.event === 'assign' || event.event === 'revoke' || event.event === 'changeFlow') &&
    event.queues.length > QUEUES_AT_ONCE
  );
}
