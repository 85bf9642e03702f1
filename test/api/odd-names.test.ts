/** A property may have any name, also one that JavaScript objects give a meaning of their own; what is no parameter is refused, whatever it is called. */
import { describe, expect, it } from 'vitest';
import { connect, type FoundPage } from '../../native-free/client/index.js';
import type { FoundMessage } from '../../native-free/wire/index.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { sharedApi } from './api-rig.js';

const ODD = JSON.parse(
  '{"__proto__":"p","__proto_":"q","constructor":1,"prototype":true,"toString":"t","hasOwnProperty":"h"}',
) as Record<string, string | number | boolean>;
const BYTES = JSON.parse('{"__proto__":"AQI="}') as Record<string, string>;

interface Shown {
  properties: object;
  propertiesBase64?: object;
}

/** A page takes its broker 50 ms at most, which on a busy machine is none or two of the messages. */
async function eachPage(ask: (cursor: string | null) => Promise<FoundPage>): Promise<void> {
  let page = await ask(null);
  while (!page.complete) {
    page = await ask(page.cursor);
  }
}

describe.each(LISTENERS)('odd names over %s', (listener) => {
  it('of properties come out as they went in, by every way', async () => {
    const rig = await sharedApi({ listener });
    await rig.ask('POST', '/topics', { body: { topic: 't', queues: 1, memory: false } });
    const send = (body: unknown, headers: Record<string, string>) =>
      rig.ask('POST', '/topics/t/messages', { body, headers });
    const text = JSON.stringify({ body: 'x', properties: ODD });
    expect((await send(text, { 'Content-Type': 'application/json' })).status).toBe(201);
    expect((await send(`${text}\n`, { 'Content-Type': 'application/x-ndjson' })).text).toContain('SEND_OK');
    const inHeaders = {
      'Content-Type': 'application/octet-stream',
      'RingMQ-Properties': JSON.stringify(ODD),
    };
    expect((await send(new Uint8Array([120]), inHeaders)).status).toBe(201);
    const client = await connect(`ws://127.0.0.1:${rig.listener.port}`);
    await client.producer().send({ topic: 't', body: 'x', properties: ODD });
    const asBytes = JSON.stringify({ propertiesBase64: BYTES });
    expect((await send(asBytes, { 'Content-Type': 'application/json' })).status).toBe(201);

    // A poll brings what has come by then.
    const polled: Shown[] = [];
    let session = '';
    while (polled.length < 5) {
      const { status, json } = await rig.ask('GET', `/groups/g/messages?topic=t&waitMs=30000${session}`);
      expect(status).toBe(200);
      polled.push(...(json['messages'] as Shown[]));
      session = `&session=${json['session']}`;
    }
    const found: Shown[] = [];
    await eachPage(async (cursor) => {
      const from = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { json } = await rig.ask('GET', `/messages?topic=t${from}`);
      found.push(...(json['messages'] as Shown[]));
      return json as unknown as FoundPage;
    });
    for (const messages of [polled, found]) {
      expect(messages.map(({ properties }) => JSON.stringify(properties))).toEqual([
        ...Array.from({ length: 4 }, () => JSON.stringify(ODD)),
        '{}',
      ]);
      expect(JSON.stringify(messages[4]?.propertiesBase64)).toBe(JSON.stringify(BYTES));
    }
    for (const each of [client, rig.broker.client()]) {
      const messages: FoundMessage[] = [];
      await eachPage(async (cursor) => {
        const page = await each.admin().findMessages({ topic: 't', cursor });
        messages.push(...page.messages);
        return page;
      });
      for (const { properties } of messages.slice(0, 4)) {
        expect(Object.entries(properties)).toEqual(Object.entries(ODD));
        expect(Object.getPrototypeOf(properties)).toBe(Object.prototype);
      }
      const last = messages[4] as FoundMessage;
      expect(Object.entries(last.properties)).toEqual([['__proto__', new Uint8Array([1, 2])]]);
    }
    await client.close();
  });

  it('of topics and groups are names like others', async () => {
    const rig = await sharedApi({ listener });
    const name = '__proto__';
    await rig.ask('POST', '/topics', { body: { topic: name, queues: 1, memory: false } });
    expect((await rig.ask('POST', `/topics/${name}/messages`, { body: { body: 'x' } })).status).toBe(201);
    const { json } = await rig.ask('GET', `/groups/${name}/messages?topic=${name}&waitMs=5000`);
    const acks = { session: json['session'], messages: json['messages'] };
    expect((await rig.ask('POST', `/groups/${name}/acks`, { body: acks })).json).toMatchObject({ acked: 1 });
    expect((await rig.ask('GET', `/groups/${name}`)).text).toContain('"committedOffset":1');
    expect((await rig.ask('GET', '/topics')).json['topics']).toMatchObject([{ topic: name }]);
  });

  it('of parameters are refused', async () => {
    const { ask } = await sharedApi({ listener });
    const json = { 'Content-Type': 'application/json' };
    for (const name of ['__proto__', 'constructor', 'toString', 'prototype']) {
      const body = `{"topic":"a","queues":1,"memory":false,"${name}":{"queues":2}}`;
      const made = await ask('POST', '/topics', { body, headers: json });
      expect(made.status, name).toBe(400);
      expect(made.json['message'], name).toContain(name);
      expect((await ask('GET', `/topics?${name}=1`)).status, name).toBe(400);
      const message = `{"body":"x","${name}":1}`;
      const sent = await ask('POST', '/topics/a/messages', { body: message, headers: json });
      expect(sent, name).toMatchObject({ status: 400, json: { code: 'BAD_MESSAGE' } });
    }
    expect((await ask('GET', '/topics')).json['topics']).toEqual([]);
    expect(({} as Record<string, unknown>)['queues']).toBeUndefined();
  });
});
