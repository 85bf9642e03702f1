/** Pulling beside being given: poll, pause, resume, position. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeEach, EACH_AND_CLUSTER, numbers, sendNumbers, take } from './rig.js';

describeEach('poll', EACH_AND_CLUSTER, (rig) => {
  test('gives up to so many, waits for the first, keeps its place and its group', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 25);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic });
    const seen: string[] = [];
    while (seen.length < 25) {
      const messages = await consumer.poll({ max: 10, waitMs: 100_000 });
      expect(messages.length).toBeGreaterThan(0);
      expect(messages.length).toBeLessThanOrEqual(10);
      for (const message of messages) {
        seen.push(message.text());
        await message.ack();
      }
    }
    expect(seen).toEqual(numbers(25));
    expect(await consumer.poll({ waitMs: 5 })).toEqual([]);
    const waiting = consumer.poll({ waitMs: 100_000 });
    await expect(consumer.poll()).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(consumer.batches().next()).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await sendNumbers(client, topic, 1, 25);
    expect((await waiting).map((message) => message.text())).toEqual(['25']);
    expect(consumer.position()).toEqual([rig.placed({ topic, queueId: 0, offset: 26, doneOffset: 25 })]);
    const aborted = consumer.poll({ waitMs: 100_000, signal: AbortSignal.timeout(10) });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    await consumer.close();
    // Acked up to there, and no further.
    expect((await take(client.consumer({ group, topic }), 1))[0]?.text()).toBe('25');
  });

  test('rejects with what ends it', async () => {
    const { client } = await rig.topic();
    const consumer = client.consumer({ group: rig.name('g'), topic: 'nowhere' });
    await expect(consumer.poll({ waitMs: 100_000 })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    for (const options of [{ max: 0 }, { waitMs: -1 }, { wait: 1 } as never]) {
      await expect(consumer.poll(options)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
  });
});

describeEach('pause', EACH_AND_CLUSTER, (rig) => {
  test('stops a queue within its batch, others go on, and resume goes on where it was', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    for (const queueId of [0, 1]) {
      await client.producer().sendBatch(
        numbers(50).map((body) => ({ topic, body })),
        { queueId },
      );
    }
    const consumer = client.consumer({ group: rig.name('g'), topic });
    const seen: number[][] = [[], []];
    for await (const message of consumer) {
      const { queueId, offset } = message;
      await message.ack();
      seen[queueId]?.push(offset);
      if (queueId === 0 && offset === 9) {
        consumer.pause([0]);
      }
      if (queueId === 1 && offset === 49) {
        // Whichever came first: queue 0 never got beyond its pause.
        expect(seen[0]?.length).toBeLessThanOrEqual(10);
        consumer.resume([0]);
      }
      if (seen[0]?.length === 10 && seen[1]?.length === 50) {
        consumer.resume();
      }
      if ((seen[0]?.length ?? 0) + (seen[1]?.length ?? 0) === 100) {
        break;
      }
    }
    expect(seen).toEqual([numbers(50).map(Number), numbers(50).map(Number)]);
    await consumer.close();
  });

  test('of all holds back what is assigned later, too', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 10);
    const consumer = client.consumer({ group: rig.name('g'), topic });
    consumer.pause();
    await consumer.assigned;
    expect(await consumer.poll({ waitMs: 50 })).toEqual([]);
    expect((await consumer.stats()).queues).toMatchObject([{ state: 'paused' }]);
    const waiting = consumer.poll({ waitMs: 100_000 });
    await delay(5);
    consumer.resume();
    expect((await waiting)[0]?.text()).toBe('0');
    expect(() => consumer.pause({ topic: 'another' })).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT' }),
    );
    await consumer.close();
  });
});
