/**
 * One run: producers and a consumer work while links are cut, held, slowed and spoilt, processes stopped, killed and replaced, as the seed
 * says. Then all is healed, and the checker looks at what was recorded.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, connect } from '../../native-free/client/index.js';
import { SeededRandom } from '../crash/random.js';
import { type ChaosNode, ChaosSet } from './chaos-set.js';
import { checkHistory, type Verdict } from './checker.js';
import { History } from './history.js';

const TOPIC = 'chaos';
const KEYS = ['k0', 'k1', 'k2', 'k3'];

export interface ChaosOptions {
  directory: string;
  seed: number;
  faults: number;
  flush: 'sync' | 'async';
  onFault?: (text: string) => void;
}

export async function runChaos({ directory, seed, faults, flush, onFault }: ChaosOptions): Promise<Verdict> {
  const random = new SeededRandom(seed);
  for (const name of ['ns', 'a', 'a-slave']) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  const set = new ChaosSet(directory, flush);
  const history = new History();
  let isStopped = false;
  try {
    await set.start();
    await settled(set);
    const client = await connect(set.url, { connectTimeoutMs: 20_000 });
    await client.admin().createTopic({ topic: TOPIC, queues: 4 });
    const work = new Work(client, history);
    for (let i = 0; i < faults; i++) {
      await delay(random.between(200, 800));
      onFault?.(await trouble(set, random));
      set.heal();
    }
    await settled(set);
    await work.stop();
    await client.close();
    await readAll(set, history);
    await settled(set);
    const ends = (await set.status()).map(({ end }) => end);
    await set.stop();
    isStopped = true;
    const to = Math.min(...ends);
    for (const { name } of set.nodes) {
      history.logs.push({ set: 'a', node: name, from: 0, to, digest: set.digest(name, to) });
    }
    return checkHistory(history, { losesNothing: true, storesOnce: true });
  } finally {
    if (!isStopped) {
      await set.stop();
    }
  }
}

/** One master, its slave in sync and as far as it. */
async function settled(set: ChaosSet): Promise<void> {
  const until = performance.now() + 90_000;
  for (;;) {
    const brokers = await set.status().catch(() => []);
    const up = brokers.filter((broker) => broker.up);
    const isGood =
      up.length === 2 &&
      up.filter(({ role }) => role === 'master').length === 1 &&
      up.some(({ role, inSync, lagBytes }) => role === 'slave' && inSync === true && lagBytes === 0);
    if (isGood) {
      return;
    }
    if (performance.now() > until) {
      throw new Error(`the set does not come to rest: ${JSON.stringify(brokers)}`);
    }
    await delay(200);
  }
}

async function trouble(set: ChaosSet, random: SeededRandom): Promise<string> {
  const node = set.nodes[random.between(0, set.nodes.length)] as ChaosNode;
  const ms = random.between(200, 3_000);
  switch (random.between(0, 9)) {
    case 0:
      node.link.cut();
      await delay(ms);
      return `${node.name} cut off for ${ms} ms`;
    case 1:
      node.link.hold();
      await delay(ms);
      return `${node.name} half open for ${ms} ms`;
    case 2:
      node.link.hold(random.next() < 0.5 ? 'out' : 'back');
      await delay(ms);
      return `${node.name} cut one way for ${ms} ms`;
    case 3:
      node.link.slow('back', { delayMs: 20, bytesPerSecond: 200_000 });
      await delay(ms);
      return `${node.name} slow for ${ms} ms`;
    case 4: {
      const garbage = Uint8Array.from({ length: random.between(1, 300) }, () => random.between(0, 256));
      node.link.inject(random.next() < 0.5 ? 'out' : 'back', garbage);
      return `${garbage.length} bytes of garbage to ${node.name}`;
    }
    case 5:
      node.toNameServer.cut();
      await delay(ms);
      return `${node.name} cut from the name server for ${ms} ms`;
    case 6: {
      const id = node.process.running();
      if (id !== null) {
        process.kill(id.pid, 'SIGSTOP');
        await delay(ms);
        process.kill(id.pid, 'SIGCONT');
      }
      return `${node.name} stood still for ${ms} ms`;
    }
    case 7:
      await node.process.kill();
      await delay(ms);
      await set.startNode(node);
      return `${node.name} killed, back after ${ms} ms`;
    default:
      return replaceMaster(set);
  }
}

/** The master is killed, its slave promoted, the old one comes back. Only where the slave has all that was acked. */
async function replaceMaster(set: ChaosSet): Promise<string> {
  await settled(set);
  const brokers = await set.status();
  const master = set.node(brokers.find(({ role }) => role === 'master')?.name ?? '');
  const slave = set.node(brokers.find(({ role }) => role === 'slave')?.name ?? '');
  await master.process.kill();
  await set.promote(slave);
  await set.startNode(master);
  return `${master.name} killed, ${slave.name} promoted`;
}

class Work {
  readonly #history: History;
  readonly #running: Promise<unknown>;
  readonly #consumer: ReturnType<Client['consumer']>;
  readonly #reading: Promise<void>;
  #isStopping = false;

  constructor(client: Client, history: History) {
    this.#history = history;
    this.#running = Promise.all(['p0', 'p1'].map((name) => this.#produce(client, name)));
    this.#consumer = client.consumer({ group: 'readers', topic: TOPIC });
    this.#reading = this.#consume();
  }

  async #produce(client: Client, name: string): Promise<void> {
    const producer = client.producer({ sendTimeoutMs: 120_000 });
    for (let number = 0; !this.#isStopping; number++) {
      const batch = KEYS.map(async (key) => {
        const id = `${name}:${key}:${number}`;
        this.#history.attempted({ id, producer: name, key, number });
        try {
          const { queueId, offset } = await producer.send({ topic: TOPIC, body: id, shardingKey: key });
          this.#history.receipts.push({ id, set: 'a', queueId, offset, by: `producer ${name}` });
        } catch {
          this.#history.failed.add(id);
        }
      });
      await Promise.all(batch);
      await delay(5);
    }
    await producer.close().catch(() => {});
  }

  async #consume(): Promise<void> {
    for await (const message of this.#consumer) {
      const { queueId, offset } = message;
      this.#history.deliveries.push({ id: message.text(), set: 'a', queueId, offset, by: 'consumer' });
      await message.ack();
    }
  }

  /** Producers end; the consumer once it has what was acked, or nothing comes any more. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    let before = -1;
    while (before !== this.#history.deliveries.length) {
      before = this.#history.deliveries.length;
      await delay(5_000);
    }
    await this.#consumer.close();
    await this.#reading;
  }
}

/** Every message once more, from the first offset of each queue, and what the group has committed. */
async function readAll(set: ChaosSet, history: History): Promise<void> {
  const client = await connect(set.url, { connectTimeoutMs: 20_000 });
  try {
    const { queueStates } = await client.admin().describeTopic(TOPIC);
    const total = queueStates.reduce((sum, { maxOffset, minOffset }) => sum + maxOffset - minOffset, 0);
    const consumer = client.consumer({ group: 'scan', topic: TOPIC, from: 'earliest' });
    const seen: History['scans'] = [];
    for (let idle = 0; seen.length < total && idle < 20; ) {
      const messages = await consumer.poll({ max: 1_000, waitMs: 500 });
      idle = messages.length === 0 ? idle + 1 : 0;
      for (const message of messages) {
        const { queueId, offset } = message;
        seen.push({ id: message.text(), set: 'a', queueId, offset, by: 'scan' });
        await message.ack();
      }
    }
    await consumer.close();
    history.scans.push(...seen);
  } finally {
    await client.close();
  }
}
