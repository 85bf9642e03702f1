/**
 * The public shapes of the client. The embedded broker gives out the same ones, so a program moves between the
 * two by changing one line.
 */
import type { OutgoingMessage, PropertyValue } from '../batch/outgoing-message.js';
import type {
  Durability,
  GroupDescription,
  GroupInfo,
  Receipt,
  RingMQError,
  StartPosition,
  TopicDescription,
  TopicInfo,
} from '../wire/index.js';

export type {
  Durability,
  GroupDescription,
  GroupInfo,
  OutgoingMessage,
  PropertyValue,
  Receipt,
  StartPosition,
  TopicDescription,
  TopicInfo,
};

/** What can be asked of one send, beside the message itself. */
export interface WriteOptions {
  /**
   * `sync`: acked when on disk, `async`: acked when in the page cache, whatever the broker's policy. `NOT_SUPPORTED` on a memory
   * topic, which has neither. Default: the broker's policy.
   */
  flush?: 'sync' | 'async' | undefined;
  /** The queue, instead of sharding key or round-robin. */
  queueId?: number | undefined;
}

export interface SendOptions extends WriteOptions {
  /** Aborting rejects the call with `ABORTED`; a message already packed may be stored all the same. */
  signal?: AbortSignal | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** One batch of messages given to `write` that was not stored. */
export interface SendFailure {
  topic: string;
  /** null: it failed before a queue was chosen. */
  queueId: number | null;
  error: RingMQError;
  /** Running numbers of the messages: the n-th message given to this producer has number n, from 0. */
  numbers: number[];
}

export interface ProducerOptions {
  /** Producer group. Default `default`. */
  group?: string;
  /** A batch is sent when it has this many bytes, header included. Default 64 KiB, 1 KiB to 1 MiB. */
  batchBytes?: number;
  /** … or this many records. Default 4096, at most 65,535. */
  batchRecords?: number;
  /**
   * Longest a message waits for others to share its batch. Default (absent): a batch leaves at the end of the turn
   * when nothing is under way, else when it is full, when all before it is acked, or after 1 ms. 0: always at the end of the turn.
   */
  lingerMs?: number;
  /** Batches sent and not acked, counted from the oldest. Default and maximum 64: what the broker remembers to tell duplicates. */
  maxInFlightBatches?: number;
  /**
   * Bytes that may wait or be under way before `write` returns false; past twice that `write` throws `BUFFER_FULL`, past
   * five times that `send` waits for room before it packs. Default 3 MiB.
   */
  bufferBytes?: number;
  /** A batch that is not acked this long after it was closed fails with `TIMEOUT`. Default 30 s. Retryable errors are retried until then. */
  sendTimeoutMs?: number;
  /** Told of every batch of written messages that failed. Without it failures wait for `flush` and `close`, which reject with them. */
  onError?: (failure: SendFailure) => void;
}

/** Sends messages. Order: messages of one producer to one queue are stored in the order of the calls. */
export interface Producer extends AsyncDisposable {
  readonly group: string;
  /** Bytes that wait or are under way, and the mark above which `write` returns false. */
  readonly bufferedBytes: number;
  readonly bufferBytes: number;
  /** Messages taken so far; the number the next one gets. */
  readonly nextNumber: number;
  /**
   * Sends one message; the receipt comes when it is stored at the policy's durability. The message must not be changed until then.
   * Rejects with what the broker or a limit said, `TIMEOUT`, `ABORTED` or `CLOSED`.
   */
  send(message: OutgoingMessage, options?: SendOptions): Promise<Receipt>;
  /** Sends several; receipts in the order of the messages. If any fails it rejects with the first error, `details.failed` lists which. */
  sendBatch(messages: readonly OutgoingMessage[], options?: SendOptions): Promise<Receipt[]>;
  /**
   * Sends one message without a promise. It is copied before the call returns. False: wait for `ready()`. Throws
   * `BUFFER_FULL` past twice the buffer, and the typed error of a limit the message breaks; later failures come by `flush()` or `onError`.
   */
  write(message: OutgoingMessage, options?: WriteOptions): boolean;
  /** Resolves when `write` has room again (a quarter of the buffer). */
  ready(options?: CallOptions): Promise<void>;
  /**
   * Resolves when everything taken so far is acked. Rejects, once, with the first error of those written messages that failed since the last call:
   * `details.failed` is `{ number, topic, queueId, code }[]` (the first 1000), `details.failedCount` how many.
   */
  flush(options?: CallOptions): Promise<void>;
  /** Flushes, then ends. Rejects as `flush` does. */
  close(options?: CallOptions): Promise<void>;
}

/** A message as a consumer gets it. */
export interface ConsumedMessage {
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly tag: string | undefined;
  readonly keys: readonly string[];
  readonly properties: Readonly<Record<string, PropertyValue>>;
  readonly shardingKey: string | undefined;
  /** null: sent without a body. From `for await` yours to keep; from `batches()` valid until that batch's ack. */
  readonly body: Uint8Array | null;
  /** Bytes of the body, 0 without one. Cheaper than `body`. */
  readonly bodyLength: number;
  /** Unique across brokers. */
  readonly messageId: string;
  /** Milliseconds since 1970. */
  readonly bornTime: number;
  readonly storeTime: number;
  /** The body as text (UTF-8); empty without a body. */
  text(): string;
  /**
   * Marks the message as done. Resolves at once; commits are gathered and sent within `commitIntervalMs`, and before the consumer closes.
   * False: the queue has gone to another member, who gets the message again.
   */
  ack(): Promise<boolean>;
}

/** Messages of one queue, in offset order, that arrived together. */
export interface MessageBatch extends Iterable<ConsumedMessage> {
  readonly topic: string;
  readonly queueId: number;
  /** Offset of the first message stored in the batch; filtered ones count. */
  readonly baseOffset: number;
  /** Messages that `for … of` gives: those the filter lets through. */
  readonly length: number;
  /** Bytes of the stored batch. */
  readonly bytes: number;
  readonly storeTime: number;
  /** Marks all of it as done; as `ack` of a message. Its bodies are not valid after. */
  ack(): Promise<boolean>;
}

/** A queue as it was assigned to this consumer. */
export interface AssignedQueue {
  queueId: number;
  /** Where reading begins. */
  offset: number;
}

export interface ConsumerOptions {
  /** Consumer group: its members share the queues, each queue has one reader. */
  group: string;
  topic: string;
  /** Tag expression: `a || b`, `*` (default). A malformed one throws `BAD_FILTER` at once. */
  filter?: string;
  /** Where the group begins on a queue without a committed offset. Default `earliest`. */
  from?: StartPosition | Date;
  /** Bytes the broker may send ahead of what was consumed. Default 4 MiB, at least 64 KiB. */
  windowBytes?: number;
  /** Check each batch's body checksum (`BAD_CHECKSUM` with the position). Default true, but for a memory topic inside one process. */
  verifyChecksums?: boolean;
  /** Longest between an ack and its commit. Default 100 ms. */
  commitIntervalMs?: number;
  /** When queues are taken away: how long messages already handed out may still be acked before they are given up. Default 3 s, at most 8 s. */
  revokeGraceMs?: number;
  /** Aborting ends a running loop with `ABORTED`. */
  signal?: AbortSignal;
  /** Told of every assignment, the first of an empty one too. */
  onAssigned?: (queues: AssignedQueue[]) => void;
  /** Told of queues taken away. */
  onRevoked?: (queueIds: number[]) => void;
}

export interface RunOptions extends CallOptions {
  /** Handlers at work at once. Default 1: strictly in order. */
  concurrency?: number;
}

/**
 * Reads a topic as a member of a group. It joins when reading begins and leaves when the loop is left: what was not acked is
 * then delivered again, to whoever reads next. One loop at a time.
 */
export interface Consumer extends AsyncDisposable, AsyncIterable<ConsumedMessage> {
  readonly group: string;
  readonly topic: string;
  /** Resolves with the first assignment of queues. Never rejects; stays pending if the consumer ends before. */
  readonly assigned: Promise<AssignedQueue[]>;
  /** The queues it has now. */
  readonly queues: AssignedQueue[];
  /** Bytes received and not handed out yet. */
  readonly bufferedBytes: number;
  [Symbol.asyncIterator](): AsyncIterator<ConsumedMessage, undefined, undefined>;
  /** The fast form: whole batches, views instead of copies, one ack. */
  batches(options?: CallOptions): AsyncIterableIterator<MessageBatch, undefined, undefined>;
  /**
   * Calls the handler for each message and acks when it returns. Ends when the consumer is closed; rejects with what a handler
   * throws (that message is not acked), after the others at work have ended.
   */
  run(handler: (message: ConsumedMessage) => unknown, options?: RunOptions): Promise<void>;
  /**
   * Sends what is acked and not committed yet; resolves when the broker has it. Rejects with `CONNECTION_LOST` while acks wait for a lost
   * connection to come back, and once after acks were lost with it (their messages come again); with `TIMEOUT`, `ABORTED`, `DISK_FULL`.
   */
  commit(options?: CallOptions): Promise<void>;
  /** Commits what is acked, leaves the group, ends the loop. */
  close(options?: CallOptions): Promise<void>;
}

/** Topics and groups. Every call may reject with `TIMEOUT`, `CONNECTION_LOST`, `ABORTED` or `CLOSED`, beside what is named. */
export interface Admin {
  /** `TOPIC_EXISTS`, `BAD_ARGUMENT`, `TOO_MANY_QUEUES`. `queues` defaults to 4, `memory` to false. */
  createTopic(
    topic: { topic: string; queues?: number; memory?: boolean },
    options?: CallOptions,
  ): Promise<TopicInfo>;
  listTopics(options?: CallOptions): Promise<TopicInfo[]>;
  /** `TOPIC_NOT_FOUND`. */
  describeTopic(topic: string, options?: CallOptions): Promise<TopicDescription>;
  /** `TOPIC_NOT_FOUND`. */
  deleteTopic(topic: string, options?: CallOptions): Promise<void>;
  listGroups(options?: CallOptions): Promise<GroupInfo[]>;
  /** `GROUP_NOT_FOUND`. */
  describeGroup(group: string, options?: CallOptions): Promise<GroupDescription>;
  /** Sets where a group without members goes on reading. `GROUP_BUSY` while it has some. */
  resetOffset(
    change: { group: string; topic: string; to: StartPosition | Date },
    options?: CallOptions,
  ): Promise<{ queueId: number; offset: number }[]>;
}

/** What the broker said of itself at the last handshake. */
export interface BrokerInfo {
  brokerId: string;
  brokerName: string;
  flush: 'sync' | 'async';
  listener: 'uws' | 'ws' | 'embedded';
}

export interface ClientOptions {
  /** Free text for the broker's log, at most 127 bytes. */
  name?: string;
  credentials?: Record<string, unknown>;
  /** For the first connection; `CONNECT_FAILED` after it. Default 10 s. */
  connectTimeoutMs?: number;
  /** For an answer to a control request. Default 30 s. */
  requestTimeoutMs?: number;
  /** Silence after which a ping is sent; after twice that the connection counts as lost. 0: never. Default 15 s. */
  pingIntervalMs?: number;
  /** Bounds of the wait before a new attempt, doubled each time, between half and all of it at random. Defaults 50 ms, 5 s. */
  reconnectMinMs?: number;
  reconnectMaxMs?: number;
  /** Told when the connection is lost (with why) and when it stands again. */
  onConnection?: (state: 'connected' | 'disconnected', reason?: unknown) => void;
}

export interface ConnectOptions extends ClientOptions {
  signal?: AbortSignal;
}

/** One connection to a broker. After a loss it reconnects by itself until closed; producers resend, consumers resume. */
export interface Client extends AsyncDisposable {
  readonly broker: BrokerInfo;
  readonly connected: boolean;
  producer(options?: ProducerOptions): Producer;
  consumer(options: ConsumerOptions): Consumer;
  admin(): Admin;
  /** Closes its producers (flushing), its consumers (committing) and the connection. Rejects with the first failure among them, after all are closed. */
  close(options?: CallOptions): Promise<void>;
}

/**
 * A way to exchange frames with a broker: a WebSocket, or function calls inside a process. Frames keep their order.
 */
export interface Link {
  /** May keep the pointer until it is on its way; the caller leaves the bytes alone until the batch is acked or the link is closed. */
  send(frame: Uint8Array): void;
  readonly bufferedBytes: number;
  /** True: a frame given to `onFrame` stays as it is for ever. False or absent: it is valid during the call only. */
  readonly framesAreOwned?: boolean;
  /** Takes back a frame nobody looks at any more; only for frames that are owned. A function of its own, needing no `this`. */
  readonly releaseFrame?: (frame: Uint8Array) => void;
  close(code?: number): void;
  onFrame: ((frame: Uint8Array) => void) | null;
  onClose: ((reason?: unknown) => void) | null;
}

/** Opens a link, at once or later. Fails when it cannot, or with the signal's reason when that is aborted. */
export type LinkFactory = (signal: AbortSignal) => Link | Promise<Link>;
