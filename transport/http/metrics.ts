/** Statistics in Prometheus' text format. Names follow its conventions: base units, `_total` for what only grows. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { BrokerStats, QueueStats, ThreadStats } from '../../native-free/wire/index.js';

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

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

/** `queues`: rows for each queue, null for none. */
export async function metricsText(stats: BrokerStats, queues: QueueStats | null): Promise<string> {
  const registry = new Registry();
  registry.setDefaultLabels({ broker: stats.brokerName });
  addThreads(registry, stats);
  for (const [name, help, read] of GAUGES) {
    const value = read(stats);
    if (value !== null) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(value);
        },
      });
    }
  }
  new Counter({ name: 'ringmq_syncs_total', help: 'Calls of fdatasync', registers: [registry] }).inc(
    stats.log.syncs.count,
  );
  new Counter({
    name: 'ringmq_process_cpu_seconds_total',
    help: 'CPU time of the process',
    registers: [registry],
  }).inc(stats.process.cpuMs / 1000);
  if (queues !== null) {
    addQueues(registry, queues);
  }
  return await registry.metrics();
}

function addThreads(registry: Registry, { threads }: BrokerStats): void {
  for (const [name, help, field] of THREAD_COUNTERS) {
    const counter = new Counter({ name, help, labelNames: ['thread'], registers: [registry] });
    for (const thread of threads) {
      counter.inc({ thread: thread.name }, thread[field]);
    }
  }
  const connections = new Gauge({
    name: 'ringmq_connections',
    help: 'Connections and embedded clients that are open',
    labelNames: ['thread'],
    registers: [registry],
  });
  const busy = new Counter({
    name: 'ringmq_thread_busy_seconds_total',
    help: 'Time a thread was at work for the broker',
    labelNames: ['thread'],
    registers: [registry],
  });
  const longest = new Gauge({
    name: 'ringmq_thread_longest_turn_seconds',
    help: 'The longest a thread was held by one piece of work',
    labelNames: ['thread'],
    registers: [registry],
  });
  for (const thread of threads) {
    connections.set({ thread: thread.name }, thread.connections);
    busy.inc({ thread: thread.name }, thread.busyMs / 1000);
    longest.set({ thread: thread.name }, thread.longestTurnMs / 1000);
  }
}

function addQueues(registry: Registry, { queues, lags }: QueueStats): void {
  const labels = ['topic', 'queue'] as const;
  const first = new Gauge({
    name: 'ringmq_queue_first_offset',
    help: 'First offset still stored',
    labelNames: labels,
    registers: [registry],
  });
  const next = new Gauge({
    name: 'ringmq_queue_next_offset',
    help: 'Next offset to be given out',
    labelNames: labels,
    registers: [registry],
  });
  for (const { topic, queueId, minOffset, maxOffset } of queues) {
    first.set({ topic, queue: queueId }, minOffset);
    next.set({ topic, queue: queueId }, maxOffset);
  }
  const lag = new Gauge({
    name: 'ringmq_group_lag_messages',
    help: 'Messages of the queue that the group has still to read',
    labelNames: ['group', ...labels],
    registers: [registry],
  });
  for (const { group, topic, queueId, lag: messages } of lags) {
    lag.set({ group, topic, queue: queueId }, messages);
  }
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
