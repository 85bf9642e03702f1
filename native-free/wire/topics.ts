/** Topics and their queues, as they are told of. */

export interface TopicInfo {
  topic: string;
  topicId: number;
  queues: number;
  memory: boolean;
  /** Milliseconds since 1970. */
  createdTime: number;
  /** Names of the broker sets that it belongs to. Absent: all of the cluster. */
  sets?: string[];
  /** Age from which its messages are not given out any more. Absent: the broker's own. */
  retentionMs?: number;
  /** When that was last said, milliseconds since 1970. Absent: never. */
  retentionSetTime?: number;
  /**
   * A client's answer over a cluster: what each broker set has of it. `queues` counts all of them, `topicId` is
   * the first one's.
   */
  parts?: { brokerSet: string; topicId: number; queues: number }[];
}

/** A topic that was to get more queues. */
export interface GrownTopic extends TopicInfo {
  /** Queues it had. As many as `queues`: nothing has changed. */
  before: number;
}

export interface QueueInfo {
  /** A client's answer over a cluster: whose queue it is. */
  brokerSet?: string;
  queueId: number;
  /** First offset still stored, and the next one to be given out. */
  minOffset: number;
  maxOffset: number;
  /** Places of the queue that could not be read since the broker was started. Absent: none. */
  damage?: QueueDamage[];
}

/** A place in a queue whose messages cannot be read. */
export interface QueueDamage {
  /** First offset that cannot be read. */
  offset: number;
  /** Where that is in the broker's log, in bytes; null: only the index is damaged there, or nothing is left of it. */
  position: number | null;
  /** Always LOG_CORRUPT in this version. */
  code: string;
  message: string;
}

/** How long the broker keeps messages that are in its log, read or not. */
export interface RetentionInfo {
  /** Age at which they may be deleted, ms; 0: no bound. */
  retentionMs: number;
  /** Size of the log above which the oldest may be deleted; 0: no bound. */
  retentionBytes: number;
  /** Size of the log now, of all topics together. */
  logBytes: number;
  /** When the oldest that is there was stored, ms since 1970; null: there is none. */
  oldestTime: number | null;
}

export interface TopicDescription extends TopicInfo {
  /** null: a memory topic keeps what the ring has room for. */
  retention: RetentionInfo | null;
  queueStates: QueueInfo[];
}
