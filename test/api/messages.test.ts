/** Publishing and consuming over HTTP: receipts, lines, groups, acks, events. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { RingMQError } from '../../native-free/wire/index.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { type ApiRig, openApi, PATIENT, sharedApi } from './api-rig.js';

const NDJSON = { 'Content-Type': 'application/x-ndjson' };

interface Message {
  queueId: number;
  offset: number;
  body: string;
  [name: string]: unknown;
}

async function withTopic(
  listener: 'uws' | 'ws',
  queues = 1,
  memory = false,
  open = sharedApi,
): Promise<ApiRig> {
  const rig = await open({ listener });
  await rig.ask('POST', '/topics', { body: { topic: 'shop/orders', queues, memory } });
  return rig;
}

function lines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function poll(
  { ask }: ApiRig,
  group: string,
  query = '',
): Promise<{ session: string; messages: Message[] }> {
  const { status, json, text } = await ask('GET', `/groups/${group}/messages?topic=shop%2Forders${query}`);
  expect(status, text).toBe(200);
  return json as unknown as { session: string; messages: Message[] };
}

/** Reads events until there are so many. */
async function events(
  rig: ApiRig,
  path: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<{ id: string; event: string; data: Record<string, unknown> }[]> {
  const stop = new AbortController();
  const answer = await fetch(rig.base + path, { headers, signal: stop.signal });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const found: { id: string; event: string; data: Record<string, unknown> }[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string): string =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2) ?? '';
      if (field('data') !== '') {
        found.push({ id: field('id'), event: field('event'), data: JSON.parse(field('data')) });
      }
    }
    if (found.length >= count) {
      break;
    }
  }
  stop.abort();
  return found;
}

