/** Abort signals on every call, closing, and disposing. */
import { expect, test } from 'vitest';
import type { CallOptions } from '../../broker/index.js';
import { describeEach, EACH_AND_CLUSTER, numbers, readAll, sendNumbers, take } from './rig.js';

describeEach('abort signals', EACH_AND_CLUSTER, (rig) => {
  test('end every call, before and while it waits', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer({ lingerMs: 60_000 });
    const consumer = client.consumer({ group: 'g', topic });
    const loop = consumer.batches();
    void loop.next();
    await consumer.assigned;
    const admin = client.admin();
    const spare = rig.name('spare');
    const calls: ((options: CallOptions) => Promise<unknown>)[] = [
      (options) => producer.send({ topic, body: 'x' }, options),
      (options) => producer.sendBatch([{ topic, body: 'x' }], options),
      (options) => producer.ready(options),
      (options) => producer.flush(options),
      (options) => consumer.commit(options),
      (options) => admin.createTopic({ topic: spare }, options),
      (options) => admin.listTopics(options),
      (options) => admin.describeTopic(topic, options),
      (options) => admin.deleteTopic(spare, options),
      (options) => admin.listGroups(options),
      (options) => admin.describeGroup('g', options),
      (options) => admin.resetOffset({ group: 'g', topic, to: 'latest' }, options),
      (options) => client.producer().close(options),
      (options) => client.consumer({ group: 'h', topic }).close(options),
      (options) => client.consumer({ group: 'h', topic }).batches(options).next(),
      (options) => client.consumer({ group: 'h', topic }).run(() => undefined, options),
    ];
    const reason = new Error('enough');
    const aborted = { code: 'ABORTED', cause: reason };
    for (const call of calls) {
      await expect(call({ signal: AbortSignal.abort(reason) }), call.toString()).rejects.toMatchObject(
        aborted,
      );
    }
    // Those that wait for something that does not come.
    const waits: typeof calls = [
      (options) => producer.send({ topic, body: 'x' }, options),
      (options) => producer.sendBatch([{ topic, body: 'x' }], options),
      (options) => client.consumer({ group: 'i', topic, from: 'latest' }).batches(options).next(),
      (options) => client.consumer({ group: 'j', topic, from: 'latest' }).run(() => undefined, options),
    ];
    for (const call of waits) {
      const stop = new AbortController();
      const outcome = expect(call({ signal: stop.signal }), call.toString()).rejects.toMatchObject(aborted);
      setImmediate(() => stop.abort(reason));
      await outcome;
    }
    await loop.return?.();
  });

  test('a consumer’s own signal ends its loop, and what was acked is committed', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 10);
    const stop = new AbortController();
    const consumer = client.consumer({ group: 'g', topic, signal: stop.signal });
    const read = async () => {
      for await (const message of consumer) {
        await message.ack();
        if (message.offset === 4) {
          stop.abort();
        }
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'ABORTED' });
    const rest = await take(client.consumer({ group: 'g', topic }), 5);
    expect(rest.map((message) => message.offset)).toEqual([5, 6, 7, 8, 9]);
  });
});

describeEach('closing', EACH_AND_CLUSTER, (rig) => {
  test('a producer flushes first, and takes nothing after', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer({ lingerMs: 60_000 });
    for (const body of numbers(100)) {
      producer.write({ topic, body });
    }
    const sent = producer.send({ topic, body: '100' });
    await producer.close();
    expect((await sent).offset).toBe(100);
    expect(await readAll(client, topic)).toHaveLength(101);
    const closed = { code: 'CLOSED' };
    await expect(producer.send({ topic, body: 'x' })).rejects.toMatchObject(closed);
    expect(() => producer.write({ topic, body: 'x' })).toThrow(expect.objectContaining(closed));
    await producer.close();
  });

  test('a producer that closes rejects with what failed', async () => {
    const { client } = await rig.topic();
    const producer = client.producer();
    producer.write({ topic: 'no-such-topic', body: 'x' });
    await expect(producer.close()).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  });

  test('a consumer commits, ends its loop, and cannot be read any more', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 3);
    const group = rig.name('g');
    const consumer = client.consumer({ group, topic, commitIntervalMs: 60_000 });
    const seen: number[] = [];
    for await (const message of consumer) {
      seen.push(message.offset);
      await message.ack();
      if (message.offset === 2) {
        void consumer.close();
      }
    }
    expect(seen).toEqual([0, 1, 2]);
    expect((await client.admin().describeGroup(group)).queues[0]?.committedOffset).toBe(3);
    await expect(consumer[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'CLOSED' });
    await consumer.close();
  });

  test('a client closes all that was opened on it', async () => {
    const { client, topic } = await rig.topic();
    const other = await rig.client();
    const producer = client.producer({ lingerMs: 60_000 });
    producer.write({ topic, body: 'late' });
    const consumer = client.consumer({ group: 'c', topic, commitIntervalMs: 60_000 });
    const loop = consumer[Symbol.asyncIterator]();
    await sendNumbers(other, topic, 1);
    await (await loop.next()).value?.ack();
    const waiting = loop.next();
    await client.close();
    // The flush of the write may still have come to the loop.
    const last = await waiting;
    expect([undefined, 'late']).toContain(last.value?.text());
    expect(client.connected).toBe(false);
    expect((await readAll(other, topic)).map((message) => message.text())).toEqual(['0', 'late']);
    expect(await other.admin().describeGroup('c')).toMatchObject({
      members: 0,
      queues: [{ committedOffset: 1 }],
    });
    const closed = { code: 'CLOSED' };
    expect(() => client.producer()).toThrow(expect.objectContaining(closed));
    expect(() => client.consumer({ group: 'c', topic })).toThrow(expect.objectContaining(closed));
    await expect(client.admin().listTopics()).rejects.toMatchObject(closed);
    await client.close();
  });

  test('`await using` closes', async () => {
    const { client: outer, topic } = await rig.topic();
    {
      await using client = await rig.client();
      await using producer = client.producer({ lingerMs: 60_000 });
      await using consumer = client.consumer({ group: 'd', topic });
      const loop = consumer[Symbol.asyncIterator]();
      const next = loop.next();
      await consumer.assigned;
      producer.write({ topic, body: 'x' });
      await producer.flush();
      await (await next).value?.ack();
    }
    expect(await outer.admin().describeGroup('d')).toMatchObject({ members: 0, queues: [{ lag: 0 }] });
  });
});
