/** Connections of all threads, put together: each thread gives the first ones of its own in the order asked for. */
import {
  type ConnectionInfo,
  ConnectionOrder,
  type ControlMethods,
  MAX_LISTED_PER_CONNECTION,
  RingMQError,
  type TopicClient,
} from '../../native-free/wire/index.js';
import type { ThreadConnections, ThreadQuestion } from './connection-desk.js';
import { MAX_PAGE_ITEMS, Page, pageEnd } from './page.js';

/** What an item takes in an answer besides its names. */
const INFO_BYTES = 420;

export interface ThreadAnswers {
  answers: unknown[];
  /** Threads that did not answer in time. */
  silent: number;
}

export interface ConnectionsDeps {
  askThreads(question: ThreadQuestion): Promise<ThreadAnswers>;
  /** Whether this opening of the broker gave out such an id. */
  isOwn(id: string): boolean;
  /** @throws RingMQError TOPIC_NOT_FOUND */
  requireTopic(topic: string): void;
}

type Listed = ConnectionInfo & Partial<Pick<TopicClient, 'produces' | 'groups'>>;

export class ConnectionsView {
  readonly #deps: ConnectionsDeps;

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
  }

  async list({
    sort = 'openedTime',
    cursor = null,
    filter = '',
    limit = MAX_PAGE_ITEMS,
  }: ControlMethods['listConnections']['params']): Promise<ControlMethods['listConnections']['result']> {
    const order = new ConnectionOrder(sort, cursor);
    const most = Math.min(limit, MAX_PAGE_ITEMS);
    const { items, ...rest } = await this.#merged(order, most, {
      ask: 'connections',
      sort,
      cursor,
      filter,
      limit: most,
    });
    return { connections: items, ...rest };
  }

  async topicClients({
    topic,
    cursor = null,
    limit = MAX_PAGE_ITEMS,
  }: ControlMethods['topicClients']['params']): Promise<ControlMethods['topicClients']['result']> {
    this.#deps.requireTopic(topic);
    const order = new ConnectionOrder('openedTime', cursor);
    const most = Math.min(limit, MAX_PAGE_ITEMS);
    const { items, ...rest } = await this.#merged(order, most, {
      ask: 'topicClients',
      topic,
      cursor,
      limit: most,
    });
    return { clients: items.map(asClient), ...rest };
  }

  /** @throws RingMQError CONNECTION_NOT_FOUND, TIMEOUT */
  async close(id: string): Promise<void> {
    const { answers, silent } = await this.#deps.askThreads({ ask: 'close', id });
    if (answers.includes(true)) {
      return;
    }
    if (silent > 0 && this.#deps.isOwn(id)) {
      throw new RingMQError(
        'TIMEOUT',
        'a thread of the broker has not answered in time; it closes the connection when it goes on, if that is one of its',
        { details: { id: id.slice(0, 64) } },
      );
    }
    throw new RingMQError('CONNECTION_NOT_FOUND', 'no connection of that id is open at this broker', {
      details: { id: id.slice(0, 64) },
    });
  }

  async #merged(
    order: ConnectionOrder,
    limit: number,
    question: ThreadQuestion,
  ): Promise<{ items: Listed[]; silentThreads: number; cursor: string | null; complete: boolean }> {
    const { answers, silent } = await this.#deps.askThreads(question);
    const threads = answers as ThreadConnections<Listed>[];
    const all = threads.flatMap(({ found }) => found).sort(order.compare);
    const page = new Page<Listed>({ limit });
    for (const connection of all) {
      if (page.isFull) {
        break;
      }
      page.add(connection, bytesOf(connection));
    }
    const { items } = page;
    const last = items.at(-1);
    const hasMore = items.length < all.length || threads.some((thread) => thread.hasMore);
    return {
      items,
      silentThreads: silent,
      ...pageEnd(hasMore && last !== undefined ? order.cursorOf(last) : null),
    };
  }
}

function bytesOf({ name, address, user, producers, consumers, groups = [] }: Listed): number {
  let bytes = INFO_BYTES + name.length + address.length + (user?.length ?? 0);
  for (const { topic } of producers) {
    bytes += topic.length + 10;
  }
  for (const { topic, group } of consumers) {
    bytes += topic.length + (group?.length ?? 0) + 20;
  }
  for (const group of groups) {
    bytes += (group?.length ?? 0) + 3;
  }
  return bytes;
}

function asClient({
  id,
  thread,
  user,
  name,
  address,
  kind,
  openedTime,
  produces = false,
  groups = [],
}: Listed): TopicClient {
  return {
    id,
    thread,
    user,
    name,
    address,
    kind,
    openedTime,
    produces,
    groups: groups.slice(0, MAX_LISTED_PER_CONNECTION),
  };
}
