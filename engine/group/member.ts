/** A consumer in a group. */
import type { ControlEvent, StartPosition } from '../../native-free/wire/index.js';
import type { TopicShare } from './topic-share.js';

/** Immutable; compared by identity, since a member id may come back with another connection. */
export interface Member {
  /** Unique among the members of all groups now: which thread's which consumer. */
  readonly key: string;
  /** Unique in its group; kept by the client over reconnects. */
  readonly memberId: string;
  /** Where it begins on queues nobody of its group has committed anything on. */
  readonly from: StartPosition;
  readonly share: TopicShare;
  /** Takes events in their order; must not call back into the coordinator. */
  send(event: ControlEvent): void;
}
