/** Messages that use their producer while it reads them: nothing of theirs mixes with what that sends. */
import { expect, test } from 'vitest';
import type { OutgoingMessage } from '../../native-free/client/internal.js';
import { bodiesIn } from './record-bodies.js';
import { scriptedProducer } from './scripted-client.js';

test('a send whose getter closes the producer is refused, behind another one, too', async () => {
  const { broker, producer } = await scriptedProducer();
  const first = producer.send({ topic: 't', body: Buffer.from('first') });
  await first;
  const second = producer.send({ topic: 't', body: Buffer.from('second') });
  let closed: Promise<void> | undefined;
  const late = producer.send({
    topic: 't',
    get body() {
      closed = producer.close();
      return Buffer.from('late');
    },
  });
  await expect(late).rejects.toMatchObject({ code: 'CLOSED' });
  await second;
  await closed;
  expect(broker.link.batches.flatMap(({ bytes }) => bodiesIn(bytes))).toEqual(['first', 'second']);
});

test('a send or write whose body uses the producer when it is asked what it is goes behind what that did', async () => {
  const { broker, producer } = await scriptedProducer();
  const plain = (body: string) => producer.send({ topic: 't', body: Buffer.from(body) });
  /** Bytes whose class is found out by asking them: these close the batch that is open then. */
  const asking = (body: string) =>
    Object.setPrototypeOf(
      new TextEncoder().encode(body),
      new Proxy(Uint8Array.prototype, {
        getPrototypeOf: () => {
          void plain('inner');
          void producer.flush();
          return Uint8Array.prototype;
        },
      }),
    ) as Uint8Array;
  await plain('warm');
  const sent = [plain('a'), producer.send({ topic: 't', body: asking('b') }), plain('c')];
  producer.write({ topic: 't', body: asking('d') });
  await Promise.all(sent);
  await producer.flush();
  const bodies = broker.link.batches.flatMap(({ bytes, recordCount }) => {
    expect(bodiesIn(bytes)).toHaveLength(recordCount);
    return bodiesIn(bytes);
  });
  expect(bodies.filter((body) => body !== 'inner')).toEqual(['warm', 'a', 'b', 'c', 'd']);
});

test('a message whose getter sends, or closes the producer, does not mix with what that did', async () => {
  const { broker, producer } = await scriptedProducer();
  const nested: OutgoingMessage = {
    topic: 't',
    properties: {
      get p() {
        producer.write({ topic: 't', body: 'inner', properties: { q: 'of the inner' } });
        return 'of the outer';
      },
    } as never,
    body: 'outer',
  };
  const before = broker.link.batches.length;
  await producer.send({ topic: 't', body: 'warm' });
  producer.write(nested);
  await producer.flush();
  const bodies = broker.link.batches.slice(before).flatMap(({ bytes }) => bodiesIn(bytes));
  expect(bodies).toEqual(['warm', 'inner', 'outer']);
  let closed: Promise<void> | undefined;
  const closing = {
    topic: 't',
    get body() {
      closed = producer.close();
      return 'late';
    },
  };
  expect(() => producer.write(closing)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  await closed;
});

test('bytes that send, flush or close when asked for their length do not mix with what that did', async () => {
  const { broker, producer } = await scriptedProducer();
  let act: (() => void) | null = null;
  class Acting extends Uint8Array {
    override get length(): number {
      const once = act;
      act = null;
      once?.();
      return 5;
    }
  }
  const outer = new Acting(5);
  new TextEncoder().encodeInto('outer', outer);
  await producer.send({ topic: 't', body: 'warm' });
  const before = broker.link.batches.length;
  for (const inner of [
    () => producer.write({ topic: 't', body: Buffer.from('inner') }),
    () => void producer.flush(),
    () => producer.write({ topic: 't', body: 'inner' }, { queueId: 1 }),
  ]) {
    producer.write({ topic: 't', body: Buffer.from('usual') });
    act = inner;
    producer.write({ topic: 't', body: outer });
    expect(act).toBeNull();
  }
  await producer.flush();
  const bodies = broker.link.batches.slice(before).flatMap(({ bytes }) => bodiesIn(bytes));
  expect(bodies.sort()).toEqual([
    ...Array(2).fill('inner'),
    ...Array(3).fill('outer'),
    ...Array(3).fill('usual'),
  ]);
  producer.write({ topic: 't', body: Buffer.from('usual') });
  let closed: Promise<void> | undefined;
  act = () => {
    closed = producer.close();
  };
  expect(() => producer.write({ topic: 't', body: outer })).toThrow(
    expect.objectContaining({ code: 'CLOSED' }),
  );
  await closed;
});
