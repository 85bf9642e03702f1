import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { connect } from '../../native-free/client/index.js';
import { createClient } from '../../native-free/client/internal.js';
import { MAX_FRAME_BYTES, OPCODE, SUBPROTOCOL } from '../../native-free/wire/index.js';
import { stampedBatch } from './batches.js';
import { ScriptedBroker, ScriptedError } from './scripted-broker.js';
import { kept, scriptedClient } from './scripted-client.js';

describe('requests', () => {
  test('that may be repeated survive a lost connection, others say that it was lost', async () => {
    const { broker, client } = await scriptedClient();
    const listing = client.admin().listTopics();
    const creating = expect(client.admin().createTopic({ topic: 'x' })).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
    });
    await broker.until(() => broker.requests.length === 2);
    broker.methods['listTopics'] = () => ({ topics: [] });
    broker.link.cut();
    await creating;
    expect(await listing).toEqual([]);
    expect(broker.called('createTopic')).toEqual([
      { method: 'createTopic', topic: 'x', queues: 4, memory: false, ifNotExists: false },
    ]);
  });

  test('time out, can be aborted, and carry the broker’s error', async () => {
    const { client: impatient } = await scriptedClient({ requestTimeoutMs: 20 });
    await expect(impatient.admin().listGroups()).rejects.toMatchObject({ code: 'TIMEOUT' });
    const { broker, client } = await scriptedClient();
    const stop = new AbortController();
    const aborted = expect(client.admin().listGroups({ signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
      cause: 'enough',
    });
    stop.abort('enough');
    await aborted;
    broker.methods['describeGroup'] = () => {
      throw new ScriptedError('GROUP_NOT_FOUND', 'no such group');
    };
    await expect(client.admin().describeGroup('g')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' });
  });

  test('a time becomes a start position; nonsense is refused', async () => {
    const { broker, client } = await scriptedClient();
    broker.methods['resetOffset'] = () => ({ queues: [] });
    await client.admin().resetOffset({ group: 'g', topic: 't', to: new Date(5) });
    expect(broker.called('resetOffset')[0]).toMatchObject({ to: { time: 5 } });
    await expect(
      client.admin().resetOffset({ group: 'g', topic: 't', to: { offset: -1 } }),
    ).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
  });
});

