/** A name server over real sockets: brokers register, everybody asks. */

import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type NameServer, openNameServer } from '../../broker/index.js';
import { brokerProof, registeredProof } from '../../engine/cluster/proof.js';
import { OPCODE } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { keep } from '../kept.js';
import { LISTENERS } from '../transport/listeners.js';
import { NameServerClient } from './name-server-client.js';
import { allTopics, BROKER_ID, registration, topicOf } from './registrations.js';

function get(server: NameServer, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path }, (answer) => {
      let body = '';
      answer.on('data', (part) => {
        body += String(part);
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe.each(LISTENERS.map(([kind]) => kind))('name server on %s', (listener) => {
  const open = async (options = {}): Promise<NameServer> =>
    keep(await openNameServer({ port: 0, listener, ...options }));
  const dial = async (server: NameServer): Promise<NameServerClient> =>
    keep(await NameServerClient.connect(server.url));

  it('says in its welcome what it is', async () => {
    const client = await dial(await open());
    const welcome = await client.welcome;
    expect(welcome).toMatchObject({
      version: 1,
      role: 'nameserver',
      cluster: null,
      epoch: 0,
      master: null,
      listener,
    });
    expect(welcome.nonce).toMatch(/^[0-9a-f]{64}$/);
    expect(welcome.openingId).toMatch(/^[0-9a-f]{16}$/);
  });

  it('tells of a broker that has registered, of its topics, and at once of its end', async () => {
    const server = await open();
    const [broker, client] = [await dial(server), await dial(server)];
    expect((await client.ask('route', {})).sets).toEqual([]);
    const answer = await broker.ask('registerBroker', registration());
    expect(answer).toMatchObject({ master: { name: 'a', epoch: 1 }, epoch: 1, revision: null });
    await broker.ask('registerTopics', allTopics([topicOf('orders')]));
    await client.until(() => client.events.length > 0);
    expect(client.events[0]).toMatchObject({ event: 'routeChanged', cluster: 'default' });
    const route = await client.ask('route', {});
    expect(route.sets).toEqual([
      {
        set: 'a',
        master: { name: 'a', url: 'ws://127.0.0.1:10001', epoch: 1, brokerId: BROKER_ID },
        slaves: [],
      },
    ]);
    expect((await client.ask('topicRoute', { topic: 'orders' })).sets).toEqual([
      { set: 'a', topicId: 1, queues: 4, memory: false, createdTime: 1_000 },
    ]);
    const seen = client.events.length;
    await broker.close();
    await client.until(() => client.events.length > seen);
    expect((await client.ask('route', {})).sets).toEqual([{ set: 'a', master: null, slaves: [] }]);
    expect((await client.ask('topicRoute', { topic: 'orders' })).sets).toHaveLength(1);
    const { brokers } = await client.ask('clusterStatus', {});
    expect(brokers).toMatchObject([{ name: 'a', up: false, isMaster: false, topics: 1 }]);
  });

  it('answers no to what it does not do, and goes on', async () => {
    const client = await dial(await open());
    expect(
      (await client.request('createTopic', { topic: 'x', queues: 1, memory: false })).body,
    ).toMatchObject({
      code: 'NOT_SUPPORTED',
    });
    expect((await client.request('registerBroker', { ...registration(), epoch: -1 })).body).toMatchObject({
      code: 'BAD_REQUEST',
      details: { parameter: 'epoch' },
    });
    await expect(client.ask('topicRoute', { topic: 'none' })).rejects.toThrow('TOPIC_NOT_FOUND');
    await expect(client.ask('registerTopics', allTopics([]))).rejects.toThrow('BAD_ARGUMENT');
    expect((await client.ask('route', {})).sets).toEqual([]);
  });

  it('ends a connection that sends what does not belong here, and no other', async () => {
    const server = await open();
    const other = await dial(server);
    const bad: [string, (client: NameServerClient) => void][] = [
      ['BAD_FRAME', (client) => client.socket.send('text')],
      ['BAD_FRAME', (client) => client.socket.send(Buffer.from([1, 2, 3]))],
      ['BAD_FRAME', (client) => client.send(OPCODE.produce, {})],
      ['BAD_FRAME', (client) => client.socket.send(Buffer.alloc(64, 0xff))],
    ];
    for (const [code, send] of bad) {
      const client = await dial(server);
      await client.welcome;
      send(client);
      await client.closed();
      expect(client.error).toMatchObject({ code });
    }
    const silent = keep(await NameServerClient.connect(server.url, null));
    silent.send(OPCODE.request, { method: 'route' }, 1);
    await silent.closed();
    expect(silent.error).toMatchObject({ code: 'BAD_FRAME' });
    expect((await other.ask('route', {})).sets).toEqual([]);
  });

  it('takes only addresses that can be connected to', async () => {
    const broker = await dial(await open());
    for (const url of [
      'ws://h:99999',
      'ws://h:0',
      'ws://u@h:1',
      'ws://h/path',
      'ws://h?q',
      'ws://',
      'http://h',
      'ws://[::1',
    ]) {
      await expect(broker.ask('registerBroker', registration({ url })), url).rejects.toThrow('BAD_REQUEST');
    }
    for (const url of ['ws://[::1]:9876', 'wss://broker.example/', 'ws://10.0.0.1:9876']) {
      await broker.ask('registerBroker', registration({ url }));
    }
  });

  it('takes only brokers that know its secret, and shows that it knows it too', async () => {
    const dir = makeDirectory();
    keep({ close: async () => removeDirectory(dir) });
    const secretFile = join(dir, 'secret');
    writeFileSync(secretFile, 'a secret of some length\n');
    const secret = Buffer.from('a secret of some length');
    const server = await open({ secretFile });
    const stranger = await dial(server);
    await expect(stranger.ask('registerBroker', registration())).rejects.toThrow('NOT_AUTHENTICATED');
    await stranger.closed();
    const broker = await dial(server);
    const { nonce = '' } = await broker.welcome;
    const given = registration({ nonce: 'ab'.repeat(32) });
    const proof = brokerProof(secret, nonce, given);
    const answer = await broker.ask('registerBroker', { ...given, proof });
    expect(answer.proof).toBe(registeredProof(secret, nonce, 'ab'.repeat(32), answer));
    for (const change of [{ epoch: 99 }, { role: 'slave' as const }, { url: 'ws://127.0.0.1:666' }]) {
      const forger = await dial(server);
      const { nonce: other = '' } = await forger.welcome;
      const forged = { ...given, ...change, proof: brokerProof(secret, other, given) };
      await expect(forger.ask('registerBroker', forged)).rejects.toThrow('NOT_AUTHENTICATED');
    }
    // Over another connection the same proof is of no use.
    const replayed = await dial(server);
    await expect(replayed.ask('registerBroker', { ...given, proof })).rejects.toThrow('NOT_AUTHENTICATED');
    const client = await dial(server);
    expect((await client.ask('route', {})).sets).toHaveLength(1);
  });

  it('answers plain HTTP on its port', async () => {
    const server = await open();
    expect(await get(server, '/healthz')).toEqual({ status: 200, body: 'ok\n' });
    expect(await get(server, '/nothing')).toMatchObject({ status: 404 });
  });

  it('lets so many connections of an address in, and another one when one has gone', async () => {
    const server = await open({ maxConnectionsPerAddress: 2 });
    const first = await dial(server);
    const second = await dial(server);
    await Promise.all([first.welcome, second.welcome]);
    const third = await dial(server);
    await third.closed();
    expect(third.error).toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
    first.socket.close();
    await first.closed();
    for (;;) {
      const next = await dial(server);
      if (await Promise.race([next.welcome.then(() => true), next.closed().then(() => false)])) {
        break;
      }
    }
    const paced = await open({ maxHandshakesPerAddress: 1 });
    let refused: unknown = null;
    for (let i = 0; i < 1_000 && refused === null; i++) {
      const client = await dial(paced);
      await Promise.race([client.welcome, client.closed()]).catch(() => undefined);
      refused = client.error;
    }
    expect(refused).toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
  });

  it('tells everybody when it stops', async () => {
    const server = await open();
    const client = await dial(server);
    await client.welcome;
    await server.close();
    await client.closed();
    expect(client.error).toMatchObject({ code: 'BROKER_CLOSED' });
  });
});
