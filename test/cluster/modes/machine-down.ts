/**
 * `unshare -n node machine-down.js MODE FLUSH`: a machine with a master on it is gone, its cable first, then
 * all that ran on it; later another machine is in its place, with its disk. Prints a {@link MachineDown}.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ClusterMode,
  defaultMasters,
  hasSlaves,
  type NodePlan,
  nodeArguments,
  planNodes,
} from '../../../cli/cluster/cluster-plan.js';
import { type BrokerView, statusByUrls } from '../../../cli/cluster/cluster-status.js';
import { connect } from '../../../native-free/client/index.js';
import { ask } from '../../../native-free/client/internal.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { makeDirectory, removeDirectory } from '../../cli/cli-process.js';
import { SMALL } from '../command/cluster-process.js';
import { Load, missing, TOPIC } from '../load.js';
import { Machines } from './machines.js';
import type { MachineDown } from './outages.js';

const NAME_SERVER_PORT = 9800;
const BROKER_PORT = 9876;
/** The shortest there is: a broker ends a connection that has been silent for so long. */
const IDLE_SECONDS = 8;
/** All heartbeats are far shorter; a busy machine may add to them. */
const SURELY_NOTICED_MS = 60_000;

async function main(mode: ClusterMode, flush: 'sync' | 'async'): Promise<MachineDown> {
  const folder = makeDirectory();
  const machines = new Machines();
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const options = {
    ...{ mode, flush, masters: defaultMasters(mode), nameServers: mode === 'single' ? 1 : 2 },
    ...{ controller: null, firstPort: 0 },
    brokerFlags: [...SMALL.slice(1), '--idle-timeout', `${IDLE_SECONDS}s`],
  };
  const nodes = planNodes(options);
  const servers = nodes.filter(({ kind }) => kind === 'nameserver');
  const urlOf = ({ name, kind }: NodePlan): string =>
    `ws://${machines.address(name)}:${kind === 'broker' ? BROKER_PORT : NAME_SERVER_PORT}`;
  const start = (node: NodePlan): Promise<string> => {
    const dataDir = join(folder, node.name);
    mkdirSync(dataDir, { recursive: true });
    const nameServerUrls = servers.map(urlOf);
    const args = nodeArguments(node, options, { cluster: 'default', dataDir, secretFile, nameServerUrls });
    const listen = `${machines.address(node.name)}:${node.kind === 'broker' ? BROKER_PORT : NAME_SERVER_PORT}`;
    const own = args.map((arg, i) => (args[i - 1] === '--listen' ? listen : arg));
    return machines.start(node.name, [...own, '--insecure']);
  };
  try {
    for (const node of nodes) {
      await machines.add(node.name);
    }
    for (const role of [null, 'master', 'slave']) {
      await Promise.all(nodes.filter((node) => node.role === role).map(start));
    }
    const urls = servers.map(urlOf);
    const until = async (what: string, isIt: () => Promise<boolean>): Promise<number> => {
      const since = monotonicMs();
      while (!(await isIt().catch(() => false))) {
        if (monotonicMs() - since > SURELY_NOTICED_MS) {
          throw new Error(
            `${what}: not within ${SURELY_NOTICED_MS} ms; a said: ${machines.log('a').slice(-3_000)}`,
          );
        }
        await delay(100);
      }
      return monotonicMs() - since;
    };
    const brokers = async () => (await statusByUrls(urls)).brokers;
    await until('all are up, and slaves in sync', async () => {
      const all = await brokers();
      // A master says of a slave that it is in sync: until it knows of it, nothing is said.
      const isReady = ({ up, role, inSync }: BrokerView): boolean =>
        up && (role === 'master' || inSync === true);
      return all.length === nodes.length - servers.length && all.every(isReady);
    });
    const client = await connect(urls.join(','), {
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
      until('a is down', async () => (await brokers()).find(({ name }) => name === 'a')?.up === false),
      until('a has no connection any more', async () => {
        const stats = await machines.run('a', [
          '--url',
          `ws://${machines.address('a')}:${BROKER_PORT}`,
          'stats',
          '-o',
          'json',
        ]);
        // The one that asks.
        return (JSON.parse(stats) as { connections: number }).connections <= 1;
      }),
    ]);
    // The other master takes what it does not.
    await others;
    await machines.remove('a');
    if (mode === 'sync-double-write') {
      const slave = nodes.find(({ name }) => name === 'a-slave') as NodePlan;
      await ask(urlOf(slave), 'promote', { force: false }, 60_000);
    }
    const unreadMeanwhile = hasSlaves(mode) ? await missing(client, 'meanwhile', before) : null;
    await machines.add('a');
    await start(nodes.find(({ name }) => name === 'a') as NodePlan);
    await until('a is back', async () => (await brokers()).find(({ name }) => name === 'a')?.up === true);
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
    await machines.removeAll();
    removeDirectory(folder);
  }
}

const [mode, flush] = process.argv.slice(2) as [ClusterMode, 'sync' | 'async'];
process.stdout.write(`${JSON.stringify(await main(mode, flush))}\n`);
process.exit(0);
