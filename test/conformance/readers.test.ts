/** Reading without sharing: seek, broadcast, peek and get. */
import { expect, test } from 'vitest';
import type { Client, ConsumedMessage, ConsumerWarning } from '../../broker/index.js';
import { until } from '../replica/nodes.js';
import { describeEach, EACH_AND_CLUSTER, numbers, sendNumbers, take } from './rig.js';

const texts = (messages: readonly { text(): string }[]) => messages.map((message) => message.text());

async function sendTo(client: Client, topic: string, queueId: number, count: number, bytes = 0) {
  const body = (i: number) => `${i}`.padEnd(bytes, '.');
  await client.producer().sendBatch(
    Array.from({ length: count }, (_, i) => ({ topic, body: body(i) })),
    { queueId },
  );
}

describeEach('seek', EACH_AND_CLUSTER, (rig) => {
  test('many at once all end, and the last one counts', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 20);
    const consumer = client.consumer({ group: rig.name('g'), topic });
    const stop = new AbortController();
    const seeks = numbers(9).map((_, i) => consumer.seek({ offset: i }));
    const givenUp = consumer.seek({ offset: 15 }, { signal: stop.signal });
    await consumer.assigned;
    stop.abort();
    await expect(givenUp).rejects.toMatchObject({ code: 'ABORTED' });
    await Promise.all([...seeks, consumer.seek({ offset: 12 })]);
    expect((await consumer.poll({ max: 2, waitMs: 100_000 })).map((message) => message.offset)).toEqual([
      12, 13,
    ]);
    await consumer.close();
  });

  test('ends with its consumer, and with its topic', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    // It may have been done before the other call was heard of.
    const endOf = (seek: Promise<void>): Promise<string> =>
      seek.then(
        () => 'done',
        ({ code }) => code,
      );
    for (const end of ['consumer', 'topic']) {
      const consumer = client.consumer({ group: rig.name('g'), topic });
      await consumer.assigned;
      const seeks = [consumer.seek('latest'), consumer.seek('earliest', { queueId: 1 })].map(endOf);
      await (end === 'consumer' ? consumer.close() : client.admin().deleteTopic(topic));
      for (const code of await Promise.all(seeks)) {
        expect(['done', 'CLOSED', 'TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND', 'NOT_A_MEMBER']).toContain(code);
      }
      await consumer.close();
    }
  });

  test('goes on elsewhere, for good, and what was in hand counts no more', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 20);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic });
    const loop = consumer[Symbol.asyncIterator]();
    let held: ConsumedMessage | undefined;
    for (let i = 0; i < 10; i++) {
      held = (await loop.next()).value;
      if (i < 9) {
        await held?.ack();
      }
    }
    await consumer.commit();
    await consumer.seek({ offset: 3 });
    expect(await held?.ack()).toBe(false);
    const again = (await loop.next()).value;
    expect(again?.text()).toBe('3');
    expect(consumer.position()).toMatchObject([{ offset: 20, doneOffset: 3 }]);
    expect((await client.admin().describeGroup(group)).queues[0]?.committedOffset).toBe(3);
    await again?.ack();
    await consumer.seek('latest');
    await sendNumbers(client, topic, 1, 20);
    expect((await loop.next()).value?.text()).toBe('20');
    await loop.return?.();
    expect(texts(await take(client.consumer({ group, topic }), 1))).toEqual(['20']);
  });

  test('of one queue leaves the others, and is refused for one that is not held', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    await sendTo(client, topic, 0, 10);
    await sendTo(client, topic, 1, 10);
    const consumer = client.consumer({ group: rig.name('g'), topic });
    await consumer.seek('latest', { queueId: 1 });
    const messages = await take(consumer, 10);
    expect(messages.every(({ queueId }) => queueId === 0)).toBe(true);
    await expect(consumer.seek('earliest', { queueId: 7 })).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
    });
    await expect(consumer.seek('first' as never)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await consumer.close();
  });
});

