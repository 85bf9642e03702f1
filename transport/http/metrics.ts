/** Statistics in Prometheus' text format. Names follow its conventions: base units, `_total` for what only grows. */
import { setImmediate } from 'node:timers';
import type {
  BrokerStats,
  GroupLag,
  QueueStats,
  ReplicaStanding,
  SetStanding,
  ThreadStats,
} from '../../native-free/wire/index.js';
import { MetricsText } from './metrics-text.js';

/** Counters of each thread. */
const THREAD_COUNTERS = [
  ['ringmq_messages_in_total', 'Messages taken in', 'messagesIn'],
  ['ringmq_batches_in_total', 'Batches taken in', 'batchesIn'],
  ['ringmq_bytes_in_total', 'Bytes of batches taken in', 'bytesIn'],
  ['ringmq_messages_out_total', 'Messages read for consumers', 'messagesOut'],
  ['ringmq_bytes_out_total', 'Bytes of batches read for consumers', 'bytesOut'],
  ['ringmq_batches_refused_total', 'Batches refused with an error', 'refusedBatches'],
  ['ringmq_requests_total', 'Control requests', 'requests'],
  ['ringmq_connections_opened_total', 'Connections and embedded clients opened', 'connectionsOpened'],
  ['ringmq_http_requests_total', 'Plain HTTP requests', 'httpRequests'],
  ['ringmq_http_failures_total', 'Plain HTTP requests answered by a status of 400 or more', 'httpFailures'],
  [
    'ringmq_connections_refused_total',
    'Connections refused for a limit of their address',
    'connectionsRefused',
  ],
  ['ringmq_paced_waits_total', "Times that a connection waited for its user's limit", 'pacedWaits'],
  ['ringmq_thread_turns_total', 'Turns in which a thread settled what it had taken in', 'turns'],
] as const satisfies readonly (readonly [string, string, keyof ThreadStats])[];

/** Gauges of the broker as a whole. */
const GAUGES: readonly (readonly [string, string, (stats: BrokerStats) => number | null])[] = [
  ['ringmq_up_seconds', 'Time since the broker was opened', (stats) => stats.uptimeMs / 1000],
  [
    'ringmq_disk_ok',
    '1: sends are taken; 0: the disk is full or has failed',
    (stats) => Number(stats.disk === 'ok'),
  ],
  ['ringmq_disk_failed', '1: nothing is written any more', (stats) => Number(stats.disk === 'failed')],
  ['ringmq_disk_free_bytes', 'Free on the file system of the data directory', (stats) => stats.diskFreeBytes],
  ['ringmq_topics', 'Topics', (stats) => stats.topics],
  ['ringmq_queues', 'Queues of all topics', (stats) => stats.queues],
  ['ringmq_groups', 'Consumer groups', (stats) => stats.groups],
  ['ringmq_members', 'Members of all groups', (stats) => stats.members],
  ['ringmq_backlog_messages', 'Messages the groups have still to read', (stats) => stats.backlog],
  ['ringmq_log_start_bytes', 'Position at which the log begins', (stats) => stats.log.startPosition],
  ['ringmq_log_end_bytes', 'Position at which the log ends', (stats) => stats.log.endPosition],
  [
    'ringmq_log_written_bytes',
    'Position up to which the log is written',
    (stats) => stats.log.writtenPosition,
  ],
  [
    'ringmq_log_flushed_bytes',
    'Position up to which the log is on disk',
    (stats) => stats.log.flushedPosition,
  ],
  [
    'ringmq_log_damaged_places',
    'Places of the log that are damaged and not repaired',
    (stats) => stats.log.damagedCount,
  ],
  ['ringmq_log_unwritten_bytes', 'In the ring and not yet written', (stats) => stats.log.unwrittenBytes],
  ['ringmq_log_ring_bytes', "Size of the log's ring", (stats) => stats.log.ringBytes],
  ['ringmq_memory_used_bytes', 'Kept for memory topics', (stats) => stats.memory.usedBytes],
  ['ringmq_memory_ring_bytes', 'Size of the ring of memory topics', (stats) => stats.memory.ringBytes],
  [
    'ringmq_sync_p50_seconds',
    'Median of fdatasync since the opening',
    (stats) => seconds(stats.log.syncs.p50Ms),
  ],
  [
    'ringmq_sync_p99_seconds',
    '99th percentile of fdatasync since the opening',
    (stats) => seconds(stats.log.syncs.p99Ms),
  ],
  ['ringmq_process_resident_bytes', 'Resident memory of the process', (stats) => stats.process.rssBytes],
];

const ROWS_AT_ONCE = 500;

export interface MetricsFacts {
  readonly stats: BrokerStats;
  readonly standing: SetStanding;
  /** Rows for each group and topic; null: none. */
  readonly groups: { lags: readonly GroupLag[]; complete: boolean } | null;
  /** Rows for each queue; null: none. */
  readonly queues: QueueStats | null;
}

export async function metricsText({ stats, standing, groups, queues }: MetricsFacts): Promise<string> {
  const text = new MetricsText({ broker: stats.brokerName });
  addThreads(text, stats);
  for (const [name, help, read] of GAUGES) {
    const value = read(stats);
    if (value !== null) {
      text.metric('gauge', name, help).add(value);
    }
  }
  text.metric('counter', 'ringmq_syncs_total', 'Calls of fdatasync').add(stats.log.syncs.count);
  const cpu = text.metric('counter', 'ringmq_process_cpu_seconds_total', 'CPU time of the process');
  cpu.add(stats.process.cpuMs / 1000);
  const logins = text.metric('counter', 'ringmq_logins_total', 'Logins of clients and of plain HTTP');
  logins.add(stats.logins.succeeded, { result: 'succeeded' });
  logins.add(stats.logins.failed, { result: 'failed' });
  text
    .metric('counter', 'ringmq_audit_lost_total', 'Entries of the audit that the log did not take')
    .add(stats.audit.lost, {});
  addReplication(text, standing);
  if (groups !== null) {
    await addGroups(text, groups);
  }
  if (queues !== null) {
    await addQueues(text, queues);
  }
  return text.toString();
}

