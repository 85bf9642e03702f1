/** What a consumer hands out, how it ends, and its handlers. */
import { afterEach, describe, expect, test } from 'vitest';
import { stampedBatch } from './batches.js';
import { closeClient, committed, setUp, take, texts } from './scripted-consumer.js';

afterEach(closeClient);

describe('reading', () => {
  test('gives messages in order, commits exactly what was acked, leaves', async () => {
    const { broker, consumer } = await setUp();
    const reading = take(consumer, 3);
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('a', 'b')), stampedBatch(texts('c', 'd'), { baseOffset: 2 })]);
    const messages = await reading;
    expect(messages.map((message) => message.text())).toEqual(['a', 'b', 'c']);
    expect(messages.map((message) => message.offset)).toEqual([0, 1, 2]);
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 1, offset: 3 }]);
    expect(broker.called('leave')).toHaveLength(1);
  });

  test('shows every part of a message', async () => {
    const { broker, consumer } = await setUp();
    const reading = take(consumer, 2);
    await consumer.assigned;
    const properties = { s: 'ü', n: -1.5, b: true, y: new Uint8Array([1, 2]), ['__proto__']: 'p' };
    const full = {
      topic: 't',
      body: 'x',
      tag: 'tag',
      keys: ['k1', 'k2'],
      shardingKey: 's',
      properties,
      bornTime: 1234,
    };
    const stamp = { queueId: 0, position: 0xabcdef, storeTime: 99, baseOffset: 5 };
    broker.link.deliver(1, [stampedBatch([full, { topic: 't', bornTime: 1000 }], stamp)]);
    const [first, second] = await reading;
    expect(first).toMatchObject({
      topic: 't',
      queueId: 0,
      offset: 5,
      tag: 'tag',
      keys: ['k1', 'k2'],
      shardingKey: 's',
    });
    expect(Object.entries(first?.properties ?? {})).toEqual(Object.entries({ ...properties }));
    expect(first).toMatchObject({
      bornTime: 1234,
      storeTime: 99,
      messageId: '0123456789abcdef00000000abcdef0000',
    });
    expect(second).toMatchObject({ body: null, bodyLength: 0, tag: undefined, keys: [], bornTime: 1000 });
    expect(second?.messageId.endsWith('0001')).toBe(true);
  });

  test('bodies from for await are the reader’s own', async () => {
    const { broker, consumer } = await setUp();
    const reading = take(consumer, 2);
    await consumer.assigned;
    const batch = stampedBatch(texts('hello', 'world'));
    broker.link.deliver(1, [batch]);
    const messages = await reading;
    messages[0]?.body?.fill(0);
    expect(messages[1]?.text()).toBe('world');
  });

  test('a batch has one ack; acking messages before it does no harm', async () => {
    const { broker, consumer } = await setUp();
    const batches = consumer.batches();
    const next = batches.next();
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('a', 'b', 'c'))]);
    const batch = (await next).value;
    if (batch === undefined) {
      throw new Error('no batch');
    }
    const [, second] = [...batch];
    expect(await second?.ack()).toBe(true);
    expect(await second?.ack()).toBe(true);
    expect(await batch.ack()).toBe(true);
    await consumer.commit();
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 1, offset: 3 }]);
    await batches.return?.();
    expect(await batch.ack()).toBe(false);
  });

  test('commits the lowest unacked offset whatever the order of acks', async () => {
    const { broker, consumer } = await setUp();
    const iterator = consumer[Symbol.asyncIterator]();
    const first = iterator.next();
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('0', '1', '2', '3'))]);
    const messages = [await first, await iterator.next(), await iterator.next(), await iterator.next()].map(
      (result) => result.value,
    );
    await messages[3]?.ack();
    await messages[1]?.ack();
    await consumer.commit();
    expect(committed(broker)).toEqual([]);
    await messages[0]?.ack();
    await consumer.commit();
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 1, offset: 2 }]);
    await messages[2]?.ack();
    await iterator.return?.();
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 1, offset: 4 }]);
  });

  test('filters exactly; what is filtered out or skipped counts as done', async () => {
    const { broker, consumer } = await setUp({ filter: 'a || b' });
    const reading = take(consumer, 2);
    await consumer.assigned;
    const tagged = ['c', 'a', 'c', 'b', 'c'].map((tag) => ({ topic: 't', body: tag, tag }));
    broker.link.deliver(1, [stampedBatch([{ topic: 't', body: 'none' }])]);
    broker.link.skip(1, 0, 10);
    broker.link.deliver(1, [stampedBatch(tagged, { baseOffset: 12 })]);
    expect((await reading).map((message) => [message.tag, message.offset])).toEqual([
      ['a', 13],
      ['b', 15],
    ]);
    expect(broker.called('join')[0]).toMatchObject({ filter: 'a || b', from: 'earliest', memberId: null });
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 1, offset: 17 }]);
  });

  test('a damaged batch ends the loop with its place, unless checks are off', async () => {
    const { broker, client, consumer } = await setUp();
    const reading = take(consumer, 1);
    await consumer.assigned;
    const bad = stampedBatch(texts('abc'), { baseOffset: 7, position: 640 });
    bad[bad.length - 1] = 0x7a;
    broker.link.deliver(1, [bad]);
    await expect(reading).rejects.toMatchObject({
      code: 'BAD_CHECKSUM',
      details: { offset: 7, position: 640 },
    });
    const careless = client.consumer({ group: 'g', topic: 't', verifyChecksums: false });
    const second = take(careless, 1);
    await careless.assigned;
    broker.link.deliver(2, [bad]);
    expect((await second)[0]?.text()).toBe('abz');
  });
});

