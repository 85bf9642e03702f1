import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Client, ConsumedMessage, MessageBatch, StartPosition } from '../../broker/index.js';
import { describeEach, EACH_AND_CLUSTER, numbers, sendNumbers, take } from './rig.js';

const texts = (messages: { text(): string }[]) => messages.map((message) => message.text());

async function committed(client: Client, group: string): Promise<(number | null)[]> {
  const { queues } = await client.admin().describeGroup(group);
  return queues.map((queue) => queue.committedOffset);
}

describeEach('reading', EACH_AND_CLUSTER, (rig) => {
  test('for await, batches and run give the same messages in order', async () => {
    for (const memory of [false, true]) {
      const { client, topic } = await rig.topic({ memory });
      await sendNumbers(client, topic, 300);
      await sendNumbers(client, topic, 300, 300);
      const one = client.consumer({ group: rig.name('g'), topic });
      const messages = await take(one, 600);
      expect(texts(messages)).toEqual(numbers(600));
      expect(messages.map((message) => message.offset)).toEqual(messages.map((_, i) => i));

      const seen: string[] = [];
      for await (const batch of client.consumer({ group: rig.name('g'), topic }).batches()) {
        expect(batch).toMatchObject({ topic, queueId: 0, baseOffset: seen.length });
        const length = seen.length;
        for (const message of batch) {
          seen.push(message.text());
        }
        expect(seen.length - length).toBe(batch.length);
        expect(await batch.ack()).toBe(true);
        if (seen.length === 600) {
          break;
        }
      }
      expect(seen).toEqual(numbers(600));

      const handled: string[] = [];
      const runner = client.consumer({ group: rig.name('g'), topic });
      await runner.run(async (message) => {
        handled.push(message.text());
        if (handled.length === 600) {
          void runner.close();
        }
      });
      expect(handled).toEqual(numbers(600));
    }
  });

  test('the bytes of a batch stay as they are until it is acked, whatever comes meanwhile', async () => {
    for (const memory of [false, true]) {
      const { client, topic } = await rig.topic({ memory });
      const consumer = client.consumer({ group: rig.name('g'), topic, windowBytes: 1024 * 1024 });
      const batches = consumer.batches();
      const first = batches.next();
      await consumer.assigned;
      const producer = client.producer({ batchBytes: 128 * 1024 });
      const count = 4000;
      for (let i = 0; i < count; i++) {
        if (!producer.write({ topic, body: new Uint8Array(1000).fill(i) })) {
          await producer.ready();
        }
      }
      await producer.flush();
      const isWhole = ({ offset, body }: ConsumedMessage): boolean =>
        body?.every((byte) => byte === (offset & 0xff)) === true;
      const held: MessageBatch[] = [];
      let seen = 0;
      for (let next = await first; next.done !== true; next = await batches.next()) {
        const batch = next.value;
        seen += batch.length;
        expect([...batch].every(isWhole)).toBe(true);
        // Some are kept to the end, some acked twice.
        if (held.length < 3) {
          held.push(batch);
        } else {
          expect([await batch.ack(), await batch.ack()]).toEqual([true, true]);
        }
        if (seen === count) {
          break;
        }
      }
      for (const batch of held) {
        expect([...batch].every(isWhole)).toBe(true);
        expect(await batch.ack()).toBe(true);
      }
      await consumer.close();
    }
  });

  test('run has so many handlers at work as asked, and rejects with what one throws', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 50);
    const consumer = client.consumer({ group: 'run', topic });
    let atWork = 0;
    let most = 0;
    const handled = new Set<number>();
    const run = consumer.run(
      async (message) => {
        most = Math.max(most, ++atWork);
        await delay(1);
        atWork--;
        if (message.offset === 40) {
          throw new Error('no more');
        }
        handled.add(message.offset);
      },
      { concurrency: 8 },
    );
    await expect(run).rejects.toThrow('no more');
    expect(most).toBe(8);
    expect(handled.has(39)).toBe(true);
    // What was not acked comes again, the message whose handler threw first.
    const rest = await take(client.consumer({ group: 'run', topic }), 10);
    expect(rest[0]?.offset).toBe(40);
  });

  test('a message sent while the consumer waits arrives', async () => {
    for (const memory of [false, true]) {
      const { client, topic } = await rig.topic({ memory, queues: 2 });
      const consumer = client.consumer({ group: rig.name('g'), topic });
      const loop = consumer[Symbol.asyncIterator]();
      const producer = client.producer();
      const first = loop.next();
      await consumer.assigned;
      for (let i = 0; i < 20; i++) {
        const next = i === 0 ? first : loop.next();
        await producer.send({ topic, body: String(i) });
        const message = (await next).value;
        expect(message?.text()).toBe(String(i));
        await message?.ack();
      }
      await loop.return?.();
    }
  });

  test('bodies from for await stay as they are', async () => {
    const { client, topic } = await rig.topic();
    for (let i = 0; i < 10; i++) {
      await sendNumbers(client, topic, 100, i * 100);
    }
    const kept = await take(client.consumer({ group: 'keep', topic, windowBytes: 65_536 }), 1000);
    expect(kept.map((message) => Buffer.from(message.body as Uint8Array).toString())).toEqual(numbers(1000));
  });

  test('what lies in the consumer unread is bounded by its window', async () => {
    const { client, topic } = await rig.topic();
    const body = new Uint8Array(1000);
    const producer = client.producer();
    for (let i = 0; i < 3000; i++) {
      if (!producer.write({ topic, body })) {
        await producer.ready();
      }
    }
    await producer.flush();
    const consumer = client.consumer({ group: 'slow', topic, windowBytes: 128 * 1024 });
    let most = 0;
    let count = 0;
    for await (const message of consumer) {
      most = Math.max(most, consumer.bufferedBytes);
      await message.ack();
      if (++count === 3000) {
        break;
      }
    }
    expect(most).toBeGreaterThan(32 * 1024);
    expect(most).toBeLessThanOrEqual(256 * 1024);
  });
});

