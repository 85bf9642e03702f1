/** What `commit()` promises while the connection is down. */
import { afterEach, expect, test } from 'vitest';
import { type Client, type Consumer, createClient } from '../../native-free/client/internal.js';
import { stampedBatch } from './batches.js';
import { ScriptedBroker } from './scripted-broker.js';

let client: Client | undefined;

afterEach(async () => {
  await client?.close();
  client = undefined;
});

/** A consumer that has acked one message and not committed it, without a connection. */
async function disconnected(): Promise<{ broker: ScriptedBroker; consumer: Consumer }> {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory, { reconnectMinMs: 1, reconnectMaxMs: 5 });
  const consumer = client.consumer({ group: 'g', topic: 't', commitIntervalMs: 60_000 });
  const batches = consumer.batches();
  const next = batches.next();
  await broker.until(() => broker.link.credits.length === 1);
  broker.link.event(1, { event: 'assign', queues: [{ queueId: 0, generation: 1, offset: 0 }] });
  broker.link.deliver(1, [stampedBatch([{ topic: 't', body: 'a' }])]);
  const batch = (await next).value;
  broker.isDown = true;
  broker.link.cut();
  expect(await batch?.ack()).toBe(true);
  return { broker, consumer };
}

async function rejoin(broker: ScriptedBroker, grant: object): Promise<void> {
  broker.isDown = false;
  await broker.until(() => broker.called('join').length === 2 && broker.link.credits.length === 1);
  broker.link.event(1, { event: 'assign', queues: [grant] });
}

test('rejects while acks wait for the connection, and commits them after the resume', async () => {
  const { broker, consumer } = await disconnected();
  await expect(consumer.commit()).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true });
  await rejoin(broker, { queueId: 0, generation: 2, offset: 0 });
  await consumer.commit();
  expect(broker.called('commit').map(({ offsets }) => offsets)).toEqual([
    [{ queueId: 0, generation: 2, offset: 1 }],
  ]);
});

test('rejects once when acks were lost with their queue', async () => {
  const { broker, consumer } = await disconnected();
  broker.methods['describeGroup'] = () => ({
    memberIds: [],
    queues: [{ topic: 't', queueId: 0, committedOffset: 0 }],
  });
  await rejoin(broker, { queueId: 0, generation: 2 ** 32, offset: 0 });
  await expect(consumer.commit()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await consumer.commit();
  expect(broker.called('commit')).toEqual([]);
});

test('resolves when the queue is gone and whoever has it now has committed as much', async () => {
  const { broker, consumer } = await disconnected();
  broker.methods['describeGroup'] = () => ({
    memberIds: [],
    queues: [{ topic: 't', queueId: 0, committedOffset: 1 }],
  });
  await rejoin(broker, { queueId: 1, generation: 2, offset: 0 });
  await consumer.commit();
  expect(broker.called('describeGroup')).toHaveLength(1);
});

test('resolves when the lost acks were committed after all, by another member', async () => {
  const { broker, consumer } = await disconnected();
  await rejoin(broker, { queueId: 0, generation: 2, offset: 50 });
  await consumer.commit();
  expect(broker.called('commit')).toEqual([]);
});
