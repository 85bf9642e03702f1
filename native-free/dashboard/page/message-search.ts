/** Which messages of a topic are looked at, and how they are asked for. */
import type { TopicDescription } from '../../client/index.js';
import type { StartPosition } from '../../wire/index.js';
import type { SeenMessage } from '../desk/index.js';
import { targetOf } from './lists.js';
import { backend } from './session.js';

export type SearchBy = 'newest' | 'earliest' | 'offset' | 'time' | 'key' | 'id';

export interface Search {
  readonly by: SearchBy;
  /** An offset, a moment, a key or an id. */
  readonly text: string;
  readonly tag: string;
  /** null: all queues. */
  readonly queue: { readonly brokerSet: string | null; readonly queueId: number } | null;
}

export interface Found {
  readonly messages: readonly SeenMessage[];
  /** null: that was all. */
  readonly next: (() => Promise<Found>) | null;
}

export const PAGE_MESSAGES = 50;
/** The newest of all queues are looked for in so many. */
const MAX_NEWEST_QUEUES = 32;

export async function search(topic: TopicDescription, wanted: Search): Promise<Found> {
  switch (wanted.by) {
    case 'newest':
      return newest(topic, wanted);
    case 'key':
    case 'id':
      return byIndex(topic, wanted, null);
    default:
      return forward(topic.topic, wanted, startOf(wanted));
  }
}

function startOf({ by, text }: Search): StartPosition {
  if (by === 'offset') {
    return { offset: Number(text) };
  }
  return by === 'time' ? { time: new Date(text).getTime() } : 'earliest';
}

function placeOf({ queue }: Search): { queueId?: number; brokerSet?: string } {
  return queue === null
    ? {}
    : {
        queueId: queue.queueId,
        ...(queue.brokerSet === null ? {} : { brokerSet: queue.brokerSet }),
      };
}

/** From a place on. Of one queue it goes on behind the last message; of all queues only the first page is told. */
async function forward(topic: string, wanted: Search, from: StartPosition): Promise<Found> {
  const messages = await backend().look({
    topic,
    ...placeOf(wanted),
    from,
    max: PAGE_MESSAGES,
    ...(wanted.tag === '' ? {} : { filter: wanted.tag }),
  });
  const last = messages.at(-1);
  const hasMore = wanted.queue !== null && last !== undefined && messages.length === PAGE_MESSAGES;
  return {
    messages,
    next: hasMore ? () => forward(topic, wanted, { offset: last.offset + 1 }) : null,
  };
}

/** The last of each queue, the newest first. */
async function newest(topic: TopicDescription, wanted: Search): Promise<Found> {
  const queues = topic.queueStates.filter(
    ({ queueId, brokerSet, minOffset, maxOffset }) =>
      maxOffset > minOffset &&
      (wanted.queue === null ||
        (wanted.queue.queueId === queueId && wanted.queue.brokerSet === (brokerSet ?? null))),
  );
  const looked = queues.slice(0, MAX_NEWEST_QUEUES);
  const each = Math.max(5, Math.ceil(PAGE_MESSAGES / Math.max(1, looked.length)));
  const found = await Promise.all(
    looked.map(({ queueId, brokerSet, minOffset, maxOffset }) =>
      backend().look({
        topic: topic.topic,
        queueId,
        ...(brokerSet === undefined ? {} : { brokerSet }),
        from: { offset: Math.max(minOffset, maxOffset - each) },
        max: each,
        ...(wanted.tag === '' ? {} : { filter: wanted.tag }),
      }),
    ),
  );
  return {
    messages: found
      .flat()
      .sort((a, b) => b.storeTime - a.storeTime || b.offset - a.offset)
      .slice(0, PAGE_MESSAGES),
    next: null,
  };
}

/** By the brokers' index of keys and ids. */
async function byIndex(
  topic: TopicDescription,
  wanted: Search,
  cursors: Map<string, string> | null,
): Promise<Found> {
  const sets = [...new Set(topic.queueStates.map(({ brokerSet }) => brokerSet ?? null))];
  const asked = cursors === null ? sets : sets.filter((set) => cursors.has(set ?? ''));
  const next = new Map<string, string>();
  const pages = await Promise.all(
    asked.map(async (set) => {
      const cursor = cursors?.get(set ?? '') ?? null;
      const answer = await backend().control(targetOf(set), 'findMessages', {
        topic: topic.topic,
        ...(wanted.by === 'key' ? { key: wanted.text } : { id: wanted.text }),
        ...(wanted.tag === '' ? {} : { tag: wanted.tag }),
        limit: PAGE_MESSAGES,
        ...(cursor === null ? {} : { cursor }),
      });
      const on = (answer['next'] ?? answer['cursor'] ?? null) as string | null;
      if (on !== null && answer['complete'] !== true) {
        next.set(set ?? '', on);
      }
      return ((answer['messages'] ?? []) as Partial<SeenMessage>[]).map((message) =>
        completed(message, topic.topic, set),
      );
    }),
  );
  return {
    messages: pages.flat(),
    next: next.size === 0 ? null : () => byIndex(topic, wanted, next),
  };
}

function completed(message: Partial<SeenMessage>, topic: string, brokerSet: string | null): SeenMessage {
  const body = message.body ?? null;
  return {
    topic,
    brokerSet,
    queueId: 0,
    offset: 0,
    tag: null,
    keys: [],
    properties: {},
    shardingKey: null,
    bodyBytes: body?.length ?? 0,
    messageId: '',
    bornTime: 0,
    storeTime: 0,
    ...message,
    body,
  };
}