describeEach('where a group begins', EACH_AND_CLUSTER, (rig) => {
  test('earliest, latest, an offset, a time; and a committed offset outweighs them', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 10);
    const between = Date.now() + 1;
    while (Date.now() <= between) {
      await delay(1);
    }
    await sendNumbers(client, topic, 10, 10);
    const firstOf = async (from: StartPosition | Date | undefined): Promise<string> => {
      const consumer = client.consumer({
        group: rig.name('g'),
        topic,
        ...(from === undefined ? {} : { from }),
      });
      return (await take(consumer, 1))[0]?.text() as string;
    };
    expect(await firstOf(undefined)).toBe('0');
    expect(await firstOf('earliest')).toBe('0');
    expect(await firstOf({ offset: 7 })).toBe('7');
    expect(await firstOf({ time: between })).toBe('10');
    expect(await firstOf(new Date(between))).toBe('10');
    expect(await firstOf({ time: 0 })).toBe('0');

    const latest = client.consumer({ group: 'latest', topic, from: 'latest' });
    const loop = latest[Symbol.asyncIterator]();
    const next = loop.next();
    expect(await latest.assigned).toEqual([rig.placed({ queueId: 0, offset: 20 })]);
    await sendNumbers(client, topic, 1, 20);
    const message = (await next).value;
    expect(message?.text()).toBe('20');
    await message?.ack();
    await loop.return?.();
    await sendNumbers(client, topic, 1, 21);
    const again = client.consumer({ group: 'latest', topic, from: 'earliest' });
    expect(texts(await take(again, 1))).toEqual(['21']);
  });
});

describeEach('filters', EACH_AND_CLUSTER, (rig) => {
  test('let through their tags only, and pass over the rest for good', async () => {
    const { client, topic } = await rig.topic();
    const tags = ['paid', 'refunded', 'open', undefined];
    const messages = numbers(400).map((body, i) => ({ topic, body, tag: tags[i % 4] }));
    // Mixed batches first, then batches of one tag each, which the broker leaves out whole.
    await client.producer({ batchRecords: 9 }).sendBatch(messages);
    for (let i = 0; i < 8; i++) {
      await client
        .producer()
        .sendBatch(numbers(20, 400 + i * 20).map((body) => ({ topic, body, tag: tags[i % 4] })));
    }
    const wanted = async (filter: string, count: number) => {
      const group = rig.name('g');
      const received = await take(client.consumer({ group, topic, filter }), count);
      return new Set(received.map((message) => message.tag));
    };
    expect(await wanted('paid || refunded', 280)).toEqual(new Set(['paid', 'refunded']));
    expect(await wanted('open', 140)).toEqual(new Set(['open']));
    expect(await wanted('*', 560)).toEqual(new Set(tags));

    // The committed offset goes past what was filtered out.
    const consumer = client.consumer({ group: 'open', topic, filter: 'open' });
    const received = await take(consumer, 140);
    expect(received.at(-1)?.offset).toBe(539);
    await client.producer().send({ topic, body: 'tail', tag: 'paid' });
    const more = client.consumer({ group: 'open', topic, filter: 'open' });
    const loop = more[Symbol.asyncIterator]();
    const next = loop.next();
    await client.producer().send({ topic, body: 'end', tag: 'open' });
    const last = (await next).value;
    expect(last?.text()).toBe('end');
    await last?.ack();
    await more.commit();
    expect(await committed(client, 'open')).toEqual([562]);
    await loop.return?.();
  });
});

