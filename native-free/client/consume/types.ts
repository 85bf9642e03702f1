/// <reference lib="esnext.disposable" preserve="true" />
/** The public shapes of consuming. */
import type { PropertyValue } from '../../batch/outgoing-message.js';
import type { RingMQError, StartPosition } from '../../wire/index.js';
import type { CallOptions } from '../call-options.js';

/** A message as a consumer gets it. */
export interface ConsumedMessage {
  readonly topic: string;
  /** The broker set whose queue it is of. Absent: there is one broker. */
  readonly brokerSet?: string | undefined;
  readonly queueId: number;
  readonly offset: number;
  readonly tag: string | undefined;
  readonly keys: readonly string[];
  readonly properties: Readonly<Record<string, PropertyValue>>;
  readonly shardingKey: string | undefined;
  /**
   * null: sent without a body. Yours to keep and to change, but from `batches()`: there it is valid until that
   * batch's ack. The bodies of several messages may lie in one buffer: to transfer one to another thread, copy
   * it first (`body.slice()`).
   */
  readonly body: Uint8Array | null;
  /** Bytes of the body, 0 without one. Cheaper than `body`. */
  readonly bodyLength: number;
  /** Unique across brokers. */
  readonly messageId: string;
  /** When it was sent, by the sender's clock; milliseconds since 1970. */
  readonly bornTime: number;
  /**
   * When its broker stored it; milliseconds since 1970. Does not fall along a queue, but when a clock that
   * was far ahead is set.
   */
  readonly storeTime: number;
  /** The body as text (UTF-8); empty without a body. */
  text(): string;
  /**
   * The body parsed as JSON; undefined without a body. Throws `BAD_MESSAGE` for what is no JSON, with the
   * message's place in `details`.
   */
  json<T = unknown>(): T | undefined;
  /**
   * Marks the message as done. Resolves at once; commits are gathered and sent within `commitIntervalMs`, and
   * before the consumer closes. False: the queue has gone to another member, who gets the message again.
   */
  ack(): Promise<boolean>;
}

/** Messages of one queue, in offset order, that arrived together. */
export interface MessageBatch extends Iterable<ConsumedMessage> {
  readonly topic: string;
  /** The broker set whose queue it is of. Absent: there is one broker. */
  readonly brokerSet?: string | undefined;
  readonly queueId: number;
  /** Offset of the first message stored in the batch; filtered ones count. */
  readonly baseOffset: number;
  /** Messages that `for … of` gives: those the filter lets through. */
  readonly length: number;
  /** Bytes of the stored batch. */
  readonly bytes: number;
  /** When its broker stored it; milliseconds since 1970. */
  readonly storeTime: number;
  /** Marks all of it as done; as `ack` of a message. Its bodies are not valid after. */
  ack(): Promise<boolean>;
}

/** A queue as it was assigned to this consumer. */
export interface AssignedQueue {
  /** Only where the consumer reads several topics. */
  topic?: string;
  /** Only over a cluster. */
  brokerSet?: string;
  queueId: number;
  /** Where reading begins. */
  offset: number;
}

/** What is damaged in a queue this consumer reads. */
export interface DamagedQueue {
  topic: string;
  /** Only over a cluster. */
  brokerSet?: string;
  queueId: number;
  /** First offset that cannot be read. */
  offset: number;
  /**
   * `BAD_CHECKSUM` or `BAD_BATCH`: a batch as it arrived. `LOG_CORRUPT`: the broker cannot read on there.
   * `details` has the place.
   */
  error: RingMQError;
}

/** What goes wrong without ending the consumer. */
export interface ConsumerWarning {
  /**
   * `join-refused`: the group does not take this member now; it tries again twice a second. `damage`: a queue
   * cannot be read on, or was read on behind the damage. `unacked`: a message has been in hand for long, and
   * the commits of its queue wait for it. `expired`: messages were deleted by the broker's retention before
   * the group had read them; reading goes on behind them. `paused`, `resumed`: an administrator has the group get
   * nothing, or go on.
   */
  type: 'join-refused' | 'damage' | 'unacked' | 'expired' | 'paused' | 'resumed';
  /** A sentence for the log: what, where, and what to do. */
  message: string;
  topic: string;
  /** Only over a cluster. */
  brokerSet?: string;
  /** Absent: of the whole topic. */
  queueId?: number;
  /** What was refused or damaged, and why. */
  error?: RingMQError;
  /** What is gone: messages from offset `from` up to, not including, `to`. */
  expired?: { from: number; to: number };
}

