/**
 * `unshare -n node machine-down.js MODE FLUSH`: a machine with a master on it is gone, its cable first, then
 * all that ran on it; later another machine is in its place, with its disk. Prints a {@link MachineDown}.
 */
import { type ClusterMode, hasSlaves } from '../../../cli/cluster/cluster-plan.js';
import { connect } from '../../../native-free/client/index.js';
import { ask } from '../../../native-free/client/internal.js';
import { Load, missing, TOPIC } from '../load.js';
import { MachineCluster } from './machine-cluster.js';
import type { MachineDown } from './outages.js';

async function main(mode: ClusterMode, flush: 'sync' | 'async'): Promise<MachineDown> {
  const cluster = new MachineCluster(mode, flush);
  const { machines } = cluster;
  try {
    await cluster.startAll();
    const client = await connect(cluster.urls.join(','), {
      connectTimeoutMs: 20_000,
      pingIntervalMs: 1_000,
      closeTimeoutMs: 1_000,
    });
    await client.admin().createTopic({ topic: TOPIC, queues: 2 });
    const load = new Load(client.producer({ sendTimeoutMs: 240_000 }));
    await load.more(200);
    const before = new Set(load.acked);
    machines.cut('a');
    // Both sides find out by themselves: nobody tells them.
    const others = mode === 'single' ? null : load.more(200);
    const [noticedMs, insideMs] = await Promise.all([
      cluster.until('a is down', async () => (await cluster.isUp('a')) === false),
      cluster.until('a has no connection any more', async () => (await cluster.connectionsOf('a')) <= 1),
    ]);
    // The other master takes what it does not.
    await others;
    await machines.remove('a');
    if (mode === 'sync-double-write') {
      await ask(cluster.urlOf('a-slave'), 'promote', { force: false }, 60_000);
    }
    const unreadMeanwhile = hasSlaves(mode) ? await missing(client, 'meanwhile', before) : null;
    await machines.add('a');
    await cluster.start('a');
    await cluster.until('a is back', async () => (await cluster.isUp('a')) === true);
    await load.more(100);
    await load.stop();
    const lost = await missing(client, 'after', load.acked);
    await client.close().catch(() => {});
    return {
      ...{ how: 'machine', acked: load.acked.size, unreadMeanwhile, lost, failed: load.failed },
      noticedMs: Math.round(noticedMs),
      insideMs: Math.round(insideMs),
    };
  } finally {
    await cluster.remove();
  }
}

const [mode, flush] = process.argv.slice(2) as [ClusterMode, 'sync' | 'async'];
process.stdout.write(`${JSON.stringify(await main(mode, flush))}\n`);
process.exit(0);
