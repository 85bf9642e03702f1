/** What a broker says of itself: the result of the method `stats`. Counters are totals since the broker was opened. */

/** What one thread, or all of them, took in and gave out. */
export interface TrafficStats {
  /** Messages taken into the log or a memory topic; repeated batches are counted each time. */
  messagesIn: number;
  batchesIn: number;
  /** Bytes of batches, headers included. */
  bytesIn: number;
  /** Messages read for consumers. Those that a filter passed over between delivered ones are counted, too. */
  messagesOut: number;
  bytesOut: number;
  /** Batches that were refused with an error. */
  refusedBatches: number;
  requests: number;
  /** Connections and embedded clients that are open now. */
  connections: number;
  connectionsOpened: number;
  /** Plain HTTP requests, and those of them that were answered by a status of 400 or more. */
  httpRequests: number;
  httpFailures: number;
  /** Connections that were refused because their address had, or made, too many. */
  connectionsRefused: number;
  /** Times that a connection waited because its user had come to its limit. */
  pacedWaits: number;
}

export interface ThreadStats extends TrafficStats {
  /** The thread's place in the broker's tables. */
  seat: number;
  /** As debuggers and `ps -T` show it: `ringmq-listener-1`; `main` for the thread that opened the broker. */
  name: string;
  /** Times the thread has settled what it took in. */
  turns: number;
  /** Time it spent at work for the broker. Two readings give its load. */
  busyMs: number;
  /** The longest it was held by one piece of work since it began; over 100 ms is told in the log, with who held it. */
  longestTurnMs: number;
}

export interface BrokerStats extends TrafficStats {
  brokerId: string;
  openingId: string;
  brokerName: string;
  flush: 'sync' | 'async';
  pid: number;
  nodeVersion: string;
  /** When it was read, milliseconds since 1970. */
  time: number;
  uptimeMs: number;
  /** `ok`; `full`: sends are refused until there is room; `failed`: nothing is written any more. */
  disk: 'ok' | 'full' | 'failed';
  /** Free on the file system of the data directory; null: it could not be asked. */
  diskFreeBytes: number | null;
  topics: number;
  queues: number;
  groups: number;
  members: number;
  /** Messages that the groups have still to read, all together; null: there are too many queues to count in passing. */
  backlog: number | null;
  log: {
    /** Positions in the commit log, bytes. */
    startPosition: number;
    endPosition: number;
    writtenPosition: number;
    flushedPosition: number;
    /** Stretches of the log that are known to be damaged and are not repaired. */
    damagedCount: number;
    ringBytes: number;
    /** Claimed and not yet written: when it comes near `ringBytes`, producers wait for the disk. */
    unwrittenBytes: number;
    /** Written and not yet on disk. */
    unflushedBytes: number;
    syncs: { count: number; p50Ms: number | null; p99Ms: number | null; maxMs: number | null };
  };
  /** The ring of memory topics. */
  memory: { ringBytes: number; usedBytes: number };
  threads: ThreadStats[];
  /** Since the opening, of clients and plain HTTP; where nobody has to log in there are none. */
  logins: { succeeded: number; failed: number };
  /** Entries of the audit that are kept, and those that the log did not take since the broker was opened. */
  audit: { entries: number; lost: number };
  process: { rssBytes: number; heapUsedBytes: number; cpuMs: number };
}

/** Result of the method `queueStats`. At most 5,000 rows of each kind; `isComplete` says whether these are all. */
export interface QueueStats {
  queues: { topic: string; queueId: number; minOffset: number; maxOffset: number }[];
  lags: { group: string; topic: string; queueId: number; lag: number }[];
  isComplete: boolean;
}