/** What a consumer has in hand of one queue, and how far it is behind. */
export interface ConsumerQueueStats {
  topic: string;
  /** Only over a cluster. */
  brokerSet?: string;
  queueId: number;
  /**
   * `full`: `maxUnackedCount` messages are in hand, nothing more is handed out before acks. `damaged`:
   * reading has stopped there. `revoked`: another member is to have it, and what is in hand may still be
   * acked.
   */
  state: 'reading' | 'paused' | 'full' | 'damaged' | 'revoked';
  /** Everything below is acked: what may be committed. */
  doneOffset: number;
  /** The next message to be handed out. */
  nextOffset: number;
  /** Messages handed out and not acked. */
  unackedCount: number;
  /** Acked messages that cannot be committed, because one before them is not acked. */
  waitingAckCount: number;
  /** How long the lowest message without an ack has been in hand, in milliseconds; null: none is. */
  unackedForMs: number | null;
  /** Messages from `doneOffset` to the queue's end; filtered ones count. */
  lag: number;
  /** Bytes received and not handed out. */
  bufferedBytes: number;
}

/** The same of all queues the consumer holds now. */
export interface ConsumerStats {
  unackedCount: number;
  /** Of the queue where it is longest. */
  unackedForMs: number | null;
  lag: number;
  bufferedBytes: number;
  queues: ConsumerQueueStats[];
}

export interface ConsumerOptions {
  /** Consumer group: its members share the queues, each queue has one reader. */
  group: string;
  /**
   * One topic, or several, at most 64: the group's members share the queues of each, and one consumer reads
   * them in turn.
   */
  topic: string | readonly string[];
  /**
   * Every member gets all queues and shares none. Without a `memberName` it begins at `from`, keeps its place
   * itself over lost connections, commits nothing and leaves nothing behind at the broker; the group is a
   * name only. Default false.
   */
  broadcast?: boolean | undefined;
  /**
   * Of a broadcast: commits under its own name, as the group `GROUP/MEMBERNAME`, and goes on there at its
   * next start. One consumer at a time: another one of that name gets nothing, is told by `onWarning`
   * (`join-refused`, `GROUP_BUSY`), and takes over when the first has left.
   */
  memberName?: string | undefined;
  /** Tag expression: `a || b`, `*` (default). A malformed one throws `BAD_FILTER` at once. */
  filter?: string | undefined;
  /** Where the group begins on a queue without a committed offset. Default `earliest`. */
  from?: StartPosition | Date | undefined;
  /** Bytes the broker may send ahead of what was consumed. Default 4 MiB, 64 KiB to 1 GiB. */
  windowBytes?: number | undefined;
  /**
   * Check each batch's body checksum (`BAD_CHECKSUM` with the position). Default true, but for a memory topic
   * inside one process.
   */
  verifyChecksums?: boolean | undefined;
  /** Longest between an ack and its commit, in ms. Default 100, 1 ms to 1 min. */
  commitIntervalMs?: number | undefined;
  /**
   * When queues are taken away: how long messages already handed out may still be acked before they are given
   * up. In ms; default 3 s, at most 8 s.
   */
  revokeGraceMs?: number | undefined;
  /** Aborting ends a running loop with `ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Told of every assignment, the first of an empty one too. */
  onAssigned?: ((queues: AssignedQueue[]) => void) | undefined;
  /** Told of queues taken away; over a cluster of which broker set they are. */
  onRevoked?: ((queueIds: number[], brokerSet?: string) => void) | undefined;
  /**
   * What becomes of a queue whose messages cannot be read on. `stop` (default): its reading ends there, the
   * other queues go on; a loop ends with the damage once all its queues have stopped. `skip`: it goes on
   * behind the damage, which is committed as read. A function decides for each damage. Both are told by
   * `onWarning`.
   */
  onDamage?: 'stop' | 'skip' | ((damage: DamagedQueue) => 'stop' | 'skip') | undefined;
  /**
   * Told of what goes wrong without ending the consumer; the same at most every 10 s. Default: a line by
   * `console.warn`.
   */
  onWarning?: ((warning: ConsumerWarning) => void) | undefined;
  /**
   * A message that is neither acked nor given up for so long is warned of, again each time its age has
   * doubled. In ms; default 60 s, at most 24 h; 0: never.
   */
  unackedWarningMs?: number | undefined;
  /**
   * Messages of one queue that may be in hand without an ack, with those acked behind them. Beyond that
   * nothing more of the queue is handed out; other queues go on. Default 1,000,000, at least 1, at most
   * 10,000,000.
   */
  maxUnackedCount?: number | undefined;
}

export interface RunOptions extends CallOptions {
  /** Handlers at work at once, of all queues together. Default 1: strictly in order. At most 65,536. */
  concurrency?: number | undefined;
  /**
   * What stays in order when several handlers are at work. `none` (default): nothing. `queue`: the messages
   * of a queue, one after another; so at most as many handlers are at work as there are queues. `key`: the
   * messages of one sharding key; those without a key have no order. What must come one after another does so
   * within the queue or key, which a stuck handler then holds up alone.
   */
  order?: 'none' | 'queue' | 'key' | undefined;
}

