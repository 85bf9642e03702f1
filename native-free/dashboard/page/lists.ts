/** The lists of a broker, or of all broker sets together. */
import type { GroupInfo, TopicInfo } from '../../client/index.js';
import type { Target } from '../desk/index.js';
import { PagedList } from './paged.js';
import { backend, where } from './session.js';

/** null: there is one broker. */
export function setsHere(): readonly (string | null)[] {
  const sets = where.value?.sets ?? [];
  return sets.length === 0 ? [null] : sets;
}

export function targetOf(set: string | null): { set?: string } {
  return set === null ? {} : { set };
}

/** Who is asked for a list: of a cluster all sets, and what comes from each is marked with its name. */
export interface ListPlace {
  readonly set: string | null;
  readonly target: Target;
}

export function allPlaces(): readonly ListPlace[] {
  return setsHere().map((set) => ({ set, target: targetOf(set) }));
}

/** A list whose answers have their items under `field`. What `params` filter the brokers leave out. */
export function listOf<T>({
  method,
  field,
  keyOf,
  merge = (row) => row,
  params = {},
  mark = (item) => item,
  places = allPlaces(),
}: {
  method: string;
  field: string;
  keyOf: (item: T) => string;
  /** What another set says of the same key is added to a row. */
  merge?: (row: T, item: T) => T;
  params?: object;
  /** Called where there are sets. */
  mark?: (item: T, set: string, target: Target) => T;
  places?: readonly ListPlace[];
}): PagedList<T> {
  const sources = places.map(({ set, target }) => ({
    ask: async (cursor: string | null, limit: number) => {
      const answer = await backend().control(target, method, { ...params, cursor, limit });
      const items = (answer[field] ?? []) as T[];
      return {
        items: set === null ? items : items.map((item) => mark(item, set, target)),
        cursor: answer['complete'] === true ? null : ((answer['cursor'] as string | undefined) ?? null),
      };
    },
  }));
  return new PagedList(sources, keyOf, merge);
}

export function topicList(filter = ''): PagedList<TopicInfo> {
  return listOf<TopicInfo>({
    method: 'listTopics',
    field: 'topics',
    keyOf: ({ topic }) => topic,
    merge: (row, item) => ({
      ...row,
      queues: row.queues + item.queues,
      parts: [...(row.parts ?? []), ...(item.parts ?? [])],
    }),
    params: { filter },
    mark: (item, brokerSet) => ({
      ...item,
      parts: [{ brokerSet, topicId: item.topicId, queues: item.queues }],
    }),
  });
}

export function groupList(filter = ''): PagedList<GroupInfo> {
  return listOf<GroupInfo>({
    method: 'listGroups',
    field: 'groups',
    keyOf: ({ group }) => group,
    merge: (row, item) => {
      const topics = [...new Set([...row.topics, ...item.topics])].sort();
      return {
        ...row,
        topics,
        topicCount: Math.max(row.topicCount, item.topicCount, topics.length),
        // A member is at every set of the cluster under an id of its own.
        members: Math.max(row.members, item.members),
      };
    },
    params: { filter },
  });
}

/** Groups that know a topic: they have committed on it, or have members there. */
export function topicGroupList(topic: string): PagedList<{ group: string }> {
  return listOf<{ group: string }>({
    method: 'consumedBy',
    field: 'groups',
    keyOf: ({ group }) => group,
    params: { topic, queueId: 0, offset: 0 },
  });
}
