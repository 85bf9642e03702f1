/** `ringmq check`: limits that a monitoring system asks for. Ends with 0 when all hold and with 1 (`CHECK_FAILED`) when one does not. */
import type { Command } from 'commander';
import type { Client } from '../native-free/client/index.js';
import { RingMQError } from '../native-free/wire/index.js';
import { statusByUrls } from './cluster/cluster-status.js';
import { withClient } from './connection.js';
import { printJson, queueName, sharedOptions } from './output.js';

/** One thing that was measured, and whether it is within its limit. */
export interface CheckRow {
  /** As Prometheus names it, with its unit. */
  metric: string;
  labels: Readonly<Record<string, string>>;
  /** Null: it is not known. */
  value: number | null;
  limit: number;
  ok: boolean;
}

export interface CheckFlags {
  prometheus?: boolean;
}

/**
 * The age of its oldest unread message costs a read of each queue; of a group with more of them, those that
 * are furthest behind are read.
 */
const MAX_AGES = 256;

export async function checkLag(
  command: Command,
  group: string,
  flags: CheckFlags & { max?: number; maxAge?: number },
): Promise<void> {
  if (flags.max === undefined && flags.maxAge === undefined) {
    throw new RingMQError('BAD_ARGUMENT', 'a limit is missing; say --max, --max-age or both', {
      details: { option: 'max' },
    });
  }
  const { url } = sharedOptions(command);
  const rows = await withClient(url, (client) => lagRows(client, group, flags));
  tell(command, flags, rows);
}

async function lagRows(
  client: Client,
  group: string,
  { max, maxAge }: { max?: number; maxAge?: number },
): Promise<CheckRow[]> {
  const { queues } = await client.admin().describeGroup(group);
  const rows: CheckRow[] = [];
  if (max !== undefined) {
    const lag = queues.reduce((sum, queue) => sum + queue.lag, 0);
    rows.push(row('ringmq_check_lag_messages', { group }, lag, max, lag <= max));
  }
  if (maxAge !== undefined) {
    const behind = queues.filter(({ lag }) => lag > 0).sort((a, b) => b.lag - a.lag);
    for (const queue of behind.slice(0, MAX_AGES)) {
      const { topic, queueId, brokerSet, committedOffset } = queue;
      const [first] = await client.peek({
        ...{ topic, queueId, brokerSet, max: 1 },
        from: committedOffset === null ? 'earliest' : { offset: committedOffset },
      });
      const seconds = first === undefined ? 0 : Math.max(0, (Date.now() - first.storeTime) / 1000);
      const labels = { group, topic, queue: String(queueName(queue)) };
      rows.push(row('ringmq_check_lag_seconds', labels, seconds, maxAge / 1000, seconds * 1000 <= maxAge));
    }
    if (behind.length === 0) {
      rows.push(row('ringmq_check_lag_seconds', { group }, 0, maxAge / 1000, true));
    }
  }
  return rows;
}

export async function checkDisk(command: Command, flags: CheckFlags & { minFree: number }): Promise<void> {
  const { url } = sharedOptions(command);
  const { disk, diskFreeBytes, brokerName } = await withClient(url, (client) => client.admin().stats());
  const broker = { broker: brokerName };
  const hasRoom = diskFreeBytes !== null && diskFreeBytes >= flags.minFree;
  tell(command, flags, [
    row('ringmq_check_disk_writable', broker, disk === 'ok' ? 1 : 0, 1, disk === 'ok'),
    row('ringmq_check_disk_free_bytes', broker, diskFreeBytes, flags.minFree, hasRoom),
  ]);
}

export async function checkReplicas(
  command: Command,
  flags: CheckFlags & { min: number; maxLag?: number },
): Promise<void> {
  const urls = sharedOptions(command)
    .url.split(',')
    .map((url) => url.trim());
  const { brokers } = await statusByUrls(urls);
  if (brokers.length === 0) {
    const where = urls.join(', ');
    throw new RingMQError(
      'CHECK_FAILED',
      `no broker is known to ${where}; look whether brokers run, and whether they name these name servers`,
      { details: { urls } },
    );
  }
  const rows: CheckRow[] = [];
  for (const set of [...new Set(brokers.map((broker) => broker.set))].sort()) {
    const members = brokers.filter((broker) => broker.set === set);
    const masters = members.filter(({ role, up }) => role === 'master' && up).length;
    rows.push(row('ringmq_check_masters', { set }, masters, 1, masters === 1));
    const inSync = members.filter(({ role, up, inSync: is }) => role === 'slave' && up && is === true).length;
    rows.push(row('ringmq_check_in_sync_slaves', { set }, inSync, flags.min, inSync >= flags.min));
    for (const { name, role, up, lagMs } of members) {
      if (flags.maxLag !== undefined && role === 'slave' && up) {
        const seconds = lagMs === null ? null : lagMs / 1000;
        const isNear = lagMs !== null && lagMs <= flags.maxLag;
        rows.push(
          row('ringmq_check_slave_lag_seconds', { set, slave: name }, seconds, flags.maxLag / 1000, isNear),
        );
      }
    }
  }
  tell(command, flags, rows);
}

function row(
  metric: string,
  labels: Readonly<Record<string, string>>,
  value: number | null,
  limit: number,
  ok: boolean,
): CheckRow {
  return { metric, labels, value, limit, ok };
}

/** @throws RingMQError CHECK_FAILED when a row is beyond its limit */
function tell(command: Command, { prometheus }: CheckFlags, rows: readonly CheckRow[]): void {
  const failed = rows.filter(({ ok }) => !ok);
  if (prometheus === true) {
    process.stdout.write(prometheusText(rows));
  } else if (sharedOptions(command).output === 'json') {
    printJson({ healthy: failed.length === 0, checks: rows });
  } else {
    process.stdout.write(rows.map((each) => `${each.ok ? 'ok' : 'fail'}  ${sentence(each)}\n`).join(''));
  }
  const [first] = failed;
  if (first !== undefined) {
    throw new RingMQError(
      'CHECK_FAILED',
      `${failed.length} of ${rows.length} are beyond their limit, the first: ${sentence(first)}`,
      {
        details: { ...first },
      },
    );
  }
}

function sentence({ metric, labels, value, limit }: CheckRow): string {
  const of = Object.entries(labels).map(([name, label]) => `${name} ${label}`);
  const is = value === null ? 'not known' : String(Math.round(value * 1000) / 1000);
  return `${metric.replace('ringmq_check_', '').replaceAll('_', ' ')} of ${of.join(', ')}: ${is} (limit ${limit})`;
}

/** Prometheus text format 0.0.4: each metric's value, and whether it is within its limit. */
function prometheusText(rows: readonly CheckRow[]): string {
  const lines: string[] = [];
  for (const metric of new Set(rows.map((each) => each.metric))) {
    const own = rows.filter((each) => each.metric === metric);
    lines.push(`# TYPE ${metric} gauge`);
    lines.push(
      ...own.filter(({ value }) => value !== null).map((each) => `${metric}${labelText(each)} ${each.value}`),
    );
    lines.push(
      `# TYPE ${metric}_ok gauge`,
      ...own.map((each) => `${metric}_ok${labelText(each)} ${each.ok ? 1 : 0}`),
    );
  }
  return `${lines.join('\n')}\n`;
}

function labelText({ labels }: CheckRow): string {
  const escaped = (text: string): string =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `{${Object.entries(labels)
    .map(([name, label]) => `${name}="${escaped(label)}"`)
    .join(',')}}`;
}
