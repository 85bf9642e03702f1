/** Messages that change while they are read: what is sent is what was given at the one reading, and nothing next to it is touched. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, createClient, type OutgoingMessage } from '../../native-free/client/internal.js';
import { BATCH_ATTRIBUTE } from '../../native-free/wire/index.js';
import { bodiesIn } from './record-bodies.js';
import { ScriptedBroker } from './scripted-broker.js';

let client: Client;
let broker: ScriptedBroker;

beforeEach(async () => {
  broker = new ScriptedBroker();
  client = await createClient(broker.factory, {});
});

afterEach(() => client.close({ signal: AbortSignal.abort() }).catch(() => {}));

/** A message each of whose parts is longer with each reading; `reads` counts them. */
function growing() {
  const reads: Record<string, number> = {};
  const next = (part: string, unit: string) => {
    reads[part] = (reads[part] ?? 0) + 1;
    return unit.repeat(1 + 60 * (reads[part] - 1));
  };
  const message = {
    topic: 't',
    get body() {
      return next('body', 'b');
    },
    get tag() {
      return next('tag', 't');
    },
    get shardingKey() {
      return next('shardingKey', 's');
    },
    keys: new Proxy(['k'], {
      get: (keys, name) => (name === '0' ? next('key', 'k') : Reflect.get(keys, name)),
    }),
    properties: {
      get p() {
        return next('property', 'p');
      },
    },
  };
  return { message, reads };
}

const ONCE = { body: 1, tag: 1, shardingKey: 1, key: 1, property: 1 };

test('each part is read once, by every call, before the topic is known and after', async () => {
  const producer = client.producer();
  for (let round = 0; round < 2; round++) {
    const written = growing();
    producer.write(written.message);
    const sent = growing();
    const batched = growing();
    await Promise.all([producer.send(sent.message), producer.sendBatch([batched.message]), producer.flush()]);
    expect([written.reads, sent.reads, batched.reads]).toEqual([ONCE, ONCE, ONCE]);
  }
  // On the way of a fast writer, too, also when its way is not taken in the end.
  const reads: string[] = [];
  for (const body of [new Uint8Array(8), 'text', new Uint8Array(3_000_000)]) {
    producer.write({ topic: 't', body: new Uint8Array(8) });
    producer.write({
      topic: 't',
      get body() {
        reads.push('body');
        return body;
      },
    });
  }
  await producer.flush();
  expect(reads).toHaveLength(3);
});

test('a send behind another one of its turn is read and refused as the first is', async () => {
  const producer = client.producer();
  const plain = (body: string) => producer.send({ topic: 't', body: Buffer.from(body) });
  await plain('warm');
  const before = broker.link.batches.length;
  const reads: string[] = [];
  const counted = (body: unknown): OutgoingMessage =>
    ({
      get topic() {
        reads.push('topic');
        return 't';
      },
      get body() {
        reads.push('body');
        return body;
      },
    }) as OutgoingMessage;
  const gone = new Uint8Array(new ArrayBuffer(8));
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  const proxied = new Proxy(new Uint8Array(5), {});
  const sent = Promise.all([
    plain('a'),
    producer.send(counted(Buffer.from('b'))),
    producer.send(counted('c')),
    plain('d'),
    producer.send(counted(Buffer.alloc(0))),
  ]);
  const wrong = [
    [{ topic: 't', body: gone }, 'BAD_MESSAGE'],
    [{ topic: 't', body: proxied }, 'BAD_MESSAGE'],
    [{ topic: 't', body: Buffer.from('x'), key: 'k' }, 'BAD_MESSAGE'],
    [{ topic: 't', body: Buffer.from('x'), priority: 3 }, 'NOT_SUPPORTED'],
    [{ topic: 't', body: Buffer.from('x'), bornTime: -1 }, 'BAD_MESSAGE'],
    [{ topic: 7, body: Buffer.from('x') }, 'BAD_MESSAGE'],
    [{ topic: 't', body: new Uint8Array(4 * 1024 * 1024 + 1) }, 'MESSAGE_TOO_LARGE'],
  ] as const;
  const refused = Promise.all(
    wrong.map(([message, code]) => expect(producer.send(message as never)).rejects.toMatchObject({ code })),
  );
  const receipts = await sent;
  await refused;
  expect(receipts.map(({ offset }) => offset - (receipts[0]?.offset ?? 0))).toEqual([0, 1, 2, 3, 4]);
  expect(broker.link.batches.slice(before).flatMap(({ bytes }) => bodiesIn(bytes))).toEqual([
    'a',
    'b',
    'c',
    'd',
    '',
  ]);
  expect(reads).toEqual(['topic', 'body', 'topic', 'body', 'topic', 'body']);
});

