/**
 * Kills a broker with SIGKILL while topics and groups are made and deleted, offsets set, members join, commit
 * and leave, checkpoints are written; in the middle of its close, and of its start with other options than
 * before. Each next start must show what was promised.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect } from '../../native-free/client/index.js';
import { BrokerProcess, startCli } from '../cli/cli-process.js';
import { until } from '../replica/nodes.js';
import { ControlLedger } from './control-ledger.js';
import { SeededRandom } from './random.js';

const BASE = 'base';
const READER = 'reader';
const MESSAGES = 50;
const SMALL = [
  ...['--ring-size', '1MiB', '--memory-ring-size', '1MiB', '--span-size', '128KiB'],
  ...['--segment-size', '1MiB', '--checkpoint-size', '64KiB'],
];
/** Each start has others. */
const CHANGED = [
  ['--flush', 'sync', '--retention', '1h'],
  ['--flush', 'async', '--retention', '0'],
  ['--flush', 'sync', '--segment-size', '2MiB', '--checkpoint-size', '1MiB'],
  ['--flush', 'sync', '--ring-size', '2MiB', '--retention', '2h'],
];

export interface ControlCrashes {
  rounds: number;
  acked: number;
}

/** Throws at the first fault, with its round and seed. */
export async function runControlCrashes(
  directory: string,
  rounds: number,
  seed: number,
): Promise<ControlCrashes> {
  const random = new SeededRandom(seed);
  const ledger = new ControlLedger();
  const dataDir = `${directory}/control`;
  for (let round = 0; round < rounds; round++) {
    const flags = [...SMALL, ...(CHANGED[round % CHANGED.length] as string[])];
    if (round % 3 === 2) {
      await killStart(dataDir, flags, random.between(50, 400));
    }
    const broker = await BrokerProcess.start(dataDir, flags);
    const client = await connect(broker.url, { closeTimeoutMs: 100 });
    const faults = round === 0 ? await prepare(client, ledger) : await verify(client, ledger);
    if (faults.length > 0) {
      throw new Error(`round ${round}, seed ${seed}, in ${dataDir}: ${faults.join('\n')}`);
    }
    const before = ledger.acked;
    const actors = [changeTopics, changeGroups, readOn, writeOn].map((act) =>
      act(client, ledger, random).catch(() => {}),
    );
    // Something is promised in each round, however busy the machine is.
    await until(() => ledger.acked > before);
    await sleep(random.between(5, 120));
    if (round % 2 === 1) {
      process.kill(broker.pid, 'SIGTERM');
      await sleep(random.between(0, 60));
    }
    await broker.kill();
    await client.close({ signal: AbortSignal.abort() }).catch(() => {});
    await Promise.all(actors);
  }
  const broker = await BrokerProcess.start(dataDir, SMALL);
  const client = await connect(broker.url);
  const faults = await verify(client, ledger);
  await client.close();
  const status = await broker.stop();
  if (faults.length > 0 || status !== 0) {
    throw new Error(`at the end, seed ${seed}, in ${dataDir}, status ${status}: ${faults.join('\n')}`);
  }
  return { rounds, acked: ledger.acked };
}

/** A start that is cut off somewhere. */
async function killStart(dataDir: string, flags: readonly string[], afterMs: number): Promise<void> {
  const child = startCli(['broker', '--data', dataDir, '--listen', '127.0.0.1:0', ...flags]);
  const ended = once(child, 'exit');
  await Promise.race([ended, sleep(afterMs)]);
  child.kill('SIGKILL');
  await ended;
}

async function prepare(client: Client, ledger: ControlLedger): Promise<string[]> {
  await ledger.change(ledger.topics, BASE, 1, () => client.admin().createTopic({ topic: BASE, queues: 1 }));
  const bodies = Array.from({ length: MESSAGES }, (_, i) => ({ topic: BASE, body: String(i) }));
  await client.producer().sendBatch(bodies);
  await client.admin().createGroup({ group: READER });
  return [];
}

async function verify(client: Client, ledger: ControlLedger): Promise<string[]> {
  const admin = client.admin();
  const topics = new Map((await admin.listTopics()).map(({ topic, queues }) => [topic, queues]));
  const groups = new Map<string, number>();
  const faults: string[] = [];
  for (const { group } of await admin.listGroups()) {
    const { queues } = await admin.describeGroup(group);
    const offset = queues.find(({ topic }) => topic === BASE)?.committedOffset ?? -1;
    if (group !== READER) {
      groups.set(group, offset);
    } else if (offset < ledger.committed) {
      faults.push(`${READER} had committed ${ledger.committed}, and has ${offset}`);
    }
  }
  faults.push(...ledger.settle('the topic', ledger.topics, topics));
  faults.push(...ledger.settle('the group', ledger.groups, groups));
  return faults;
}

let names = 0;

async function changeTopics(client: Client, ledger: ControlLedger, random: SeededRandom): Promise<never> {
  const admin = client.admin();
  for (;;) {
    const old = ledger.known(ledger.topics).filter((topic) => topic !== BASE);
    const victim = old[random.between(0, old.length)];
    if (victim !== undefined && (old.length > 12 || random.next() < 0.4)) {
      await ledger.change(ledger.topics, victim, null, () => admin.deleteTopic(victim));
    } else {
      const topic = `topic-${++names}`;
      const queues = random.between(1, 9);
      await ledger.change(ledger.topics, topic, queues, () => admin.createTopic({ topic, queues }));
    }
  }
}

async function changeGroups(client: Client, ledger: ControlLedger, random: SeededRandom): Promise<never> {
  const admin = client.admin();
  for (;;) {
    const old = ledger.known(ledger.groups);
    const group = old[random.between(0, old.length)];
    const kind = random.next();
    if (group === undefined || (kind < 0.3 && old.length < 12)) {
      const made = `group-${++names}`;
      await ledger.change(ledger.groups, made, -1, () => admin.createGroup({ group: made }));
    } else if (kind < 0.6) {
      await ledger.change(ledger.groups, group, null, () => admin.deleteGroup(group));
    } else {
      const offset = random.between(0, MESSAGES);
      const change = { group, topic: BASE, to: { offset } };
      await ledger.change(ledger.groups, group, offset, () => admin.resetOffset(change));
    }
  }
}

/** A member that joins, reads, commits and leaves, again and again. */
async function readOn(client: Client, ledger: ControlLedger): Promise<never> {
  for (;;) {
    const consumer = client.consumer({ group: READER, topic: BASE });
    for (const message of await consumer.poll({ max: 16, waitMs: 50 })) {
      if (await message.ack()) {
        await consumer.commit();
        ledger.committed = Math.max(ledger.committed, message.offset + 1);
        ledger.acked++;
      }
    }
    await consumer.close();
  }
}

/** Makes the log grow, so that checkpoints are due all the time. */
async function writeOn(client: Client): Promise<never> {
  const producer = client.producer();
  const body = 'x'.repeat(8_000);
  for (;;) {
    await producer.send({ topic: BASE, body });
  }
}
