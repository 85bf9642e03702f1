/**
 * One mode of a cluster with one flush policy, as real processes: its first master is killed under load,
 * comes back, and in modes with slaves is killed once more, its disk thrown away, and its slave promoted.
 * Counts what was acked and what is still there.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterMode, hasSlaves } from '../../../cli/cluster/cluster-plan.js';
import { type Client, connect, type Producer } from '../../../native-free/client/index.js';
import { TestCluster } from '../command/cluster-process.js';
import { Load, missing, TOPIC } from '../load.js';

export interface ModeResult {
  /** Acked in all. */
  acked: number;
  /** Acked, and there no more after the process was killed and came back. */
  lostByKill: string[];
  /** Acked, and there no more after the disk was thrown away and the slave promoted; null: the mode has no slave. */
  lostByDisk: string[] | null;
  /** Errors that producers met. */
  failed: string[];
  /** The longest wait for an ack, around the kill. */
  longestWaitMs: number;
}

export async function runMode(mode: ClusterMode, flush: 'sync' | 'async'): Promise<ModeResult> {
  const cluster = new TestCluster();
  try {
    await cluster.start(mode, '--flush', flush);
    const client = await connect(cluster.urls.join(','), { connectTimeoutMs: 20_000 });
    try {
      return await runOn(cluster, client, mode);
    } finally {
      await client.close().catch(() => {});
    }
  } finally {
    await cluster.remove();
  }
}

async function runOn(cluster: TestCluster, client: Client, mode: ClusterMode): Promise<ModeResult> {
  await client.admin().createTopic({ topic: TOPIC, queues: 2 });
  const producer = client.producer({ sendTimeoutMs: 200_000 });
  const load = new Load(producer);
  await load.more(200);
  await cluster.done('kill', 'a');
  if (mode !== 'single') {
    // The others go on without it.
    await load.more(200);
  }
  await cluster.done('restart', 'a');
  await load.more(100);
  await load.stop();
  const lostByKill = await missing(client, 'after-kill', load.acked);
  const lostByDisk = hasSlaves(mode) ? await loseDisk(cluster, client, producer, load) : null;
  await producer.close();
  return {
    acked: load.acked.size,
    lostByKill,
    lostByDisk,
    failed: load.failed,
    longestWaitMs: load.longestWaitMs,
  };
}

/** The machine of `a` is gone with its disk; its slave becomes master, and `a` begins anew as a slave with nothing. */
async function loseDisk(
  cluster: TestCluster,
  client: Client,
  producer: Producer,
  before: Load,
): Promise<string[]> {
  const load = new Load(producer, 'more');
  await load.more(100);
  await cluster.done('kill', 'a');
  rmSync(join(cluster.dir, 'a', 'data'), { recursive: true });
  await load.more(100);
  await cluster.done('promote', 'a-slave');
  await cluster.done('restart', 'a');
  await load.more(100);
  await load.stop();
  for (const id of load.acked) {
    before.acked.add(id);
  }
  before.failed.push(...load.failed);
  before.longestWaitMs = Math.max(before.longestWaitMs, load.longestWaitMs);
  return missing(client, 'after-disk', before.acked);
}
