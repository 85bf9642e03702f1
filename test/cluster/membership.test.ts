/** Brokers in a cluster: registered while they listen, with the same topics, whoever was away when one was made or deleted. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, type NameServer, openBroker, openNameServer } from '../../broker/index.js';
import { unreachableAt } from '../../broker/membership.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { keep } from '../kept.js';
import { NameServerClient } from './name-server-client.js';
import { allTopics, registration, topicOf } from './registrations.js';
import { SMALL } from './small-rings.js';

function directory(): string {
  const dir = makeDirectory();
  keep({ close: () => removeDirectory(dir) });
  return dir;
}

class Node {
  readonly dataDir = directory();
  readonly name: string;
  readonly warnings: string[] = [];
  broker!: Broker;
  url = '';

  constructor(name: string) {
    this.name = name;
  }

  async start(nameServers: readonly string[], options = {}): Promise<this> {
    this.broker = keep(
      await openBroker({
        ...SMALL,
        dataDir: this.dataDir,
        name: this.name,
        nameServers,
        onWarning: (message) => this.warnings.push(message),
        ...options,
      }),
    );
    ({ url: this.url } = await this.broker.listen({ port: 0, listener: 'ws' }));
    return this;
  }

  async topics(): Promise<string[]> {
    const client = this.broker.client();
    const topics = await client.admin().listTopics();
    await client.close();
    return topics.map(({ topic, queues }) => `${topic} ${queues}`);
  }

  async admin<T>(work: (admin: ReturnType<ReturnType<Broker['client']>['admin']>) => Promise<T>): Promise<T> {
    const client = this.broker.client();
    try {
      return await work(client.admin());
    } finally {
      await client.close();
    }
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const nameServer = async (): Promise<NameServer> => keep(await openNameServer({ port: 0, listener: 'ws' }));
const same = async (nodes: readonly Node[], expected: readonly string[]): Promise<boolean> =>
  (await Promise.all(nodes.map((node) => node.topics()))).every((has) => has.join() === expected.join());

describe('brokers with name servers', () => {
  it('are in the route with the address that they listen on, while they are there', async () => {
    const ns = await nameServer();
    const [a] = [await new Node('a').start([ns.url])];
    const client = keep(await NameServerClient.connect(ns.url));
    await until(async () => (await client.ask('route', {})).sets.length === 1);
    const { sets } = await client.ask('route', {});
    expect(sets).toMatchObject([{ set: 'a', master: { name: 'a' }, slaves: [] }]);
    expect(sets[0]?.master?.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    const [status] = (await client.ask('clusterStatus', {})).brokers;
    expect(status).toMatchObject({ up: true, isMaster: true, role: 'master', topics: 0 });
    await a.broker.close();
    await until(async () => (await client.ask('route', {})).sets[0]?.master === null);
  });

  it('have the same topics, those that were away too', async () => {
    const [one, two] = [await nameServer(), await nameServer()];
    const urls = [one.url, two.url];
    const a = await new Node('a').start(urls);
    await a.admin((admin) => admin.createTopic({ topic: 'early', queues: 3 }));
    const b = await new Node('b').start(urls);
    await until(() => same([a, b], ['early 3']));
    await b.admin((admin) => admin.createTopic({ topic: 'late', queues: 2, memory: true }));
    await until(() => same([a, b], ['early 3', 'late 2']));
    await b.broker.close();
    await a.admin((admin) => admin.deleteTopic('early'));
    await a.admin((admin) => admin.createTopic({ topic: 'meanwhile', queues: 1 }));
    await one.close();
    await b.start(urls);
    await until(() => same([a, b], ['late 2', 'meanwhile 1']));
    expect(
      [...a.warnings, ...b.warnings].filter((line) => !/name server|held its thread/.test(line)),
    ).toEqual([]);
  });

  it('give a topic as many queues as the set has that gave it most, also one that was away', async () => {
    const ns = await nameServer();
    const [a, b] = [await new Node('a').start([ns.url]), await new Node('b').start([ns.url])];
    await a.admin((admin) => admin.createTopic({ topic: 't', queues: 2 }));
    await until(() => same([a, b], ['t 2']));
    await b.admin((admin) => admin.growTopic({ topic: 't', queues: 3 }));
    await until(() => same([a, b], ['t 3']));
    await b.broker.close();
    await a.admin((admin) => admin.growTopic({ topic: 't', queues: 6 }));
    await b.start([ns.url]);
    await until(() => same([a, b], ['t 6']));
    // Where there is no room it is said once, and all else goes on.
    await b.broker.close();
    await b.start([ns.url], { maxQueues: 16 });
    await a.admin((admin) => admin.growTopic({ topic: 't', queues: 17 }));
    await until(() => b.warnings.some((line) => line.includes("'t' cannot be given as many queues")));
    await until(() => same([b], ['t 6']));
    expect(a.warnings.filter((line) => line.includes('queues'))).toEqual([]);
  });

  it('keep the retention that was said last of a topic, also one that was away', async () => {
    const ns = await nameServer();
    const [a, b] = [await new Node('a').start([ns.url]), await new Node('b').start([ns.url])];
    const retentions = async () =>
      Promise.all(
        [a, b].map((node) =>
          node.admin(async (admin) => (await admin.describeTopic('t')).retentionMs ?? null),
        ),
      );
    const are = async (one: number | null) => (await retentions()).every((each) => each === one);
    await a.admin((admin) => admin.createTopic({ topic: 't', queues: 1, retentionMs: 60_000 }));
    await until(() => same([a, b], ['t 1']));
    expect(await are(60_000)).toBe(true);
    await b.admin((admin) => admin.setTopicRetention({ topic: 't', retentionMs: 120_000 }));
    await until(() => are(120_000));
    await b.broker.close();
    await a.admin((admin) => admin.setTopicRetention({ topic: 't', retentionMs: null }));
    await b.start([ns.url]);
    await until(() => are(null));
  });

  it('take a topic of the same name that was made after the deletion for another one', async () => {
    const ns = await nameServer();
    const [a, b] = [await new Node('a').start([ns.url]), await new Node('b').start([ns.url])];
    await a.admin((admin) => admin.createTopic({ topic: 't', queues: 1 }));
    await until(() => same([a, b], ['t 1']));
    await b.broker.close();
    await a.admin((admin) => admin.deleteTopic('t'));
    await a.admin((admin) => admin.createTopic({ topic: 't', queues: 5 }));
    await b.start([ns.url]);
    await until(() => same([a, b], ['t 5']));
  });

  it('remember over a restart what was deleted, and delete nothing newer', async () => {
    const ns = await nameServer();
    const [a, b] = [await new Node('a').start([ns.url]), await new Node('b').start([ns.url])];
    await a.admin((admin) => admin.createTopic({ topic: 'old', queues: 1 }));
    await a.admin((admin) => admin.createTopic({ topic: 'kept', queues: 1 }));
    await until(() => same([a, b], ['kept 1', 'old 1']));
    await b.broker.close();
    await a.admin((admin) => admin.deleteTopic('old'));
    await a.broker.close();
    // All name servers are new, too: only the broker remembers.
    await ns.close();
    const again = await nameServer();
    await b.start([again.url]);
    await a.start([again.url]);
    await until(() => same([a, b], ['kept 1']));
  });

  it('make a topic that belongs to some sets on those only', async () => {
    const ns = await nameServer();
    const [a, b, c] = [
      await new Node('a').start([ns.url]),
      await new Node('b').start([ns.url]),
      await new Node('c').start([ns.url]),
    ];
    const asker = keep(await NameServerClient.connect(a.url));
    await asker.request('createTopic', { topic: 'near', queues: 2, memory: false, sets: ['a', 'b'] });
    await a.admin((admin) => admin.createTopic({ topic: 'everywhere', queues: 1 }));
    await until(() => same([a, b], ['everywhere 1', 'near 2']));
    await until(() => same([c], ['everywhere 1']));
    const { body } = await asker.request('topicMetadata', { topic: 'near' });
    expect(body).toMatchObject({ sets: ['a', 'b'] });
  });

  it('do not follow a deletion of a time that is far from now: topics of the name can be made', async () => {
    const ns = await nameServer();
    const a = await new Node('a').start([ns.url]);
    await a.admin((admin) => admin.createTopic({ topic: 'orders', queues: 1 }));
    const other = keep(await NameServerClient.connect(ns.url));
    await other.ask('registerBroker', registration({ name: 'z', brokerId: '00000000000000ff' }));
    const tombstone = (createdTime: number) =>
      allTopics([topicOf('mark')], { tombstones: [{ topic: 'orders', createdTime }] });
    await expect(other.ask('registerTopics', tombstone(Number.MAX_SAFE_INTEGER))).rejects.toThrow(
      'BAD_REQUEST',
    );
    await other.ask('registerTopics', tombstone(8.64e15));
    await until(() => a.warnings.some((line) => line.includes('clock')));
    await until(() => same([a], ['mark 4', 'orders 1']));
    await a.admin((admin) => admin.deleteTopic('orders'));
    const { createdTime } = await a.admin((admin) => admin.createTopic({ topic: 'orders', queues: 2 }));
    expect(createdTime).toBeLessThan(Date.now() + 60_000);
  });

  it('say once what they have no room for, and go on', async () => {
    const ns = await nameServer();
    const a = await new Node('a').start([ns.url]);
    const b = await new Node('b').start([ns.url], { maxQueues: 16 });
    await a.admin((admin) => admin.createTopic({ topic: 'large', queues: 17 }));
    await until(() => b.warnings.some((line) => line.includes("'large' cannot be made")));
    await a.admin((admin) => admin.createTopic({ topic: 'small', queues: 1 }));
    await until(() => same([b], ['small 1']));
  });

  it('take nothing any more once another master of a higher epoch is there, and say where it is', async () => {
    const ns = await nameServer();
    const a = await new Node('a').start([ns.url]);
    await a.admin((admin) => admin.createTopic({ topic: 't', queues: 1 }));
    const client = keep(a.broker.client());
    const producer = client.producer({ sendTimeoutMs: 2_000 });
    await producer.send({ topic: 't', body: 'before' });
    const asker = keep(await NameServerClient.connect(ns.url));
    await until(async () => (await asker.ask('route', {})).sets.length === 1);
    const { brokers } = await asker.ask('clusterStatus', {});
    const { brokerId = '', epoch = 0 } = brokers[0] ?? {};
    await asker.ask(
      'registerBroker',
      registration({ name: 'b', set: 'a', brokerId, epoch: epoch + 1, url: 'ws://127.0.0.1:4' }),
    );
    // Who says nothing for a while is gone, and what it has registered.
    const alive = setInterval(() => void asker.ask('route', {}).catch(() => {}), 3_000);
    onTestFinished(() => clearInterval(alive));
    await until(() => a.warnings.some((line) => line.includes('ws://127.0.0.1:4')));
    // It comes back as that one's slave by itself, on the same port; those who were connected are not any
    // more.
    await expect(producer.send({ topic: 't', body: 'after' })).rejects.toThrow();
    let said: unknown = null;
    await until(async () => {
      const newcomer = await NameServerClient.connect(a.url).catch(() => null);
      // The one that it had as the master may take it and end it.
      said = await Promise.race([newcomer?.welcome, newcomer?.closed()]);
      await newcomer?.close();
      return said !== undefined;
    });
    expect(said).toMatchObject({
      role: 'slave',
      cluster: 'default',
      brokerSet: 'a',
      epoch,
      master: 'ws://127.0.0.1:4',
    });
    await a.broker.close();
    // Started again it does not take messages even for a moment.
    await a.start([ns.url]);
    // And says where its master is once a name server has said it.
    await until(async () => {
      const again = await NameServerClient.connect(a.url);
      const { role, master } = await again.welcome;
      await again.close();
      expect(role).toBe('slave');
      return master === 'ws://127.0.0.1:4';
    });
    // And one with another log is no slave of that one.
    await expect(new Node('c').start([ns.url], { brokerSet: 'a' })).resolves.toBeDefined();
    const stranger = await new Node('d').start([]);
    await stranger.broker.close();
    await expect(stranger.start([ns.url], { brokerSet: 'a' })).rejects.toMatchObject({ code: 'NOT_MASTER' });
  });

  it('are told when only their own machine could use their address', () => {
    const here = 'ws://127.0.0.1:9876';
    expect(unreachableAt(here, ['ws://localhost:9800', 'ws://10.0.0.1:9800'])).toContain(here);
    expect(unreachableAt('ws://[::1]:9876', ['wss://ns.example'])).toContain('advertiseUrl');
    expect(unreachableAt(here, ['ws://127.0.0.1:9800', 'ws://[::1]:9800'])).toBeNull();
    expect(unreachableAt('ws://10.0.0.2:9876', ['ws://10.0.0.1:9800'])).toBeNull();
  });

  it('are refused an address that nobody can use', async () => {
    const ns = await nameServer();
    const node = new Node('a');
    node.broker = keep(
      await openBroker({ ...SMALL, dataDir: node.dataDir, name: 'a', nameServers: [ns.url] }),
    );
    for (const host of ['0.0.0.0', '0', '::', '::0', '[::]']) {
      await expect(node.broker.listen({ host, port: 0, insecure: true }), host).rejects.toMatchObject({
        code: 'BAD_CONFIG',
        message: expect.stringContaining('advertiseUrl'),
      });
    }
    await expect(
      openBroker({ dataDir: directory(), name: 'two words', nameServers: [ns.url] }),
    ).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });
});
