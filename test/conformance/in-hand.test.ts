/** What is in hand without an ack is bounded, shows, and holds up its own queue alone. */
import { expect, test } from 'vitest';
import type { ConsumedMessage, ConsumerWarning } from '../../broker/index.js';
import { describeEach, EACH_AND_CLUSTER, numbers, sendNumbers } from './rig.js';

describeEach('messages in hand', EACH_AND_CLUSTER, (rig) => {
  test('a forgotten ack is warned of, and shows in the stats', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 50);
    let told = (_: ConsumerWarning) => {};
    const warned = new Promise<ConsumerWarning>((resolve) => {
      told = resolve;
    });
    const consumer = client.consumer({
      group: rig.name('g'),
      topic,
      unackedWarningMs: 60,
      // On a slow machine it is warned of before all behind it are acked, too.
      onWarning: (warning) => {
        if (/offset 5 .* 44 acked messages behind it/.test(warning.message)) {
          told(warning);
        }
      },
    });
    const loop = consumer[Symbol.asyncIterator]();
    for (let i = 0; i < 50; i++) {
      const message = (await loop.next()).value;
      if (message?.offset !== 5) {
        await message?.ack();
      }
    }
    expect(await warned).toMatchObject({ type: 'unacked', topic, queueId: 0 });
    const stats = await consumer.stats();
    expect(stats).toMatchObject({
      unackedCount: 1,
      lag: 45,
      queues: [
        { state: 'reading', doneOffset: 5, nextOffset: 50, unackedCount: 1, waitingAckCount: 44, lag: 45 },
      ],
    });
    expect(stats.unackedForMs).toBeGreaterThanOrEqual(60);
    await loop.return?.();
    expect(await consumer.stats()).toMatchObject({ unackedCount: 0, unackedForMs: null, queues: [] });
  });

  test('past its bound a queue gives nothing more until there are acks; the other goes on', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    const producer = client.producer({ batchRecords: 5 });
    for (const queueId of [0, 1]) {
      await producer.sendBatch(
        numbers(100).map((body) => ({ topic, body })),
        { queueId },
      );
    }
    const consumer = client.consumer({ group: rig.name('g'), topic, maxUnackedCount: 10 });
    const kept: ConsumedMessage[] = [];
    const acked: number[] = [];
    for await (const message of consumer) {
      if (message.queueId === 0 && kept.length < 10) {
        kept.push(message);
      } else {
        await message.ack();
        acked.push(message.queueId);
      }
      if (acked.length === 100 && kept.length === 10) {
        // Nothing of queue 0 came since: what is in hand of it is the bound.
        expect(acked.every((queueId) => queueId === 1)).toBe(true);
        expect((await consumer.stats()).queues.map(({ state }) => state)).toEqual(['full', 'reading']);
        await Promise.all(kept.map((each) => each.ack()));
      }
      if (acked.length === 190) {
        break;
      }
    }
    expect(acked.slice(100)).toEqual(Array.from({ length: 90 }, () => 0));
    await consumer.close();
  });
});
