/** What a consumer grants its broker, and what becomes of its queues. */
import { afterEach, describe, expect, test } from 'vitest';
import { FRAME_HEADER_BYTES } from '../../native-free/wire/index.js';
import { stampedBatch } from './batches.js';
import { closeClient, committed, setUp, texts } from './scripted-consumer.js';

afterEach(closeClient);

describe('flow', () => {
  test('grants more as frames are handed out, not as they arrive', async () => {
    const { broker, consumer } = await setUp({ windowBytes: 65_536 });
    const batches = consumer.batches();
    const next = batches.next();
    await consumer.assigned;
    await broker.until(() => broker.link.credits.length === 1);
    expect(broker.link.credits).toEqual([{ id: 1, total: 65_536 }]);
    const big = (offset: number) =>
      stampedBatch([{ topic: 't', body: new Uint8Array(20_000) }], { baseOffset: offset });
    const bytes = [0, 1, 2].map((offset) => broker.link.deliver(1, [big(offset)]));
    await next;
    // Of the frames that wait their headers alone are done with.
    const headers = 2 * FRAME_HEADER_BYTES;
    expect(broker.link.credits.at(-1)).toEqual({ id: 1, total: 65_536 + (bytes[0] as number) + headers });
    expect(consumer.bufferedBytes).toBe((bytes[1] as number) + (bytes[2] as number) - headers);
    await batches.next();
    expect(broker.link.credits).toHaveLength(3);
    await batches.return?.();
  });

  test('resumes after a lost connection where it was, and old messages stay ackable', async () => {
    const { broker, consumer } = await setUp();
    const iterator = consumer[Symbol.asyncIterator]();
    const first = iterator.next();
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('a', 'b')), stampedBatch(texts('c'), { baseOffset: 2 })]);
    const a = (await first).value;
    const b = (await iterator.next()).value;
    await a?.ack();
    await consumer.commit();
    broker.link.cut();
    await broker.until(() => broker.called('join').length === 2 && broker.link.credits.length === 1);
    expect(broker.called('join')[1]).toMatchObject({ memberId: 'm-1' });
    broker.link.event(1, { event: 'assign', queues: [{ queueId: 0, generation: 2, offset: 1 }] });
    broker.link.deliver(1, [stampedBatch(texts('a', 'b', 'c', 'd'))]);
    const rest = [(await iterator.next()).value, (await iterator.next()).value];
    expect(rest.map((message) => message?.text())).toEqual(['c', 'd']);
    expect(await b?.ack()).toBe(true);
    for (const message of rest) {
      await message?.ack();
    }
    await iterator.return?.();
    expect(committed(broker).at(-1)).toEqual([{ queueId: 0, generation: 2, offset: 4 }]);
  });

  test('starts afresh when the broker’s offset says others were here', async () => {
    const { broker, consumer } = await setUp();
    const iterator = consumer[Symbol.asyncIterator]();
    const first = iterator.next();
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('a', 'b'))]);
    const a = (await first).value;
    broker.methods['join'] = () => ({ memberId: 'm-1', topic: broker.topics.get('t') });
    broker.link.cut();
    await broker.until(() => broker.called('join').length === 2 && broker.link.credits.length === 1);
    broker.link.event(1, { event: 'assign', queues: [{ queueId: 0, generation: 9, offset: 50 }] });
    broker.link.deliver(1, [stampedBatch(texts('z'), { baseOffset: 50 })]);
    expect(await a?.ack()).toBe(false);
    expect((await iterator.next()).value?.text()).toBe('z');
    await iterator.return?.();
  });

  test('gives a queue back after the last acks, commits first, drops what was not handed out', async () => {
    const revoked: number[][] = [];
    const { broker, consumer } = await setUp({ onRevoked: (ids) => revoked.push(ids) }, [
      { queueId: 0, generation: 1, offset: 0 },
      { queueId: 1, generation: 1, offset: 0 },
    ]);
    const batches = consumer.batches();
    const next = batches.next();
    await consumer.assigned;
    broker.link.deliver(1, [
      stampedBatch(texts('a')),
      stampedBatch(texts('b'), { baseOffset: 1 }),
      stampedBatch(texts('x'), { queueId: 1 }),
    ]);
    const a = (await next).value;
    broker.link.event(1, { event: 'revoke', queues: [{ queueId: 0, generation: 1 }] });
    const x = (await batches.next()).value;
    expect([...(x ?? [])].map((message) => message.text())).toEqual(['x']);
    expect(broker.called('released')).toHaveLength(0);
    expect(await a?.ack()).toBe(true);
    await broker.until(() => broker.called('released').length === 1);
    const order = broker.requests.map(({ method }) => method);
    expect(order.indexOf('commit')).toBeLessThan(order.indexOf('released'));
    expect(committed(broker)[0]).toEqual([{ queueId: 0, generation: 1, offset: 1 }]);
    expect(broker.called('released')[0]).toMatchObject({ queues: [{ queueId: 0, generation: 1 }] });
    await batches.return?.();
    expect(revoked).toEqual([[0]]);
  });

  test('a fenced queue is lost, others are kept', async () => {
    const { broker, consumer } = await setUp();
    broker.methods['commit'] = () => ({ fenced: [0] });
    const batches = consumer.batches();
    const next = batches.next();
    await consumer.assigned;
    broker.link.deliver(1, [stampedBatch(texts('a'))]);
    const a = (await next).value;
    await a?.ack();
    await consumer.commit();
    expect(consumer.queues).toEqual([]);
    await batches.return?.();
  });
});
