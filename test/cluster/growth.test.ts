/** A topic grows at a master with a slave: the slave has it, for those who read there, and once it is the master itself. */
import { expect, it } from 'vitest';
import { type Broker, type Client, openBroker } from '../../broker/index.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { keep } from '../kept.js';
import { NameServerClient } from './name-server-client.js';
import { SMALL } from './small-rings.js';

async function start(
  name: string,
  role: 'master' | 'slave',
  master?: string,
): Promise<{ broker: Broker; url: string }> {
  const dataDir = makeDirectory();
  keep({ close: () => removeDirectory(dataDir) });
  const place = { name, role, brokerSet: 'a', ...(master === undefined ? {} : { master }) };
  const broker = keep(await openBroker({ ...SMALL, dataDir, ...place, onWarning: () => undefined }));
  const { url } = await broker.listen({ port: 0, listener: 'ws' });
  return { broker, url };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One message into each of these queues, by its number. */
async function sendTo(client: Client, queueIds: readonly number[]): Promise<void> {
  for (const queueId of queueIds) {
    await client.producer().send({ topic: 't', body: `${queueId}` }, { queueId });
  }
}

async function take(client: Client, group: string, count: number): Promise<string[]> {
  const consumer = client.consumer({ group, topic: 't', from: 'latest' });
  const texts: string[] = [];
  for await (const message of consumer) {
    texts.push(message.text());
    await message.ack();
    if (texts.length === count) {
      break;
    }
  }
  await consumer.close();
  return texts.sort();
}

it('a slave has the queues as they come, and what groups begin at, and goes on as the master', async () => {
  const a = await start('a', 'master');
  const client = a.broker.client();
  const admin = client.admin();
  await admin.createTopic({ topic: 't', queues: 1 });
  await sendTo(client, [0]);
  await admin.createGroup({ group: 'billing' });
  await admin.resetOffset({ group: 'billing', topic: 't', to: 'latest' });
  await admin.growTopic({ topic: 't', queues: 2 });
  // Its state comes with the growth in it; what comes then it hears from the log.
  const b = await start('a-slave', 'slave', a.url);
  const isSame = () => a.broker.stats().log.endPosition === b.broker.stats().log.endPosition;
  await until(isSame);
  // A slave that took a state in began anew with it.
  const slave = b.broker.client();
  const reading = slave.consumer({ group: 'reads-there', topic: 't', from: 'latest' });
  await reading.assigned;
  expect(reading.queues).toHaveLength(2);
  await admin.growTopic({ topic: 't', queues: 4 });
  await admin.setTopicRetention({ topic: 't', retentionMs: 3_600_000 });
  await until(() => reading.queues.length === 4);
  await sendTo(client, [1, 2, 3]);
  const texts: string[] = [];
  for await (const message of reading) {
    texts.push(message.text());
    await message.ack();
    if (texts.length === 3) {
      break;
    }
  }
  expect(texts.sort()).toEqual(['1', '2', '3']);
  await reading.close();
  await until(isSame);
  const described = async (of: Client) => (await of.admin().describeTopic('t')).queueStates;
  expect(await described(slave)).toEqual(await described(client));
  // What it hears of a topic comes by another way than messages.
  await until(async () => (await slave.admin().describeTopic('t')).retentionMs === 3_600_000);
  await client.close();
  await a.broker.close();

  const asker = await NameServerClient.connect(b.url);
  expect((await asker.request('promote', { force: true })).failed).toBe(false);
  await asker.close();
  await until(() =>
    b.broker
      .client()
      .admin()
      .growTopic({ topic: 't', queues: 6 })
      .then(
        () => true,
        () => false,
      ),
  );
  const promoted = b.broker.client();
  await sendTo(promoted, [4, 5]);
  expect(await take(promoted, 'billing', 5)).toEqual(['1', '2', '3', '4', '5']);
}, 120_000);
