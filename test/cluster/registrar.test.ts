import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findMaster } from '../../broker/find-master.js';
import { ClusterSecrets } from '../../engine/access/cluster-secrets.js';
import { isProof, registeredProof, routeProof } from '../../engine/cluster/proof.js';
import type { MasterInfo } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { keep } from '../kept.js';
import { FaultyLink } from './faulty-link.js';
import { ask, FAST, lyingServer, proxyTo, server, Told, tcp, until } from './registrar-rig.js';
import { BROKER_ID, registration, topicOf } from './registrations.js';

describe('registrar', () => {
  it('fills a name server that was started anew, and goes on at the other meanwhile', async () => {
    const [one, two] = [await server(), await server()];
    const told = new Told([one.url, two.url], registration());
    told.registrar.topicIs('t', { topic: topicOf('t'), tombstone: null });
    await until(() => told.registrar.registeredCount === 2);
    await one.close();
    await until(() => told.registrar.registeredCount === 1);
    told.registrar.topicIs('u', { topic: topicOf('u'), tombstone: null });
    const other = await ask(two.url);
    await until(async () => (await other.request('topicRoute', { topic: 'u' })).failed === false);
    const again = await server({ port: one.port });
    const client = await ask(again.url);
    await until(async () => (await client.request('topicRoute', { topic: 'u' })).failed === false);
    expect((await client.ask('topicRoute', { topic: 't' })).sets).toHaveLength(1);
    expect((await client.ask('route', {})).sets).toMatchObject([{ master: { name: 'a' } }]);
    expect(told.warnings).not.toEqual([]);
  });

  it('tells a master of a higher epoch once, at once, from whichever name server knows', async () => {
    const [one, two] = [await server(), await server()];
    const old = new Told([one.url, two.url], registration({ epoch: 3 }));
    await until(() => old.registrar.registeredCount === 2);
    const next = registration({ name: 'b', set: 'a', epoch: 4, url: 'ws://127.0.0.1:4' });
    const successor = new Told([two.url], next);
    await until(() => old.fenced.length > 0);
    old.registrar.changed();
    await until(() => successor.registrar.registeredCount === 1);
    expect(old.fenced).toEqual([[4, 'ws://127.0.0.1:4']]);
    expect(successor.fenced).toEqual([]);
  });

  it('tells a slave of the master of the highest epoch that any name server knows', async () => {
    const [one, two] = [await server(), await server()];
    new Told([one.url], registration({ epoch: 1, url: 'ws://127.0.0.1:1' }));
    new Told([two.url], registration({ name: 'b', set: 'a', epoch: 2, url: 'ws://127.0.0.1:2' }));
    for (const ns of [one, two]) {
      const asker = await ask(ns.url);
      await until(async () => (await asker.ask('route', {})).sets.length === 1);
    }
    const slave = new Told([one.url, two.url], registration({ name: 's', set: 'a', role: 'slave' }));
    await until(() => slave.registrar.registeredCount === 2 && slave.masters.at(-1) === 'ws://127.0.0.1:2');
    const told = slave.masters.length;
    slave.registrar.changed();
    const asker = await ask(one.url);
    await asker.ask('clusterStatus', {});
    expect(slave.masters).toHaveLength(told);
  });

  it('finds another master before a broker opens as one, and waits for nobody who does not answer', async () => {
    const [one, two, silent] = [await server(), await server(), await tcp(() => {})];
    const sought = {
      nameServers: [one.url, two.url, silent.url],
      secrets: null,
      cluster: 'default',
      set: 'a',
    };
    expect(await findMaster({ ...sought, name: 'a' }, 200)).toBeNull();
    const there = new Told(
      [two.url],
      registration({ name: 'b', set: 'a', epoch: 7, url: 'ws://127.0.0.1:2' }),
    );
    await until(() => there.registrar.registeredCount === 1);
    // Who knows of it may be the one that is late.
    await until(async () => {
      const found = await findMaster({ ...sought, name: 'a' }, 200);
      return found?.name === 'b' && found.epoch === 7;
    });
    // Its own registration of a moment ago is no other master, and who does not know the secret is not
    // believed.
    expect(await findMaster({ ...sought, name: 'b' }, 200)).toBeNull();
    expect(
      await findMaster(
        { ...sought, name: 'a', secrets: new ClusterSecrets([Buffer.from('some secret of ours')]) },
        200,
      ),
    ).toBeNull();
  });

  it('finds another master at a name server that is slow, where no other one answers', async () => {
    const ns = await server();
    const there = new Told([ns.url], registration({ name: 'b', set: 'a', epoch: 7 }));
    await until(() => there.registrar.registeredCount === 1);
    const slow = keep(await FaultyLink.open(ns.port));
    slow.slow('back', { delayMs: 100 });
    const sought = { secrets: null, cluster: 'default', set: 'a', name: 'a' };
    const nameServers = [`ws://127.0.0.1:${slow.port}`];
    expect(await findMaster({ ...sought, nameServers }, 1, 60_000)).toMatchObject({ name: 'b' });
  });

  it('tells a slave of its master, of another one, and that there is none', async () => {
    const ns = await server();
    const slave = new Told([ns.url], registration({ name: 's', set: 'a', role: 'slave' }));
    await until(() => slave.registrar.registeredCount === 1);
    const first = new Told([ns.url], registration({ url: 'ws://127.0.0.1:1' }));
    await until(() => slave.masters.length === 1);
    first.registrar.close();
    await until(() => slave.masters.length === 2);
    new Told([ns.url], registration({ name: 'b', set: 'a', epoch: 2, url: 'ws://127.0.0.1:2' }));
    await until(() => slave.masters.length === 3);
    expect(slave.masters).toEqual(['ws://127.0.0.1:1', null, 'ws://127.0.0.1:2']);
  });

  it('tells a slave at once what is left when the name server that knew best is gone, but of no master that its log has outlived', async () => {
    const [one, two, three] = [await server(), await server(), await server()];
    new Told([one.url], registration({ url: 'ws://127.0.0.1:1' }));
    const best = registration({ name: 'b', set: 'a', epoch: 2, url: 'ws://127.0.0.1:2' });
    new Told([two.url], best);
    new Told([three.url], best);
    const said = registration({ name: 's', set: 'a', role: 'slave' });
    const slave = new Told([one.url, two.url], said);
    await until(() => slave.masters.at(-1) === 'ws://127.0.0.1:2');
    await two.close();
    await until(() => slave.masters.at(-1) === 'ws://127.0.0.1:1');
    // Behind that: once this one has told the first name server of its term, nobody is named there.
    const later = new Told([one.url, three.url], { ...said, name: 't', epoch: 2 });
    await until(() => later.masters.at(-1) === 'ws://127.0.0.1:2');
    await three.close();
    await until(() => later.registrar.registeredCount === 1);
    expect(later.masters.at(-1)).not.toBe('ws://127.0.0.1:1');
  });

  it('is not held up by name servers that say nothing, say nonsense, are none, or are not there', async () => {
    const silent = await tcp(() => {});
    const nonsense = await tcp((socket) => socket.end('HTTP/1.1 101 Switching\r\n\r\n\xff\xff\xff'));
    const gone = await tcp(() => {});
    const goneUrl = gone.url;
    gone.close();
    const ns = await server();
    const told = new Told([silent.url, nonsense.url, goneUrl, ns.url], registration());
    await until(() => told.registrar.registeredCount === 1);
    const client = await ask(ns.url);
    expect((await client.ask('route', {})).sets).toHaveLength(1);
  });

  it('ends the connection to one whose answers lead nowhere, instead of asking on and on', async () => {
    for (const lie of ['registerTopics', 'topicChanges'] as const) {
      const liar = await lyingServer(lie);
      const told = new Told([liar.url], registration(), { times: { ...FAST, refusedWaitMs: 60_000 } });
      told.registrar.topicIs('orders', { topic: topicOf('orders'), tombstone: null });
      await until(() => told.warnings.some((warning) => warning.includes('lead nowhere')));
      expect(liar.asked(), lie).toBeLessThan(10);
    }
  });

  it('acts on nothing that makes no sense', async () => {
    const answer = { epoch: 9, master: null, revision: null, topicsVersion: 7 };
    const master = { name: 'b', url: 'ws://127.0.0.1:2', epoch: 9, brokerId: BROKER_ID };
    const topics = (topic: object) => ({
      registerBroker: { ...answer, epoch: 1 },
      topicChanges: { version: 7, complete: true, topics: [topic] },
    });
    for (const lies of [
      { registerBroker: { ...answer, epoch: 2 ** 53 } },
      { registerBroker: { ...answer, master: { ...master, url: 'ws://h:99999' } } },
      { registerBroker: { ...answer, master: { ...master, epoch: '9' } } },
      { registerBroker: {} },
      topics({ topic: 'orders' }),
      topics({ topic: 'orders', sets: [{ set: 'b' }], belongsTo: null, deletedUpTo: null }),
      topics({ topic: 'orders', sets: [], belongsTo: null, deletedUpTo: 'never' }),
    ]) {
      const liar = await lyingServer('topicChanges', lies);
      const told = new Told([liar.url], registration(), { times: { ...FAST, refusedWaitMs: 60_000 } });
      await until(() => told.warnings.some((warning) => warning.includes('makes no sense')));
      expect([told.fenced, told.topics.size], JSON.stringify(lies)).toEqual([[], 0]);
    }
  });

  it('notices one that has fallen silent, and comes back to it', async () => {
    const ns = await server();
    const proxy = await proxyTo(ns.port);
    const told = new Told([proxy.url], registration(), { times: { ...FAST, pulseMs: 20 } });
    await until(() => told.registrar.registeredCount === 1);
    proxy.freeze();
    await until(() => told.registrar.registeredCount === 0);
    proxy.thaw();
    await until(() => told.registrar.registeredCount === 1);
    expect(told.warnings.join()).toContain('fallen silent');
  });

  it('believes only name servers that know the secret, and is believed only with it', async () => {
    const dir = makeDirectory();
    keep({ close: () => removeDirectory(dir) });
    const secretFile = join(dir, 'secret');
    writeFileSync(secretFile, 'the secret of this cluster\n');
    const secret = Buffer.from('the secret of this cluster');
    const [guarded, open] = [await server({ secretFile }), await server()];
    const told = new Told([guarded.url, open.url], registration({ epoch: 1 }), {
      secrets: new ClusterSecrets([secret]),
    });
    await until(() => told.registrar.registeredCount === 1 && told.warnings.length > 0);
    expect(told.warnings.join()).toContain(open.url);
    expect(told.warnings.join()).toContain('secret');
    // It says that another has taken over; nobody listens.
    const liar = new Told([open.url], registration({ name: 'b', set: 'a', epoch: 9 }));
    await until(() => liar.registrar.registeredCount === 1);
    told.registrar.changed();
    const client = await ask(guarded.url);
    expect((await client.ask('route', {})).sets).toMatchObject([{ master: { name: 'a' } }]);
    expect(told.fenced).toEqual([]);
    const stranger = new Told([guarded.url], registration({ name: 'x', set: 'x' }));
    await until(() => stranger.warnings.length > 0);
    expect(stranger.warnings.join()).toContain('--secret-file');
    expect((await client.ask('route', {})).sets).toHaveLength(1);
  });

  it('and an answer only as the one who knows the secret gave it', () => {
    const secret = Buffer.from('the secret of this cluster');
    const master = { name: 'a', url: 'ws://127.0.0.1:1', epoch: 3, brokerId: BROKER_ID };
    const proof = registeredProof(secret, 's', 'b', { epoch: 3, master });
    const proves = (said: { epoch: number; master: MasterInfo | null }, of = secret) =>
      isProof(proof, registeredProof(of, 's', 'b', said));
    expect(proves({ epoch: 3, master })).toBe(true);
    for (const said of [
      { epoch: 4, master },
      { epoch: 3, master: null },
      { epoch: 3, master: { ...master, url: 'ws://127.0.0.1:2' } },
      { epoch: 3, master: { ...master, epoch: 9 } },
      // Lines that were moved.
      { epoch: 3, master: { ...master, name: 'a\nws://127.0.0.1:1', url: '3', epoch: BROKER_ID as never } },
    ]) {
      expect(proves(said), JSON.stringify(said)).toBe(false);
    }
    const sets = [{ set: 'a', master, slaves: [] }];
    expect(routeProof(secret, 's', 'b', { cluster: 'x', sets })).not.toBe(
      routeProof(secret, 's', 'b', { cluster: 'x', sets: [{ set: 'a', master: null, slaves: [] }] }),
    );
    expect(isProof('', registeredProof(secret, 's\n', 'b', { epoch: 3, master }))).toBe(false);
  });

  it('says when its name is another’s, whom the name server tells as well, and gets in when that one has gone', async () => {
    const log: string[] = [];
    const ns = await server({ onWarning: (message: string) => log.push(message) });
    const first = new Told([ns.url], registration());
    await until(() => first.registrar.registeredCount === 1);
    const url = 'ws://127.0.0.1:4';
    const second = new Told([ns.url], registration({ brokerId: '00000000000000b2', url }));
    await until(() => second.warnings.length > 0);
    expect(second.warnings.join()).toContain('a name of its own');
    expect(log).toEqual([
      expect.stringContaining(`called 'a': the one at ${first.said.url} is in the routes`),
    ]);
    first.registrar.changed();
    await until(() => first.warnings.length > 0);
    expect(first.warnings).toEqual([
      expect.stringContaining(`another broker, at ${url}, has this one's name`),
    ]);
    first.registrar.close();
    await until(() => second.registrar.registeredCount === 1);
  });

  it('tells and hears of ten thousand topics once, and later only of what changed', async () => {
    const ns = await server();
    const [a, b] = ['a', 'b'].map((name) => {
      const told = new Told([ns.url], registration({ name, set: name, brokerId: name.padStart(16, '0') }));
      for (let i = 0; i < 10_000; i++) {
        told.registrar.topicIs(`topic-${i}`, {
          topic: topicOf(`topic-${i}`, { topicId: i }),
          tombstone: null,
        });
      }
      return told;
    }) as [Told, Told];
    const both = (topic: string) =>
      a.topics.get(topic)?.sets.length === 2 && b.topics.get(topic)?.sets.length === 2;
    await until(() => both('topic-0') && both('topic-9999') && a.topics.size === 10_000);
    a.topics.clear();
    b.topics.clear();
    a.registrar.topicIs('topic-5', { topic: null, tombstone: 1_000 });
    await until(() => b.topics.get('topic-5')?.deletedUpTo === 1_000);
    expect([...b.topics.keys()]).toEqual(['topic-5']);
    expect(b.topics.get('topic-5')?.sets.map(({ set }) => set)).toEqual(['b']);
    a.registrar.askTopicsAgain();
    await until(() => a.topics.size === 10_000);
  });

  it('hears everything again when it asks to, also in the middle of hearing', async () => {
    const ns = await server();
    const told = new Told([ns.url], registration());
    const names = ['t', 'u', 'v'];
    for (const name of names) {
      told.registrar.topicIs(name, { topic: topicOf(name), tombstone: null });
    }
    for (let createdTime = 1; createdTime <= 8; createdTime++) {
      // Its own change comes back to it: whatever it is about to hear then, it asks for all.
      told.registrar.topicIs('t', { topic: topicOf('t', { createdTime }), tombstone: null });
      await until(() => told.topics.get('t')?.sets[0]?.createdTime === createdTime);
      told.registrar.topicIs('u', { topic: topicOf('u', { createdTime }), tombstone: null });
      told.registrar.changed();
      for (let turns = 0; turns < createdTime % 8; turns++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      told.topics.clear();
      told.registrar.askTopicsAgain();
      await until(() => told.topics.size === names.length);
    }
  });
});
