/**
 * Whom a client talks to: one broker, or the broker sets of a cluster. Producers and consumers know neither
 * from the other; they ask for the places of a topic, of which one broker gives one, and a cluster one for
 * each set that has the topic.
 */
import type { ErrorCode, RingMQError, TopicInfo } from '../wire/index.js';
import { ControlAdmin } from './admin.js';
import type { Connection } from './link/connection.js';
import type { BatchPool } from './produce/send-batch.js';
import { TopicCache } from './produce/topic-cache.js';
import type { Admin, BrokerInfo } from './types.js';

/** A broker, or a set of them that are one to a client: its connection goes to whichever answers for the set. */
export interface BrokerLink {
  /** The broker set's name; null: there is one broker, and nobody has to tell it from others. */
  readonly set: string | null;
  readonly connection: Connection;
  readonly topics: TopicCache;
  /** Batches can be sent to it now. */
  readonly isUp: boolean;
  /** Since when they cannot, by the monotonic clock; Infinity: they can. */
  readonly downSince: number;
  /** It is up, and its last answer to a batch that was for the disk was a refusal that has nothing to do with the batch. */
  readonly isRefused: boolean;
  /** It has been so for a while: what may go elsewhere goes there. */
  readonly isRefusing: boolean;
  /** A batch was refused. */
  onRefused(code: ErrorCode): void;
  /** A batch that was for the disk was stored. */
  onTaken(): void;
  /** A connection to one of these slaves of the set, for reading what is old; null: it is not known where they are. */
  aside(slaves: readonly string[]): AsideLink | null;
  /** Whether a batch that could go elsewhere is to try it all the same while it refuses; true once in a while. */
  takeProbe(): boolean;
}

/** A connection to a slave, which several may use; each gives it back once. */
export interface AsideLink {
  readonly connection: Connection;
  release(): void;
}

/** A topic's part at one of them. */
export interface TopicPlace {
  readonly link: BrokerLink;
  readonly info: TopicInfo;
}

export interface Brokers {
  /** As in {@link Client}. */
  readonly info: BrokerInfo;
  readonly isConnected: boolean;
  /** Since when one of them is away, by the monotonic clock; Infinity: none is. */
  readonly lostAt: number;
  /** How long `close` waits for what is away. */
  readonly closeTimeoutMs: number;
  /** How long a call waits that says nothing else. */
  readonly requestTimeoutMs: number;
  admin(): Admin;
  /** Ends it for good. */
  close(failure: RingMQError): void;
  /** Why nothing goes any more, if that is so. */
  readonly failure: RingMQError | null;
  /** Why there is no connection, while there is none. */
  readonly trouble: RingMQError | null;
  /** The broker, where there is one only. */
  readonly only: BrokerLink | null;
  /** For batches of any of them. */
  readonly buffers: BatchPool;
  /** Where the topic is, in the order of the sets' names; never empty. Rejects with `TOPIC_NOT_FOUND`, and as a request may fail. */
  places(topic: string): Promise<readonly TopicPlace[]>;
  /** What was known of the topic does not hold any more. */
  forget(topic: string): void;
  warn(message: string, details: Record<string, unknown>): void;
  /** Told of changes: of a topic, or null: of who there is. Returns what ends that. */
  watch(listener: (topic: string | null) => void): () => void;
}

/** One broker. */
export class OneBroker implements Brokers, BrokerLink {
  readonly set = null;
  readonly connection: Connection;
  readonly topics: TopicCache;

  constructor(connection: Connection) {
    this.connection = connection;
    this.topics = new TopicCache(connection.requests);
    connection.news.watchTopics((topic) => this.topics.forget(topic));
  }

  get info(): BrokerInfo {
    return infoOf(this.connection);
  }

  get isConnected(): boolean {
    return this.connection.isOpen;
  }

  get lostAt(): number {
    return this.connection.lostAt;
  }

  get closeTimeoutMs(): number {
    return this.connection.closeTimeoutMs;
  }

  get requestTimeoutMs(): number {
    return this.connection.requests.timeoutMs;
  }

  get failure(): RingMQError | null {
    return this.connection.failure;
  }

  admin(): Admin {
    const { connection } = this;
    return new ControlAdmin(connection.requests, (topic) => connection.news.topicChanged(topic));
  }

  close(failure: RingMQError): void {
    this.connection.close(failure);
  }

  get only(): BrokerLink {
    return this;
  }

  get trouble(): RingMQError | null {
    return this.connection.produce.trouble;
  }

  get buffers(): BatchPool {
    return this.connection.produce.buffers;
  }

  get isUp(): boolean {
    return this.connection.produce.isOpen;
  }

  get downSince(): number {
    return this.connection.lostAt;
  }

  readonly isRefused = false;
  readonly isRefusing = false;

  onRefused(): void {
    // There is no other one to turn to.
  }

  onTaken(): void {
    // Nor was it turned away from.
  }

  takeProbe(): boolean {
    return false;
  }

  aside(): null {
    return null;
  }

  watch(): () => void {
    return () => {};
  }

  async places(topic: string): Promise<readonly TopicPlace[]> {
    return [{ link: this, info: await this.topics.lookUp(topic) }];
  }

  forget(topic: string): void {
    this.topics.forget(topic);
  }

  warn(message: string, details: Record<string, unknown>): void {
    this.connection.news.warn(message, details);
  }
}

/** What a broker has said of itself. */
export function infoOf({ welcome }: Connection): BrokerInfo {
  const { brokerId, brokerName, flush, listener } = welcome;
  return { brokerId, brokerName, flush, listener };
}
