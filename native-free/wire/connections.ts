/** Connections as administrators see them: what is told of each, and in which order. */
import { RingMQError } from './errors.js';
import type { PageParams } from './page.js';

/** What a list of connections may be sorted by; a `-` in front: from the highest down. */
export const CONNECTION_FIELDS = [
  'openedTime',
  'user',
  'name',
  'address',
  'bytesIn',
  'bytesOut',
  'messagesIn',
  'messagesOut',
  'creditBytes',
  'unsentBytes',
] as const;

export type ConnectionField = (typeof CONNECTION_FIELDS)[number];
export type ConnectionSort = ConnectionField | `-${ConnectionField}`;

/** Topics and consumers that are named of one connection; their counts say how many there are. */
export const MAX_LISTED_PER_CONNECTION = 16;
/** Characters of a filter. */
export const MAX_FILTER_CHARS = 255;

export interface ConnectionInfo {
  /** `OPENING-THREAD-NUMBER`: of all connections of all brokers, and never used again. */
  id: string;
  /** Only over a cluster. */
  brokerSet?: string;
  /** What the thread that serves it is called. */
  thread: string;
  /** As whom it has logged in; null: nobody had to, or it has not yet. */
  user: string | null;
  /** As the client calls itself; empty before its hello. */
  name: string;
  /** The peer's; `this process` for an embedded client. */
  address: string;
  /** `broker`: a slave that is sent the log, or another broker of the cluster. `http`: plain HTTP that lasts. */
  kind: 'client' | 'broker' | 'http';
  /** Milliseconds since 1970. */
  openedTime: number;
  /** Bytes of frames. */
  bytesIn: number;
  bytesOut: number;
  /** Messages taken in; messages read for its consumers, also those that a filter passed over in between. */
  messagesIn: number;
  messagesOut: number;
  /** Bytes of batches that it may still send. */
  creditBytes: number;
  /** Bytes for it that it has not taken yet. */
  unsentBytes: number;
  /** Topics that it has sent messages to, at most 16 of them. */
  producers: { topic: string }[];
  producerCount: number;
  /** At most 16 of them; `group` null: a reader in none. */
  consumers: { group: string | null; topic: string }[];
  consumerCount: number;
}

/** Somebody who has sent messages to a topic, or reads from it. */
export interface TopicClient
  extends Pick<
    ConnectionInfo,
    'id' | 'brokerSet' | 'thread' | 'user' | 'name' | 'address' | 'kind' | 'openedTime'
  > {
  /** It has sent messages to the topic. */
  produces: boolean;
  /** Groups in which it reads the topic, at most 16; null: in none. */
  groups: (string | null)[];
}

export interface ConnectionListParams extends PageParams {
  /** Absent: `openedTime`. */
  sort?: ConnectionSort;
  /** Only those of which id, user, name, address, a group or a topic has this in it, whatever its case. At most 255 characters. */
  filter?: string;
}

/** One order of connections, and a place in it that another page goes on behind. */
export class ConnectionOrder {
  readonly #field: ConnectionField;
  readonly #sign: 1 | -1;
  readonly #after: readonly [string | number, string] | null;

  /** @throws RingMQError BAD_ARGUMENT for a cursor that no page of this order gave */
  constructor(sort: ConnectionSort = 'openedTime', cursor: string | null = null) {
    const isDescending = sort.startsWith('-');
    this.#field = (isDescending ? sort.slice(1) : sort) as ConnectionField;
    this.#sign = isDescending ? -1 : 1;
    this.#after = cursor === null ? null : placeOf(cursor);
  }

  readonly compare = (a: ConnectionInfo, b: ConnectionInfo): number =>
    this.#compare(this.#key(a), a.id, this.#key(b), b.id);

  /** It comes behind the cursor. */
  isAfter(connection: ConnectionInfo): boolean {
    if (this.#after === null) {
      return true;
    }
    const [key, id] = this.#after;
    return this.#compare(this.#key(connection), connection.id, key, id) > 0;
  }

  cursorOf(connection: ConnectionInfo): string {
    return JSON.stringify([this.#key(connection), connection.id]);
  }

  #key(connection: ConnectionInfo): string | number {
    return connection[this.#field] ?? '';
  }

  #compare(a: string | number, aId: string, b: string | number, bId: string): number {
    if (a !== b) {
      return (a < b ? -1 : 1) * this.#sign;
    }
    return aId === bId ? 0 : aId < bId ? -1 : 1;
  }
}

function placeOf(cursor: string): readonly [string | number, string] {
  try {
    const place: unknown = JSON.parse(cursor);
    if (Array.isArray(place) && place.length === 2) {
      const [key, id] = place as unknown[];
      if ((typeof key === 'string' || typeof key === 'number') && typeof id === 'string') {
        return [key, id];
      }
    }
  } catch {
    // Said below.
  }
  throw new RingMQError('BAD_ARGUMENT', 'the cursor is not one that an answer gave', {
    details: { value: cursor.slice(0, 64) },
  });
}
