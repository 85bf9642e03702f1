/** A slave with a lot of queues and groups: what it holds, and how soon it is the master. */

import { type Client, connect } from '../../native-free/client/index.js';
import { ask } from '../../native-free/client/internal.js';
import { monotonicMs } from '../../native-free/time/index.js';
import type { BenchBroker } from '../ringmq.js';
import { type Pair, type Place, untilCaughtUp, withPair } from './rigs.js';

const TOPICS = 10;
const QUEUES_PER_TOPIC = 1_000;
const GROUPS = 1_000;
const MESSAGES_PER_QUEUE = 20;
const LIMIT_MS = 120_000;

/** The slave's memory divided by its master's. */
export function slaveMemory(place: Place): Promise<number> {
  return withLargePair(place, async ({ master, slave }) => slave.rssBytes() / master.rssBytes());
}

/** From the request until the slave has become the master and has acked a message; ms. */
export function promotion(place: Place): Promise<number> {
  return withLargePair(place, async ({ master, slave }, groups) => {
    await master.stop('SIGKILL');
    const begun = monotonicMs();
    await ask(slave.url, 'promote', {}, LIMIT_MS);
    const client = await connect(slave.url);
    try {
      await client.producer().send({ topic: 'bench-0', body: 'x' });
      const tookMs = monotonicMs() - begun;
      const found = (await client.admin().listGroups()).length;
      if (found !== groups) {
        throw new Error(`the promoted slave has ${found} groups of ${groups}`);
      }
      return tookMs;
    } finally {
      await client.close();
    }
  });
}

type WholePair = Pair & { slave: BenchBroker };

function withLargePair<T>(
  { scratch, share }: Place,
  work: (pair: WholePair, groups: number) => Promise<T>,
): Promise<T> {
  const groups = Math.ceil(GROUPS * share);
  return withPair(scratch, 'async', 'async', async (pair) => {
    const client = await connect(pair.master.url);
    try {
      await fill(client, Math.ceil(TOPICS * share), groups);
    } finally {
      await client.close();
    }
    const { master, slave } = pair as WholePair;
    await untilCaughtUp(master.url, slave.url, 'bench-0', LIMIT_MS);
    return work({ master, slave }, groups);
  });
}

/** The first topic gets its messages last: a slave that has those has all. */
async function fill(client: Client, topics: number, groups: number): Promise<void> {
  const admin = client.admin();
  const producer = client.producer();
  for (let t = topics - 1; t >= 0; t--) {
    await admin.createTopic({ topic: `bench-${t}`, queues: QUEUES_PER_TOPIC });
  }
  for (let group = 0; group < groups; group++) {
    // A group is there once it has an offset somewhere.
    const place = { topic: `bench-${group % topics}`, queueId: group % QUEUES_PER_TOPIC };
    await admin.createGroup({ group: `group-${group}` });
    await admin.resetOffset({ group: `group-${group}`, ...place, to: 'latest' });
  }
  for (let t = topics - 1; t >= 0; t--) {
    for (let i = 0; i < QUEUES_PER_TOPIC * MESSAGES_PER_QUEUE; i++) {
      const body =
        'a message of some hundred bytes, as the others are, which fills its queue a little, and no more';
      if (!producer.write({ topic: `bench-${t}`, body }, { queueId: i % QUEUES_PER_TOPIC })) {
        await producer.ready();
      }
    }
    await producer.flush();
  }
  await producer.close();
}
