/** What groups commit at a slave while its master is away: kept, handed over, and never below what was committed before. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { clientOf, node } from './kept-nodes.js';
import { ask, type Node, reach, stored, until } from './nodes.js';

const slaveOf = (master: Node): string[] => ['--role', 'slave', '--master', master.url];
const COUNT = 50;

/** Reads so many as a member of the group, and commits each. */
async function read(node: Node, group: string, count: number): Promise<void> {
  const client = await clientOf(node.url);
  const consumer = client.consumer({ group, topic: 't', from: 'earliest' });
  let left = count;
  for await (const message of consumer) {
    await message.ack();
    if (--left === 0) {
      break;
    }
  }
  await consumer.close();
}

/** What the group has committed, on all queues together; null: the node does not know it, or is not there. */
async function committed(node: Node, group: string): Promise<number | null> {
  const client = await reach(node.url);
  try {
    const { queues } = await client.admin().describeGroup(group);
    return queues.reduce((sum, { committedOffset }) => sum + (committedOffset ?? 0), 0);
  } catch {
    return null;
  } finally {
    await client.close();
  }
}

/** A master and its slave with the same messages, of which `old` has read ten at the master, which is killed. */
async function orphan(): Promise<{ a: Node; s: Node }> {
  const a = await node('a').start([]);
  const client = await clientOf(a.url);
  await client.admin().createTopic({ topic: 't', queues: 2 });
  const producer = client.producer();
  for (let i = 0; i < COUNT; i++) {
    await producer.send({ topic: 't', body: `${i}` });
  }
  await read(a, 'old', 10);
  const s = await node('a-slave').start(slaveOf(a));
  const there = await clientOf(s.url);
  await until(async () => (await stored(there, 't').catch(() => 0)) === COUNT);
  await until(async () => (await committed(s, 'old')) === 10);
  await a.kill('SIGKILL');
  return { a, s };
}

it('a master that is back has what was committed at its slave, also after an end of the slave in between', async () => {
  const { a, s } = await orphan();
  await read(s, 'old', 20);
  await read(s, 'fresh', 7);
  expect([await committed(s, 'old'), await committed(s, 'fresh')]).toEqual([30, 7]);
  await s.kill('SIGKILL');
  await s.start(slaveOf(a));
  expect([await committed(s, 'old'), await committed(s, 'fresh')]).toEqual([30, 7]);
  await a.start([]);
  // Somebody goes on at the master before the slave has told it: that is no step back for anybody.
  await until(async () => (await committed(a, 'old')) === 30 && (await committed(a, 'fresh')) === 7);
  await until(() => !existsSync(join(s.dir, 'meta', 'held')));
  expect([await committed(s, 'old'), await committed(s, 'fresh')]).toEqual([30, 7]);
  // They are in the log now: the master has them after an end, too, and its slave from the log alone.
  await a.kill('SIGKILL');
  await a.start([]);
  expect([await committed(a, 'old'), await committed(a, 'fresh')]).toEqual([30, 7]);
});

it('a master that is back gives nothing out before its slave has said what was committed there', async () => {
  const { a, s } = await orphan();
  await read(s, 'old', 20);
  await s.pause();
  await a.start([]);
  // A member that comes meanwhile does not begin before either, and reads nothing again.
  const asked = committed(a, 'old');
  const consumer = (await clientOf(a.url)).consumer({ group: 'old', topic: 't', from: 'earliest' });
  const read30 = (async () => {
    const found: string[] = [];
    for await (const message of consumer) {
      found.push(`${message.queueId}@${message.offset}`);
      if (found.length === COUNT - 30) {
        return found;
      }
    }
    return found;
  })();
  await stored(await clientOf(a.url), 't');
  s.goOn();
  expect(await asked).toBe(30);
  expect(new Set(await read30).size).toBe(COUNT - 30);
  await consumer.close();
});

it('what is committed at a slave while its master is there is at the master once it is acked', async () => {
  const { a, s } = await orphan();
  await a.start([]);
  expect(await committed(a, 'old')).toBe(10);
  const consumer = (await clientOf(s.url)).consumer({ group: 'old', topic: 't', from: 'earliest' });
  for (let count = 10; count < 30; count++) {
    const [message] = await consumer.poll({ max: 1, waitMs: 30_000 });
    await message?.ack();
    await consumer.commit();
    expect(await committed(a, 'old')).toBe(count + 1);
  }
  await consumer.close();
});

it('a master whose slaves do not come waits some seconds for them, once', async () => {
  const { a, s } = await orphan();
  await s.kill('SIGKILL');
  await a.start([]);
  expect(await committed(a, 'old')).toBe(10);
  // Its log comes by another way than its answers.
  await until(() => a.log.includes('a-slave did not say in time what was committed there'));
  await a.kill('SIGKILL');
  const before = a.log.length;
  await a.start([]);
  expect(await committed(a, 'old')).toBe(10);
  await a.kill('SIGTERM');
  expect(a.log.slice(before)).not.toMatch(/did not say/);
});

it('an operator’s reset at the master is not undone by what a slave hands over of before', async () => {
  const { a, s } = await orphan();
  await read(s, 'old', 20);
  await s.kill('SIGKILL');
  await a.start([]);
  const operator = await clientOf(a.url);
  await operator.admin().resetOffset({ group: 'old', topic: 't', to: 'earliest' });
  await s.start(slaveOf(a));
  await until(() => !existsSync(join(s.dir, 'meta', 'held')));
  expect([await committed(a, 'old'), await committed(s, 'old')]).toEqual([0, 0]);
});

it('a slave that is promoted has them in its own log, and hands them to its next slave by it', async () => {
  const { s } = await orphan();
  await read(s, 'old', 20);
  await until(() =>
    ask(s.url, 'promote').then(
      () => true,
      () => false,
    ),
  );
  await until(() => !existsSync(join(s.dir, 'meta', 'held')));
  const next = await node('a-slave-2').start(slaveOf(s));
  await until(async () => (await committed(next, 'old')) === 30);
  await s.kill('SIGKILL');
  await s.start(slaveOf(s));
  expect(await committed(s, 'old')).toBe(30);
});

it('a slave of another master than before hands them over to that one', async () => {
  const { a, s } = await orphan();
  const other = await node('a-slave-2').start(slaveOf(a));
  await a.start([]);
  const there = await clientOf(other.url);
  await until(async () => (await stored(there, 't').catch(() => 0)) === COUNT);
  await a.kill('SIGKILL');
  await read(s, 'old', 20);
  await s.kill('SIGTERM');
  await ask(other.url, 'promote');
  await s.start(slaveOf(other));
  await until(async () => (await committed(other, 'old')) === 30);
});