test('options are read once, by every call: what is checked is what is used', async () => {
  const producer = client.producer();
  for (let round = 0; round < 2; round++) {
    /** Sound at the first reading only. */
    const once = (options: Record<string, unknown>) => {
      const left = new Map(Object.entries(options));
      const get = (name: string) => {
        const value = left.has(name) ? left.get(name) : Symbol(name);
        left.delete(name);
        return value;
      };
      return Object.defineProperties(
        {},
        Object.fromEntries(
          [...left.keys()].map((name) => [name, { enumerable: true, get: () => get(name) }]),
        ),
      );
    };
    const { signal } = new AbortController();
    const message = { topic: 't', body: 'b' };
    await producer.send(message, once({ flush: 'sync', queueId: 1, signal }));
    producer.write(message, once({ flush: 'sync', queueId: 1 }));
    await producer.sendBatch([message, message], once({ flush: 'sync', queueId: 1, signal }));
    await producer.flush();
  }
  expect(broker.link.batches.map(({ queueId, attributes }) => [queueId, attributes])).toEqual(
    broker.link.batches.map(() => [1, BATCH_ATTRIBUTE.syncFlush]),
  );
});

test('names that are the same once they are written are refused, and no other message is', async () => {
  const producer = client.producer();
  const sound = producer.send({ topic: 't', properties: { 'a\ud800': 1, 'a\udbff\udc00': 2, é: 3 } });
  for (const other of ['a\ud801', 'a\ufffd', 'a\udfff']) {
    const twice = { topic: 't', properties: { 'a\ud800': 1, [other]: 2 } };
    await expect(producer.send(twice)).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
  }
  await sound;
  expect(broker.link.batches.flatMap(({ bytes }) => bodiesIn(bytes))).toHaveLength(1);
});

test('a list of more messages than may wait is refused at once', async () => {
  const sent = client.producer().sendBatch(new Array(2 ** 32 - 1));
  await expect(sent).rejects.toMatchObject({ code: 'BAD_ARGUMENT', details: { limit: 1_048_576 } });
});

/** Sends the messages after one usual one and between two others, and gives the bodies that arrived. */
async function bodiesOf(messages: readonly OutgoingMessage[]): Promise<string[]> {
  const producer = client.producer();
  await producer.send({ topic: 't', body: 'warm' }, { queueId: 0 });
  const before = broker.link.batches.length;
  for (const message of messages) {
    producer.write({ topic: 't', body: Buffer.from('[') });
    producer.write(message);
    producer.write({ topic: 't', body: Buffer.from(']') });
  }
  await producer.flush();
  return broker.link.batches.slice(before).flatMap(({ bytes }) => bodiesIn(bytes));
}

class Liar extends Uint8Array {
  override get length(): number {
    return 1_000;
  }
  override get byteLength(): number {
    return 1_000;
  }
  override get byteOffset(): number {
    return 5;
  }
}

class Modest extends Uint8Array {
  override get length(): number {
    return 1;
  }
}

test('bytes that lie about their length are taken as they are', async () => {
  const text = (bytes: Uint8Array) => new TextEncoder().encodeInto('truth', bytes);
  const liar = new Liar(5);
  const modest = new Modest(5);
  text(liar);
  text(modest);
  const bodies = await bodiesOf([
    { topic: 't', body: liar },
    { topic: 't', body: modest },
    { topic: 't', body: liar, tag: 'a', properties: { p: modest } },
  ]);
  expect(bodies.join('')).toBe('[truth][truth][truth]');
});

test('what only looks like bytes is refused', async () => {
  const producer = client.producer();
  producer.write({ topic: 't', body: new Uint8Array(8) });
  await producer.flush();
  for (const body of [new Proxy(new Uint8Array(5), {}), Object.create(Uint8Array.prototype)]) {
    producer.write({ topic: 't', body: new Uint8Array(8) });
    expect(() => producer.write({ topic: 't', body })).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE' }),
    );
    await expect(producer.send({ topic: 't', properties: { p: body } })).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
    });
  }
  await producer.flush();
});

test('memory that is shared and grown, or resized, is sent as it was at the call', async () => {
  const GrowableShared = SharedArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number },
  ) => SharedArrayBuffer & { grow(bytes: number): void };
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(bytes: number): void };
  const shared = new GrowableShared(3, { maxByteLength: 100_000 });
  const resizable = new Resizable(3, { maxByteLength: 100_000 });
  const views = [new Uint8Array(shared), new Uint8Array(resizable)];
  for (const view of views) {
    new TextEncoder().encodeInto('abc', view as Uint8Array);
  }
  const messages = views.map((body, i) => ({
    topic: 't',
    body: body as Uint8Array,
    properties: {
      get p() {
        // Grows between the reading of one part and of another.
        if (i === 0) {
          shared.grow(50_000);
        } else {
          resizable.resize(2);
        }
        return 'p';
      },
    } as never,
  }));
  const bodies = await bodiesOf(messages);
  expect(bodies.map((body) => body.length)).toEqual([1, 50_000, 1, 1, 2, 1]);
});

test('what a getter throws comes back as it is, and from sendBatch as the cause', async () => {
  const producer = client.producer();
  const mine = new Error('mine');
  const broken = {
    topic: 't',
    get body(): string {
      throw mine;
    },
  };
  expect(() => producer.write(broken)).toThrow(mine);
  await expect(producer.send(broken)).rejects.toBe(mine);
  await expect(producer.sendBatch([{ topic: 't', body: 'sound' }, broken])).rejects.toMatchObject({
    code: 'BAD_MESSAGE',
    cause: mine,
    details: { failed: [{ index: 1, code: 'BAD_MESSAGE' }], failedCount: 1 },
  });
});
