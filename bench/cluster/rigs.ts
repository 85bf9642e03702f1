/** Brokers of one kind or another, started for one measurement and gone after it. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';

import { BenchBroker, load, ringmq } from '../ringmq.js';

export type Flush = 'sync' | 'async';

/** How a broker's log gets to another machine: not at all, behind the acks, or before them. */
export type Replication = 'none' | 'async' | 'sync';

/** Where and how much a measure works. */
export interface Place {
  /** Empty, and gone afterwards. */
  readonly scratch: string;
  /** Of the messages of a whole measurement; small, to see whether all of it runs. */
  readonly share: number;
}

/** A broker and, unless nothing is replicated, its slave. */
export interface Pair {
  master: BenchBroker;
  slave: BenchBroker | null;
}

/** A slave has joined when it has what its master has; it takes a second or two. */
const JOIN_MS = 30_000;
const PROBE = 'followed';

/** Runs `work` on a pair whose directories are below `scratch`. */
export async function withPair<T>(
  scratch: string,
  flush: Flush,
  replication: Replication,
  work: (pair: Pair) => Promise<T>,
): Promise<T> {
  const secret = writeSecret(scratch);
  const own = ['--name', 'a', '--broker-set', 'a'];
  const more = replication === 'none' ? own : [...own, '--replication', replication, '--secret-file', secret];
  const master = await BenchBroker.start(join(scratch, 'master'), flush, more);
  try {
    if (replication === 'none') {
      return await work({ master, slave: null });
    }
    const slave = await startSlave(scratch, flush, secret, master.url);
    try {
      await untilFollowed(master.url, slave.url);
      return await work({ master, slave });
    } finally {
      await slave.stop();
    }
  } finally {
    await master.stop();
  }
}

/** The file of a secret that all of a cluster share. */
export function writeSecret(scratch: string): string {
  const secret = join(scratch, 'secret');
  writeFileSync(secret, randomBytes(32).toString('hex'), { mode: 0o600 });
  return secret;
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

/** Until what the master takes in now is with its slave, too. */
export async function untilFollowed(master: string, slave: string, limitMs = JOIN_MS): Promise<void> {
  const until = monotonicMs() + limitMs;
  const isTrue = async (look: () => Promise<boolean>): Promise<void> => {
    while (!(await look())) {
      if (monotonicMs() > until) {
        throw new Error(`${slave} did not follow ${master} within ${limitMs} ms`);
      }
      await pause(100);
    }
  };
  await isTrue(() => takesTopics(master));
  await load(master, 'produce', '--topic', PROBE, '--size', 1, '--count', 1);
  await isTrue(() => hasProbe(slave));
}

/** Until the slave has as many messages of the topic as its master, which takes in none meanwhile. */
export async function untilCaughtUp(
  master: string,
  slave: string,
  topic: string,
  limitMs: number,
): Promise<void> {
  const wanted = await messagesOf(master, topic);
  const until = monotonicMs() + limitMs;
  while ((await messagesOf(slave, topic).catch(() => -1)) < wanted) {
    if (monotonicMs() > until) {
      throw new Error(`${slave} has not caught up with ${master} within ${limitMs} ms`);
    }
    await pause(100);
  }
}

async function messagesOf(url: string, topic: string): Promise<number> {
  const printed = await ringmq('--url', url, '-o', 'json', 'topic', 'describe', topic);
  const { queueStates } = JSON.parse(printed) as { queueStates: { maxOffset: number }[] };
  return queueStates.reduce((sum, { maxOffset }) => sum + maxOffset, 0);
}

/** Under sync replication only once there are slaves enough. */
async function takesTopics(master: string): Promise<boolean> {
  try {
    await ringmq('--url', master, 'topic', 'create', PROBE, '--queues', 1);
    return true;
  } catch (error) {
    if ((error as Error).message.includes('NOT_ENOUGH_REPLICAS')) {
      return false;
    }
    throw error;
  }
}

async function hasProbe(slave: string): Promise<boolean> {
  try {
    const printed = await ringmq('--url', slave, '-o', 'json', 'topic', 'describe', PROBE);
    const { queueStates } = JSON.parse(printed) as { queueStates: { maxOffset: number }[] };
    return queueStates[0]?.maxOffset === 1;
  } catch {
    return false; // It has not even heard of the topic.
  }
}
