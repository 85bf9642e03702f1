/** What outlives the broker. */
import { expect, test } from 'vitest';
import { LISTENERS } from './back-ends.js';
import { describeEach, EACH, EACH_FLUSH, numbers, type Rig, sendNumbers, take } from './rig.js';

describeEach('over a restart of the broker', EACH_FLUSH, restarts, {});

function restarts(rig: Rig): void {
  test('topics, messages and offsets of groups are there; memory topics are empty', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    const group = rig.name('g');
    const memory = rig.name('m');
    await client.admin().createTopic({ topic: memory, queues: 1, memory: true });
    await sendNumbers(client, memory, 5);
    const producer = client.producer();
    const before = [
      await producer.sendBatch(
        numbers(100).map((body) => ({ topic, body })),
        { queueId: 0 },
      ),
      await producer.sendBatch(
        numbers(100, 100).map((body) => ({ topic, body })),
        { queueId: 1 },
      ),
    ].flat();
    const first = await take(client.consumer({ group, topic }), 70);
    const { topicId } = await client.admin().describeTopic(topic);
    await client.close();
    for (let i = 0; i < 2; i++) {
      await rig.backEnd.restart();
    }

    const again = await rig.client();
    expect(await again.admin().describeTopic(topic)).toMatchObject({
      topicId,
      queueStates: [{ maxOffset: 100 }, { maxOffset: 100 }],
    });
    const rest = await take(again.consumer({ group, topic }), 130);
    const all = [...first, ...rest];
    const place = (message: { queueId: number; offset: number }) => `${message.queueId}/${message.offset}`;
    expect(all.map(place).sort()).toEqual(before.map(place).sort());
    expect(all.map((message) => message.messageId).sort()).toEqual(
      before.map((receipt) => receipt.messageId).sort(),
    );
    expect((await again.admin().describeTopic(memory)).queueStates).toMatchObject([
      { maxOffset: expect.any(Number) },
    ]);
    const receipt = await again.producer().send({ topic: memory, body: 'x' });
    const only = await take(again.consumer({ group: rig.name('g'), topic: memory }), 1);
    expect(only.map((message) => message.messageId)).toEqual([receipt.messageId]);
    expect((await again.producer().send({ topic, body: 'x' }, { queueId: 1 })).offset).toBe(100);
  });
}

describeEach(
  'a remote client over a restart of the broker',
  EACH.filter(({ name }) => (LISTENERS as readonly string[]).includes(name)),
  (rig) => {
    test('holds messages of a memory topic: all that is new comes, the old ones cannot be acked', async () => {
      const { client, topic } = await rig.topic({ memory: true });
      await sendNumbers(client, topic, 5);
      const batches = client.consumer({ group: 'm', topic }).batches();
      const old = (await batches.next()).value;
      await rig.backEnd.restart();
      await sendNumbers(client, topic, 8, 100);
      const seen: string[] = [];
      while (seen.length < 8) {
        const batch = (await batches.next()).value;
        for (const message of batch ?? []) {
          seen.push(message.text());
        }
      }
      expect(seen).toEqual(numbers(8, 100));
      expect(await old?.ack()).toBe(false);
      await batches.return?.();
    });

    test('goes on: nothing lost, no duplicate, in order', async () => {
      const { client, topic } = await rig.topic();
      const producer = client.producer({ batchRecords: 5 });
      const consumer = client.consumer({ group: 'g', topic, commitIntervalMs: 1 });
      const seen: string[] = [];
      let finish!: () => void;
      const all = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const loop = consumer.run((message) => {
        // After a restart what was not committed comes again.
        if (message.offset < seen.length) {
          return;
        }
        seen.push(message.text());
        if (seen.length === 3000) {
          finish();
        }
      });
      const receipts = [];
      for (let i = 0; i < 3000; i++) {
        receipts.push(producer.send({ topic, body: String(i) }));
        if (i % 1000 === 500) {
          await Promise.all([rig.backEnd.restart(), receipts.at(-1)]);
        }
      }
      const offsets = (await Promise.all(receipts)).map((receipt) => receipt.offset);
      expect(offsets).toEqual(offsets.map((_, i) => i));
      await all;
      expect(seen).toEqual(numbers(3000));
      await consumer.close();
      await loop;
    });
  },
  {},
);
