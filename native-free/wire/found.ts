/** Messages that are looked for and looked at, without a consumer. */
import type { PageResult } from './page.js';

/** Messages in one answer, where nothing is said. */
export const DEFAULT_FOUND_MESSAGES = 100;
/** … and at most. */
export const MAX_FOUND_MESSAGES = 1_000;
/** Of each body so much is in the answer, where nothing is said. */
export const DEFAULT_FOUND_BODY_BYTES = 64 * 1024;
/** … and at most: with all else of its message it fits into a frame. */
export const MAX_FOUND_BODY_BYTES = 2 * 1024 * 1024;

/**
 * Which messages. `id` is one message; `key` those with that key; neither: all of the topic, or of `queueId`,
 * from `offset` or `fromTime` on. Whatever else is said narrows that down. Absent and null are the same.
 */
export interface FindParams {
  /** May be absent with `id`. */
  topic?: string | null;
  id?: string | null;
  key?: string | null;
  queueId?: number | null;
  /** First offset; needs `queueId`. */
  offset?: number | null;
  tag?: string | null;
  /** Stored at or after this time, ms since 1970. */
  fromTime?: number | null;
  /** Stored at or before this time, ms since 1970. */
  toTime?: number | null;
  /** What the answer before gave. */
  cursor?: string | null;
  /** 1 to 1,000; default 100. The answer may have fewer, also none, and yet not be complete. */
  limit?: number;
  /** Of each body, 0 to 2 MiB; default 64 KiB. */
  maxBodyBytes?: number;
  /** Bytes of each body to leave out at its beginning: how one that is larger is had in pieces. Default 0. */
  bodyFrom?: number;
}

export type FoundProperty = string | number | boolean | Uint8Array;

export interface FoundMessage {
  /** A client's answer over a cluster: whose queue it is. */
  brokerSet?: string;
  queueId: number;
  offset: number;
  messageId: string;
  /** ms since 1970, the broker's clock. */
  storeTime: number;
  /** ms since 1970, the producer's clock. */
  bornTime: number;
  tag: string | null;
  keys: string[];
  shardingKey: string | null;
  properties: Record<string, FoundProperty>;
  /** null: it has none. Else from `bodyFrom` on, `maxBodyBytes` at most. */
  body: Uint8Array | null;
  /** What the whole body has. */
  bodyBytes: number;
}

/** Messages that were to be looked at and cannot be read. */
export interface FoundDamage {
  brokerSet?: string;
  /** null: nobody knows which queues have messages there. */
  queueId: number | null;
  /** The first of them; null: nobody knows. */
  offset: number | null;
  message: string;
}

/** In the order in which they were stored; of a topic of more than 1,024 queues queue by queue. */
export interface FindResult extends PageResult {
  topic: string | null;
  messages: FoundMessage[];
  damage: FoundDamage[];
}

export interface ConsumedByGroup {
  group: string;
  /** null: it has committed nothing on the queue. */
  committedOffset: number | null;
  /** It has acked the message, or passed over it. */
  consumed: boolean;
}
