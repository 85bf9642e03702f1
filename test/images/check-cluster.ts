/** One mode of deploy/compose: its cluster starts, carries messages, and loses nothing acked in what happens to containers. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../native-free/client/index.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { Load, missing, TOPIC } from '../cluster/load.js';
import { ComposeCluster, type ComposeMode } from './compose-cluster.js';
import type { Engine } from './engine.js';
import { IMAGE, OLD_IMAGE } from './names.js';
import type { TestNetwork } from './network.js';
import { expectThat, type Report } from './report.js';

const LINES = 1_000;
/** Until a cluster takes messages, or a slave has caught up. */
const SETTLES_WITHIN_MS = 60_000;
/** Longer than name servers, masters and slaves wait for whom they do not hear. */
const CUT_MS = 12_000;
const AFTER_COUNT = 100;

export interface ClusterCheck {
  mode: ComposeMode;
  root: string;
  engine: Engine;
  network: TestNetwork;
  /** Of what differs from mode to mode, and no more. */
  isShort: boolean;
}

interface Scene {
  cluster: ComposeCluster;
  client: Client;
  load: Load;
}

/** What happens to the containers while messages are sent, and which modes it is shown with in the short form. */
interface Event {
  name: string;
  inShort: readonly ComposeMode[];
  modes: readonly ComposeMode[];
  happen(scene: Scene): Promise<void>;
}

const ALL: readonly ComposeMode[] = [
  'single',
  'multi-master',
  'async-replication',
  'sync-double-write',
  'failover',
];
const WITH_SLAVES: readonly ComposeMode[] = ['async-replication', 'sync-double-write', 'failover'];

const EVENTS: readonly Event[] = [
  {
    name: 'a broker crashes, and the engine starts its container again',
    modes: ALL,
    inShort: ALL,
    async happen({ cluster }) {
      const broker = await masterOf(cluster);
      await cluster.crash(broker);
      await delay(500);
      await cluster.healthy([broker]);
    },
  },
  {
    name: "a master's network is cut and healed",
    modes: ALL,
    inShort: ['failover'],
    async happen({ cluster, load }) {
      const broker = await masterOf(cluster);
      await cluster.cut(broker);
      if (cluster.mode === 'failover') {
        await otherMaster(cluster, broker);
        await load.more(AFTER_COUNT);
      } else {
        await delay(CUT_MS);
      }
      await cluster.heal(broker);
      await cluster.healthy([broker]);
      await settled(cluster);
    },
  },
  {
    name: "a slave's network is cut and healed",
    modes: WITH_SLAVES,
    inShort: ['sync-double-write'],
    async happen({ cluster }) {
      const slave = await slaveOf(cluster);
      await cluster.cut(slave);
      await delay(CUT_MS);
      await cluster.heal(slave);
      await cluster.healthy([slave]);
      await settled(cluster);
    },
  },
  {
    name: "a slave's volume is thrown away",
    modes: WITH_SLAVES,
    inShort: ['async-replication'],
    async happen({ cluster }) {
      const slave = await slaveOf(cluster);
      await cluster.throwVolumeAway(slave);
      await cluster.healthy([slave]);
      await settled(cluster);
    },
  },
  {
    name: "a master's volume is thrown away, and a slave takes its place",
    modes: ['sync-double-write', 'failover'],
    inShort: ['sync-double-write', 'failover'],
    async happen({ cluster, load }) {
      const master = await masterOf(cluster);
      await cluster.kill(master);
      if (cluster.mode !== 'failover') {
        await load.more(AFTER_COUNT);
        await until('a slave can be promoted', async () => {
          const { status, stderr } = await cluster.cli('b', ['cluster', 'promote', 'a-slave']);
          return status === 0 ? null : stderr;
        });
      } else {
        await otherMaster(cluster, master);
      }
      await cluster.throwVolumeAway(master);
      await cluster.healthy([master]);
      await settled(cluster);
    },
  },
  {
    name: 'every container is restarted, one after the other',
    modes: ALL,
    inShort: [],
    async happen({ cluster }) {
      for (const service of cluster.services) {
        await cluster.restart(service);
        await settled(cluster);
      }
    },
  },
  {
    // There is no released version before this one yet: both images have the same code.
    name: 'every container gets another image, one after the other',
    modes: ALL,
    inShort: ['single', 'sync-double-write'],
    async happen({ cluster }) {
      for (const service of cluster.services.filter((name) => !name.startsWith('etcd-'))) {
        await cluster.update(service, IMAGE);
        await settled(cluster);
        expectThat((await cluster.image(service)) === IMAGE, `${service} has the image before`);
      }
    },
  },
];

