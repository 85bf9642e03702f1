/**
 * Lists for a user who does not see all of them. Left out is also what a page's cursor would tell: it names an item, so it is that of one that the user
 * sees, or another page is asked for until there is one.
 */
import {
  type ControlMethods,
  type GroupInfo,
  MAX_QUEUES_PER_TOPIC,
  type PageResult,
  type Rights,
} from '../../native-free/wire/index.js';

export type FilteredMethod = 'listTopics' | 'listGroups' | 'describeGroup' | 'findMessages' | 'consumedBy';

type Answer<M extends FilteredMethod> = ControlMethods[M]['result'];
type Ask = (method: FilteredMethod, params: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** The answer to one request, with what the user sees of it. `ask`: the control plane. */
export async function filteredAnswer(
  method: FilteredMethod,
  params: Readonly<Record<string, unknown>>,
  rights: Rights,
  ask: Ask,
): Promise<object> {
  switch (method) {
    case 'listTopics': {
      const { items, ...end } = await namedPage(params, async (asked) => {
        const { topics, ...rest } = (await ask(method, asked)) as Answer<'listTopics'>;
        return { ...rest, items: topics.filter(({ topic }) => rights.sees(`topic:${topic}`)), nameOf };
      });
      return { topics: items, ...end };
    }
    case 'listGroups': {
      const { items, ...end } = await namedPage(params, async (asked) => {
        const { groups, ...rest } = (await ask(method, asked)) as Answer<'listGroups'>;
        return { ...rest, items: groups.filter(({ group }) => rights.sees(`group:${group}`)), nameOf };
      });
      return { groups: items.map((group) => withoutHidden(group, rights)), ...end };
    }
    case 'findMessages': {
      const found = (await ask(method, params)) as Answer<'findMessages'>;
      const isAllowed = found.topic !== null && rights.may('subscribe', `topic:${found.topic}`);
      // What the user may not read is answered as what is not there.
      return isAllowed ? found : { topic: null, messages: [], damage: [], cursor: null, complete: true };
    }
    case 'consumedBy': {
      const { items, ...end } = await namedPage(params, async (asked) => {
        const { groups, ...rest } = (await ask(method, asked)) as Answer<'consumedBy'>;
        return { ...rest, items: groups.filter(({ group }) => rights.sees(`group:${group}`)), nameOf };
      });
      return { groups: items, ...end };
    }
    case 'describeGroup':
      return groupPage(
        params,
        rights,
        async (asked) => (await ask(method, asked)) as Answer<'describeGroup'>,
      );
  }
}

/** Asked for at once when a page had nothing that the user sees. */
const FURTHER_ITEMS = 10_000;
/** What a page has where nothing is said. */
const DEFAULT_ITEMS = 1_000;

function nameOf(item: { topic?: string; group?: string }): string {
  return item.group ?? item.topic ?? '';
}

/** A page of a list that is sorted by names, and goes on behind any name. */
async function namedPage<T extends object>(
  params: Readonly<Record<string, unknown>>,
  ask: (
    params: Readonly<Record<string, unknown>>,
  ) => Promise<{ items: T[]; nameOf(item: T): string } & PageResult>,
): Promise<{ items: T[] } & PageResult> {
  let page = await ask(params);
  while (page.items.length === 0 && typeof page.cursor === 'string') {
    // Each is a look at the whole list: by as few items as a user may ask for, one for each that is left out.
    page = await ask({ ...params, cursor: page.cursor, limit: FURTHER_ITEMS });
  }
  const { limit } = params;
  const items = page.items.slice(0, typeof limit === 'number' ? limit : DEFAULT_ITEMS);
  const isEnd = typeof page.cursor !== 'string' && items.length === page.items.length;
  const last = items.at(-1);
  return { items, cursor: isEnd || last === undefined ? null : page.nameOf(last), complete: isEnd };
}

/** Its cursor is a queue's number and the topic's name: topics that the user does not see are passed over whole. */
async function groupPage(
  params: Readonly<Record<string, unknown>>,
  rights: Rights,
  ask: (params: Readonly<Record<string, unknown>>) => Promise<Answer<'describeGroup'>>,
): Promise<object> {
  const isSeen = ({ topic }: { topic: string }): boolean => rights.sees(`topic:${topic}`);
  const first = await ask(params);
  const queues = first.queues.filter(isSeen);
  let { cursor, complete } = first;
  while (typeof cursor === 'string') {
    const topic = cursor.slice(cursor.indexOf('/') + 1);
    if (isSeen({ topic })) {
      break;
    }
    const next = await ask({ ...params, cursor: `${MAX_QUEUES_PER_TOPIC}/${topic}`, limit: 1 });
    queues.push(...next.queues.filter(isSeen));
    ({ cursor, complete } = next);
  }
  return { ...withoutHidden(first, rights), queues, cursor, complete };
}

function withoutHidden<G extends GroupInfo>(group: G, rights: Rights): G {
  const topics = group.topics.filter((topic) => rights.sees(`topic:${topic}`));
  // Of more than are named nobody here knows how many are seen.
  const topicCount = topics.length === group.topics.length ? group.topicCount : topics.length;
  return { ...group, topics, topicCount };
}
