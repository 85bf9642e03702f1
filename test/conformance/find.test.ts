/** Messages are found where they lie: by queue and offset, time, tag, key and id, page by page. */
import { expect, test } from 'vitest';
import type { Client, FoundMessage, FoundPage, MessageSearch } from '../../native-free/client/index.js';
import { describeEach, EACH_AND_CLUSTER } from './rig.js';

const text = (message: FoundMessage): string => new TextDecoder().decode(message.body ?? undefined);

/** All pages of a search. */
async function findAll(client: Client, search: MessageSearch): Promise<FoundPage[]> {
  const pages: FoundPage[] = [];
  let cursor: string | null = null;
  do {
    const page = await client.admin().findMessages({ ...search, cursor });
    pages.push(page);
    cursor = page.cursor;
  } while (cursor !== null);
  expect(pages.at(-1)?.complete).toBe(true);
  return pages;
}

const textsOf = (pages: readonly FoundPage[]): string[] =>
  pages.flatMap(({ messages }) => messages.map(text));

const isSame = (a: Uint8Array | null | undefined, b: Uint8Array): boolean =>
  a instanceof Uint8Array && Buffer.compare(a, b) === 0;

describeEach('messages that are looked for', EACH_AND_CLUSTER, (rig) => {
  for (const memory of [false, true]) {
    const where = memory ? 'of a memory topic' : 'of the log';

    test(`${where} come whole, in the order in which they were stored, page by page`, async () => {
      const client = await rig.client();
      const topic = rig.name('t');
      await client.admin().createTopic({ topic, queues: 3, memory });
      const producer = client.producer();
      for (let i = 0; i < 12; i++) {
        await producer.send({ topic, body: `m${i}` }, { queueId: i % 3 });
      }
      await producer.sendBatch(
        [12, 13, 14, 15].map((i) => ({ topic, body: `m${i}` })),
        { queueId: 1 },
      );
      const wanted = Array.from({ length: 16 }, (_, i) => `m${i}`);
      for (const limit of [1, 3, 5, 100]) {
        const pages = await findAll(client, { topic, limit });
        expect(textsOf(pages)).toEqual(wanted);
        expect(pages.every(({ messages }) => messages.length <= limit)).toBe(true);
      }
      const inQueue = await findAll(client, { topic, queueId: 1, offset: 2, limit: 3 });
      expect(textsOf(inQueue)).toEqual(['m7', 'm10', 'm12', 'm13', 'm14', 'm15']);
      expect(inQueue[0]?.messages[0]).toMatchObject({ queueId: 1, offset: 2 });
    });

    test(`${where} are found by id, with all their parts`, async () => {
      const client = await rig.client();
      const topic = rig.name('t');
      await client.admin().createTopic({ topic, queues: 1, memory });
      const message = {
        topic,
        body: 'a body',
        tag: 'paid',
        keys: ['k-1', 'k-2'],
        shardingKey: 'customer',
        properties: { region: 'eu', amount: 1.5, urgent: true, raw: Uint8Array.of(1, 2) },
        bornTime: 1_700_000_000_123,
      };
      const receipts = await client
        .producer()
        .sendBatch([{ topic, body: null }, message, { topic, body: '' }]);
      const [nothing, whole, empty] = receipts.map(({ messageId }) => messageId);
      const byId = async (id = ''): Promise<FoundMessage | undefined> => {
        const page = await client.admin().findMessages({ id });
        expect(page).toMatchObject({ topic, complete: true, cursor: null, damage: [] });
        return page.messages[0];
      };
      const { topic: _topic, body: _body, ...parts } = message;
      const found = await byId(whole);
      expect(found).toMatchObject({ ...parts, queueId: 0, offset: 1, messageId: whole, bodyBytes: 6 });
      expect(found?.storeTime).toBeGreaterThan(1_700_000_000_123);
      expect(found && text(found)).toBe('a body');
      expect(await byId(nothing)).toMatchObject({ body: null, bodyBytes: 0, tag: null, keys: [] });
      expect((await byId(empty))?.body).toEqual(new Uint8Array(0));
      // One of another broker, one that no batch begins at, and one behind its batch's last record.
      const other = [
        `${memory ? 'm' : ''}${'0'.repeat(34)}`,
        whole?.replace(/.{4}$/, 'fff0'),
        whole?.replace(/.{5}(.{4})$/, '00001$1'),
      ];
      for (const id of other) {
        expect((await client.admin().findMessages({ id })).messages).toEqual([]);
      }
      const elsewhere = rig.name('t');
      await client.admin().createTopic({ topic: elsewhere, queues: 1 });
      expect((await client.admin().findMessages({ id: whole, topic: elsewhere })).messages).toEqual([]);
    });

    test(`${where} are found by tag and by key`, async () => {
      const client = await rig.client();
      const topic = rig.name('t');
      await client.admin().createTopic({ topic, queues: 2, memory });
      const producer = client.producer();
      for (let i = 0; i < 40; i++) {
        producer.write({
          topic,
          body: `m${i}`,
          ...(i % 4 === 0 ? { tag: 'rare' } : i % 4 === 1 ? { tag: 'other' } : {}),
          ...(i % 8 === 0 ? { keys: [`o-${i}`, 'all'], properties: { all: 'not a key' } } : {}),
        });
        if (i % 10 === 9) {
          await producer.flush();
        }
      }
      await producer.flush();
      const sorted = (pages: readonly FoundPage[]): string[] => textsOf(pages).sort();
      expect(sorted(await findAll(client, { topic, tag: 'rare', limit: 3 }))).toEqual(
        ['m0', 'm4', 'm8', 'm12', 'm16', 'm20', 'm24', 'm28', 'm32', 'm36'].sort(),
      );
      expect(sorted(await findAll(client, { topic, key: 'all', limit: 2 }))).toEqual(
        ['m0', 'm8', 'm16', 'm24', 'm32'].sort(),
      );
      expect(textsOf(await findAll(client, { topic, key: 'o-16' }))).toEqual(['m16']);
      expect(textsOf(await findAll(client, { topic, key: 'all', tag: 'other' }))).toEqual([]);
      expect(textsOf(await findAll(client, { topic, key: 'o-1' }))).toEqual([]);
    });

    test(`${where} are found by the time they were stored at`, async () => {
      const client = await rig.client();
      const topic = rig.name('t');
      await client.admin().createTopic({ topic, queues: 2, memory });
      const producer = client.producer();
      for (let i = 0; i < 6; i++) {
        await producer.send({ topic, body: `m${i}` }, { queueId: i % 2 });
        const sent = Date.now();
        while (Date.now() === sent) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      const times = (await findAll(client, { topic })).flatMap(({ messages }) =>
        messages.map(({ storeTime }) => storeTime),
      );
      const [, , third = 0, , fifth = 0] = times;
      expect(textsOf(await findAll(client, { topic, time: new Date(third), limit: 1 }))).toEqual([
        'm2',
        'm3',
        'm4',
        'm5',
      ]);
      const between = { topic, time: third, toTime: fifth };
      expect(textsOf(await findAll(client, { ...between, limit: 2 }))).toEqual(['m2', 'm3', 'm4']);
      expect(textsOf(await findAll(client, { ...between, queueId: 1 }))).toEqual(['m3']);
      expect(textsOf(await findAll(client, { topic, time: Date.now() + 3_600_000 }))).toEqual([]);
    });
  }

  test('have as much of their bodies as was asked for', async () => {
    const client = await rig.client();
    const topic = rig.name('t');
    await client.admin().createTopic({ topic, queues: 1 });
    const body = new Uint8Array(300_000).map((_, i) => i % 251);
    const { messageId: id } = await client.producer().send({ topic, body });
    const admin = client.admin();
    const [first] = (await admin.findMessages({ topic })).messages;
    expect(first).toMatchObject({ bodyBytes: 300_000 });
    expect(isSame(first?.body, body.subarray(0, 64 * 1024))).toBe(true);
    const [none] = (await admin.findMessages({ id, maxBodyBytes: 0 })).messages;
    expect(none?.body).toEqual(new Uint8Array(0));
    const [rest] = (await admin.findMessages({ id, maxBodyBytes: 1_000_000, bodyFrom: 65_536 })).messages;
    expect(isSame(rest?.body, body.subarray(65_536))).toBe(true);
    const [behind] = (await admin.findMessages({ id, bodyFrom: 1_000_000 })).messages;
    expect(behind).toMatchObject({ body: new Uint8Array(0), bodyBytes: 300_000 });
  });

  test('say which groups have consumed them', async () => {
    const client = await rig.client();
    const [topic, group, other] = [rig.name('t'), rig.name('a'), rig.name('b')];
    const admin = client.admin();
    await admin.createTopic({ topic, queues: 1 });
    await admin.createGroup({ group: other });
    await client.producer().sendBatch(['one', 'two'].map((body) => ({ topic, body })));
    const consumer = client.consumer({ group, topic, from: 'earliest' });
    for await (const message of consumer) {
      await message.ack();
      break;
    }
    await consumer.close();
    const of = (offset: number) => admin.consumedBy(rig.placed({ topic, queueId: 0, offset }));
    expect(await of(0)).toEqual([{ group, committedOffset: 1, consumed: true }]);
    expect(await of(1)).toEqual([{ group, committedOffset: 1, consumed: false }]);
  });

  test('are refused where they cannot be', async () => {
    const client = await rig.client();
    const topic = rig.name('t');
    const admin = client.admin();
    await expect(admin.findMessages({ topic })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    await admin.createTopic({ topic, queues: 2 });
    await expect(admin.findMessages({ topic, queueId: 2 })).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
    });
    await expect(admin.consumedBy(rig.placed({ topic, queueId: 2, offset: 0 }))).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
    });
    const wrong: [MessageSearch, string][] = [
      [{}, 'topic'],
      [{ topic, offset: 1 }, 'offset'],
      [{ topic, id: 'x' }, 'id'],
      [{ topic, key: '' }, 'key'],
      [{ topic, limit: 0 }, 'limit'],
      [{ topic, limit: 1_001 }, 'limit'],
      [{ topic, cursor: 'x' }, 'cursor'],
      [{ topic, time: -1 }, 'time'],
      [{ topic, tag: 'x'.repeat(128) }, 'tag'],
      [{ topic, maxBodyBytes: 3_000_000 }, 'maxBodyBytes'],
    ];
    for (const [search, option] of wrong) {
      await expect(admin.findMessages(search), option).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
        details: { option },
      });
    }
  });
});