export async function checkCluster(report: Report, check: ClusterCheck): Promise<void> {
  const { mode, root, engine, network, isShort } = check;
  const cluster = await ComposeCluster.make(mode, root, engine, network, OLD_IMAGE);
  let client: Client | undefined;
  try {
    const isUp = await report.check(`${mode}: the cluster of its compose file starts`, async () => {
      await cluster.up();
      await carriesMessages(cluster);
      return `${cluster.services.length} containers, ${LINES} lines through pub and sub`;
    });
    if (!isUp) {
      return;
    }
    await report.check(`${mode}: who has no password is not let in`, async () => {
      const url = ['--url', `ws://${cluster.brokers[0]}:9876`];
      const { stdout, stderr } = await engine.try([
        ...['exec', cluster.container('ns-1'), 'ringmq', ...url, 'topic', 'list'],
      ]);
      expectThat(stderr.startsWith('NOT_AUTHENTICATED'), stdout + stderr);
      return undefined;
    });
    const scene = { cluster, client: await cluster.connect() };
    client = scene.client;
    for (const event of EVENTS.filter(({ modes, inShort }) => (isShort ? inShort : modes).includes(mode))) {
      await report.check(`${mode}: ${event.name}`, () => under(event, scene));
    }
  } finally {
    await client?.close();
    await cluster.down();
  }
}

/** Something happens while messages are sent; all that was acked, before, meanwhile and after, is there. */
async function under(event: Event, { cluster, client }: Omit<Scene, 'load'>): Promise<string> {
  const prefix = `${EVENTS.indexOf(event)}-`;
  const producer = client.producer({ onMasterLost: 'wait' });
  const load = new Load(producer, prefix);
  try {
    await load.more(AFTER_COUNT);
    await event.happen({ cluster, client, load });
    await load.more(AFTER_COUNT);
  } finally {
    await load.stop();
    await producer.close();
  }
  const lost = await missing(client, `all-${prefix}`, load.acked);
  expectThat(
    lost.length === 0,
    `${lost.length} of ${load.acked.size} acked are lost: ${lost.slice(0, 5).join(' ')}`,
  );
  const refused = load.failed.length === 0 ? '' : `, ${load.failed.length} refused (${load.failed[0]})`;
  return `${load.acked.size} acked, none lost${refused}, longest wait ${(load.longestWaitMs / 1_000).toFixed(1)} s`;
}

/** By the command, as a person would. */
async function carriesMessages(cluster: ComposeCluster): Promise<void> {
  const [broker = ''] = cluster.brokers;
  await settled(cluster);
  await until('a topic can be made', async () => {
    const { status, stderr } = await cluster.cli(broker, ['topic', 'create', TOPIC, '--queues', '4']);
    return status === 0 ? null : stderr;
  });
  await cluster.mustCli(broker, ['topic', 'create', 'lines', '--queues', '4']);
  const lines = Array.from({ length: LINES }, (_, i) => `line ${i}`);
  await cluster.mustCli(broker, ['pub', 'lines'], `${lines.join('\n')}\n`);
  const out = await cluster.mustCli(broker, ['sub', 'lines', '--group', 'readers', '--count', String(LINES)]);
  const read = new Set(out.trim().split('\n'));
  expectThat(
    read.size === LINES && lines.every((line) => read.has(line)),
    `${read.size} of ${LINES} lines were read`,
  );
}

interface BrokerRow {
  name: string;
  set: string;
  role: string;
  up: boolean;
}

async function rows(cluster: ComposeCluster): Promise<BrokerRow[]> {
  // Name servers have the command, too, and none of them is cut off.
  const { status, stdout } = await cluster.cli('ns-1', ['cluster', 'status', '-o', 'json']);
  return status === 0 ? (JSON.parse(stdout) as { brokers: BrokerRow[] }).brokers : [];
}

/** Of the set `a`. */
async function masterOf(cluster: ComposeCluster): Promise<string> {
  return await nameOf(cluster, 'master');
}

async function slaveOf(cluster: ComposeCluster): Promise<string> {
  return await nameOf(cluster, 'slave');
}

async function nameOf(cluster: ComposeCluster, wanted: 'master' | 'slave'): Promise<string> {
  let found = '';
  await until(`the ${wanted} of the set a is known`, async () => {
    const brokers = await rows(cluster);
    found = brokers.find(({ set, role, up }) => set === 'a' && up && role === wanted)?.name ?? '';
    return found === '' ? JSON.stringify(brokers) : null;
  });
  return found;
}

async function otherMaster(cluster: ComposeCluster, old: string): Promise<void> {
  await until('another broker is the master', async () => {
    const brokers = await rows(cluster);
    return brokers.some(({ name, role, up }) => name !== old && role === 'master' && up)
      ? null
      : JSON.stringify(brokers);
  });
}

/** Each set has its master, and where there are slaves one of them is in sync. */
async function settled(cluster: ComposeCluster): Promise<void> {
  const min = WITH_SLAVES.includes(cluster.mode) ? '1' : '0';
  await until('the replicas are in sync', async () => {
    const { status, stdout, stderr } = await cluster.cli('ns-1', ['check', 'replicas', '--min', min]);
    return status === 0 ? null : stdout + stderr;
  });
}

/** `look` says null once it is so, and else what is wrong. */
async function until(what: string, look: () => Promise<string | null>): Promise<void> {
  const end = monotonicMs() + SETTLES_WITHIN_MS;
  for (;;) {
    const wrong = await look();
    if (wrong === null) {
      return;
    }
    expectThat(monotonicMs() < end, `${what}: not so after ${SETTLES_WITHIN_MS / 1_000} s\n${wrong}`);
    await delay(250);
  }
}
