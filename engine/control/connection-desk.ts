/**
 * The connections of one thread, for whoever asks all threads for theirs. They are looked through in pieces, and no more of them are kept than are asked
 * for, so that a thread with very many serves them meanwhile.
 */
import { setImmediate } from 'node:timers';
import {
  type ConnectionInfo,
  ConnectionOrder,
  type ConnectionSort,
  type TopicClient,
} from '../../native-free/wire/index.js';
import type { ConnectionSource, OpenConnection } from '../engine-thread.js';

/** Looked at in one turn of the event loop. */
const AT_ONCE = 1_000;

/** What is asked of every thread. */
export type ThreadQuestion =
  | {
      ask: 'connections';
      sort: ConnectionSort;
      cursor: string | null;
      filter: string;
      limit: number;
    }
  | { ask: 'topicClients'; topic: string; cursor: string | null; limit: number }
  | { ask: 'close'; id: string };

/** How many there are in the order asked for at most, and whether more would come behind them. */
export interface ThreadConnections<T> {
  found: T[];
  hasMore: boolean;
}

/** How the ids of all connections begin that one opening of a broker has. */
export function connectionIdsOf(openingId: string): string {
  return `${openingId.slice(0, 8)}-`;
}

export class ConnectionDesk {
  readonly #sources = new Set<ConnectionSource>();

  /** Returns the way to stop. */
  add(source: ConnectionSource): () => void {
    this.#sources.add(source);
    return () => this.#sources.delete(source);
  }

  async answer(question: ThreadQuestion): Promise<unknown> {
    switch (question.ask) {
      case 'connections': {
        const { sort, cursor, filter, limit } = question;
        const wanted = filter.toLowerCase();
        return this.#first(new ConnectionOrder(sort, cursor), limit, (connection) => {
          const facts = connection.facts();
          return wanted === '' || matches(connection, facts, wanted) ? facts : null;
        });
      }
      case 'topicClients': {
        const { topic, cursor, limit } = question;
        const { found, hasMore } = await this.#first(
          new ConnectionOrder('openedTime', cursor),
          limit,
          (connection) => clientOf(connection, topic),
        );
        return { found, hasMore };
      }
      case 'close':
        return this.#close(question.id);
    }
  }

  #close(id: string): boolean {
    for (const source of this.#sources) {
      for (const connection of source.connections()) {
        if (connection.id === id) {
          connection.closeByAdministrator();
          return true;
        }
      }
    }
    return false;
  }

  /** The first `limit` of those that `pick` wants, in the order. */
  async #first<T extends ConnectionInfo>(
    order: ConnectionOrder,
    limit: number,
    pick: (connection: OpenConnection) => T | null,
  ): Promise<ThreadConnections<T>> {
    let found: T[] = [];
    let hasMore = false;
    let looked = 0;
    const cut = (): void => {
      found.sort(order.compare);
      hasMore ||= found.length > limit;
      found = found.slice(0, limit);
    };
    for (const source of this.#sources) {
      for (const connection of source.connections()) {
        const picked = pick(connection);
        if (picked !== null && order.isAfter(picked)) {
          found.push(picked);
        }
        if (found.length >= 2 * limit + AT_ONCE) {
          cut();
        }
        if (++looked % AT_ONCE === 0) {
          await new Promise<void>((resolve) => {
            setImmediate(resolve);
          });
        }
      }
    }
    cut();
    return { found, hasMore };
  }
}

function matches(connection: OpenConnection, facts: ConnectionInfo, wanted: string): boolean {
  const has = (text: string | null): boolean => text?.toLowerCase().includes(wanted) === true;
  if (has(facts.id) || has(facts.user) || has(facts.name) || has(facts.address)) {
    return true;
  }
  for (const topic of connection.producedTopics()) {
    if (has(topic)) {
      return true;
    }
  }
  for (const { group, topic } of connection.consumersThere()) {
    if (has(group) || has(topic)) {
      return true;
    }
  }
  return false;
}

/** With what the order needs; the control plane takes only the client's part on. */
function clientOf(
  connection: OpenConnection,
  topic: string,
): (ConnectionInfo & Pick<TopicClient, 'produces' | 'groups'>) | null {
  let produces = false;
  for (const produced of connection.producedTopics()) {
    produces ||= produced === topic;
  }
  const groups = new Set<string | null>();
  for (const consumer of connection.consumersThere()) {
    if (consumer.topic === topic) {
      groups.add(consumer.group);
    }
  }
  return produces || groups.size > 0 ? { ...connection.facts(), produces, groups: [...groups] } : null;
}
