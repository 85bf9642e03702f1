/** A message that is published again over HTTP under its producer's name and number is stored once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { ADMIN_PASSWORD, openApi, SMALL } from './api-rig.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Of all pages: a page ends early where it takes long. */
async function bodiesOf(
  ask: (method: string, path: string) => Promise<{ json: Record<string, unknown> }>,
): Promise<string[]> {
  const bodies: string[] = [];
  for (let cursor: unknown = ''; cursor !== null; ) {
    const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(String(cursor))}`;
    const { json } = await ask('GET', `/messages?topic=t&limit=100${after}`);
    bodies.push(...(json['messages'] as { body: string }[]).map(({ body }) => body));
    ({ cursor } = json);
  }
  return bodies;
}

describe.each(LISTENERS)('sent again over %s', (listener) => {
  it('gets the same receipt, also after a restart, and is there once', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'ringmq-again-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const opened = async (): Promise<{ base: string; close(): Promise<void> }> => {
      const broker = await openBroker({ dataDir, ...SMALL });
      const { port } = await broker.listen({ port: 0, listener, threads: 1 });
      return { base: `http://127.0.0.1:${port}/api/v1`, close: () => broker.close() };
    };
    let broker = await opened();
    onTestFinished(() => broker.close());
    const ask = async (method: string, path: string, body?: string, headers = {}) => {
      const answer = await fetch(broker.base + path, {
        method,
        headers: { ...JSON_TYPE, ...headers },
        ...(body === undefined ? {} : { body }),
      });
      const text = await answer.text();
      return { status: answer.status, text, json: JSON.parse(text) as Record<string, unknown> };
    };
    const send = (sequence: number, body: string, producer = 'till') =>
      ask('POST', '/topics/t/messages', JSON.stringify({ body, tag: 'x', properties: { n: 1 } }), {
        'RingMQ-Producer': producer,
        'RingMQ-Sequence': String(sequence),
      });
    await ask('POST', '/topics', '{"topic":"t","queues":3,"memory":false}');
    const first = [await send(1, 'a'), await send(2, 'b'), await send(3, 'c')];
    expect(first.map(({ status }) => status)).toEqual([201, 201, 201]);
    const again = await Promise.all([send(2, 'b'), send(1, 'a'), send(3, 'c'), send(3, 'c')]);
    expect(again.map(({ json }) => json['messageId'])).toEqual(
      [1, 0, 2, 2].map((at) => first[at]?.json['messageId']),
    );
    // Other messages under a number that was used are not acked as if they were stored.
    expect(await send(1, 'another')).toMatchObject({ status: 409, json: { code: 'SEQUENCE_UNKNOWN' } });
    // Another sender counts for itself.
    expect((await send(1, 'a', 'other till')).json['messageId']).not.toBe(first[0]?.json['messageId']);

    await broker.close();
    broker = await opened();
    expect((await send(3, 'c')).json['messageId']).toBe(first[2]?.json['messageId']);
    expect((await send(4, 'd')).status).toBe(201);
    // Far beyond 64 messages nobody can tell any more.
    for (let sequence = 5; sequence <= 70; sequence += 13) {
      expect((await send(sequence, 'far')).status).toBe(201);
    }
    const bodies = await bodiesOf(ask);
    expect(bodies.filter((body) => body !== 'far').sort()).toEqual(['a', 'a', 'b', 'c', 'd']);
  });

  it('gets the same receipt also where its topic has grown since, and another message 409', async () => {
    const { ask } = await openApi({ listener });
    await ask('POST', '/topics', { body: { topic: 't', queues: 3, memory: false } });
    const send = (sequence: number, message: object) =>
      ask('POST', '/topics/t/messages', {
        body: message,
        headers: { 'RingMQ-Producer': 'till', 'RingMQ-Sequence': String(sequence) },
      });
    const messages = Array.from({ length: 10 }, (_, i) => ({
      body: `m${i}`,
      ...(i % 2 === 0 ? { shardingKey: `key ${i}` } : {}),
    }));
    const sendAll = async () => {
      const receipts: unknown[] = [];
      for (const [i, message] of messages.entries()) {
        const { messageId, queueId, offset } = (await send(i + 1, message)).json;
        receipts.push({ messageId, queueId, offset });
      }
      return receipts;
    };
    const first = await sendAll();
    await ask('PUT', '/topics/t/queues', { body: { queues: 4 } });
    expect(await sendAll()).toEqual(first);
    await ask('PUT', '/topics/t/queues', { body: { queues: 300 } });
    expect(await sendAll()).toEqual(first);
    expect(await send(5, { body: 'another' })).toMatchObject({
      status: 409,
      json: { code: 'SEQUENCE_UNKNOWN' },
    });
    expect((await bodiesOf(ask)).sort()).toEqual(messages.map(({ body }) => body));
  });

  it('is refused, and not stored again, once its producer was forgotten for others', async () => {
    const { ask } = await openApi({ listener }, { maxProducers: 16 });
    await ask('POST', '/topics', { body: { topic: 't', queues: 1, memory: false } });
    const send = (producer: string) =>
      ask('POST', '/topics/t/messages', {
        body: { body: producer },
        headers: { 'RingMQ-Producer': producer, 'RingMQ-Sequence': '1' },
      });
    expect((await send('till')).status).toBe(201);
    for (let i = 0; i < 16; i++) {
      expect((await send(`other ${i}`)).status).toBe(201);
    }
    expect(await send('till')).toMatchObject({ status: 409, json: { code: 'SEQUENCE_UNKNOWN' } });
    expect(await bodiesOf(ask)).toHaveLength(17);
  });

  it("is refused where the headers are no such ones, and is each user's own", async () => {
    const { ask, broker } = await openApi({ listener, auth: true });
    const admin: { as: [string, string] } = { as: ['admin', ADMIN_PASSWORD] };
    await ask('POST', '/topics', { ...admin, body: { topic: 't', queues: 1, memory: true } });
    const users = broker.client().admin();
    await users.createUser({ user: 'ann', password: 'ann-password' });
    await users.grant({ to: 'ann', right: 'publish', resource: 'topic:t' });
    const wrong: Record<string, string>[] = [
      { 'RingMQ-Producer': 'p' },
      { 'RingMQ-Sequence': '1' },
      { 'RingMQ-Producer': 'p', 'RingMQ-Sequence': '0' },
      { 'RingMQ-Producer': 'p', 'RingMQ-Sequence': '-1' },
      { 'RingMQ-Producer': 'p', 'RingMQ-Sequence': '1.5' },
      { 'RingMQ-Producer': 'p', 'RingMQ-Sequence': '4294967296' },
      { 'RingMQ-Producer': 'p'.repeat(256), 'RingMQ-Sequence': '1' },
      { 'RingMQ-Producer': 'p', 'RingMQ-Sequence': '1', 'Content-Type': 'application/x-ndjson' },
    ];
    for (const headers of wrong) {
      const body = JSON.stringify({ body: 'x' });
      const answer = await ask('POST', '/topics/t/messages', {
        ...admin,
        body,
        headers: { ...JSON_TYPE, ...headers },
      });
      expect(answer.status, JSON.stringify(headers)).toBe(400);
    }
    const send = (as: [string, string]) =>
      ask('POST', '/topics/t/messages', {
        as,
        body: { body: 'x' },
        headers: { 'RingMQ-Producer': 'p', 'RingMQ-Sequence': '1' },
      });
    const mine = await send(admin.as);
    const hers = await send(['ann', 'ann-password']);
    expect(hers.json['offset']).not.toBe(mine.json['offset']);
    expect((await send(admin.as)).json['messageId']).toBe(mine.json['messageId']);
  });
});
