import type { Durability } from './frame-layout.js';

/** What a producer is told about one stored message. */
export interface Receipt {
  /**
   * Unique across brokers: 16 hex digits broker id, 14 of log position, 4 of the record's number in its
   * batch; `m` in front for a memory topic.
   */
  messageId: string;
  topic: string;
  queueId: number;
  offset: number;
  status: 'SEND_OK';
  durability: Durability;
  /** The broker set whose queue it is; only of a cluster. */
  brokerSet?: string;
  /** Slaves that had it, too, when it was acked: 0 where sends do not wait for slaves. Of a cluster, and wherever it is above 0. */
  replicas?: number;
}
