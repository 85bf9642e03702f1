/** What a seek comes to while its broker is silent, gone, or its consumer closed: always to something. */
import { afterEach, expect, test } from 'vitest';
import { type Client, createClient } from '../../native-free/client/internal.js';
import { ScriptedBroker } from './scripted-broker.js';

let client: Client | undefined;

afterEach(async () => {
  await client?.close({ signal: AbortSignal.abort() }).catch(() => {});
  client = undefined;
});

async function scripted(requestTimeoutMs: number) {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory, { requestTimeoutMs, reconnectMinMs: 1, reconnectMaxMs: 5 });
  return { broker, consumer: client.consumer({ group: 'g', topic: 't' }) };
}

test('without an assignment it ends with the time of a request', async () => {
  const { broker, consumer } = await scripted(50);
  await expect(consumer.seek('latest')).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('seek'),
  });
  expect(broker.called('seek')).toEqual([]);
});

test('without a broker it says why there is no connection', async () => {
  const { broker, consumer } = await scripted(100);
  broker.isDown = true;
  broker.link.cut();
  await expect(consumer.seek('latest')).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('there is no connection'),
  });
});

test('that a close overtakes says CLOSED, and so does the wish to know the assignment', async () => {
  const { consumer } = await scripted(30_000);
  const assigned = expect(consumer.assigned).rejects.toMatchObject({ code: 'CLOSED' });
  const sought = expect(consumer.seek('latest')).rejects.toMatchObject({ code: 'CLOSED' });
  await consumer.close();
  await Promise.all([assigned, sought]);
  await expect(consumer.seek('latest')).rejects.toMatchObject({ code: 'CLOSED' });
});

test('while the connection is away it says so, and not that the queue is no longer held', async () => {
  const { broker, consumer } = await scripted(30_000);
  const { assigned } = consumer;
  await broker.until(() => broker.called('join').length === 1);
  broker.link.event(1, { event: 'assign', queues: [{ queueId: 0, generation: 1, offset: 0 }] });
  await assigned;
  broker.isDown = true;
  broker.link.cut();
  await broker.until(() => broker.link.isClosed);
  for (const queueId of [undefined, 0]) {
    await expect(consumer.seek('latest', { queueId })).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  }
  await expect(consumer.seek('latest', { queueId: 7 })).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
});