describeEach('broadcast', EACH_AND_CLUSTER, (rig) => {
  test('every member gets everything, and leaves no group behind', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    await sendTo(client, topic, 0, 10);
    await sendTo(client, topic, 1, 10);
    const before = await client.admin().listGroups();
    const members = await Promise.all([client, await rig.client(), await rig.client()]);
    const consumers = members.map((each) => each.consumer({ group: 'all', topic, broadcast: true }));
    const all = await Promise.all(consumers.map((consumer) => take(consumer, 20)));
    for (const messages of all) {
      expect(texts(messages).sort()).toEqual([...numbers(10), ...numbers(10)].sort());
    }
    expect(await client.admin().listGroups()).toEqual(before);
    // Another start begins at `from` again.
    expect(await take(consumers[0] as never, 20)).toHaveLength(20);
    const late = client.consumer({ group: 'all', topic, broadcast: true, from: 'latest' });
    const loop = late[Symbol.asyncIterator]();
    const next = loop.next();
    await late.assigned;
    await sendTo(client, topic, 1, 1);
    expect((await next).value?.offset).toBe(10);
    await loop.return?.();
    await Promise.all(consumers.map((consumer) => consumer.close()));
  });

  test('a named member goes on where it was', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 10);
    const group = rig.name('g');
    const of = (memberName: string) => client.consumer({ group, topic, broadcast: true, memberName });
    expect(texts(await take(of('a'), 6))).toEqual(numbers(6));
    expect(texts(await take(of('b'), 10))).toEqual(numbers(10));
    expect(texts(await take(of('a'), 4))).toEqual(numbers(4, 6));
    const groups = await client.admin().listGroups();
    expect(groups.map((each) => each.group)).toEqual(expect.arrayContaining([`${group}/a`, `${group}/b`]));
    expect(() => client.consumer({ group, topic, memberName: 'a' })).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT' }),
    );
  });

  test("a name is one consumer's: a second one is told that it waits, and takes over", async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    const group = rig.name('g');
    const warnings: ConsumerWarning[] = [];
    let tell = () => {};
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const onWarning = (warning: ConsumerWarning): void => {
      warnings.push(warning);
      tell();
    };
    const named = { group, topic, broadcast: true, memberName: 'a', onWarning };
    const first = client.consumer(named);
    const loop = first[Symbol.asyncIterator]();
    const next = loop.next();
    await first.assigned;
    const second = client.consumer(named);
    const taken = take(second, 2);
    await told;
    expect(warnings).toMatchObject([{ type: 'join-refused', topic, error: { code: 'GROUP_BUSY' } }]);
    expect(warnings[0]?.message).toContain(`'${group}/a'`);
    // Nor does it get any beside who does not ask for the name as one of a broadcast.
    const other = client.consumer({ group: `${group}/a`, topic, onWarning });
    await expect(other.poll({ waitMs: 50 })).resolves.toEqual([]);
    await until(() => warnings.length >= 2);
    expect(warnings).toHaveLength(2);
    await other.close();
    await sendTo(client, topic, 0, 1);
    expect((await next).value?.text()).toBe('0');
    await loop.return?.();
    await sendTo(client, topic, 1, 1);
    // What the first had in hand and did not ack, and what came then.
    expect(texts(await taken)).toEqual(['0', '0']);
  });

  test('a topic that is deleted ends a member, as it does those of groups', async () => {
    const { client, topic } = await rig.topic();
    const consumer = client.consumer({ group: 'all', topic, broadcast: true });
    const ended = expect(consumer.batches().next()).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    await consumer.assigned;
    await client.admin().deleteTopic(topic);
    await ended;
  });
});

describeEach('peek and get', EACH_AND_CLUSTER, (rig) => {
  test('show what is there, and disturb nobody', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    await sendTo(client, topic, 0, 10);
    await sendTo(client, topic, 1, 5);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic });
    const loop = consumer[Symbol.asyncIterator]();
    await (await loop.next()).value?.ack();
    const before = await client.admin().listGroups();

    expect(texts(await client.peek({ topic, queueId: 0 }))).toEqual(numbers(10));
    expect(texts(await client.peek({ topic, queueId: 0, from: { offset: 7 }, max: 2 }))).toEqual(['7', '8']);
    expect(await client.peek({ topic, max: 100 })).toHaveLength(15);
    expect(await client.peek({ topic, from: 'latest' })).toEqual([]);
    expect(await client.peek({ topic, from: new Date(Date.now() + 60_000) })).toEqual([]);
    expect((await client.get({ topic, queueId: 1, offset: 3 }))?.text()).toBe('3');
    expect(await client.get({ topic, queueId: 1, offset: 5 })).toBeNull();
    expect(await client.get({ topic, queueId: 1, offset: 5_000 })).toBeNull();

    expect(await client.admin().listGroups()).toEqual(before);
    expect((await client.admin().describeGroup(group)).members).toBe(1);
    await expect(client.peek({ topic, queueId: 2 })).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    await expect(client.peek({ topic: 'nowhere' })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    await expect(client.get({ topic } as never)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(client.peek({ topic, maximum: 3 } as never)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await loop.return?.();
  });

  test('a filter shows what it lets through; an empty topic nothing', async () => {
    const { client, topic } = await rig.topic({ memory: true });
    expect(await client.peek({ topic })).toEqual([]);
    const messages = numbers(40).map((body, i) => ({ topic, body, tag: i % 2 === 0 ? 'even' : 'odd' }));
    await client.producer({ batchRecords: 3 }).sendBatch(messages);
    expect(texts(await client.peek({ topic, filter: 'odd', max: 3 }))).toEqual(['1', '3', '5']);
    expect(await client.peek({ topic, filter: 'none' })).toEqual([]);
  });
});

describeEach('a queue that stands still', EACH_AND_CLUSTER, (rig) => {
  test.each(['paused', 'stuck'])('does not take the window of the others: %s', async (how) => {
    const { client, topic } = await rig.topic({ queues: 2 });
    // Far more of queue 0 than the window holds.
    await sendTo(client, topic, 0, 2_000, 1_000);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic, windowBytes: 128 * 1024, revokeGraceMs: 0 });
    const seen: number[][] = [[], []];
    let letGo = () => {};
    const released = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let wasAlone = 0;
    const run = consumer.run(
      async ({ queueId, offset }) => {
        if (queueId === 0 && offset === 0) {
          if (how === 'paused') {
            consumer.pause([0]);
          }
          void sendTo(client, topic, 1, 500, 1_000);
          if (how === 'stuck') {
            await released;
          }
        }
        seen[queueId]?.push(offset);
        if (queueId === 1 && seen[1]?.length === 500) {
          wasAlone = seen[0]?.length ?? 0;
          letGo();
          consumer.resume();
        }
        if (seen[0]?.length === 2_000 && seen[1]?.length === 500) {
          void consumer.close();
        }
      },
      { concurrency: 2, order: 'queue' },
    );
    await run;
    expect(wasAlone).toBeLessThanOrEqual(1);
    expect(seen).toEqual([numbers(2_000).map(Number), numbers(500).map(Number)]);
  });
});