export interface BatchOptions extends CallOptions {
  /**
   * Gathers messages of one queue, whatever batches they were sent in, until there are so many. Default 1,000
   * if `maxWaitMs` is given, at most 65,535. Without either option batches come as they are stored. Past
   * `windowBytes` in all, batches come earlier.
   */
  maxMessages?: number | undefined;
  /** … or until the first of them has waited so long, in ms. Default 0: what is there. At most 1 h. */
  maxWaitMs?: number | undefined;
}

export interface PollOptions extends CallOptions {
  /** Messages, at most. Default 100, 1 to 65,535. */
  max?: number | undefined;
  /** How long to wait for the first message, in ms. Default 0, at most 24 h. */
  waitMs?: number | undefined;
}

export interface SeekOptions extends CallOptions {
  /** Default: each of its topics. */
  topic?: string | undefined;
  /** Default: all queues it holds. */
  queueId?: number | undefined;
  /** Over a cluster: only the queues of this broker set. With `queueId` it says whose queue is meant. */
  brokerSet?: string | undefined;
}

/** Queues of a consumer. */
export interface QueueSelection {
  /** Default: each of its topics. */
  topic?: string | undefined;
  /** Default: all, those assigned later too. */
  queueIds?: readonly number[] | undefined;
  /** Over a cluster: only the queues of this broker set. Default: of each. */
  brokerSet?: string | undefined;
}

/** How far the reading of a queue has come. */
export interface QueuePosition {
  topic: string;
  /** Only over a cluster. */
  brokerSet?: string;
  queueId: number;
  /** The next message to be handed out. */
  offset: number;
  /** Everything below is acked. */
  doneOffset: number;
}

/** Batches, one after the other. */
export interface MessageBatches extends AsyncIterator<MessageBatch, undefined, undefined> {
  [Symbol.asyncIterator](): MessageBatches;
}

/**
 * Reads a topic as a member of a group. It joins when reading begins and leaves when the loop is left: what
 * was not acked is then delivered again, to whoever reads next. One loop at a time.
 */
export interface Consumer extends AsyncDisposable, AsyncIterable<ConsumedMessage> {
  readonly group: string;
  /** Its topic; the first of several. */
  readonly topic: string;
  readonly topics: readonly string[];
  /**
   * Resolves with the first assignment of queues, of every topic. Asking for it joins the group, if no loop
   * has yet. Rejects with what ended the consumer before.
   */
  readonly assigned: Promise<AssignedQueue[]>;
  /** The queues it has now. */
  readonly queues: AssignedQueue[];
  /** Bytes received and not handed out yet. */
  readonly bufferedBytes: number;
  [Symbol.asyncIterator](): AsyncIterator<ConsumedMessage, undefined, undefined>;
  /** The fast form: whole batches, views instead of copies, one ack. */
  batches(options?: BatchOptions): MessageBatches;
  /**
   * Calls the handler for each message and acks when it returns. Ends when the consumer is closed; rejects
   * with what a handler throws (that message is not acked), after the others at work have ended.
   */
  run(handler: (message: ConsumedMessage) => unknown, options?: RunOptions): Promise<void>;
  /**
   * Takes messages when it suits the caller: at least one and up to `max`, or none if none comes within
   * `waitMs`. The first call joins the group, `close` leaves it. One poll at a time, and no loop beside it.
   * Rejects with what ended the consumer.
   */
  poll(options?: PollOptions): Promise<ConsumedMessage[]>;
  /**
   * Hands out nothing more of these queues, of the batch at hand neither, until `resume`; other queues go on.
   * It keeps the queues.
   */
  pause(queues?: QueueSelection | readonly number[]): void;
  resume(queues?: QueueSelection | readonly number[]): void;
  /**
   * Goes on elsewhere: at the earliest or latest message, at a time, at an offset (moved to what is stored).
   * What was received and not handed out is dropped, acks of what was handed out do not count any more, and
   * the group's committed offset is set, backwards too. Waits for the first assignment, for
   * `requestTimeoutMs` at most. Rejects with `QUEUE_NOT_FOUND` for a queue it does not hold, with `TIMEOUT`,
   * `CONNECTION_LOST`, and `CLOSED` when the consumer is closed meanwhile.
   */
  seek(to: StartPosition | Date, options?: SeekOptions): Promise<void>;
  /** How far each queue it holds has come. */
  position(): QueuePosition[];
  /**
   * Sends what is acked and not committed yet; resolves when the broker has it. Rejects with
   * `CONNECTION_LOST` while acks wait for a lost connection to come back, and once after acks were lost with
   * it (their messages come again); with `TIMEOUT`, `ABORTED`, `DISK_FULL`.
   */
  commit(options?: CallOptions): Promise<void>;
  /** What is in hand, how long, and how far it is behind, by queue. Asks the broker for the queues' ends. */
  stats(options?: CallOptions): Promise<ConsumerStats>;
  /**
   * Ends the loop, waits for handlers at work as long as `revokeGraceMs`, commits what is acked, leaves the
   * group. From within a handler of `run` it resolves at once, and the rest follows when the handlers have
   * returned: `run` resolves after it.
   */
  close(options?: CallOptions): Promise<void>;
}
