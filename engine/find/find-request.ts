/** What is looked for, as plain data that survives `postMessage`. */
import type { FindResult } from '../../native-free/wire/index.js';

/** A place in the log: behind record `index` of the batch at `position`. */
export interface FindCursor {
  /** Only where queues are walked one after the other. */
  readonly queueId: number | null;
  readonly position: number;
  /** {@link WHOLE_BATCH}: behind the last one. */
  readonly index: number;
}

export const WHOLE_BATCH = 0xffff;

/** What a message must be, and how much of it is wanted. */
export interface FindFilter {
  readonly key: string | null;
  readonly tag: string | null;
  readonly fromTime: number | null;
  readonly toTime: number | null;
  readonly limit: number;
  readonly maxBodyBytes: number;
  readonly bodyFrom: number;
}

/** Messages of a topic, in the order of the log. */
export interface TopicRequest extends FindFilter {
  readonly kind: 'topic';
  readonly topic: string;
  readonly topicId: number;
  readonly memory: boolean;
  /** Of all its queues, or of the one that is wanted alone. */
  readonly slots: Int32Array;
  /** Number of the first queue in `slots`. */
  readonly firstQueueId: number;
  /** First offset, of one queue alone. */
  readonly offset: number | null;
  readonly cursor: FindCursor | null;
  /** Batches that end at or before this log position may be given out. */
  readonly committed: number;
}

/** The one message with an id. */
export interface IdRequest extends FindFilter {
  readonly kind: 'id';
  readonly memory: boolean;
  readonly position: number;
  readonly index: number;
  readonly committed: number;
}

/** Messages of a topic of the log that have a key, by the key index. */
export interface KeyRequest extends FindFilter {
  readonly kind: 'key';
  readonly memory: false;
  readonly topic: string;
  readonly topicId: number;
  readonly key: string;
  readonly queueId: number | null;
  /** First offset, where a queue is named. */
  readonly offset: number | null;
  readonly cursor: FindCursor | null;
  readonly committed: number;
  /** From here on no batch has keys; null: nobody knows. */
  readonly keylessFrom: number | null;
  /** Where the log began when it was first made. */
  readonly firstPosition: number;
}

export type FindRequest = TopicRequest | IdRequest | KeyRequest;

/** The answer without what only the thread that opened the broker knows. */
export interface FindAnswer extends Omit<FindResult, 'topic'> {
  /** null: nothing was found. */
  topicId: number | null;
  /** A part of the key index was damaged, and is gone. */
  hasDiscarded?: boolean;
}
