/**
 * One run: producers and a consumer work while links are cut, held, slowed and spoilt, processes stopped,
 * killed and replaced, disks filled and broken, clocks set, name servers and etcd taken away, as the seed
 * says. Then all is healed, and the checker looks at what was recorded.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, connect, isRingMQError } from '../../native-free/client/index.js';
import { SeededRandom } from '../crash/random.js';
import { ChaosSet } from './chaos-set.js';
import { checkHistory, type Verdict } from './checker.js';
import { History } from './history.js';
import type { ChaosMode } from './modes.js';
import { Probe } from './probe.js';
import { trouble } from './trouble.js';
import { readAll, Work } from './work.js';

const TOPIC = 'chaos';
const REST_MS = 240_000;
/** Of a slave that is as far as its master, while messages come. */
const UNDER_WAY_BYTES = 1024 * 1024;

export interface ChaosOptions {
  directory: string;
  seed: number;
  faults: number;
  mode: ChaosMode;
  flush: 'sync' | 'async';
  onFault?: (text: string) => void;
}

export async function runChaos({
  directory,
  seed,
  faults,
  mode,
  flush,
  onFault,
}: ChaosOptions): Promise<Verdict> {
  const random = new SeededRandom(seed);
  const set = new ChaosSet(directory, mode, flush);
  const history = new History();
  let replaced = 0;
  let isStopped = false;
  try {
    await set.start();
    await settled(set);
    const client = await connect(set.url, { connectTimeoutMs: 20_000 });
    await createTopic(client);
    const work = new Work(client, TOPIC, history);
    // Before anything heals what it may not know.
    set.onStarted = (name, ofSet) => work.lookAt(set.nearUrl(set.node(name)), ofSet);
    const probe = new Probe(set, TOPIC, history);
    for (let i = 0; i < faults; i++) {
      await delay(random.between(200, 800));
      const done = await trouble(set, random, (broken) => {
        replaced++;
        return replaceMaster(set, broken, work);
      });
      onFault?.(done);
      set.heal();
    }
    await settled(set, UNDER_WAY_BYTES);
    await probe.stop();
    await work.stop();
    await client.close();
    await settled(set);
    const reader = await connect(set.url, { connectTimeoutMs: 20_000 });
    await readAll(reader, TOPIC, history).finally(() => reader.close());
    await settled(set);
    const rows = await set.status();
    await set.stop();
    isStopped = true;
    history.logs.push(...logsOf(set, rows));
    // An asynchronous slave that is made master may lack what was acked.
    const losesNothing = mode.replication === 'sync' || replaced === 0;
    return checkHistory(history, { losesNothing, storesOnce: true });
  } finally {
    if (!isStopped) {
      await set.stop();
    }
  }
}

/** What each node of a set has of its log, as far as all of them have it. */
function logsOf(set: ChaosSet, rows: Awaited<ReturnType<ChaosSet['status']>>): History['logs'] {
  const sets = set.mode.hasSlaves ? set.mode.sets : [];
  return sets.flatMap((name) => {
    const to = Math.min(...rows.filter((row) => row.set === name).map(({ end }) => end));
    return set.nodes
      .filter((node) => node.set === name)
      .map((node) => ({ set: name, node: node.name, from: 0, to, digest: set.digest(node.name, to) }));
  });
}

/** As soon as messages are taken: the controller may not have confirmed yet which slaves are in sync. */
async function createTopic(client: Client): Promise<void> {
  const until = performance.now() + REST_MS;
  for (;;) {
    try {
      await client.admin().createTopic({ topic: TOPIC, queues: 4, ifNotExists: true });
      return;
    } catch (error) {
      if (!isRingMQError(error) || !error.retryable || performance.now() > until) {
        throw error;
      }
      await delay(200);
    }
  }
}

/**
 * Each set has one master and, where it has a slave, one that is in sync and as far as it: but for what is under way while producers go on, of which a
 * name server hears now and then.
 */
async function settled(set: ChaosSet, mostLagBytes = 0): Promise<void> {
  const until = performance.now() + REST_MS;
  for (;;) {
    const brokers = await set.status().catch(() => []);
    const isGood = set.mode.sets.every((name) => {
      const up = brokers.filter((row) => row.up && row.set === name);
      const slave = up.find(({ role }) => role === 'slave');
      return (
        up.length === (set.mode.hasSlaves ? 2 : 1) &&
        up.filter(({ role }) => role === 'master').length === 1 &&
        (!set.mode.hasSlaves ||
          (slave?.inSync === true && slave.lagBytes !== null && slave.lagBytes <= mostLagBytes))
      );
    });
    if (isGood) {
      return;
    }
    if (performance.now() > until) {
      throw new Error(`the cluster does not come to rest: ${JSON.stringify(brokers)}`);
    }
    await delay(200);
  }
}

/**
 * The master is killed, its slave becomes master by hand or by the controller, the old one comes back. Only
 * where the slave has all that was acked.
 */
async function replaceMaster(set: ChaosSet, name: string, work: Work): Promise<string> {
  await settled(set, UNDER_WAY_BYTES);
  await work.look();
  const brokers = (await set.status()).filter((row) => row.set === name);
  const master = set.node(brokers.find(({ role }) => role === 'master')?.name ?? '');
  const slave = set.node(brokers.find(({ role }) => role === 'slave')?.name ?? '');
  await master.process.kill();
  if (set.mode.hasController) {
    await becomesMaster(set, slave.name);
  } else {
    await set.promote(slave);
  }
  await set.startNode(master);
  return `${master.name} killed, ${slave.name} promoted`;
}

async function becomesMaster(set: ChaosSet, name: string): Promise<void> {
  const until = performance.now() + REST_MS;
  for (;;) {
    const brokers = await set.status().catch(() => []);
    if (brokers.some((row) => row.name === name && row.role === 'master' && row.up)) {
      return;
    }
    if (performance.now() > until) {
      throw new Error(`${name} does not become master: ${JSON.stringify(brokers)}`);
    }
    await delay(100);
  }
}
