/** A broker set with a slave: it is read from while its master is away, and left again when there is one. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, openBroker } from '../../../broker/index.js';
import { makeDirectory, removeDirectory } from '../../cli/cli-process.js';
import { Cluster, until } from './cluster.js';

const cluster = new Cluster();
const slaveDir = makeDirectory();
let slave: Broker;
beforeAll(async () => {
  await cluster.open(['a', 'b']);
  slave = await openBroker({
    dataDir: slaveDir,
    name: 'a-slave',
    role: 'slave',
    flush: 'async',
    ringBytes: 4 * 1024 * 1024,
    memoryRingBytes: 4 * 1024 * 1024,
    spanBytes: 256 * 1024,
    segmentBytes: 4 * 1024 * 1024,
    nameServers: [cluster.url],
  });
  await slave.listen({ port: 0, listener: 'ws', threads: 1 });
});
afterEach(() => cluster.closeClients());
afterAll(async () => {
  await cluster.closeClients();
  await slave.close();
  removeDirectory(slaveDir);
  await cluster.close();
});

describe('a set whose master is lost', () => {
  it('is read from its slave, without gaps, and from its master again when that is back', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 1);
    const producer = client.producer();
    const sendTo = (brokerSet: string, bodies: string[]) =>
      Promise.all(bodies.map((body) => producer.send({ topic, body }, { queueId: 0, brokerSet })));
    await sendTo('a', ['0', '1', '2', '3', '4', '5']);
    const consumer = client.consumer({ group: cluster.name('group'), topic, onWarning: () => {} });
    const seen: string[] = [];
    const take = async (count: number): Promise<void> => {
      while (seen.length < count) {
        const [message] = await consumer.poll({ max: 1, waitMs: 10_000 });
        if (message !== undefined) {
          seen.push(message.text());
          await message.ack();
        }
      }
    };
    await take(3);
    await consumer.commit();
    // The slave has all of it.
    await until(async () => {
      const own = slave.client();
      const described = await own
        .admin()
        .describeTopic(topic)
        .catch(() => null);
      await own.close();
      return described?.queueStates[0]?.maxOffset === 6;
    });
    await cluster.master('a').stop();
    while (new Set(seen).size < 6) {
      await take(seen.length + 1);
    }
    expect([...new Set(seen)]).toEqual(['0', '1', '2', '3', '4', '5']);
    // Producers do not go there.
    const { brokerSet } = await producer.send({ topic, body: 'b' });
    expect(brokerSet).toBe('b');
    await cluster.master('a').start();
    await sendTo('a', ['6']);
    while (!seen.includes('6')) {
      await take(seen.length + 1);
    }
    expect([...new Set(seen)].filter((body) => body !== 'b')).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    await consumer.close();
  });
});
