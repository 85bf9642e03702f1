/** A topic gets more queues while it is in use. */
import { expect, test } from 'vitest';
import type { Client, ConsumedMessage, Consumer } from '../../broker/index.js';
import { until } from '../replica/nodes.js';
import { describeEach, EACH_AND_CLUSTER, numbers, readAll, sendNumbers, take } from './rig.js';

const texts = (messages: readonly ConsumedMessage[]) =>
  messages.map((message) => message.text()).sort(byNumber);
const byNumber = (a: string, b: string) => Number(a) - Number(b);

/** One message into each of these queues, by its number. */
async function sendToQueues(client: Client, topic: string, queueIds: readonly number[]): Promise<void> {
  const producer = client.producer();
  for (const queueId of queueIds) {
    await producer.send({ topic, body: `${queueId}` }, { queueId });
  }
  await producer.close();
}

/** Resolves once the consumers have all of the topic's queues between them, each some. */
async function shared(consumers: readonly Consumer[], queues: number): Promise<void> {
  await Promise.all(consumers.map((consumer) => consumer.assigned));
  await until(() => {
    const held = consumers.map((consumer) => consumer.queues.length);
    return held.every((each) => each > 0) && held.reduce((a, b) => a + b) === queues;
  });
}

describeEach('growth of a topic', EACH_AND_CLUSTER, (rig) => {
  for (const memory of [false, true]) {
    test(`${memory ? 'in memory' : 'on disk'}: queues and messages stay, producers spread over all, groups share all`, async () => {
      const { client, topic } = await rig.topic({ queues: 2, memory });
      const other = await rig.client();
      const producer = other.producer();
      const group = rig.name('g');
      const consumers = [other.consumer({ group, topic }), client.consumer({ group, topic })];
      await shared(consumers, 2);
      await sendToQueues(client, topic, [0, 1]);
      const before = await client.admin().describeTopic(topic);

      const grown = await client.admin().growTopic({ topic, queues: 6 });
      expect(grown).toMatchObject({ topic, queues: 6, before: 2, memory, createdTime: before.createdTime });
      expect((await client.admin().describeTopic(topic)).queueStates).toMatchObject([
        ...before.queueStates,
        ...[2, 3, 4, 5].map((queueId) => ({ queueId, minOffset: 0, maxOffset: 0 })),
      ]);
      await shared(consumers, 6);
      // This producer was told by its own connection, whenever that was.
      const toTheLast = () => producer.send({ topic, body: '9' }, { queueId: 5 }).catch((error) => error);
      await until(async () => (await toTheLast()).queueId === 5);
      const queues = new Set<number>();
      for (const body of numbers(12, 10)) {
        queues.add((await producer.send({ topic, body })).queueId);
      }
      expect(queues.size).toBe(6);

      const found: ConsumedMessage[] = [];
      await Promise.all(
        consumers.map(async (consumer) => {
          for await (const message of consumer) {
            found.push(message);
            await message.ack();
            if (found.length === 15) {
              await Promise.all(consumers.map((each) => each.close()));
            }
          }
        }),
      );
      expect(texts(found)).toEqual(['0', '1', '9', ...numbers(12, 10)]);
      const left = (await client.admin().describeGroup(group)).queues;
      expect(left.map(({ lag }) => lag)).toEqual([0, 0, 0, 0, 0, 0]);
    });
  }

  test('who read the topic before gets all of the new queues, though it began with `latest`', async () => {
    const { client, topic } = await rig.topic({ queues: 1 });
    const [away, lasting] = [rig.name('g'), rig.name('g')];
    await sendToQueues(client, topic, [0]);
    // One is there while the topic grows, one has been there, and one in no group reads on.
    const first = client.consumer({ group: away, topic, from: 'latest' });
    await first.seek('latest');
    await first.close();
    const staying = client.consumer({ group: lasting, topic, from: 'latest' });
    await shared([staying], 1);
    const reader = client.consumer({ group: 'broadcast', broadcast: true, topic, from: 'latest' });
    await shared([reader], 1);

    await client.admin().growTopic({ topic, queues: 3 });
    await sendToQueues(client, topic, [1, 2]);
    for (const consumer of [client.consumer({ group: away, topic, from: 'latest' }), staying, reader]) {
      expect(texts(await take(consumer, 2))).toEqual(['1', '2']);
      await consumer.close();
    }
    // A group that comes later begins where it wants to.
    const late = client.consumer({ group: rig.name('g'), topic, from: 'latest' });
    await shared([late], 3);
    await sendToQueues(client, topic, [1]);
    expect((await take(late, 1))[0]).toMatchObject({ queueId: 1, offset: 1 });
  });

  test('messages of a sharding key that were sent before stay in their queue; a named queue stays', async () => {
    const { client, topic } = await rig.topic({ queues: 3 });
    const producer = client.producer();
    const keys = numbers(40).map((number) => `key-${number}`);
    const placesOf = async () =>
      Promise.all(
        keys.map(
          async (shardingKey) => (await producer.send({ topic, body: shardingKey, shardingKey })).queueId,
        ),
      );
    const before = await placesOf();
    await client.admin().growTopic({ topic, queues: 7 });
    const after = await placesOf();
    expect(after).toEqual(await placesOf());
    expect(after).not.toEqual(before);
    expect(new Set(after).size).toBe(7);
    for (const message of await readAll(client, topic)) {
      const at = keys.indexOf(message.text());
      expect([before[at], after[at]]).toContain(message.queueId);
    }
    expect(await producer.send({ topic, body: 'x' }, { queueId: 2 })).toMatchObject({ queueId: 2 });
  });

  test('as many queues as it has: nothing happens; fewer, too many, or no topic are refused', async () => {
    const { client, topic } = await rig.topic({ queues: 4 });
    const admin = client.admin();
    await sendNumbers(client, topic, 3);
    const before = await admin.describeTopic(topic);
    expect(await admin.growTopic({ topic, queues: 4 })).toMatchObject({ topic, queues: 4, before: 4 });
    await expect(admin.growTopic({ topic, queues: 3 })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining('can only get more'),
      details: { value: 3, queues: 4 },
    });
    for (const queues of [0, 1.5, 16_385, undefined, '8']) {
      await expect(admin.growTopic({ topic, queues: queues as number })).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
      });
    }
    await expect(admin.growTopic({ topic: rig.name('none'), queues: 4 })).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
    });
    const { queues, queueStates } = await admin.describeTopic(topic);
    expect({ queues, queueStates }).toEqual({ queues: before.queues, queueStates: before.queueStates });
  });

  test('grows again and again, also at once, and is deleted and made anew with as few as at first', async () => {
    const { client, topic } = await rig.topic({ queues: 1 });
    const admin = client.admin();
    const grown = await Promise.allSettled([2, 3, 4, 5].map((queues) => admin.growTopic({ topic, queues })));
    // One that came behind a larger one was refused.
    expect(grown.at(-1)).toMatchObject({ status: 'fulfilled', value: { queues: 5 } });
    await sendToQueues(client, topic, [0, 1, 2, 3, 4]);
    expect(texts(await readAll(client, topic))).toEqual(numbers(5));
    await admin.deleteTopic(topic);
    await admin.createTopic({ topic, queues: 1 });
    expect((await admin.describeTopic(topic)).queueStates).toMatchObject([{ maxOffset: 0 }]);
    await expect(client.producer().send({ topic, body: 'x' }, { queueId: 1 })).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
    });
  });
});
