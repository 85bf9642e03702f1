/** What is committed stays known over a restart: consumers never see what enough slaves may not have. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NodeDisk } from '../../engine/disk/index.js';
import { COMMITTED_MARK, readMark } from '../../engine/log/index.js';
import type { Client } from '../../native-free/client/index.js';
import type { FaultyLink } from '../cluster/faulty-link.js';
import { clientOf, linkTo, node } from './kept-nodes.js';
import { ask, makesTopic, type Node, stored, until } from './nodes.js';

const SYNC = ['--replication', 'sync'];

interface Pair {
  readonly a: Node;
  readonly slave: Node;
  /** From the slave to the master. */
  readonly link: FaultyLink;
}

/** A master whose slave has `one`, and not `two`, which the master has and has not acked; the master is killed. */
async function cutOff(): Promise<Pair> {
  const pair = await sendOne(SYNC);
  const { a, link } = pair;
  // The slave still counts as in sync, and does not get what comes now.
  link.hold();
  await sendTwo(pair.a);
  await a.kill('SIGKILL');
  link.cut();
  return pair;
}

/** Acked: the slave has it. */
async function sendOne(flags: readonly string[]): Promise<Pair> {
  const a = await node('a').start(flags);
  const link = await linkTo(a);
  const master = ['--role', 'slave', '--master', `ws://127.0.0.1:${link.port}`];
  const slave = await node('a-slave').start([...master, ...flags]);
  await sendFirst(a);
  return { a, slave, link };
}

/** Acked: as many slaves have it as are asked for. */
async function sendFirst(a: Node): Promise<void> {
  const client = await clientOf(a.url);
  await until(() => makesTopic(client));
  const producer = client.producer();
  const one = await producer.send({ topic: 't', body: 'one' });
  expect(one.replicas).toBeGreaterThan(0);
  // Known to be committed, for whoever opens the log again.
  const position = Number.parseInt(one.messageId.slice(16, 30), 16);
  await until(() => readMark(new NodeDisk(), join(a.dir, 'log'), COMMITTED_MARK) > position);
}

/** Not acked: the master has it, and waits for its slave. */
async function sendTwo(a: Node): Promise<void> {
  const client = await clientOf(a.url);
  let isAcked = false;
  client
    .producer()
    .send({ topic: 't', body: 'two' })
    .then(
      () => {
        isAcked = true;
      },
      () => undefined,
    );
  await until(async () => (await client.admin().describeTopic('t')).queueStates[0]?.maxOffset === 2);
  expect(isAcked).toBe(false);
}

/** Whoever reads from now on, in the order in which it came. */
function readAll(client: Client, group: string): string[] {
  const seen: string[] = [];
  const run = async (): Promise<void> => {
    for await (const message of client.consumer({ group, topic: 't', from: 'earliest' })) {
      seen.push(message.text());
    }
  };
  run().catch(() => undefined);
  return seen;
}

it('a sync master that is started again delivers nothing that its slave does not have, and delivers it once that has it', async () => {
  const { a, link } = await cutOff();
  await a.start(SYNC);
  const client = await clientOf(a.url);
  const seen = readAll(client, 'g');
  await until(() => seen.length > 0);
  // A second round of reading, from the beginning: by then the first has seen all there was to see.
  const again = readAll(await clientOf(a.url), 'h');
  await until(() => again.length > 0);
  expect([seen, again]).toEqual([['one'], ['one']]);
  link.heal();
  await until(() => seen.length === 2 && again.length === 2);
  expect(seen).toEqual(['one', 'two']);
}, 120_000);

it('alone, with leave to go on without slaves, it delivers all it has', async () => {
  const { a } = await cutOff();
  await a.start([...SYNC, '--on-missing-slave', 'degrade']);
  const seen = readAll(await clientOf(a.url), 'g');
  await until(() => seen.length === 2);
  expect(seen).toEqual(['one', 'two']);
}, 120_000);

