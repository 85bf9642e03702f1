/** How long clients stand still when the master is killed that they use. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type NameServer, openNameServer } from '../../broker/index.js';
import { EtcdSetStore } from '../../engine/cluster/etcd/etcd-set-store.js';
import { type Client, connect } from '../../native-free/client/index.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { BenchBroker, load } from '../ringmq.js';
import { startEtcd } from './etcd.js';
import { type Place, startSlave, untilCaughtUp, untilFollowed, writeSecret } from './rigs.js';

const TOPIC = 'bench';
const LIMIT_MS = 60_000;
/** Read before the master is killed, and after it. */
const READ_COUNT = 200_000;
const BACKLOG_COUNT = 4_000_000;
/** Sends under way at once, and acked before the master is killed and after it. */
const SENDERS = 8;
const SEND_COUNT = 500;

async function withNameServer<T>(
  scratch: string,
  work: (server: NameServer, secret: string) => Promise<T>,
): Promise<T> {
  const secret = writeSecret(scratch);
  const server = await openNameServer({ port: 0, secretFile: secret });
  try {
    return await work(server, secret);
  } finally {
    await server.close();
  }
}

/**
 * The longest time between two batches of messages, of a consumer that has a backlog, from the kill until it
 * has read on for a while at the slave; ms.
 */
export function consumersPause({ scratch, share }: Place): Promise<number> {
  return withNameServer(scratch, async (server, secret) => {
    const own = ['--name', 'a', '--broker-set', 'a', '--replication', 'async', '--secret-file', secret];
    const master = await BenchBroker.start(join(scratch, 'master'), 'async', [
      ...own,
      '--name-server',
      server.url,
    ]);
    const slave = await startSlave(scratch, 'async', secret, master.url, '--name-server', server.url);
    let client: Client | undefined;
    try {
      await untilFollowed(master.url, slave.url);
      await load(master.url, 'produce', '--topic', TOPIC, '--size', 100, '--count', BACKLOG_COUNT * share);
      await untilCaughtUp(master.url, slave.url, TOPIC, LIMIT_MS);
      client = await connect(server.url);
      return await longestPause(client, READ_COUNT * share, () => master.stop('SIGKILL'));
    } finally {
      await client?.close();
      await slave.stop();
      await master.stop();
    }
  });
}

async function longestPause(client: Client, count: number, kill: () => Promise<void>): Promise<number> {
  const consumer = client.consumer({ group: 'bench', topic: TOPIC, from: 'earliest' });
  const giveUpAt = monotonicMs() + LIMIT_MS;
  let left = count;
  let killedAt = Number.POSITIVE_INFINITY;
  let longestMs = 0;
  let readAt = monotonicMs();
  for (;;) {
    const messages = await consumer.poll({ max: 1_000, waitMs: 1_000 });
    const now = monotonicMs();
    if (now > giveUpAt) {
      throw new Error(`the consumer lacks ${left} messages after ${LIMIT_MS} ms`);
    }
    if (messages.length === 0) {
      continue;
    }
    longestMs = Math.max(longestMs, now > killedAt ? now - Math.max(readAt, killedAt) : 0);
    readAt = now;
    left -= messages.length;
    await messages.at(-1)?.ack();
    if (left <= 0 && killedAt !== Number.POSITIVE_INFINITY) {
      await consumer.close();
      return longestMs;
    }
    if (left <= 0) {
      left = count;
      killedAt = now;
      await kill();
    }
  }
}

/** The longest time between two acks, from the kill until as many are acked at the promoted slave; ms. Sends wait, none fails. */
export function producersPause({ scratch }: Place): Promise<number> {
  return withNameServer(scratch, async (server, secret) => {
    mkdirSync(join(scratch, 'etcd'));
    const etcd = await startEtcd(join(scratch, 'etcd'));
    const store = await EtcdSetStore.open({ endpoints: [etcd.endpoint] }, 'default', 'a');
    const more = ['--broker-set', 'a', '--replication', 'async', '--secret-file', secret];
    more.push('--name-server', server.url, '--controller', `etcd://${etcd.endpoint}`);
    const brokers = new Map<string, BenchBroker>();
    let client: Client | undefined;
    try {
      for (const [name, role] of [
        ['a', []],
        ['a-slave', ['--role', 'slave']],
      ] as const) {
        const broker = await BenchBroker.start(join(scratch, name), 'async', [
          '--name',
          name,
          ...role,
          ...more,
        ]);
        brokers.set(name, broker);
      }
      client = await connect(server.url);
      await createTopic(client);
      const leader = await untilBothCount(store);
      return await longestWait(client, async () => brokers.get(leader)?.stop('SIGKILL'));
    } finally {
      await client?.close().catch(() => {});
      for (const broker of brokers.values()) {
        await broker.stop();
      }
      await store.close();
      await etcd.stop();
    }
  });
}

async function createTopic(client: Client): Promise<void> {
  const giveUpAt = monotonicMs() + LIMIT_MS;
  for (;;) {
    try {
      await client.admin().createTopic({ topic: TOPIC, queues: 4, ifNotExists: true });
      return;
    } catch (error) {
      if (monotonicMs() > giveUpAt) {
        throw error;
      }
      await pause(50);
    }
  }
}

/** The master's name, once its slave may take its place. */
async function untilBothCount(store: EtcdSetStore): Promise<string> {
  const giveUpAt = monotonicMs() + LIMIT_MS;
  for (;;) {
    const { leader, inSync } = await store.read();
    if (leader !== null && inSync?.members.length === 2) {
      return leader.name;
    }
    if (monotonicMs() > giveUpAt) {
      throw new Error('the slave was never counted as in sync');
    }
    await pause(50);
  }
}

async function longestWait(client: Client, kill: () => Promise<unknown>): Promise<number> {
  const producer = client.producer({ group: 'bench', sendTimeoutMs: LIMIT_MS });
  let left = SEND_COUNT;
  let killedAt = Number.POSITIVE_INFINITY;
  let ackedAt = monotonicMs();
  let longestMs = 0;
  const sendAll = async (): Promise<void> => {
    while (left > 0 || killedAt === Number.POSITIVE_INFINITY) {
      await producer.send({ topic: TOPIC, body: 'x' });
      const now = monotonicMs();
      longestMs = Math.max(longestMs, now > killedAt ? now - Math.max(ackedAt, killedAt) : 0);
      ackedAt = now;
      if (--left === 0 && killedAt === Number.POSITIVE_INFINITY) {
        left = SEND_COUNT;
        killedAt = now;
        await kill();
      }
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sendAll));
  await producer.close();
  return longestMs;
}