describe.each(LISTENERS)('messages over %s', (listener) => {
  it('one message as JSON, one as bytes: a receipt with its durability, and all of it arrives', async () => {
    const rig = await withTopic(listener);
    const json = await rig.ask('POST', '/topics/shop%2Forders/messages?flush=sync', {
      body: { body: 'grüße', tag: 'paid', keys: ['a', 'b'], shardingKey: 's', properties: { n: 1, t: true } },
    });
    expect(json).toMatchObject({
      status: 201,
      json: { topic: 'shop/orders', queueId: 0, offset: 0, status: 'SEND_OK', durability: 'disk' },
    });
    const bytes = await rig.ask('POST', '/topics/shop%2Forders/messages?flush=async', {
      body: Uint8Array.of(0, 255),
      headers: {
        'Content-Type': 'application/octet-stream',
        'RingMQ-Tag': encodeURIComponent('bezahlt ü'),
        'RingMQ-Keys': 'x,y%2Cz',
        'RingMQ-Sharding-Key': 's',
        'RingMQ-Properties': '{"a":"b","c":2}',
      },
    });
    expect(bytes.json).toMatchObject({ durability: 'page-cache', offset: 1 });
    const found = await rig.broker.client().peek({ topic: 'shop/orders' });
    expect(found[0]).toMatchObject({ tag: 'paid', keys: ['a', 'b'], properties: { n: 1, t: true } });
    expect(found[0]?.text()).toBe('grüße');
    expect(found[1]).toMatchObject({ tag: 'bezahlt ü', keys: ['x', 'y,z'], properties: { a: 'b', c: 2 } });
    expect([...(found[1]?.body ?? [])]).toEqual([0, 255]);
  });

  it('what cannot be published is told, and nothing is stored', async () => {
    const rig = await withTopic(listener);
    const path = '/topics/shop%2Forders/messages';
    const bytes = { 'Content-Type': 'application/octet-stream' };
    const refused: [string, string, unknown, Record<string, string>, number][] = [
      ['no such topic', '/topics/none/messages', { body: 'x' }, {}, 404],
      ['no such queue', `${path}?queueId=7`, { body: 'x' }, {}, 404],
      ['flush', `${path}?flush=never`, { body: 'x' }, {}, 400],
      ['a part', path, { body: 1 }, {}, 400],
      ['another type', path, 'x', { 'Content-Type': 'text/plain' }, 400],
      ['properties', path, 'x', { ...bytes, 'RingMQ-Properties': '[1]' }, 400],
      ['encoding', path, 'x', { ...bytes, 'RingMQ-Tag': '%zz' }, 400],
      ['too large', path, new Uint8Array(4 * 1024 * 1024 + 1), bytes, 413],
    ];
    for (const [name, to, body, headers, status] of refused) {
      const answer = await rig.ask('POST', to, { body, headers });
      expect(answer.status, `${name}: ${answer.text}`).toBe(status);
      expect(answer.json, name).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    }
    expect(await rig.broker.client().peek({ topic: 'shop/orders' })).toHaveLength(0);
    const largest = await rig.ask('POST', path, { body: new Uint8Array(4 * 1024 * 1024), headers: bytes });
    expect(largest.status, largest.text).toBe(201);
  });

  it('lines are answered by a receipt each, in their order, and a wrong one harms no other', async () => {
    const rig = await withTopic(listener, 4);
    const count = 20_000;
    const body = Array.from({ length: count }, (_, i) =>
      i === 500 ? 'nonsense' : JSON.stringify({ body: `${i}`, shardingKey: `${i % 7}` }),
    ).join('\n');
    const { status, text, headers } = await rig.ask('POST', '/topics/shop%2Forders/messages', {
      body,
      headers: NDJSON,
    });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    const receipts = lines(text);
    expect(receipts).toHaveLength(count);
    expect(receipts[500]).toMatchObject({ error: { code: 'BAD_MESSAGE' }, line: 501 });
    expect(receipts.filter(({ status: is }) => is === 'SEND_OK')).toHaveLength(count - 1);
    const found = await rig.broker.client().peek({ topic: 'shop/orders', max: 10_000, queueId: 0 });
    const bodies = found.map((message) => Number(message.text()));
    expect(bodies).toEqual([...bodies].sort((a, b) => a - b));
  });

  it('a receipt comes while the stream goes on', async () => {
    const rig = await withTopic(listener);
    const socket = openStream(rig);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    for (let i = 0; i < 3; i++) {
      socket.write(chunked(`{"body":"${i}"}\n`));
      await expect.poll(() => text, PATIENT).toContain(`"offset":${i}`);
    }
    socket.write('0\r\n\r\n');
    await expect.poll(() => text, PATIENT).toContain('\r\n0\r\n\r\n');
    socket.destroy();
  });

  it('who sends lines and reads no receipt is not read on, and holds up nobody', async () => {
    const rig = await withTopic(listener, 1, true);
    const socket = openStream(rig);
    socket.pause();
    const piece = chunked('{"body":"x"}\n'.repeat(5_000));
    let sent = 0;
    // Until the kernel takes no more for a while.
    for (let isTaken = true; isTaken && sent < 3_000; sent++) {
      isTaken = socket.write(piece) || (await drained(socket));
    }
    expect(sent).toBeLessThan(3_000);
    const other = await rig.ask('POST', '/topics/shop%2Forders/messages', { body: { body: 'y' } });
    expect(other.status).toBe(201);
    socket.destroy();
  });

  it('a line without end is refused, and the stream with it', async () => {
    const rig = await withTopic(listener);
    const { text } = await rig.ask('POST', '/topics/shop%2Forders/messages', {
      body: `{"body":"1"}\n${'x'.repeat(27 * 1024 * 1024)}`,
      headers: NDJSON,
    });
    const [first, last] = lines(text);
    expect(first).toMatchObject({ status: 'SEND_OK' });
    expect(last).toMatchObject({ error: { code: 'MESSAGE_TOO_LARGE' }, line: 2 });
  });

  it('a group gets each message once, and goes on where it was acked', async () => {
    const rig = await withTopic(listener, 2);
    for (const queueId of [0, 1]) {
      const all = Array.from({ length: 5 }, (_, i) => JSON.stringify({ body: `${queueId * 5 + i}` }));
      const path = `/topics/shop%2Forders/messages?queueId=${queueId}`;
      await rig.ask('POST', path, { body: all.join('\n'), headers: NDJSON });
    }
    // A poll brings what has come by then.
    const polled = async (count: number): Promise<{ session: string; got: Message[] }> => {
      const got: Message[] = [];
      let session = '';
      while (got.length < count) {
        const query = session === '' ? '' : `&session=${session}`;
        const answer = await poll(rig, 'billing', `${query}&max=4&waitMs=30000`);
        expect(answer.messages.length).toBeLessThanOrEqual(4);
        expect(answer.messages).not.toEqual([]);
        got.push(...answer.messages);
        ({ session } = answer);
      }
      return { session, got };
    };
    const { session, got } = await polled(10);
    expect((await poll(rig, 'billing', `&session=${session}&waitMs=0`)).messages).toEqual([]);
    expect(got.map((message) => Number(message.body)).sort((a, b) => a - b)).toEqual([...Array(10).keys()]);
    const places = got.map(({ queueId, offset }) => ({ queueId, offset }));
    const kept = places.filter(({ queueId, offset }) => !(queueId === 0 && offset >= 3));
    const acked = await rig.ask('POST', '/groups/billing/acks', {
      body: { session, messages: [...kept, { queueId: 0, offset: 999 }] },
    });
    expect(acked.json).toEqual({ acked: kept.length, lost: [{ queueId: 0, offset: 999 }] });
    const described = await rig.ask('GET', '/groups/billing');
    expect(described.json['queues']).toContainEqual(
      expect.objectContaining({ queueId: 0, committedOffset: 3 }),
    );
    expect((await rig.ask('DELETE', `/groups/billing/sessions/${session}`)).status).toBe(200);
    const again = await polled(2);
    expect(again.got.map(({ queueId, offset }) => ({ queueId, offset }))).toEqual(
      places.filter((place) => !kept.includes(place)),
    );
  });

  it('a poll waits for what comes, one at a time, and ends without anything when its time is over', async () => {
    const rig = await withTopic(listener);
    const { session, messages } = await poll(rig, 'g', '&waitMs=50');
    expect(messages).toEqual([]);
    // Of two at once one is refused, and the other one waits.
    const path = `/groups/g/messages?topic=shop%2Forders&session=${session}&waitMs=30000`;
    const both = [rig.ask('GET', path), rig.ask('GET', path)];
    expect((await Promise.race(both)).status).toBe(400);
    await rig.ask('POST', '/topics/shop%2Forders/messages', { body: { body: 'now' } });
    const waited = (await Promise.all(both)).find(({ status }) => status === 200);
    expect(waited?.json['messages']).toMatchObject([{ body: 'now' }]);
    for (const other of [
      `/groups/other/messages?topic=shop%2Forders&session=${session}`,
      '/groups/g/messages?topic=shop%2Forders&session=AAAA',
    ]) {
      expect(await rig.ask('GET', other)).toMatchObject({ status: 404, json: { code: 'NOT_A_MEMBER' } });
    }
    expect((await rig.ask('GET', '/groups/g/messages')).status).toBe(400);
    expect((await rig.ask('GET', '/groups/g/messages?topic=none')).status).toBe(404);
  });

  it('events of a topic come as they are stored, and go on behind the last one that came', async () => {
    const rig = await withTopic(listener, 3);
    const send = async (from: number, to: number): Promise<void> => {
      const all = Array.from({ length: to - from }, (_, i) => JSON.stringify({ body: `${from + i}` }));
      await rig.ask('POST', '/topics/shop%2Forders/messages', { body: all.join('\n'), headers: NDJSON });
    };
    await send(0, 30);
    const first = await events(rig, '/topics/shop%2Forders/events?from=earliest', 12);
    const taken = first.slice(0, 12);
    await send(30, 40);
    const rest = await events(rig, '/topics/shop%2Forders/events?from=earliest', 28, {
      'Last-Event-ID': taken[11]?.id ?? '',
    });
    const bodies = [...taken, ...rest].map(({ data }) => Number(data['body']));
    expect(bodies.sort((a, b) => a - b)).toEqual([...Array(40).keys()]);
    for (const id of ['x', '7:1', '0:', '0:1,']) {
      const { status } = await rig.ask('GET', '/topics/shop%2Forders/events', {
        headers: { 'Last-Event-ID': id },
      });
      expect(status, id).toBe(400);
    }
    expect((await rig.ask('GET', '/topics/none/events')).status).toBe(404);
  });

  it('events of a group are acked when they were taken, or by hand', async () => {
    const rig = await withTopic(listener);
    const body = Array.from({ length: 6 }, (_, i) => JSON.stringify({ body: `${i}` })).join('\n');
    await rig.ask('POST', '/topics/shop%2Forders/messages', { body, headers: NDJSON });
    expect(await events(rig, '/groups/auto/events?topic=shop%2Forders', 6)).toHaveLength(6);
    await expect
      .poll(async () => (await rig.ask('GET', '/groups/auto')).json['queues'], PATIENT)
      .toEqual([expect.objectContaining({ committedOffset: 6 })]);
    const [session, message] = await events(rig, '/groups/hand/events?topic=shop%2Forders&ack=manual', 2);
    expect(session).toMatchObject({ event: 'session', data: { session: expect.any(String) } });
    expect(message?.data).toMatchObject({ offset: 0 });
    // Nothing was acked: it comes again.
    const [, again] = await events(rig, '/groups/hand/events?topic=shop%2Forders&ack=manual', 2);
    expect(again?.data).toMatchObject({ offset: 0 });
  });

  it('a broker that closes ends polls and streams', async () => {
    const rig = await withTopic(listener, 1, false, openApi);
    const waiting = rig.ask('GET', '/groups/g/messages?topic=shop%2Forders&waitMs=60000').catch(String);
    const stream = rig.ask('GET', '/topics/shop%2Forders/events').catch(String);
    await expect
      .poll(async () => {
        const { json } = await rig.ask('GET', '/topics/shop%2Forders/clients');
        return (json['clients'] as { groups: unknown[] }[]).flatMap(({ groups }) => groups).length;
      }, PATIENT)
      .toBe(2);
    await rig.broker.close();
    await Promise.all([waiting, stream]);
  });
});

function openStream({ listener }: ApiRig): Socket {
  const socket = connect(listener.port, '127.0.0.1');
  socket.on('error', (_error: RingMQError) => {});
  socket.write(
    'POST /api/v1/topics/shop%2Forders/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  return socket;
}

function chunked(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** True once the socket takes more; false when it has not for a while. */
function drained(socket: Socket): Promise<boolean> {
  return Promise.race([
    once(socket, 'drain').then(() => true),
    new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), 1_000);
    }),
  ]);
}
