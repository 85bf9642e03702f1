/**
 * What a mode keeps when a whole machine is gone for a while, and when power is cut everywhere: real
 * processes under load. A machine that is gone says nothing any more and ends no connection: its network is
 * cut, and then all that runs on it is killed (machine-down.ts). Where no network can be made, a process that
 * stands still, and is killed before it starts again, is all there is of it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterMode, hasSlaves } from '../../../cli/cluster/cluster-plan.js';
import { NodeProcess } from '../../../cli/cluster/node-process.js';
import { connect } from '../../../native-free/client/index.js';
import { TestCluster } from '../command/cluster-process.js';
import { Load, missing, TOPIC } from '../load.js';
import { ForgetfulDisk } from './forgetful-disk.js';
import { inOwnNetwork, mayMakeMachines } from './machines.js';

/** Async flush keeps all but the last half second; so much older a message is on the disk, however busy the machine. */
const SURELY_FLUSHED_MS = 5_000;

export interface MachineDown {
  /** `process`: no network could be made here, so it was only one that stood still. */
  how: 'machine' | 'process';
  acked: number;
  /** Until name servers said that its broker is down, and until that, cut off, had no connection any more; null: not looked at. */
  noticedMs: number | null;
  insideMs: number | null;
  /** Acked before, and read by nobody while it was away. Of modes with slaves; else null. */
  unreadMeanwhile: string[] | null;
  /** Acked, and not there when it is back. */
  lost: string[];
  /** Errors that producers met. */
  failed: string[];
}

export interface PowerCut {
  acked: number;
  /** Acked so long before that every flush policy has it on the disk, and gone. */
  lostOld: string[];
  /** Acked right before, and gone. */
  lostLast: string[];
}

/** The machine of `a` is gone. Under sync double-write its slave takes its place. */
export async function runMachineDown(mode: ClusterMode, flush: 'sync' | 'async'): Promise<MachineDown> {
  return mayMakeMachines()
    ? (JSON.parse(await inOwnNetwork('./machine-down.js', [mode, flush])) as MachineDown)
    : stopProcess(mode, flush);
}

async function stopProcess(mode: ClusterMode, flush: 'sync' | 'async'): Promise<MachineDown> {
  const cluster = new TestCluster();
  try {
    await cluster.start(mode, '--flush', flush);
    const client = await connect(cluster.urls.join(','), { connectTimeoutMs: 20_000 });
    await client.admin().createTopic({ topic: TOPIC, queues: 2 });
    const producer = client.producer({ sendTimeoutMs: 240_000 });
    const load = new Load(producer);
    await load.more(200);
    const before = new Set(load.acked);
    process.kill(pidOf(cluster, 'a'), 'SIGSTOP');
    if (mode !== 'single') {
      // The other master takes what it does not.
      await load.more(200);
    }
    if (mode === 'sync-double-write') {
      await cluster.done('promote', 'a-slave');
    }
    const unreadMeanwhile = hasSlaves(mode) ? await missing(client, 'meanwhile', before) : null;
    await cluster.done('kill', 'a');
    await cluster.done('restart', 'a');
    await load.more(100);
    await load.stop();
    const lost = await missing(client, 'after', load.acked);
    await client.close().catch(() => {});
    return {
      ...{ how: 'process', acked: load.acked.size, noticedMs: null, insideMs: null },
      ...{ unreadMeanwhile, lost, failed: load.failed },
    };
  } finally {
    await cluster.remove();
  }
}

/** All processes end at once, and no disk has more than was synced. */
export async function runPowerCut(mode: ClusterMode, flush: 'sync' | 'async'): Promise<PowerCut> {
  const disk = new ForgetfulDisk();
  try {
    const parent = join(disk.dir, 'all');
    mkdirSync(parent);
    const cluster = new TestCluster(parent);
    try {
      await cluster.start(mode, '--flush', flush);
      const client = await connect(cluster.urls.join(','), {
        connectTimeoutMs: 20_000,
        closeTimeoutMs: 1_000,
      });
      await client.admin().createTopic({ topic: TOPIC, queues: 2 });
      const first = new Load(client.producer({ sendTimeoutMs: 60_000 }));
      await first.more(300);
      await first.stop();
      if (flush === 'async') {
        await delay(SURELY_FLUSHED_MS);
      }
      const { brokers } = await cluster.status();
      const nodes = brokers.map(({ name }) => new NodeProcess(name, join(cluster.dir, name)));
      const last = new Load(client.producer({ sendTimeoutMs: 1_000 }), 'more');
      await last.more(300);
      const acked = new Set(last.acked);
      await killAll(nodes);
      await cluster.run('stop');
      disk.cutPower();
      await last.stop();
      await client.close().catch(() => {});
      await cluster.start(mode, '--flush', flush);
      const after = await connect(cluster.urls.join(','), { connectTimeoutMs: 20_000 });
      const lostOld = await missing(after, 'old', first.acked);
      const lostLast = await missing(after, 'last', acked);
      await after.close();
      return { acked: first.acked.size + acked.size, lostOld, lostLast };
    } finally {
      await cluster.remove();
    }
  } finally {
    disk.remove();
  }
}

function pidOf(cluster: TestCluster, name: string): number {
  const id = new NodeProcess(name, join(cluster.dir, name)).running();
  if (id === null) {
    throw new Error(`${name} does not run`);
  }
  return id.pid;
}

/** In one moment; resolves once all have ended. */
async function killAll(nodes: readonly NodeProcess[]): Promise<void> {
  for (const node of nodes) {
    const id = node.running();
    if (id !== null) {
      process.kill(id.pid, 'SIGKILL');
    }
  }
  await Promise.all(nodes.map((node) => node.kill()));
}
