/** Which messages of a topic are looked at, and how they are asked for. */
import type { MessageSearch, TopicDescription } from '../../client/index.js';
import type { SeenMessage } from '../desk/index.js';
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
  /** Places that cannot be read. */
  readonly damage: readonly string[];
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
    default:
      return found(topic.topic, wanted, null);
  }
}

function questionOf(topic: string, { by, text, tag, queue }: Search): MessageSearch {
  return {
    topic,
    ...(by === 'id' ? { id: text } : {}),
    ...(by === 'key' ? { key: text } : {}),
    ...(by === 'time' ? { time: new Date(text).getTime() } : {}),
    ...(by === 'offset' ? { offset: Number(text) } : {}),
    ...(tag === '' ? {} : { tag }),
    ...(queue === null ? {} : { queueId: queue.queueId }),
    ...(queue === null || queue.brokerSet === null ? {} : { brokerSet: queue.brokerSet }),
    limit: PAGE_MESSAGES,
  };
}

/** By the brokers' own search, in the order in which messages were stored. It looks so long at a time, and goes on where it was. */
async function found(topic: string, wanted: Search, from: string | null): Promise<Found> {
  let cursor = from;
  for (;;) {
    const page = await backend().admin('findMessages', { ...questionOf(topic, wanted), cursor });
    const messages = page.messages.map((message) => ({
      ...message,
      topic: page.topic ?? topic,
      brokerSet: message.brokerSet ?? null,
    }));
    cursor = page.cursor;
    const damage = page.damage.map(({ message }) => message);
    if (messages.length > 0 || damage.length > 0 || cursor === null) {
      const next = cursor;
      return { messages, damage, next: next === null ? null : () => found(topic, wanted, next) };
    }
  }
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
    damage: [],
    next: null,
  };
}