function addThreads(text: MetricsText, { threads }: BrokerStats): void {
  for (const [name, help, field] of THREAD_COUNTERS) {
    const counter = text.metric('counter', name, help);
    for (const thread of threads) {
      counter.add(thread[field], { thread: thread.name });
    }
  }
  const connections = text.metric(
    'gauge',
    'ringmq_connections',
    'Connections and embedded clients that are open',
  );
  for (const thread of threads) {
    connections.add(thread.connections, { thread: thread.name });
  }
  const busy = text.metric(
    'counter',
    'ringmq_thread_busy_seconds_total',
    'Time a thread was at work for the broker',
  );
  for (const thread of threads) {
    busy.add(thread.busyMs / 1000, { thread: thread.name });
  }
  const longest = text.metric(
    'gauge',
    'ringmq_thread_longest_turn_seconds',
    'The longest a thread was held by one piece of work',
  );
  for (const thread of threads) {
    longest.add(thread.longestTurnMs / 1000, { thread: thread.name });
  }
}

/** Gauges of each slave, as its master has it. */
const REPLICA_GAUGES: readonly (readonly [string, string, (replica: ReplicaStanding) => number])[] = [
  ['ringmq_replica_in_sync', '1: acks count on the slave', ({ inSync }) => Number(inSync)],
  ['ringmq_replica_connected', '1: the log flows to the slave', ({ connected }) => Number(connected)],
  ['ringmq_replica_received_bytes', 'Position up to which the slave has the log', ({ received }) => received],
  [
    'ringmq_replica_flushed_bytes',
    'Position up to which the slave has the log on disk',
    ({ flushed }) => flushed,
  ],
  ['ringmq_replica_lag_bytes', 'Log that the slave has not yet', ({ lagBytes }) => lagBytes],
  ['ringmq_replica_lag_seconds', 'How far the slave is behind', ({ lagMs }) => lagMs / 1000],
];

/** A metric that has no rows is declared all the same: who looks for it finds what it is. */
function addReplication(text: MetricsText, { role, epoch, takesMessages, replicas }: SetStanding): void {
  text.metric('gauge', 'ringmq_master', '1: it is the master of its set').add(Number(role === 'master'));
  text.metric('gauge', 'ringmq_takes_messages', '1: sends are taken now').add(Number(takesMessages));
  text.metric('gauge', 'ringmq_epoch', "The master's term that it knows").add(epoch);
  for (const [name, help, read] of REPLICA_GAUGES) {
    const gauge = text.metric('gauge', name, help);
    for (const replica of replicas) {
      gauge.add(read(replica), { replica: replica.name });
    }
  }
}

async function addGroups(
  text: MetricsText,
  { lags, complete }: { lags: readonly GroupLag[]; complete: boolean },
): Promise<void> {
  text
    .metric('gauge', 'ringmq_group_metrics_complete', '1: there is a row for each group and topic')
    .add(Number(complete));
  const gauges: readonly (readonly [string, string, (lag: GroupLag) => number | null])[] = [
    [
      'ringmq_group_topic_lag_messages',
      'Messages of the topic that the group has still to read',
      ({ lag }) => lag,
    ],
    [
      'ringmq_group_topic_lag_seconds',
      'Age of the oldest message that the group has still to read',
      ({ lagMs }) => seconds(lagMs),
    ],
    [
      'ringmq_group_topic_expired_messages',
      'Messages that retention deleted before the group had read them',
      ({ expired }) => expired,
    ],
    ['ringmq_group_topic_slow_queues', 'Queues whose members are slow', ({ slow }) => slow],
    ['ringmq_group_topic_stuck_queues', 'Queues whose members are stuck', ({ stuck }) => stuck],
    ['ringmq_group_members', 'Members of the group, on whatever topic', ({ members }) => members],
  ];
  for (const [name, help, read] of gauges) {
    const gauge = text.metric('gauge', name, help);
    await inPieces(lags, (lag) => {
      const value = read(lag);
      if (value !== null) {
        gauge.add(value, { group: lag.group, topic: lag.topic });
      }
    });
  }
}

async function addQueues(text: MetricsText, { queues, lags }: QueueStats): Promise<void> {
  const first = text.metric('gauge', 'ringmq_queue_first_offset', 'First offset still stored');
  await inPieces(queues, ({ topic, queueId, minOffset }) => first.add(minOffset, { topic, queue: queueId }));
  const next = text.metric('gauge', 'ringmq_queue_next_offset', 'Next offset to be given out');
  await inPieces(queues, ({ topic, queueId, maxOffset }) => next.add(maxOffset, { topic, queue: queueId }));
  const lag = text.metric(
    'gauge',
    'ringmq_group_lag_messages',
    'Messages of the queue that the group has still to read',
  );
  await inPieces(lags, ({ group, topic, queueId, lag: messages }) =>
    lag.add(messages, { group, topic, queue: queueId }),
  );
}

/** Of thousands of rows a few are made at a time: other work of the thread has its turn between them. */
async function inPieces<T>(items: readonly T[], add: (item: T) => void): Promise<void> {
  for (let from = 0; from < items.length; from += ROWS_AT_ONCE) {
    for (const item of items.slice(from, from + ROWS_AT_ONCE)) {
      add(item);
    }
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
