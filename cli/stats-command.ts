/** `ringmq stats`: what the broker does now, once or again and again. */
import type { Command } from 'commander';
import type { Client } from '../native-free/client/index.js';
import type { BrokerStats, ThreadStats } from '../native-free/wire/index.js';
import { connectionNotices, withClient } from './connection.js';
import { printJson, sharedOptions, tableText } from './output.js';
import { Pause } from './reader-gone.js';

/** What two readings tell of the time between them. */
interface Rates {
  seconds: number;
  messagesIn: number;
  bytesIn: number;
  messagesOut: number;
  bytesOut: number;
  requests: number;
  syncs: number;
}

/** `watchMs` null: one reading, with the rates since the broker was opened. Else a reading each, until it is interrupted. */
export async function showStats(command: Command, watchMs: number | null): Promise<void> {
  const { url, output } = sharedOptions(command);
  const watched = async (client: Client): Promise<void> => {
    const admin = client.admin();
    let before: BrokerStats | null = null;
    const pause = new Pause();
    for (;;) {
      const stats: BrokerStats | null =
        before === null ? await admin.stats() : await pause.untilThere(() => admin.stats());
      if (stats === null) {
        return;
      }
      const rates = ratesOf(before, stats);
      if (output === 'json') {
        printJson({ ...stats, rates });
      } else {
        const clear = watchMs !== null && process.stdout.isTTY ? '\u001b[2J\u001b[H' : '';
        process.stdout.write(clear + page(stats, rates, before));
      }
      if (watchMs === null) {
        return;
      }
      before = stats;
      if (!(await pause.wait(watchMs))) {
        return;
      }
    }
  };
  await withClient(url, watched, watchMs === null ? {} : { onConnection: connectionNotices(url) });
}

function ratesOf(before: BrokerStats | null, now: BrokerStats): Rates {
  // Another opening has begun to count anew.
  const base = before?.openingId === now.openingId ? before : null;
  const seconds = Math.max(0.001, (now.uptimeMs - (base?.uptimeMs ?? 0)) / 1000);
  const rate = (read: (stats: BrokerStats) => number): number =>
    Math.round((read(now) - (base === null ? 0 : read(base))) / seconds);
  return {
    seconds,
    messagesIn: rate((stats) => stats.messagesIn),
    bytesIn: rate((stats) => stats.bytesIn),
    messagesOut: rate((stats) => stats.messagesOut),
    bytesOut: rate((stats) => stats.bytesOut),
    requests: rate((stats) => stats.requests),
    syncs: rate((stats) => stats.log.syncs.count),
  };
}

function page(stats: BrokerStats, rates: Rates, before: BrokerStats | null): string {
  const { log, memory } = stats;
  const facts: [string, string][] = [
    ['broker', `${stats.brokerName}, ${stats.flush} flush, up ${span(stats.uptimeMs)}, pid ${stats.pid}`],
    [
      'in',
      `${count(rates.messagesIn)} messages/s, ${size(rates.bytesIn)}/s, ${count(stats.messagesIn)} in all`,
    ],
    [
      'out',
      `${count(rates.messagesOut)} messages/s, ${size(rates.bytesOut)}/s, ${count(stats.messagesOut)} in all`,
    ],
    ['backlog', stats.backlog === null ? 'not counted: too many queues' : `${count(stats.backlog)} messages`],
    ['topics', `${count(stats.topics)} with ${count(stats.queues)} queues`],
    ['groups', `${count(stats.groups)} with ${count(stats.members)} members`],
    [
      'connections',
      `${count(stats.connections)}, ${count(rates.requests)} requests/s, ${count(stats.refusedBatches)} batches refused`,
    ],
    [
      'log',
      `${size(log.endPosition - log.startPosition)} kept, ${size(log.unwrittenBytes)} of the ring's ${size(log.ringBytes)} to be written, ${size(log.unflushedBytes)} to be synced`,
    ],
    [
      'syncs',
      `${count(rates.syncs)}/s, p50 ${ms(log.syncs.p50Ms)}, p99 ${ms(log.syncs.p99Ms)}, longest ${ms(log.syncs.maxMs)}`,
    ],
    ['memory topics', `${size(memory.usedBytes)} of ${size(memory.ringBytes)}`],
    ['disk', diskText(stats)],
    ['process', `${size(stats.process.rssBytes)} resident`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join('\n');
  return `${lines}\n\n${threadTable(stats, before)}`;
}

function threadTable(stats: BrokerStats, before: BrokerStats | null): string {
  const elapsedMs = stats.uptimeMs - (before?.uptimeMs ?? 0);
  const busy = (thread: ThreadStats): string => {
    const earlier = before?.threads.find((other) => other.seat === thread.seat && other.name === thread.name);
    const share = (thread.busyMs - (earlier?.busyMs ?? 0)) / Math.max(1, elapsedMs);
    return `${Math.min(100, Math.round(share * 100))} %`;
  };
  return tableText(
    ['THREAD', 'CONNECTIONS', 'IN', 'OUT', 'BUSY', 'LONGEST TURN'],
    stats.threads.map((thread) => [
      thread.name,
      thread.connections,
      thread.messagesIn,
      thread.messagesOut,
      busy(thread),
      ms(thread.longestTurnMs),
    ]),
  );
}

function diskText({ disk, diskFreeBytes }: BrokerStats): string {
  const state = { ok: 'ok', full: 'FULL: sends are refused', failed: 'FAILED: nothing is written' }[disk];
  return diskFreeBytes === null ? state : `${state}, ${size(diskFreeBytes)} free`;
}

function count(n: number): string {
  return n.toLocaleString('en');
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function ms(value: number | null): string {
  return value === null ? '–' : `${value >= 100 ? Math.round(value) : value.toFixed(value >= 1 ? 1 : 3)} ms`;
}

function span(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return (first < 0 ? parts.slice(3) : parts.slice(first, first + 2))
    .map(([n, unit]) => `${n} ${unit}`)
    .join(' ');
}
