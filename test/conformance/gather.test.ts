/** `batches({ maxMessages, maxWaitMs })`: batches of the reader's making. */
import { expect, test } from 'vitest';
import type { MessageBatch } from '../../broker/index.js';
import { describeEach, EACH_AND_CLUSTER, numbers, take } from './rig.js';

/** Longer than messages that are stored are on their way, on any machine. */
const LONG_MS = 60_000;

const textsOf = (batch: MessageBatch) => [...batch].map((message) => message.text());

describeEach('gathered batches', EACH_AND_CLUSTER, (rig) => {
  test('have as many messages as are wanted, whatever batches they were sent in', async () => {
    for (const batchRecords of [1, 7, 4_000]) {
      const { client, topic } = await rig.topic({ queues: 2 });
      const producer = client.producer({ batchRecords });
      for (const queueId of [0, 1]) {
        for (const bodies of [numbers(200), numbers(50, 200)]) {
          // The last ones come at once, however slow the machine is.
          await (bodies.length === 50 ? client.producer() : producer).sendBatch(
            bodies.map((body) => ({ topic, body })),
            { queueId },
          );
        }
      }
      const group = rig.name('g');
      const consumer = client.consumer({ group, topic });
      const seen: string[][] = [[], []];
      const read = async (count: number, maxWaitMs: number): Promise<number[]> => {
        const lengths: number[] = [];
        for await (const batch of consumer.batches({ maxMessages: 100, maxWaitMs })) {
          expect(batch.baseOffset).toBe(seen[batch.queueId]?.length);
          expect(batch.length).toBe([...batch].length);
          lengths.push(batch.length);
          seen[batch.queueId]?.push(...textsOf(batch));
          expect(await batch.ack()).toBe(true);
          if (lengths.length === count) {
            break;
          }
        }
        return lengths;
      };
      expect(await read(4, LONG_MS)).toEqual([100, 100, 100, 100]);
      expect(await read(2, 100)).toEqual([50, 50]);
      expect(seen).toEqual([numbers(250), numbers(250)]);
      const { queues } = await client.admin().describeGroup(group);
      expect(queues.map(({ lag }) => lag)).toEqual([0, 0]);
    }
  });

  test('bodies stay valid until the ack, and what was not acked comes again', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer({ batchRecords: 10 });
    await producer.sendBatch(numbers(100).map((body) => ({ topic, body })));
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic, windowBytes: 65_536 });
    const loop = consumer.batches({ maxMessages: 25, maxWaitMs: LONG_MS });
    const held: MessageBatch[] = [];
    for (let i = 0; i < 4; i++) {
      held.push((await loop.next()).value as MessageBatch);
    }
    expect(held.flatMap(textsOf)).toEqual(numbers(100));
    await held[0]?.ack();
    await held[2]?.ack();
    await loop.return?.();
    const rest = await take(client.consumer({ group, topic }), 75);
    expect(rest.map((message) => message.text())).toEqual(numbers(75, 25));
  });

  test('what is there comes at once without a wait, and a lone message after it', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer();
    await producer.send({ topic, body: 'first' });
    const consumer = client.consumer({ group: rig.name('g'), topic });
    const loop = consumer.batches({ maxMessages: 1_000, maxWaitMs: 30 });
    expect(textsOf((await loop.next()).value as MessageBatch)).toEqual(['first']);
    await loop.return?.();
    const hasty = consumer.batches({ maxMessages: 1_000 });
    expect(textsOf((await hasty.next()).value as MessageBatch)).toEqual(['first']);
    await hasty.return?.();
    for (const options of [{ maxMessages: 0 }, { maxWaitMs: -1 }, { maxMessage: 3 } as never]) {
      expect(() => consumer.batches(options)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    }
  });

  test('a filter counts: batches are of what it lets through', async () => {
    const { client, topic } = await rig.topic();
    const tags = ['a', 'b'];
    const messages = numbers(100).map((body, i) => ({ topic, body, tag: tags[i % 2] }));
    await client.producer({ batchRecords: 9 }).sendBatch(messages.slice(0, 80));
    await client.producer().sendBatch(messages.slice(80));
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic, filter: 'b' });
    const read = async (count: number, maxWaitMs: number): Promise<number[]> => {
      const lengths: number[] = [];
      for await (const batch of consumer.batches({ maxMessages: 20, maxWaitMs })) {
        lengths.push(batch.length);
        await batch.ack();
        if (lengths.length === count) {
          break;
        }
      }
      return lengths;
    };
    expect(await read(2, LONG_MS)).toEqual([20, 20]);
    expect(await read(1, 100)).toEqual([10]);
    expect((await client.admin().describeGroup(group)).queues[0]?.lag).toBe(0);
  });
});
