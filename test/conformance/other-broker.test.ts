/** Another broker answers at the address of the one that was there: messages go to the topic of their name, whatever its number. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Broker, connect, openBroker } from '../../broker/index.js';
import { readAll } from './rig.js';

const dir = mkdtempSync(join(tmpdir(), 'ringmq-other-'));
let broker: Broker | undefined;

afterEach(async () => {
  await broker?.close();
  rmSync(dir, { recursive: true, force: true });
});

test('what is written while the brokers change is stored under its name, and acks of the old one are not taken over', async () => {
  const before = await openBroker({ dataDir: join(dir, 'before'), flush: 'async' });
  await before.client().admin().createTopic({ topic: 'orders', queues: 2 });
  const { url } = await before.listen({ port: 0, listener: 'ws' });
  const client = await connect(url, { reconnectMinMs: 5, reconnectMaxMs: 20 });
  const producer = client.producer({ batchRecords: 4 });
  await producer.sendBatch(Array.from({ length: 20 }, (_, i) => ({ topic: 'orders', body: `before ${i}` })));
  const consumer = client.consumer({ group: 'g', topic: 'orders', commitIntervalMs: 60_000 });
  const messages = consumer[Symbol.asyncIterator]();
  for (let i = 0; i < 20; i++) {
    await (await messages.next()).value?.ack();
  }
  await before.close();

  const sends = Array.from({ length: 40 }, (_, i) =>
    producer.send({ topic: 'orders', body: `after ${i}`, keys: [`k${i}`] }),
  );
  broker = await openBroker({ dataDir: join(dir, 'after'), flush: 'async' });
  const admin = broker.client().admin();
  await admin.createTopic({ topic: 'audit', queues: 2 });
  await admin.createTopic({ topic: 'orders', queues: 2 });
  await broker.listen({ port: Number(new URL(url).port), listener: 'ws' });

  const receipts = await Promise.all(sends);
  expect(new Set(receipts.map(({ messageId }) => messageId)).size).toBe(40);
  const stored = await readAll(broker.client(), 'orders');
  expect(stored.map((message) => `${message.text()} ${message.keys[0]}`).sort()).toEqual(
    Array.from({ length: 40 }, (_, i) => `after ${i} k${i}`).sort(),
  );
  expect(await readAll(broker.client(), 'audit')).toEqual([]);
  // The consumer goes on there, from the first message: its 20 acks were of others.
  const seen = new Set<string>();
  while (seen.size < 40) {
    const { value } = await messages.next();
    seen.add(value?.text() ?? '');
    await value?.ack();
  }
  expect([...seen].every((text) => text.startsWith('after'))).toBe(true);
  await messages.return?.();
  await client.close();
});
