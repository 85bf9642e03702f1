/** Brokers as processes whose master etcd names: killed, stopped, cut off from etcd, under load. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { openNameServer } from '../../../broker/index.js';
import { EtcdSetStore } from '../../../engine/cluster/etcd/etcd-set-store.js';
import type { SetView } from '../../../engine/cluster/leadership.js';
import { type Client, connect } from '../../../native-free/client/index.js';
import { Node, stored, until } from '../../replica/nodes.js';
import { EtcdProcess } from '../etcd-process.js';
import { Load, missing, TOPIC } from '../load.js';

/** A master that is gone is replaced within seconds; on a machine that is busy these are more. */
const SURELY_OVER_MS = 45_000;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

interface Set {
  etcd: EtcdProcess;
  /** Of the name server. */
  url: string;
  nodes: Node[];
  flags: string[];
  view(): Promise<SetView>;
  named(name: string): Node;
  /** The one that etcd names and that acks. */
  master(): Promise<Node>;
  client(url?: string): Promise<Client>;
}

/** A set with these brokers; all that are called `…-slave…` are told that they are slaves. */
async function startSet(names: readonly string[], ...flags: string[]): Promise<Set> {
  const etcd = await EtcdProcess.start();
  closers.push(() => etcd.end());
  const ns = await openNameServer({ port: 0, listener: 'ws' });
  closers.push(() => ns.close());
  const store = await EtcdSetStore.open(
    { endpoints: [etcd.endpoint], callTimeoutMs: 20_000 },
    'default',
    'a',
  );
  closers.push(() => store.close());
  const all = ['--controller', `etcd://${etcd.endpoint}`, '--name-server', ns.url, ...flags];
  const nodes = names.map((name) => new Node(name));
  closers.push(() => Promise.all(nodes.map((node) => node.remove())));
  await Promise.all(nodes.map((node) => node.start(flagsOf(node, all))));
  const named = (name: string): Node => nodes.find((node) => node.name === name) as Node;
  const set: Set = {
    ...{ etcd, url: ns.url, nodes, flags: all, named },
    view: () => store.read(),
    master: async () => {
      let leader = '';
      await until(async () => {
        leader = (await store.read().catch(() => null))?.leader?.name ?? '';
        return leader !== '';
      });
      return named(leader);
    },
    client: async (url = ns.url) => {
      const client = await connect(url);
      closers.push(() => client.close());
      return client;
    },
  };
  return set;
}

function flagsOf(node: Node, all: readonly string[]): string[] {
  return node.name.includes('-slave') ? ['--role', 'slave', ...all] : [...all];
}

async function createTopic(client: Client): Promise<void> {
  await until(() =>
    client
      .admin()
      .createTopic({ topic: TOPIC, queues: 2, ifNotExists: true })
      .then(
        () => true,
        () => false,
      ),
  );
}

/** The in-sync set in etcd has these. */
async function inSync(set: Set, ...names: string[]): Promise<void> {
  await until(async () => (await set.view()).inSync?.members.join() === names.join());
}