describe('ends', () => {
  test('close ends the loop; an aborted signal and an ended membership throw', async () => {
    const { broker, client, consumer } = await setUp();
    const reading = take(consumer, 1);
    await consumer.assigned;
    await consumer.close();
    expect(await reading).toEqual([]);

    const stop = new AbortController();
    const second = client.consumer({ group: 'g', topic: 't', signal: stop.signal });
    const stopped = expect(take(second, 1)).rejects.toMatchObject({ code: 'ABORTED' });
    await second.assigned;
    stop.abort();
    await stopped;

    const third = client.consumer({ group: 'g', topic: 't' });
    const ended = expect(take(third, 1)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    await third.assigned;
    broker.link.event(3, { event: 'ended', code: 'TOPIC_NOT_FOUND', message: 'deleted' });
    await ended;
  });

  test('close waits for the last commit of a loop that is being left', async () => {
    const { broker, client, consumer } = await setUp({ commitIntervalMs: 60_000 });
    const iterator = consumer[Symbol.asyncIterator]();
    const first = iterator.next();
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('a', 'b'))]);
    await (await first).value?.ack();
    const committing = consumer.commit();
    await (await iterator.next()).value?.ack();
    const left = iterator.return?.();
    // The loop is leaving, and waits for the commit under way.
    await Promise.resolve();
    await client.close();
    await Promise.all([committing, left]);
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 1, offset: 2 }]);
  });

  test('one loop at a time; a second one after the first redelivers what was not acked', async () => {
    const { broker, consumer } = await setUp();
    const reading = take(consumer, 1, false);
    await consumer.assigned;
    await expect(consumer.batches().next()).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    broker.link.deliver(1, [stampedBatch(texts('a', 'b'))]);
    const [first] = await reading;
    expect(await first?.ack()).toBe(false);
    expect(committed(broker)).toEqual([]);
    const again = take(consumer, 1);
    await broker.until(() => consumer.queues.length === 1);
    broker.link.deliver(2, [stampedBatch(texts('a', 'b'))]);
    expect((await again)[0]?.text()).toBe('a');
  });

  test('a bad filter, window or start is refused at once', async () => {
    const { client, consumer } = await setUp();
    expect(consumer.queues).toEqual([]);
    const make = (options: object) => () => client.consumer({ group: 'g', topic: 't', ...options });
    expect(make({ filter: 'a |' })).toThrow(expect.objectContaining({ code: 'BAD_FILTER' }));
    expect(make({ windowBytes: 1 })).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    expect(make({ from: { time: Number.NaN } })).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    const many = Array.from({ length: 65 }, (_, i) => `t-${i}`);
    expect(make({ topic: many })).toThrow('must be a list of 1 to 64, not one of 65');
    expect(make({ group: 'a b' })).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });
});

describe('run', () => {
  test('acks what the handler returned from, and rejects with what it throws', async () => {
    const { broker, consumer } = await setUp();
    const seen: string[] = [];
    const running = consumer.run((message) => {
      seen.push(message.text());
      if (message.text() === 'c') {
        throw new Error('enough');
      }
    });
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('a', 'b', 'c', 'd'))]);
    await expect(running).rejects.toThrow('enough');
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 1, offset: 2 }]);
  });

  test('runs so many handlers at once, and close lets them finish and ack', async () => {
    const { broker, consumer } = await setUp();
    let open!: () => void;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let atWork = 0;
    let onTwo!: () => void;
    const two = new Promise<void>((resolve) => {
      onTwo = resolve;
    });
    const running = consumer.run(
      async () => {
        if (++atWork === 2) {
          onTwo();
        }
        await gate;
      },
      { concurrency: 2 },
    );
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('a', 'b', 'c'))]);
    await two;
    const closing = consumer.close();
    open();
    await Promise.all([closing, running]);
    expect(atWork).toBe(2);
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 1, offset: 2 }]);
  });
});
