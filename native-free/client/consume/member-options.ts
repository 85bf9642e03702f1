import type { AsideLink } from '../brokers.js';
import type { AssignedQueue, StartPosition } from '../types.js';
import type { DamagedQueue } from './types.js';
import type { Warnings } from './warnings.js';

/** What a member is to be, and whom it tells. */
export interface MemberOptions {
  /** null: reads by itself, in no group. */
  group: string | null;
  /** No other member is to read with it. */
  alone: boolean;
  /** Of such a reader: the only queues it wants. */
  queueIds?: readonly number[] | undefined;
  topic: string;
  /** The broker set it reads from; null: there is one broker. */
  set: string | null;
  /** The same at every set, so that all of them rank a group's members alike; null: the broker gives it one. */
  memberId: string | null;
  /** Queues of the topic in the sets before this one. */
  queueBase: number | null;
  filter: string;
  from: StartPosition;
  windowBytes: number;
  commitIntervalMs: number;
  revokeGraceMs: number;
  maxUnackedCount: number;
  /** A link to one of these slaves of its set, for reading there; null: none is known. */
  aside: (slaves: readonly string[]) => AsideLink | null;
  onAssigned: (queues: AssignedQueue[]) => void;
  onRevoked: ((queueIds: number[], brokerSet?: string) => void) | undefined;
  /** What becomes of a damaged queue. */
  onDamage: (damage: DamagedQueue) => 'stop' | 'skip';
  warnings: Warnings;
  /** Something may be there to hand out, or the membership has ended. */
  onChange: () => void;
}
