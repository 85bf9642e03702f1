/** Brokers of one kind or another, started for one measurement and gone after it. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';

import { BenchBroker, ringmq } from '../ringmq.js';

export type Flush = 'sync' | 'async';

/** How a broker's log gets to another machine: not at all, behind the acks, or before them. */
export type Replication = 'none' | 'async' | 'sync';

/** A broker and, unless nothing is replicated, its slave. */
export interface Pair {
  master: BenchBroker;
  slave: BenchBroker | null;
}

/** A slave has joined when it has what its master has; it takes a second or two. */
const JOIN_MS = 30_000;

/** Runs `work` on a pair whose directories are below `scratch`. */
export async function withPair<T>(
  scratch: string,
  flush: Flush,
  replication: Replication,
  work: (pair: Pair) => Promise<T>,
): Promise<T> {
  const secret = join(scratch, 'secret');
  writeFileSync(secret, randomBytes(32).toString('hex'), { mode: 0o600 });
  const own = ['--name', 'a', '--broker-set', 'a'];
  const more = replication === 'none' ? own : [...own, '--replication', replication, '--secret-file', secret];
  const master = await BenchBroker.start(join(scratch, 'master'), flush, more);
  try {
    if (replication === 'none') {
      return await work({ master, slave: null });
    }
    const slave = await startSlave(scratch, flush, secret, master.url);
    try {
      await untilInSync(master.url);
      return await work({ master, slave });
    } finally {
      await slave.stop();
    }
  } finally {
    await master.stop();
  }
}

export function startSlave(
  scratch: string,
  flush: Flush,
  secret: string,
  masterUrl: string,
  ...more: (string | number)[]
): Promise<BenchBroker> {
  const role = ['--name', 'a-slave', '--broker-set', 'a', '--role', 'slave', '--master', masterUrl];
  return BenchBroker.start(join(scratch, 'slave'), flush, [...role, '--secret-file', secret, ...more]);
}

interface BrokerStatus {
  role: string;
  end: number;
  inSync: string[];
  replicas: { name: string; received: number; flushed: number; inSync: boolean }[];
}

/** What the broker says of itself and its slaves. */
export async function statusOf(url: string): Promise<BrokerStatus> {
  return JSON.parse(await ringmq('--url', url, '-o', 'json', 'stats')).replication as BrokerStatus;
}

/** Until the master counts its slave among those that are in sync. */
export async function untilInSync(url: string, limitMs = JOIN_MS): Promise<void> {
  const until = monotonicMs() + limitMs;
  while (!(await statusOf(url)).replicas.some(({ inSync }) => inSync)) {
    if (monotonicMs() > until) {
      throw new Error(`no slave of ${url} was in sync after ${limitMs} ms`);
    }
    await pause(100);
  }
}