describeEach('acks', EACH_AND_CLUSTER, (rig) => {
  test('in any order; the committed offset is the lowest unacked one', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 10);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic });
    const loop = consumer[Symbol.asyncIterator]();
    const messages: (ConsumedMessage | undefined)[] = [];
    for (let i = 0; i < 10; i++) {
      messages.push((await loop.next()).value);
    }
    const ack = async (...offsets: number[]) => {
      for (const offset of offsets) {
        expect(await messages[offset]?.ack()).toBe(true);
      }
      await consumer.commit();
      return (await committed(client, group))[0] ?? 0;
    };
    expect(await ack(3, 2, 9)).toBe(0);
    expect(await ack(0)).toBe(1);
    expect(await ack(1)).toBe(4);
    expect(await ack(5, 6, 5)).toBe(4);
    expect((await client.admin().describeGroup(group)).queues).toMatchObject([
      { topic, queueId: 0, committedOffset: 4, maxOffset: 10, lag: 6 },
    ]);
    await loop.return?.();
    // 4 is the lowest unacked one: what was acked above it comes again too, the group knows one number.
    expect(texts(await take(client.consumer({ group, topic }), 6))).toEqual(numbers(6, 4));
    expect(await committed(client, group)).toEqual([10]);
  });

  test('leaving the loop redelivers what was not acked', async () => {
    for (const memory of [false, true]) {
      const { client, topic } = await rig.topic({ memory });
      await sendNumbers(client, topic, 10);
      const consumer = client.consumer({ group: rig.name('g'), topic });
      for await (const message of consumer) {
        if (message.offset === 6) {
          break;
        }
        if (message.offset < 4) {
          await message.ack();
        }
      }
      // The same consumer may be read anew.
      expect(texts(await take(consumer, 6))).toEqual(numbers(6, 4));
      await consumer.close();
    }
  });

  test('by time: acked messages are committed without being asked, and lag follows', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 20);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic, commitIntervalMs: 1 });
    const loop = consumer[Symbol.asyncIterator]();
    for (let i = 0; i < 15; i++) {
      await (await loop.next()).value?.ack();
    }
    await expect.poll(() => committed(client, group), { interval: 5, timeout: 110_000 }).toEqual([15]);
    const { queues, members, memberIds } = await client.admin().describeGroup(group);
    expect(members).toBe(1);
    expect(queues).toMatchObject([{ committedOffset: 15, maxOffset: 20, lag: 5, memberId: memberIds[0] }]);
    expect(await client.admin().listGroups()).toContainEqual({
      group,
      topics: [topic],
      topicCount: 1,
      members: 1,
    });
    await loop.return?.();
    expect(await client.admin().describeGroup(group)).toMatchObject({
      members: 0,
      queues: [{ memberId: null }],
    });
  });

  test('resetOffset sets where a group without members goes on', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 10);
    const group = rig.name('g');
    const admin = client.admin();
    await take(client.consumer({ group, topic }), 10);
    const moved = await admin.resetOffset({ group, topic, to: { offset: 3 } });
    expect(moved).toEqual([rig.placed({ queueId: 0, before: 10, offset: 3 })]);
    const consumer = client.consumer({ group, topic });
    const loop = consumer[Symbol.asyncIterator]();
    expect((await loop.next()).value?.text()).toBe('3');
    await expect(admin.resetOffset({ group, topic, to: 'earliest' })).rejects.toMatchObject({
      code: 'GROUP_BUSY',
    });
    await loop.return?.();
    await admin.resetOffset({ group, topic, to: 'latest' });
    expect((await admin.describeGroup(group)).queues[0]?.lag).toBe(0);
  });
});

describeEach('calls of next that overlap', EACH_AND_CLUSTER, (rig) => {
  test('get the messages in their order, and none is left out', async () => {
    const { client, topic } = await rig.topic();
    const consumer = client.consumer({ group: rig.name('g'), topic });
    const messages = consumer[Symbol.asyncIterator]();
    // Nothing is there yet: as of somebody who gives up waiting, and asks again.
    const waiting = [messages.next(), messages.next(), messages.next()];
    await consumer.assigned;
    await sendNumbers(client, topic, 10);
    const more = Array.from({ length: 7 }, () => messages.next());
    const all = await Promise.all([...waiting, ...more]);
    expect(all.map(({ value }) => value?.text())).toEqual(numbers(10));
    const beyond = [messages.next(), messages.next()];
    await consumer.close();
    expect((await Promise.all(beyond)).map(({ done }) => done)).toEqual([true, true]);
  });

  test('get batches one after the other', async () => {
    const { client, topic } = await rig.topic();
    const consumer = client.consumer({ group: rig.name('g'), topic });
    const batches = consumer.batches({ maxMessages: 5, maxWaitMs: 100_000 });
    const waiting = [batches.next(), batches.next()];
    await sendNumbers(client, topic, 10);
    const texts = (await Promise.all(waiting)).flatMap(({ value }) =>
      value === undefined ? [] : [...value].map((message) => message.text()),
    );
    expect(texts).toEqual(numbers(10));
    await consumer.close();
  });
});
