/** How groups and their members are, and what is asked of where they go on. */

/** A member that has committed nothing for so long while a message waits that is as old is stuck; one that commits while such a message waits is slow. */
export const LATE_MS = 60_000;

export type MemberState = 'ok' | 'slow' | 'stuck';

/** What a member of a group has on its hands, put together from its queues. */
export interface GroupMemberInfo {
  memberId: string;
  /** How many queues it holds. */
  queues: number;
  /** Messages of these that are stored and not committed. */
  lag: number;
  /** Age of the oldest of them; null: it cannot be told. */
  lagMs: number | null;
  /** The worst of its queues'. */
  state: MemberState;
}

export interface GroupQueueInfo {
  topic: string;
  /** A client's answer over a cluster: whose queue it is. */
  brokerSet?: string;
  queueId: number;
  /** null: nothing committed yet. */
  committedOffset: number | null;
  maxOffset: number;
  /** Messages that are stored and not committed. */
  lag: number;
  /** Messages that retention deleted before the group had read them, so far. */
  expired: number;
  /** Age of the oldest message that is stored and not committed; 0: there is none, null: it cannot be told. */
  lagMs: number | null;
  /** null: nobody holds it now. */
  memberId: string | null;
  /** Since who holds the queue committed on it, or got it; null: nobody holds it. */
  sinceCommitMs: number | null;
  /** `stuck`: for a minute nothing was committed, and a message waits that is as old. `slow`: such a message waits, and it commits. null: nobody holds it. */
  state: MemberState | null;
}

export interface GroupInfo {
  group: string;
  /** Topics that it reads or has read, the first 100 in the order of their names. */
  topics: string[];
  /** All of them. */
  topicCount: number;
  members: number;
}

export interface GroupDescription extends GroupInfo, GroupPause {
  memberIds: string[];
  queues: GroupQueueInfo[];
}

/** What a client makes of the pages of one. */
export interface GroupReport extends GroupDescription {
  memberInfos: GroupMemberInfo[];
}

/** What a group gets nothing of. */
export interface GroupPause {
  /** Of all topics. */
  paused: boolean;
  /** Of these, at most 100 of them. */
  pausedTopics: string[];
}

/** Of several sets. */
export function mergedPause(all: readonly GroupPause[]): GroupPause {
  return {
    paused: all.some(({ paused }) => paused === true),
    // A broker of an earlier version does not tell.
    pausedTopics: [...new Set(all.flatMap(({ pausedTopics }) => pausedTopics ?? []))].sort(),
  };
}

/** A queue's place in a group before and after a change. */
export interface MovedQueue {
  queueId: number;
  /** null: the group had not begun there. */
  before: number | null;
  offset: number;
}

/** How far a group is behind on one topic. */
export interface GroupLag {
  group: string;
  topic: string;
  /** Members of the group, on whatever topic. */
  members: number;
  /** Messages that are stored and not committed. */
  lag: number;
  /** Age of the oldest of them; null: it cannot be told. */
  lagMs: number | null;
  /** Messages that retention deleted before the group had read them, so far. */
  expired: number;
  /** Queues whose members are slow, or stuck. */
  slow: number;
  stuck: number;
}

/** Of several sets: a group and a topic once. */
export function mergedLags(all: readonly GroupLag[]): GroupLag[] {
  const merged = new Map<string, GroupLag>();
  for (const one of all) {
    const key = `${one.group} ${one.topic}`;
    const before = merged.get(key);
    merged.set(
      key,
      before === undefined
        ? one
        : {
            ...one,
            members: Math.max(before.members, one.members),
            lag: before.lag + one.lag,
            lagMs: before.lagMs === null || one.lagMs === null ? null : Math.max(before.lagMs, one.lagMs),
            expired: before.expired + one.expired,
            slow: before.slow + one.slow,
            stuck: before.stuck + one.stuck,
          },
    );
  }
  return [...merged.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, lag]) => lag);
}

interface HeldQueue {
  memberId: string | null;
  lag: number;
  lagMs?: number | null;
  state?: MemberState | null;
}

/** Each member once, in the order of the ids. */
export function groupMembers(memberIds: readonly string[], queues: readonly HeldQueue[]): GroupMemberInfo[] {
  const members = new Map<string, GroupMemberInfo>(
    memberIds.map((memberId) => [memberId, { memberId, queues: 0, lag: 0, lagMs: 0, state: 'ok' }]),
  );
  for (const { memberId, lag, lagMs = null, state } of queues) {
    const member = memberId === null ? undefined : members.get(memberId);
    if (member === undefined) {
      continue;
    }
    member.queues++;
    member.lag += lag;
    member.lagMs = member.lagMs === null || lagMs === null ? null : Math.max(member.lagMs, lagMs);
    if (state === 'stuck' || (state === 'slow' && member.state === 'ok')) {
      member.state = state;
    }
  }
  return [...members.values()];
}
