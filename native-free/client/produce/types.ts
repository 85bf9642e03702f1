/// <reference lib="esnext.disposable" preserve="true" />
/** The public shapes of a producer. */
import type { OutgoingMessage } from '../../batch/outgoing-message.js';
import type { Receipt, RingMQError } from '../../wire/index.js';
import type { CallOptions } from '../call-options.js';

/** What can be asked of one send, beside the message itself. */
export interface WriteOptions {
  /**
   * `sync`: acked when on disk, `async`: acked when in the page cache, whatever the broker's policy.
   * `NOT_SUPPORTED` on a memory topic, which has neither. Default: the broker's policy.
   */
  flush?: 'sync' | 'async' | undefined;
  /**
   * The queue, instead of sharding key or round-robin: 0 to 16,383. `QUEUE_NOT_FOUND` where the topic has
   * fewer.
   */
  queueId?: number | undefined;
  /** Over a cluster: the broker set whose queue `queueId` is. Needed where several sets have the topic. */
  brokerSet?: string | undefined;
}

export interface SendOptions extends WriteOptions {
  /** Aborting rejects the call with `ABORTED`; a message already packed may be stored all the same. */
  signal?: AbortSignal | undefined;
}

/** One batch of messages given to `write` that was not stored. */
export interface SendFailure {
  topic: string;
  /** null: it failed before a queue was chosen. */
  queueId: number | null;
  /** Whose queue; only over a cluster. */
  brokerSet?: string;
  error: RingMQError;
  /** Running numbers of the messages: the n-th message given to this producer has number n, from 0. */
  numbers: number[];
}

export interface ProducerOptions {
  /** Producer group. Default `default`. */
  group?: string | undefined;
  /** A batch is sent when it has this many bytes, header included. Default 64 KiB, 1 KiB to 1 MiB. */
  batchBytes?: number | undefined;
  /** … or this many records. Default 4,096, 1 to 65,535. */
  batchRecords?: number | undefined;
  /**
   * Longest a message waits for others to share its batch. Default (absent): a batch leaves at the end of the
   * turn when nothing is under way, else when it is full, when all before it is acked, or after 1 ms. 0:
   * always at the end of the turn. In ms, up to 1 min.
   */
  lingerMs?: number | undefined;
  /**
   * Batches sent and not acked, counted from the oldest. At least 1; default and maximum 64: what the broker
   * remembers to tell duplicates.
   */
  maxInFlightBatches?: number | undefined;
  /**
   * Bytes that may wait or be under way before `write` returns false; past twice that `write` throws
   * `BUFFER_FULL`, past five times that `send` waits for room before it packs. Default 3 MiB, 1 KiB to 1 GiB.
   */
  bufferBytes?: number | undefined;
  /**
   * A batch that is not acked this long after it was closed fails with `TIMEOUT`. In ms; default 30 s, up to
   * 1 d. Retryable errors are retried until then.
   */
  sendTimeoutMs?: number | undefined;
  /**
   * Told of every batch of written messages that failed. Without it failures wait for `flush` and `close`,
   * which reject with them.
   */
  onError?: ((failure: SendFailure) => void) | undefined;
  /**
   * Over a cluster: what becomes of messages with a sharding key while the master that has their queue is
   * away. `wait` (default): they wait for it, up to `sendTimeoutMs`, and keep their order. `move`: they go to
   * another master, and a key's order is lost there. Messages without a key go to another one anyway, those
   * sent to a `queueId` wait. A master that is there and refuses is not lost: for it they wait either way.
   */
  onMasterLost?: 'wait' | 'move' | undefined;
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
   * Sends one message; the receipt comes when it is stored at the policy's durability. The message is copied
   * before the call returns. Rejects with `BAD_MESSAGE`, `BAD_ARGUMENT` for an option that cannot be used,
   * `BUFFER_FULL` when 1,048,576 sends or 1 GiB of them wait for room, with what the broker or a limit said,
   * `TIMEOUT`, `ABORTED` or `CLOSED`.
   */
  send(message: OutgoingMessage, options?: SendOptions): Promise<Receipt>;
  /**
   * Sends several, at most 1,048,576; receipts in the order of the messages. If any fails it rejects with the
   * first error, `details.failed` lists which.
   */
  sendBatch(messages: readonly OutgoingMessage[], options?: SendOptions): Promise<Receipt[]>;
  /**
   * Sends one message without a promise. It is copied before the call returns. False: wait for `ready()`.
   * Throws `BUFFER_FULL` past twice the buffer, and the typed error of a limit the message breaks; later
   * failures come by `flush()` or `onError`. For parts that no message has, the first 8 messages of a turn of
   * the event loop are looked at and then each 32nd, where a body of bytes is all that they have else.
   */
  write(message: OutgoingMessage, options?: WriteOptions): boolean;
  /** Resolves when `write` has room again (a quarter of the buffer). */
  ready(options?: CallOptions): Promise<void>;
  /**
   * Resolves when everything taken so far is acked. Rejects, once, with the first error of those written
   * messages that failed since the last call: `details.failed` is `{ number, topic, queueId, code }[]` (the
   * first 1000), `details.failedCount` how many.
   */
  flush(options?: CallOptions): Promise<void>;
  /** Flushes, then ends. Rejects as `flush` does. */
  close(options?: CallOptions): Promise<void>;
}
