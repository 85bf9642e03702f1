import { expect, test } from 'vitest';
import type { OutgoingMessage, PropertyValue } from '../../broker/index.js';
import { describeEach, EACH, EACH_FLUSH, readAll } from './rig.js';

const OWN = { sync: ['disk'], async: ['page-cache', 'disk'] };

describeEach('receipts', EACH_FLUSH, (rig) => {
  test('say where the message is and how durable', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    const producer = client.producer({ group: 'shop' });
    const receipt = await producer.send({ topic, body: 'one' }, { queueId: 1 });
    expect(receipt).toEqual({
      messageId: expect.stringMatching(new RegExp(`^${client.broker.brokerId}[0-9a-f]{18}$`)),
      topic,
      queueId: 1,
      offset: 0,
      status: 'SEND_OK',
      durability: expect.any(String),
    });
    expect(OWN[rig.case.flush]).toContain(receipt.durability);
    expect((await producer.send({ topic, body: 'two' }, { queueId: 1 })).offset).toBe(1);
    expect((await producer.send({ topic, body: 'other queue' }, { queueId: 0 })).offset).toBe(0);
    expect(client.broker).toMatchObject({ flush: rig.case.flush });
  });

  test('either policy can be asked for by a send, beside others of the same turn', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer();
    for (let round = 0; round < 3; round++) {
      const [own, sync, async] = await Promise.all([
        producer.send({ topic, body: 'own' }),
        producer.send({ topic, body: 'sync' }, { flush: 'sync' }),
        producer.send({ topic, body: 'async' }, { flush: 'async' }),
      ]);
      expect(OWN[rig.case.flush]).toContain(own.durability);
      expect(sync.durability).toBe('disk');
      expect(OWN.async).toContain(async.durability);
      expect([own.offset, sync.offset, async.offset]).toEqual([3 * round, 3 * round + 1, 3 * round + 2]);
    }
    expect((await readAll(client, topic)).map((message) => message.text())).toHaveLength(9);
  });

  test('of a memory topic promise memory, and a flush is not to be had there', async () => {
    const { client, topic } = await rig.topic({ memory: true });
    const producer = client.producer();
    const receipt = await producer.send({ topic, body: 'x' });
    expect(receipt).toMatchObject({ queueId: 0, offset: 0, status: 'SEND_OK', durability: 'memory' });
    expect(receipt.messageId).toMatch(new RegExp(`^m${client.broker.brokerId}[0-9a-f]{18}$`));
    for (const flush of ['sync', 'async'] as const) {
      await expect(producer.send({ topic, body: 'x' }, { flush })).rejects.toMatchObject({
        code: 'NOT_SUPPORTED',
      });
    }
  });

  test('message ids are unique, and those the consumer sees', async () => {
    const { client, topic } = await rig.topic({ queues: 4 });
    const other = await rig.client();
    const sent = await Promise.all(
      [client, other, client].map((each) =>
        each.producer().sendBatch(Array.from({ length: 200 }, () => ({ topic, body: 'x' }))),
      ),
    );
    const ids = sent.flat().map((receipt) => receipt.messageId);
    expect(new Set(ids).size).toBe(600);
    const received = await readAll(client, topic);
    expect(received.map((message) => message.messageId).sort()).toEqual(ids.sort());
  });
});

describeEach('what a message carries', EACH, (rig) => {
  test('no body, an empty one, text and bytes', async () => {
    for (const memory of [false, true]) {
      const { client, topic } = await rig.topic({ memory });
      const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i & 255);
      const bodies = [undefined, null, '', new Uint8Array(0), 'grüße 🚀', bytes, bytes.subarray(3, 7)];
      await client.producer().sendBatch(bodies.map((body) => ({ topic, body })));
      const received = await readAll(client, topic);
      expect(received.map((message) => message.body && [...message.body])).toEqual([
        null,
        null,
        [],
        [],
        [...new TextEncoder().encode('grüße 🚀')],
        [...bytes],
        [3, 4, 5, 6],
      ]);
      expect(received[4]?.text()).toBe('grüße 🚀');
      expect(received[0]?.text()).toBe('');
      expect(received.map((message) => message.bodyLength)).toEqual([0, 0, 0, 0, 12, 1000, 4]);
    }
  });

  test('tag, keys, sharding key, born time and properties of every type', async () => {
    const { client, topic } = await rig.topic();
    const properties: Record<string, PropertyValue> = {
      text: 'eu',
      empty: '',
      int: 42,
      negative: -0.5,
      big: 1.7976931348623157e308,
      yes: true,
      no: false,
      bytes: new Uint8Array([0, 255, 7]),
      ünïcode: 'ß',
    };
    const full: OutgoingMessage = {
      topic,
      body: 'b',
      tag: 'paid',
      keys: ['o-1', 'ö'],
      shardingKey: 'customer-7',
      bornTime: 1_700_000_000_123,
      properties,
    };
    const before = Date.now();
    await client.producer().sendBatch([full, { topic }]);
    const [first, second] = await readAll(client, topic);
    expect(first).toMatchObject({
      topic,
      queueId: 0,
      offset: 0,
      tag: 'paid',
      keys: ['o-1', 'ö'],
      shardingKey: 'customer-7',
      bornTime: 1_700_000_000_123,
    });
    expect({ ...first?.properties, bytes: null }).toEqual({ ...properties, bytes: null });
    expect(first?.properties['bytes']).toEqual(new Uint8Array([0, 255, 7]));
    expect(second).toMatchObject({
      offset: 1,
      tag: undefined,
      keys: [],
      shardingKey: undefined,
      properties: {},
    });
    expect(second?.bornTime).toBeGreaterThanOrEqual(before);
    expect(second?.storeTime).toBeGreaterThanOrEqual(second?.bornTime as number);
  });

  test('a body of 4 MiB, there and back, and not one byte more', async () => {
    const { client, topic } = await rig.topic();
    const body = new Uint8Array(4 * 1024 * 1024);
    for (let at = 0; at < body.length; at += 4096) {
      body[at] = at >>> 12;
    }
    const producer = client.producer();
    await producer.send({ topic, body });
    producer.write({ topic, body });
    await producer.flush();
    for (const message of await readAll(client, topic)) {
      expect(Buffer.compare(message.body as Uint8Array, body)).toBe(0);
    }
    const large = { topic, body: new Uint8Array(body.length + 1) };
    const refusal = { code: 'MESSAGE_TOO_LARGE', details: { limit: 4_194_304, value: 4_194_305 } };
    await expect(producer.send(large)).rejects.toMatchObject(refusal);
    expect(() => producer.write(large)).toThrow(expect.objectContaining(refusal));
    expect((await producer.send({ topic, body: 'after' })).offset).toBe(2);
  });

  test('what was written may be changed as soon as write has returned', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer();
    const body = new Uint8Array([1]);
    for (let i = 1; i <= 100; i++) {
      body[0] = i;
      producer.write({ topic, body });
    }
    await producer.flush();
    const received = await readAll(client, topic);
    expect(received.map((message) => message.body?.[0])).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
  });
});
