/** Which messages of a topic are looked at, and how they are asked for. */
import type { MessageSearch } from '../../client/index.js';
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

/** Where an answer goes on, and how much it has. */
type Page = Pick<MessageSearch, 'limit' | 'maxBodyBytes' | 'cursor' | 'bodyFrom'>;

const PAGE_MESSAGES = 50;
/** Of each body: what is larger is saved as a file. */
const SHOWN_BODY_BYTES = 64 * 1024;
/** The newest of all queues are looked for in so many. */
const MAX_NEWEST_QUEUES = 32;

export function search(topic: string, wanted: Search): Promise<Found> {
  return wanted.by === 'newest' ? newest(topic, wanted) : found(topic, wanted, null);
}

/** One answer of the brokers' own search. It may be empty though more follows. */
export async function findPage(topic: string, wanted: Search, page: Page) {
  const { by, text, tag, queue } = wanted;
  const answer = await backend().admin('findMessages', {
    topic,
    ...(by === 'id' ? { id: text } : {}),
    ...(by === 'key' ? { key: text } : {}),
    ...(by === 'time' ? { time: new Date(text).getTime() } : {}),
    ...(by === 'offset' ? { offset: Number(text) } : {}),
    ...(tag === '' ? {} : { tag }),
    ...(queue === null ? {} : { queueId: queue.queueId }),
    ...(queue === null || queue.brokerSet === null ? {} : { brokerSet: queue.brokerSet }),
    ...page,
  });
  return {
    messages: answer.messages.map(
      (message): SeenMessage => ({
        ...message,
        topic: answer.topic ?? topic,
        brokerSet: message.brokerSet ?? null,
      }),
    ),
    damage: answer.damage.map(({ message }) => message),
    cursor: answer.cursor,
  };
}

/** In the order in which messages were stored. The brokers look so long at a time, and go on where they were. */
async function found(topic: string, wanted: Search, from: string | null): Promise<Found> {
  let cursor = from;
  for (;;) {
    const page = await findPage(topic, wanted, {
      cursor,
      limit: PAGE_MESSAGES,
      maxBodyBytes: SHOWN_BODY_BYTES,
    });
    cursor = page.cursor;
    if (page.messages.length > 0 || page.damage.length > 0 || cursor === null) {
      const next = cursor;
      return { ...page, next: next === null ? null : () => found(topic, wanted, next) };
    }
  }
}

/** The last of each queue, the newest first. Asked anew where they end: what the page knows is of its last look. */
async function newest(topic: string, wanted: Search): Promise<Found> {
  const { queueStates } = await backend().admin('describeTopic', topic);
  const queues = queueStates.filter((state) => state.maxOffset > state.minOffset && isWanted(state, wanted));
  const looked = queues.slice(0, MAX_NEWEST_QUEUES);
  const each = Math.max(5, Math.ceil(PAGE_MESSAGES / Math.max(1, looked.length)));
  const all = await Promise.all(
    looked.map(async ({ queueId, brokerSet = null, minOffset, maxOffset }) => {
      const first = Math.max(minOffset, maxOffset - each);
      const ofQueue: Search = { ...wanted, by: 'offset', text: String(first), queue: { brokerSet, queueId } };
      const messages: SeenMessage[] = [];
      const damage: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await findPage(topic, ofQueue, {
          cursor,
          limit: each,
          maxBodyBytes: SHOWN_BODY_BYTES,
        });
        messages.push(...page.messages);
        damage.push(...page.damage);
        cursor = page.cursor;
      } while (cursor !== null && messages.length < each && damage.length === 0);
      return { messages, damage };
    }),
  );
  return {
    messages: all
      .flatMap(({ messages }) => messages)
      .sort((a, b) => b.storeTime - a.storeTime || b.offset - a.offset)
      .slice(0, PAGE_MESSAGES),
    damage: all.flatMap(({ damage }) => damage),
    next: null,
  };
}

function isWanted(
  { queueId, brokerSet = null }: { queueId: number; brokerSet?: string | null },
  { queue }: Search,
): boolean {
  return queue === null || (queue.queueId === queueId && queue.brokerSet === brokerSet);
}