/** What it said since it went on: it follows a master of a later term than this. */
function followsSince(node: Node, term: number): boolean {
  return [...node.log.matchAll(/"message":"following .*"epoch":(\d+)/g)].some(
    ([, epoch]) => Number(epoch) > term,
  );
}

/** Each term that somebody has led, with who said so, once. */
function ledTerms(set: Set): { term: number; name: string }[] {
  return set.nodes.flatMap(({ name, log }) => {
    const terms = [...log.matchAll(/"message":"leading","epoch":(\d+)/g)].map(([, term]) => Number(term));
    return [...new globalThis.Set(terms)].map((term) => ({ term, name }));
  });
}

test('sync double-write: a master is killed, then the next one stands still; others ack within seconds, and nothing acked is lost', async () => {
  const set = await startSet(['a', 'a-slave-1', 'a-slave-2'], '--replication', 'sync');
  const client = await set.client();
  await createTopic(client);
  await inSync(set, 'a', 'a-slave-1', 'a-slave-2');
  const load = new Load(client.producer({ sendTimeoutMs: 60_000 }));
  await load.more(200);
  await set.named('a').kill('SIGKILL');
  await load.more(200);
  console.log(`producers' pause when a master is killed, with etcd: ${Math.round(load.longestWaitMs)} ms`);
  expect(load.longestWaitMs).toBeLessThan(SURELY_OVER_MS);
  await until(async () => (await set.master()).name !== 'a');
  // Started as it was, and a slave.
  await set.named('a').start(flagsOf(set.named('a'), set.flags));
  await inSync(set, 'a', 'a-slave-1', 'a-slave-2');
  await until(() => set.named('a').log.split('serving').at(-1)?.includes('"event":"following"') === true);

  const master = await set.master();
  const { term } = await set.view();
  const direct = await set.client(master.url);
  const more = new Load(direct.producer({ sendTimeoutMs: 5_000 }), 'direct');
  await more.more(100);
  await master.pause();
  const late = new Load(direct.producer({ sendTimeoutMs: 5_000 }), 'late');
  await until(async () => (await set.view()).term > term);
  await load.more(200);
  master.goOn();
  await until(() => followsSince(master, term));
  await load.more(100);
  expect([...late.acked]).toEqual([]);
  await Promise.all([load.stop(), more.stop(), late.stop()]);
  expect(load.failed).toEqual([]);
  expect(await missing(client, 'after', new globalThis.Set([...load.acked, ...more.acked]))).toEqual([]);
}, 240_000);

test('etcd down: the master stops acking, and goes on when it is back; one that stood still for longer than its lease acks nothing', async () => {
  const set = await startSet(['a', 'a-slave'], '--replication', 'async');
  const client = await set.client();
  await createTopic(client);
  await inSync(set, 'a', 'a-slave');
  const load = new Load(client.producer({ sendTimeoutMs: 60_000 }));
  await load.more(100);
  const leading = await set.master();
  const said = leading.log.length;
  await set.etcd.kill();
  await until(() => leading.log.slice(said).includes('etcd has not answered'));
  // Behind its answer there is no ack of before on the way.
  await stored(client, TOPIC);
  await delay(100);
  const before = load.acked.size;
  await delay(300);
  expect(await stored(client, TOPIC)).toBeGreaterThanOrEqual(before);
  expect(load.acked.size).toBe(before);
  await set.etcd.start();
  await load.more(100);
  await load.stop();
  expect(await missing(client, 'after', load.acked)).toEqual([]);

  const master = await set.master();
  const { term } = await set.view();
  const direct = await set.client(master.url);
  const more = new Load(direct.producer({ sendTimeoutMs: 5_000 }), 'direct');
  await more.more(100);
  await master.pause();
  // It finds these in the kernel's buffers when it goes on. (Acks of earlier ones may have been released, and
  // not sent, when it was stopped.)
  const late = new Load(direct.producer({ sendTimeoutMs: 5_000 }), 'late');
  await until(async () => (await set.view()).term > term);
  master.goOn();
  await until(() => followsSince(master, term));
  await delay(200);
  expect([...late.acked]).toEqual([]);
  await Promise.all([more.stop(), late.stop()]);
}, 240_000);

test('a slave that lacks what was acked never becomes the master; the old one does when it is back', async () => {
  const flags = ['--replication', 'sync', '--on-missing-slave', 'degrade', '--in-sync-max-lag', '500ms'];
  const set = await startSet(['a', 'a-slave'], ...flags);
  const client = await set.client();
  await createTopic(client);
  await inSync(set, 'a', 'a-slave');
  const load = new Load(client.producer({ sendTimeoutMs: 60_000 }));
  await load.more(100);
  await set.named('a-slave').pause();
  // Written out of the set before anything is acked without it.
  await inSync(set, 'a');
  await load.more(300);
  await load.stop();
  const { term } = await set.view();
  await set.named('a').kill('SIGKILL');
  set.named('a-slave').goOn();
  await until(() => set.named('a-slave').log.includes('not in the in-sync set'));
  await delay(1_500);
  expect(await set.view()).toMatchObject({ leader: null, term });
  await set.named('a').start(flagsOf(set.named('a'), set.flags));
  expect((await set.master()).name).toBe('a');
  expect(await missing(client, 'after', load.acked)).toEqual([]);
}, 240_000);

test('two that start at once for one set: one becomes the master, the other its slave', async () => {
  const set = await startSet(['a', 'b'], '--replication', 'sync');
  const client = await set.client();
  await createTopic(client);
  await inSync(set, 'a', 'b');
  await until(async () => {
    const { leader, inSync: now } = await set.view();
    const isTold = ledTerms(set).some(({ term, name }) => term === leader?.epoch && name === leader.name);
    return isTold && now?.required === 2;
  });
  // Each term has one master; there is a second term where a machine was late with a lease.
  const terms = ledTerms(set).map(({ term }) => term);
  expect(terms.sort((one, two) => one - two)).toEqual(terms.map((_term, i) => i + 1));
  expect(await client.producer().send({ topic: TOPIC, body: 'x' })).toMatchObject({ replicas: 1 });
}, 240_000);