for (const flush of ['async', 'sync']) {
  it(`a slave that is promoted delivers all it had from its master, which may have acked it, with no slave of its own yet (${flush} flush)`, async () => {
    const pair = await sendOne([...SYNC, '--flush', flush]);
    const { a, slave, link } = pair;
    // The master does not hear that the slave has it, so the slave does not hear that it is committed.
    link.hold('out');
    await sendTwo(pair.a);
    await until(async () => (await stored(await clientOf(slave.url), 't')) === 2);
    await a.kill('SIGKILL');
    link.cut();
    const seen = readAll(await clientOf(slave.url), 'g');
    await until(() => seen.length > 0);
    expect(seen).toEqual(['one']);
    expect(await ask(slave.url, 'promote')).toMatchObject({ lacks: null });
    await until(() => seen.length === 2);
    expect(seen).toEqual(['one', 'two']);
    // Nor does one that is started again, alone as it is, though it said nowhere that it is committed.
    await slave.kill('SIGKILL');
    rmSync(join(slave.dir, 'log', COMMITTED_MARK.file), { force: true });
    await slave.start([...SYNC, '--flush', flush]);
    const again = readAll(await clientOf(slave.url), 'h');
    await until(() => again.length === 2);
    expect(again).toEqual(['one', 'two']);
  }, 120_000);
}

it('where acks waited for two slaves, one that is promoted delivers nothing that it alone may have', async () => {
  const flags = [...SYNC, '--min-in-sync', '2'];
  const a = await node('a').start(flags);
  const [toOne, toTwo] = [await linkTo(a), await linkTo(a)];
  const slaveOver = (name: string, { port }: FaultyLink): Promise<Node> =>
    node(name).start(['--role', 'slave', '--master', `ws://127.0.0.1:${port}`, ...flags]);
  const slave = await slaveOver('a-slave-1', toOne);
  await slaveOver('a-slave-2', toTwo);
  await sendFirst(a);
  toTwo.hold();
  await sendTwo(a);
  await until(async () => (await stored(await clientOf(slave.url), 't')) === 2);
  await a.kill('SIGKILL');
  toOne.cut();
  expect(await ask(slave.url, 'promote')).toMatchObject({ lacks: null });
  const seen = readAll(await clientOf(slave.url), 'g');
  await until(() => seen.length > 0);
  const again = readAll(await clientOf(slave.url), 'h');
  await until(() => again.length > 0);
  expect([seen, again]).toEqual([['one'], ['one']]);
}, 120_000);

it('a promotion that fails leaves a slave, which follows its master as before', async () => {
  const a = await node('a').start([]);
  const slave = await node('a-slave').start(['--role', 'slave', '--master', a.url]);
  const client = await clientOf(a.url);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  const producer = client.producer();
  await producer.send({ topic: 't', body: 'one' });
  const there = await clientOf(slave.url);
  await until(async () => (await stored(there, 't').catch(() => 0)) === 1);
  // Its node file cannot be written.
  const inTheWay = join(slave.dir, 'meta', 'node.new');
  mkdirSync(inTheWay);
  expect(await ask(slave.url, 'promote', { force: true })).toMatchObject({ code: expect.any(String) });
  await producer.send({ topic: 't', body: 'two' });
  await until(async () => (await stored(there, 't')) === 2);
  rmSync(inTheWay, { recursive: true });
  expect(await ask(slave.url, 'promote', { force: true })).toMatchObject({ epoch: 1_024 });
}, 120_000);

it('of two promotions at once one begins a term, and the other finds that it is no slave any more', async () => {
  const a = await node('a').start([]);
  const slave = await node('a-slave').start(['--role', 'slave', '--master', a.url]);
  await (await clientOf(a.url)).admin().createTopic({ topic: 't', queues: 1 });
  const there = await clientOf(slave.url);
  await until(() =>
    stored(there, 't').then(
      () => true,
      () => false,
    ),
  );
  const both = [0, 1].map(() => ask(slave.url, 'promote', { force: true }));
  expect(await Promise.all(both)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ epoch: 1_024 }),
      expect.objectContaining({ code: 'BAD_ARGUMENT' }),
    ]),
  );
}, 120_000);

it('a master that is stopped while a message waits for its slave says that it was not acked', async () => {
  const { a, link } = await sendOne(SYNC);
  link.hold();
  await sendTwo(a);
  await a.kill('SIGTERM');
  expect(a.log).toContain('is not waited for');
}, 120_000);