describe('the connection', () => {
  test('counts as lost when pings are not answered', async () => {
    const states: string[] = [];
    const { broker } = await scriptedClient({
      pingIntervalMs: 5,
      onConnection: (state) => states.push(state),
    });
    await broker.until(() => broker.links.length === 2 && states.length === 3);
    expect(states).toEqual(['connected', 'disconnected', 'connected']);
  });

  test.each([
    ['a short frame', new Uint8Array(3)],
    ['an unknown opcode', Uint8Array.of(99, ...new Array<number>(15).fill(0))],
    ['a payload that is no MessagePack', Uint8Array.of(OPCODE.event, ...new Array<number>(15).fill(0), 0x85)],
  ])('ends over %s and is made anew', async (_what, garbage) => {
    const { broker, client } = await scriptedClient();
    broker.link.onFrame?.(garbage);
    expect(client.connected).toBe(false);
    await broker.until(() => broker.links.length === 2 && client.connected);
  });

  test('lost within its welcome, time and again, is made anew once each time', async () => {
    let cuts = 0;
    const broker = new ScriptedBroker();
    broker.methods['listTopics'] = () => ({ topics: [] });
    const client = await kept(
      createClient(broker.factory, {
        reconnectMinMs: 1,
        reconnectMaxMs: 5,
        onConnection: (state) => {
          if (state !== 'connected' || broker.links.length === 1 || broker.links.length > 8) {
            return;
          }
          cuts++;
          broker.link.cut();
        },
      }),
    );
    broker.link.cut();
    for (let i = 0; i < 500; i++) {
      expect(await client.admin().listTopics()).toEqual([]);
    }
    expect(cuts).toBe(7);
    expect(broker.links).toHaveLength(9);
  });

  test('ends over more than a consumer’s window allows', async () => {
    const reasons: unknown[] = [];
    const { broker, client } = await scriptedClient({
      onConnection: (_state, reason) => reasons.push(reason),
    });
    const consumer = client.consumer({ group: 'g', topic: 't', windowBytes: 65_536 });
    const reading = consumer.batches().next();
    await broker.until(() => broker.link.credits.length === 1);
    const batch = stampedBatch([{ topic: 't', body: new Uint8Array(900_000) }]);
    for (let bytes = 0; bytes <= 65_536 + MAX_FRAME_BYTES; ) {
      bytes += broker.link.deliver(1, [batch]);
    }
    expect(reasons.at(-1)).toMatchObject({ code: 'CREDIT_EXCEEDED' });
    await consumer.close();
    expect((await reading).done).toBe(true);
  });

  test('is given up for good when the broker says so; everything waiting gets that error', async () => {
    const { broker, client } = await scriptedClient();
    broker.autoAck = false;
    const producer = client.producer();
    const sent = expect(producer.send({ topic: 't', body: 'x' })).rejects.toMatchObject({
      code: 'NOT_AUTHENTICATED',
    });
    const reading = expect(
      client.consumer({ group: 'g', topic: 't' }).batches().next(),
    ).rejects.toMatchObject({
      code: 'NOT_AUTHENTICATED',
    });
    await broker.until(() => broker.link.batches.length === 1 && broker.called('join').length === 1);
    broker.link.frame(OPCODE.error, 0, 0, { code: 'NOT_AUTHENTICATED', message: 'who are you' });
    broker.link.cut();
    await Promise.all([sent, reading]);
    expect(() => client.producer()).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTICATED' }));
  });

  test('closing flushes producers and ends loops', async () => {
    const { broker, client } = await scriptedClient();
    const producer = client.producer();
    for (let i = 0; i < 10; i++) {
      producer.write({ topic: 't', body: `m${i}` });
    }
    const reading = client.consumer({ group: 'g', topic: 't' }).batches().next();
    await client.close();
    expect((await reading).done).toBe(true);
    expect(broker.link.batches.reduce((sum, batch) => sum + batch.recordCount, 0)).toBe(10);
    expect(() => client.producer()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

/** A WebSocket server whose connections are links of a scripted broker. */
async function serve(
  broker: ScriptedBroker,
): Promise<{ server: WebSocketServer; url: string; sockets: WebSocket[] }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => SUBPROTOCOL });
  const sockets: WebSocket[] = [];
  server.on('connection', async (socket) => {
    sockets.push(socket);
    const link = await broker.factory(new AbortController().signal);
    link.onFrame = (frame) => socket.send(frame);
    link.onClose = () => socket.close();
    socket.on('message', (data) => link.send(new Uint8Array(data as Buffer)));
  });
  await once(server, 'listening');
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

describe('over a WebSocket', () => {
  test('frames of all sizes arrive as they were packed, and a lost socket is made anew', async () => {
    const broker = new ScriptedBroker();
    const { server, url, sockets } = await serve(broker);
    const reasons: unknown[] = [];
    const client = await kept(
      connect(url, {
        reconnectMinMs: 1,
        onConnection: (_state, reason) => reasons.push(reason),
      }),
    );
    const producer = client.producer();
    for (const size of [0, 1, 100, 65_000, 70_000, 4_194_304]) {
      const body = new Uint8Array(size).fill(size % 251);
      await producer.send({ topic: 't', body });
      const arrived = broker.link.batches.at(-1)?.bytes.subarray(96 + 12) ?? new Uint8Array(1);
      expect(Buffer.compare(arrived, body)).toBe(0);
    }
    sockets[0]?.terminate();
    await producer.send({ topic: 't', body: 'again' });
    expect(sockets).toHaveLength(2);
    sockets[1]?.send('text');
    await broker.until(() => broker.links.length === 3);
    expect(reasons.at(-1)).toMatchObject({ code: 'BAD_FRAME' });
    await client.close();
    server.close();
  });

  test('an address that is none, nobody there, and a signal are told apart', async () => {
    await expect(connect('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(connect('ws://127.0.0.1:1', { connectTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
    });
    await expect(connect('ws://127.0.0.1:1', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });
});
