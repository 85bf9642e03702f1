/** What a group coordinator is given, and what it is asked with. */
import type { ControlEvent, StartPosition } from '../../native-free/wire/index.js';
import type { GroupOffsets } from './offsets.js';
import type { Reader, SharedTopic } from './topic-share.js';

/** How long a member has to release queues that another should have. */
export const REVOKE_TIMEOUT_MS = 10_000;
export const DEFAULT_MAX_GROUPS = 10_000;
export const DEFAULT_MAX_MEMBERS_PER_GROUP = 1_024;
export const DEFAULT_MAX_GROUP_QUEUES = 1_048_576;
/** Seven days. */
export const DEFAULT_GROUP_RETENTION_MS = 7 * 86_400_000;

export interface CoordinatorHooks {
  /** Milliseconds; only differences count. */
  now(): number;
  /** A new id for a member that brings none. */
  newMemberId(): string;
  /** First offset stored and next one to be given out. */
  queueState(topicId: number, queueId: number): { minOffset: number; maxOffset: number };
  /** First offset stored at or after `time`; may take its while. */
  findOffsetByTime(topicId: number, queueId: number, time: number): number | Promise<number>;
  /** So many messages of the queue were deleted before the group read them. */
  expired?(group: string, topic: SharedTopic, queueId: number, count: number): void;
  /** The group gets nothing of the topic until somebody resumes it. Default: it does. */
  isPaused?(group: string, topicId: number): boolean;
  /**
   * Slaves may have commits that are not here yet: no group is given queues before they are, or nobody waits
   * for them. {@link wantRun} is called then.
   */
  isHeld?(): boolean;
  /** Call `run` soon, and not from within this call. */
  wantRun(): void;
  /**
   * Before events are sent: calls `send` once what was committed so far survives the process, so that no
   * start position is chosen twice. In the order of the calls.
   */
  persist(send: () => void): void;
}

export interface CoordinatorOptions {
  /** The broker's epoch. */
  epoch: number;
  hooks: CoordinatorHooks;
  offsets: GroupOffsets;
  maxGroups?: number;
  maxMembersPerGroup?: number;
  /** Of all groups and readers together: each counts the queues of the topics it has members on. */
  maxGroupQueues?: number;
  /** Queues of a group that are settled in one go; then others have their turn. Default 1,024. */
  queuesAtOnce?: number;
}

export interface JoinRequest {
  /** Unique among all members. */
  key: string;
  group: string;
  topic: SharedTopic;
  filter: string;
  from: StartPosition;
  /** The id it had before, or null. */
  memberId: string | null;
  /** Queues that the topic has in broker sets before this one; null or absent: they do not count. */
  queueBase?: number | null | undefined;
  /** It shares the topic with no other member of its group. Absent: it does. */
  alone?: boolean | undefined;
  /** It reads by itself, in no group: {@link group} does not count. */
  reader?: Reader | null;
  send(event: ControlEvent): void;
}

export interface HeldQueue {
  queueId: number;
  generation: number;
}
