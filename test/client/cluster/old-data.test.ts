/** Old messages, which a master has not in memory any more, are read at its slave; the group stays at the master, and so do recent messages. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Broker, openBroker } from '../../../broker/index.js';
import type { Client, Consumer } from '../../../native-free/client/index.js';
import { ask } from '../../../native-free/client/internal.js';
import type { SetStanding } from '../../../native-free/wire/index.js';
import { makeDirectory, removeDirectory } from '../../cli/cli-process.js';
import { Cluster, until } from './cluster.js';

const cluster = new Cluster();
const slaveDir = makeDirectory();
let slave: Broker;
let topic: string;

const QUEUES = 2;
const BODY_BYTES = 8 * 1024;
/** Three times the ring. */
const COUNT = 1_600;

/** The master comes back with that, and its slave is in sync with it. */
async function restart(slaveReads: 'never' | 'old-data'): Promise<void> {
  const master = cluster.master('a');
  await master.stop();
  master.options = { slaveReads };
  await master.start();
  await inSync();
}

async function inSync(): Promise<void> {
  await until(async () => {
    const asked = ask(cluster.master('a').url, 'standing', {}) as Promise<SetStanding>;
    // It answers within seconds, or is asked again.
    const { replicas } = await asked.catch(() => ({ replicas: [] as SetStanding['replicas'] }));
    return replicas.some(({ inSync, lagBytes }) => inSync && lagBytes === 0);
  });
}

beforeAll(async () => {
  await cluster.startNameServer();
  await cluster.add('a');
  slave = await openBroker({
    ...{ ringBytes: 4 * 1024 * 1024, memoryRingBytes: 4 * 1024 * 1024, spanBytes: 256 * 1024 },
    ...{ dataDir: slaveDir, name: 'a-slave', role: 'slave', flush: 'async', nameServers: [cluster.url] },
  });
  await slave.listen({ port: 0, listener: 'ws', threads: 1 });
  const client = await cluster.client();
  topic = await cluster.topic(client, QUEUES);
  await send(client, COUNT);
  await client.close();
  await inSync();
});
afterEach(() => cluster.closeClients());
afterAll(async () => {
  await cluster.closeClients();
  await slave.close();
  removeDirectory(slaveDir);
  await cluster.close();
});

async function send(client: Client, count: number): Promise<void> {
  const producer = client.producer();
  for (let i = 0; i < count; i += 100) {
    await Promise.all(
      Array.from({ length: Math.min(100, count - i) }, () =>
        producer.send({ topic, body: new Uint8Array(BODY_BYTES) }),
      ),
    );
  }
  await producer.close();
}

/** Reads so many, each once and in the order of its queue, from where `seen` says on. */
async function read(
  consumer: Consumer,
  count: number,
  seen: number[],
  onRead?: () => Promise<void>,
): Promise<void> {
  for (let read = 0; read < count; ) {
    for (const message of await consumer.poll({ max: Math.min(50, count - read), waitMs: 10_000 })) {
      expect(message.offset).toBe(seen[message.queueId]);
      seen[message.queueId] = message.offset + 1;
      await message.ack();
      read++;
    }
    await onRead?.();
  }
}

const out = ({ threads }: ReturnType<Broker['stats']>): number =>
  threads.reduce((sum, { messagesOut }) => sum + messagesOut, 0);

it('come from the master where nothing else is asked for', async () => {
  const client = await cluster.client();
  const consumer = client.consumer({ group: 'at-master', topic, from: 'earliest' });
  await read(
    consumer,
    COUNT,
    Array.from({ length: QUEUES }, () => 0),
  );
  await consumer.close();
  expect(out(slave.stats())).toBe(0);
});

it('come from the slave, each once and in order, then the master gives out what is recent, and has all commits', async () => {
  await restart('old-data');
  const client = await cluster.client();
  const { connectionsOpened } = slave.stats();
  const consumer = client.consumer({ group: 'at-slave', topic, from: 'earliest' });
  const seen = Array.from({ length: QUEUES }, () => 0);
  await read(consumer, COUNT, seen);
  // What the master has sent before it tells of the slave is the more, the later the client comes to hear of it.
  expect(out(slave.stats())).toBeGreaterThan(COUNT / 4);
  const recent = async (): Promise<number> => {
    await send(client, 100);
    await read(consumer, 100, seen);
    return out(slave.stats());
  };
  // A slave that is still asked gives out the first of them.
  let fromSlave = out(slave.stats());
  for (let now = await recent(); now > fromSlave; now = await recent()) {
    fromSlave = now;
  }
  await recent();
  await consumer.close();
  // Nothing went there and back again.
  expect(out(slave.stats())).toBe(fromSlave);
  expect(slave.stats().connectionsOpened - connectionsOpened).toBeLessThanOrEqual(QUEUES);
  const { queues } = await client.admin().describeGroup('at-slave');
  expect(queues.map(({ lag }) => lag)).toEqual([0, 0]);
});

it('come from the master where the slave goes away meanwhile', async () => {
  const client = await cluster.client();
  const before = out(slave.stats());
  const consumer = client.consumer({ group: 'at-both', topic, from: 'earliest' });
  const seen = Array.from({ length: QUEUES }, () => 0);
  let isGone = false;
  await read(consumer, COUNT, seen, async () => {
    if (!isGone && out(slave.stats()) > before) {
      isGone = true;
      await slave.close();
    }
  });
  expect(isGone).toBe(true);
  await consumer.close();
});
