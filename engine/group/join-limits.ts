/** What keeps a member from joining, beside what it asks for: how much the broker may hold, and what those who are there have agreed on. */
import { MAX_MEMBER_ID_BYTES, RingMQError } from '../../native-free/wire/index.js';
import type { GroupOffsets } from './offsets.js';
import type { Member, Reader, SharedTopic, TopicShare } from './topic-share.js';

const MEMBER_ID_PATTERN = /^[A-Za-z0-9._-]+$/;

/** @throws RingMQError BAD_ARGUMENT */
export function checkMemberId(memberId: string): void {
  if (memberId.length > MAX_MEMBER_ID_BYTES || !MEMBER_ID_PATTERN.test(memberId)) {
    throw new RingMQError('BAD_ARGUMENT', 'a member id is 1 to 64 of A-Z a-z 0-9 . _ -', {
      details: { value: memberId.slice(0, MAX_MEMBER_ID_BYTES), limit: MAX_MEMBER_ID_BYTES },
    });
  }
}

/** @throws RingMQError TOO_MANY_MEMBERS */
export function checkMembers(group: string, members: number, limit: number): void {
  if (members >= limit) {
    throw new RingMQError(
      'TOO_MANY_MEMBERS',
      `the group '${group}' has ${members} members, as many as it may`,
      { details: { group, value: members + 1, limit } },
    );
  }
}

/**
 * Lets a group go that nobody reads for and that has never committed, if there are as many as may be. `live`:
 * those with members.
 * @throws RingMQError TOO_MANY_GROUPS
 */
export function makeRoom(name: string, live: readonly string[], offsets: GroupOffsets, limit: number): void {
  const groups = offsets.groups();
  for (const group of live) {
    groups.add(group);
  }
  if (groups.size < limit) {
    return;
  }
  const isLive = new Set(live);
  for (const group of groups) {
    if (!isLive.has(group) && !offsets.lasts(group)) {
      offsets.drop(group);
      return;
    }
  }
  throw new RingMQError(
    'TOO_MANY_GROUPS',
    `the broker has ${groups.size} consumer groups, as many as it may; delete some, or raise maxGroups`,
    { details: { group: name, value: groups.size + 1, limit } },
  );
}

/** @throws RingMQError QUEUE_NOT_FOUND; TOO_MANY_MEMBERS when there are `readers` already, and `limit` may be */
export function checkReader({ queueIds }: Reader, topic: SharedTopic, readers: number, limit: number): void {
  for (const queueId of queueIds ?? []) {
    if (queueId >= topic.queues) {
      throw new RingMQError(
        'QUEUE_NOT_FOUND',
        `the topic '${topic.topic}' has queues 0 to ${topic.queues - 1}, not ${queueId}`,
        { details: { value: queueId, limit: topic.queues - 1 } },
      );
    }
  }
  if (readers >= limit) {
    throw new RingMQError(
      'TOO_MANY_MEMBERS',
      `the broker has ${readers} readers without a group, as many as it may (maxGroups)`,
      { details: { value: readers + 1, limit } },
    );
  }
}

/** Each queue of a group takes its place in tables, and at the connection that reads it. @throws RingMQError TOO_MANY_MEMBERS */
export function checkQueues(topic: SharedTopic, held: number, limit: number): void {
  const queues = held + topic.queues;
  if (queues > limit) {
    throw new RingMQError(
      'TOO_MANY_MEMBERS',
      `groups and readers share ${held} queues already, and the ${topic.queues} of '${topic.topic}' are more than there may be (maxGroupQueues)`,
      { details: { value: queues, limit } },
    );
  }
}

/**
 * Members with different filters would each see their own part of some queues only; so all have the same. One
 * with another may come when they have gone: while a change of the filter is rolled out, new members try
 * until the last old one has ended. `replaced` goes when this one comes.
 * @throws RingMQError GROUP_BUSY
 */
export function checkFilter(
  share: TopicShare | undefined,
  filter: string,
  replaced: Member | undefined,
): void {
  const others = share?.members.some((member) => member !== replaced) === true;
  if (share !== undefined && others && share.filter !== filter) {
    throw new RingMQError(
      'GROUP_BUSY',
      `the members of group '${share.group}' on topic '${share.topic.topic}' have the filter '${share.filter.slice(0, 80)}'; one with '${filter.slice(0, 80)}' can join when they have left`,
      { details: { filter, groupFilter: share.filter } },
    );
  }
}

/**
 * A name of a broadcast is one consumer's. Who comes next under it may when that one has left, as with another filter. `replaced` goes
 * when this one comes.
 * @throws RingMQError GROUP_BUSY
 */
export function checkAlone(
  share: TopicShare | undefined,
  alone: boolean,
  replaced: Member | undefined,
): void {
  const others = share?.members.filter((member) => member !== replaced) ?? [];
  if (share !== undefined && others.length > 0 && (alone || others.some((member) => member.alone))) {
    const why = alone ? 'another consumer has that name' : 'its member shares with nobody';
    throw new RingMQError(
      'GROUP_BUSY',
      `the group '${share.group}' has a member on topic '${share.topic.topic}', and ${why}; this one can join when it has left`,
      { details: { group: share.group, members: others.length } },
    );
  }
}
