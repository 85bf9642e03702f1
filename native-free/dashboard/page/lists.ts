/** The lists of a broker, or of all broker sets together. */
import type { GroupInfo, TopicInfo } from '../../client/index.js';
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

/** A list whose answers have their items under `field`. `filter`: a broker that knows of filters leaves out the rest. */
export function listOf<T>(
  method: string,
  field: string,
  keyOf: (item: T) => string,
  merge: (row: T, item: T) => T = (row) => row,
  params: object = {},
  mark: (item: T, set: string) => T = (item) => item,
): PagedList<T> {
  const sources = setsHere().map((set) => ({
    set,
    ask: async (cursor: string | null, limit: number) => {
      const answer = await backend().control(targetOf(set), method, { ...params, cursor, limit });
      const items = (answer[field] ?? []) as T[];
      return {
        items: set === null ? items : items.map((item) => mark(item, set)),
        cursor: answer['complete'] === true ? null : ((answer['cursor'] as string | undefined) ?? null),
      };
    },
  }));
  return new PagedList(sources, keyOf, merge);
}

export function topicList(filter = ''): PagedList<TopicInfo> {
  return listOf<TopicInfo>(
    'listTopics',
    'topics',
    ({ topic }) => topic,
    (row, item) => ({
      ...row,
      queues: row.queues + item.queues,
      parts: [...(row.parts ?? []), ...(item.parts ?? [])],
    }),
    filter === '' ? {} : { filter },
    (item, brokerSet) => ({
      ...item,
      parts: [{ brokerSet, topicId: item.topicId, queues: item.queues }],
    }),
  );
}

export function groupList(filter = ''): PagedList<GroupInfo> {
  return listOf<GroupInfo>(
    'listGroups',
    'groups',
    ({ group }) => group,
    (row, item) => {
      const topics = [...new Set([...row.topics, ...item.topics])].sort();
      return {
        ...row,
        topics,
        topicCount: Math.max(row.topicCount, item.topicCount, topics.length),
        // A member is at every set of the cluster under an id of its own.
        members: Math.max(row.members, item.members),
      };
    },
    filter === '' ? {} : { filter },
  );
}
