/** How a consumer begins and ends, and what it is told on the way. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ConsumerWarning } from '../../broker/index.js';
import { Deferred } from '../../native-free/client/abort.js';
import { describeEach, EACH_AND_CLUSTER, numbers, sendNumbers, take } from './rig.js';

const texts = (messages: { text(): string }[]) => messages.map((message) => message.text());

describeEach('closing', EACH_AND_CLUSTER, (rig) => {
  test('from within a handler ends the run at once, and the handler that returned counts', async () => {
    for (const closes of ['consumer', 'client'] as const) {
      for (const concurrency of [1, 4]) {
        const { client, topic } = await rig.topic();
        const reader = await rig.client();
        await sendNumbers(client, topic, 20);
        const group = rig.name('g');
        // Closing is not to wait for the grace: the longest there is would show.
        const graceMs = 8_000;
        const consumer = reader.consumer({ group, topic, revokeGraceMs: graceMs });
        const handled: number[] = [];
        let began = 0;
        await consumer.run(
          async (message) => {
            await delay(1);
            handled.push(message.offset);
            if (handled.length === 10) {
              began = performance.now();
              await (closes === 'consumer' ? consumer : reader).close();
            }
          },
          { concurrency },
        );
        await reader.close();
        expect(performance.now() - began).toBeLessThan(graceMs);
        const rest = await take(client.consumer({ group, topic }), 20 - handled.length);
        expect(rest.map(({ offset }) => offset)).toEqual(
          numbers(20 - handled.length, handled.length).map(Number),
        );
      }
    }
  });

  test('from outside waits for the handlers at work, and their acks count', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 5);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic, revokeGraceMs: 8_000 });
    const started = new Promise<void>((resolve) => {
      void consumer.run(async (message) => {
        resolve();
        await delay(50);
        expect(message.offset).toBe(0);
      });
    });
    await started;
    await consumer.close();
    expect(texts(await take(client.consumer({ group, topic }), 1))).toEqual(['1']);
  });

  test('a second run is refused, and the first goes on and is waited for', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 2);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic, revokeGraceMs: 8_000 });
    let ended = 0;
    const started = new Deferred<void>();
    const closing = new Deferred<void>();
    const run = consumer.run(async () => {
      started.resolve();
      await closing.promise;
      await delay(30);
      ended++;
    });
    await started.promise;
    await expect(consumer.run(() => {})).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(consumer.batches().next()).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    const closed = consumer.close();
    closing.resolve();
    await closed;
    expect(ended).toBe(1);
    await run;
  });
});

describeEach('beginning', EACH_AND_CLUSTER, (rig) => {
  test('who asks for the assignment first has it, and loops after', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    const consumer = client.consumer({ group: rig.name('g'), topic });
    expect(await consumer.assigned).toEqual([
      rig.placed({ queueId: 0, offset: 0 }),
      rig.placed({ queueId: 1, offset: 0 }),
    ]);
    await sendNumbers(client, topic, 1);
    expect(texts(await take(consumer, 1))).toEqual(['0']);
  });

  test('the assignment of a topic that is not there is an error, not a wait', async () => {
    const { client } = await rig.topic();
    const consumer = client.consumer({ group: rig.name('g'), topic: 'nowhere' });
    await expect(consumer.assigned).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    await consumer.close();
    await expect(client.consumer({ group: 'g', topic: 'nowhere' }).batches().next()).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
    });
  });

  test('with another filter than the members there it waits, says so, and takes over', async () => {
    const { client, topic } = await rig.topic();
    await client.producer().sendBatch([
      { topic, body: 'old', tag: 'old' },
      { topic, body: 'new', tag: 'new' },
    ]);
    const group = rig.name('g');
    const before = client.consumer({ group, topic, filter: 'old' });
    const loop = before[Symbol.asyncIterator]();
    expect((await loop.next()).value?.text()).toBe('old');
    const warnings: ConsumerWarning[] = [];
    let tell = () => {};
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const after = client.consumer({
      group,
      topic,
      filter: 'new',
      onWarning: (warning) => {
        warnings.push(warning);
        tell();
      },
    });
    const next = take(after, 1);
    await told;
    expect(warnings[0]).toMatchObject({ type: 'join-refused', topic, error: { code: 'GROUP_BUSY' } });
    await loop.return?.();
    expect(texts(await next)).toEqual(['new']);
    expect(warnings).toHaveLength(1);
  });
});

describeEach('several topics', EACH_AND_CLUSTER, (rig) => {
  test('are read in turn by one consumer, each with its own commits', async () => {
    const { client, topic: first } = await rig.topic({ queues: 2 });
    const { topic: second } = await rig.topic({ memory: true });
    await sendNumbers(client, first, 50);
    await sendNumbers(client, second, 50);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic: [first, second] });
    expect(consumer.topics).toEqual([first, second]);
    expect((await consumer.assigned).map(({ topic, queueId }) => `${topic} ${queueId}`)).toEqual(
      expect.arrayContaining([`${first} 0`, `${first} 1`, `${second} 0`]),
    );
    const messages = await take(consumer, 100);
    for (const topic of [first, second]) {
      const bodies = texts(messages.filter((message) => message.topic === topic));
      expect(bodies.sort((a, b) => Number(a) - Number(b))).toEqual(numbers(50));
    }
    const { queues } = await client.admin().describeGroup(group);
    expect(queues.map(({ lag }) => lag)).toEqual(queues.map(() => 0));
    await expect(
      client
        .consumer({ group, topic: [first, 'nowhere'] })
        .batches()
        .next(),
    ).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    for (const topic of [[], [first, first], [''], [7 as never]]) {
      expect(() => client.consumer({ group, topic })).toThrow(
        expect.objectContaining({ code: 'BAD_ARGUMENT' }),
      );
    }
  });
});

describeEach('bodies', EACH_AND_CLUSTER, (rig) => {
  test('as JSON, or an error that says where', async () => {
    const { client, topic } = await rig.topic();
    await client.producer().sendBatch([
      { topic, body: '{"a":[1,"ü"]}' },
      { topic, body: null },
      { topic, body: '{' },
    ]);
    const [json, none, broken] = await take(client.consumer({ group: rig.name('g'), topic }), 3);
    expect(json?.json()).toEqual({ a: [1, 'ü'] });
    expect(none?.json()).toBeUndefined();
    expect(() => broken?.json()).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE', message: expect.stringContaining('offset 2') }),
    );
  });
});
