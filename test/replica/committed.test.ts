/** What is committed stays known over a restart: consumers never see what enough slaves may not have. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NodeDisk } from '../../engine/disk/index.js';
import { COMMITTED_MARK, readMark } from '../../engine/log/index.js';
import type { Client } from '../../native-free/client/index.js';
import type { FaultyLink } from '../cluster/faulty-link.js';
import { clientOf, linkTo, node } from './kept-nodes.js';
import { type Node, until } from './nodes.js';

const SYNC = ['--replication', 'sync'];

/** A master whose slave has `one`, and not `two`, which the master has and has not acked; the master is killed. */
async function cutOff(): Promise<{ a: Node; link: FaultyLink }> {
  const a = await node('a').start(SYNC);
  const link = await linkTo(a);
  const master = ['--role', 'slave', '--master', `ws://127.0.0.1:${link.port}`];
  await node('a-slave').start([...master, ...SYNC]);
  const client = await clientOf(a.url);
  await until(() =>
    client
      .admin()
      .createTopic({ topic: 't', queues: 1 })
      .then(
        () => true,
        () => false,
      ),
  );
  const producer = client.producer();
  const one = await producer.send({ topic: 't', body: 'one' });
  expect(one).toMatchObject({ replicas: 1 });
  // Known to be committed, for whoever opens the log again.
  const position = Number.parseInt(one.messageId.slice(16, 30), 16);
  await until(() => readMark(new NodeDisk(), join(a.dir, 'log'), COMMITTED_MARK) > position);
  // The slave still counts as in sync, and does not get what comes now.
  link.hold();
  let isAcked = false;
  producer.send({ topic: 't', body: 'two' }).then(
    () => {
      isAcked = true;
    },
    () => undefined,
  );
  await until(async () => (await client.admin().describeTopic('t')).queueStates[0]?.maxOffset === 2);
  expect(isAcked).toBe(false);
  await a.kill('SIGKILL');
  link.cut();
  return { a, link };
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
}, 60_000);

it('alone, with leave to go on without slaves, it delivers all it has', async () => {
  const { a } = await cutOff();
  await a.start([...SYNC, '--on-missing-slave', 'degrade']);
  const seen = readAll(await clientOf(a.url), 'g');
  await until(() => seen.length === 2);
  expect(seen).toEqual(['one', 'two']);
}, 60_000);
