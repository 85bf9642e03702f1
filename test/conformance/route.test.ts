/** Which queue a message goes to, in what order, and what holds a fast producer back. */
import { expect, test } from 'vitest';
import type { SendFailure } from '../../broker/index.js';
import { describeEach, EACH_AND_CLUSTER, numbers, readAll } from './rig.js';

describeEach('routing', EACH_AND_CLUSTER, (rig) => {
  test('messages of one sharding key go to one queue, in order', async () => {
    const { client, topic } = await rig.topic({ queues: 8 });
    const producer = client.producer();
    for (let i = 0; i < 2000; i++) {
      if (!producer.write({ topic, body: String(i), shardingKey: `key-${i % 16}` })) {
        await producer.ready();
      }
    }
    await producer.flush();
    const queueOf = new Map<string, number>();
    const lastOf = new Map<string, number>();
    for (const message of await readAll(client, topic)) {
      const key = message.shardingKey as string;
      expect(queueOf.get(key) ?? message.queueId).toBe(message.queueId);
      queueOf.set(key, message.queueId);
      expect(Number(message.text())).toBe((lastOf.get(key) ?? Number(key.slice(4)) - 16) + 16);
      lastOf.set(key, Number(message.text()));
    }
    expect(lastOf.size).toBe(16);
    expect(new Set(queueOf.values()).size).toBeGreaterThan(2);
    expect(Math.min(...lastOf.values())).toBe(1984);
  });

  test('round-robin moves on with each batch', async () => {
    const { client, topic } = await rig.topic({ queues: 3 });
    const producer = client.producer();
    const queues: number[] = [];
    for (let i = 0; i < 9; i++) {
      const receipts = await producer.sendBatch(numbers(5).map((body) => ({ topic, body })));
      expect(new Set(receipts.map((receipt) => receipt.queueId)).size).toBe(1);
      queues.push(receipts[0]?.queueId as number);
    }
    expect([...queues.slice(0, 3)].sort()).toEqual([0, 1, 2]);
    expect(queues.slice(3, 6)).toEqual(queues.slice(0, 3));
    expect(queues.slice(6)).toEqual(queues.slice(0, 3));
  });

  test('receipts of sendBatch are in the order of the messages, over several batches', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer({ batchRecords: 10 });
    const receipts = await producer.sendBatch(numbers(95).map((body) => ({ topic, body })));
    expect(receipts.map((receipt) => receipt.offset)).toEqual(receipts.map((_, i) => i));
    const received = await readAll(client, topic);
    expect(received.map((message) => message.text())).toEqual(numbers(95));
    expect(await producer.sendBatch([])).toEqual([]);
  });

  test('many producers at once: each one’s order is kept', async () => {
    const { client, topic } = await rig.topic();
    const clients = [client, await rig.client(), await rig.client()];
    await Promise.all(
      clients.map(async (each, who) => {
        const producer = each.producer({ batchRecords: 7 });
        for (let i = 0; i < 700; i++) {
          producer.write({ topic, body: String(i), tag: `p${who}` });
        }
        await producer.flush();
      }),
    );
    const received = await readAll(client, topic);
    for (let who = 0; who < 3; who++) {
      const own = received.filter((message) => message.tag === `p${who}`);
      expect(own.map((message) => message.text())).toEqual(numbers(700));
    }
  });
});

describeEach('back-pressure', EACH_AND_CLUSTER, (rig) => {
  test('write says when to wait, throws past twice the buffer, and ready tells of room', async () => {
    for (const memory of [false, true]) {
      const { client, topic } = await rig.topic({ memory });
      const producer = client.producer({ bufferBytes: 16 * 1024, batchBytes: 4096 });
      const body = new Uint8Array(1000);
      let written = 0;
      while (producer.write({ topic, body })) {
        written++;
      }
      written++;
      expect(producer.bufferedBytes).toBeGreaterThanOrEqual(producer.bufferBytes);
      let refusal: unknown;
      for (; refusal === undefined && written < 100; written++) {
        try {
          producer.write({ topic, body });
        } catch (error) {
          refusal = error;
          written--;
        }
      }
      expect(refusal).toMatchObject({ code: 'BUFFER_FULL', retryable: true, details: { limit: 32 * 1024 } });
      await producer.ready();
      expect(producer.bufferedBytes).toBeLessThanOrEqual(producer.bufferBytes * 0.9);
      expect(producer.write({ topic, body: 'last' })).toBe(true);
      await producer.flush();
      expect(producer.bufferedBytes).toBe(0);
      expect(producer.nextNumber).toBe(written + 1);
      expect(await readAll(client, topic)).toHaveLength(written + 1);
    }
  });

  test('send waits for room and loses nothing', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer({ bufferBytes: 8 * 1024, batchBytes: 2048 });
    const receipts = await Promise.all(
      numbers(3000).map((body) => producer.send({ topic, body: body.padStart(100) })),
    );
    expect(receipts.map((receipt) => receipt.offset)).toEqual(receipts.map((_, i) => i));
  });

  test('failures of written messages come by flush and by onError, with their numbers', async () => {
    const { client, topic } = await rig.topic();
    const heard: SendFailure[] = [];
    const producer = client.producer({ onError: (failure) => heard.push(failure) });
    producer.write({ topic, body: 'good' });
    producer.write({ topic: 'no-such-topic', body: 'bad' });
    producer.write({ topic: 'no-such-topic', body: 'bad' });
    producer.write({ topic, body: 'good' });
    await expect(producer.flush()).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      details: { failedCount: 2, failed: [{ number: 1 }, { number: 2 }] },
    });
    expect(heard.flatMap((failure) => failure.numbers)).toEqual([1, 2]);
    await producer.flush();
    expect(await readAll(client, topic)).toHaveLength(2);
  });
});
