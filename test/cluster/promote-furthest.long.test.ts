/** A slave is not promoted by hand past another one that has more of the log, unless that is said. */
import { expect, it } from 'vitest';
import { openNameServer } from '../../broker/index.js';
import type { NameServerMethods } from '../../native-free/wire/index.js';
import { keep } from '../kept.js';
import { clientOf, node } from '../replica/kept-nodes.js';
import { ask, type Node, stored, until } from '../replica/nodes.js';

interface Set {
  readonly one: Node;
  /** It lacks the last message, and was not in sync when the master was killed. */
  readonly behind: Node;
}

/** A master, which is dead, and its two slaves; the first has two messages, the second one. */
async function orphans(): Promise<Set> {
  const { url } = keep(await openNameServer({ port: 0 }));
  const flags = ['--name-server', url];
  const a = await node('a').start(flags);
  const client = await clientOf(a.url);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  const one = await node('a-slave-1').start([...flags, '--role', 'slave', '--master', a.url]);
  const behind = await node('a-slave-2').start([...flags, '--role', 'slave', '--master', a.url]);
  const status = async (): Promise<Map<string, boolean | null>> => {
    const answer = (await ask(url, 'clusterStatus')) as NameServerMethods['clusterStatus']['result'];
    return new Map(answer.brokers.map(({ name, inSync }) => [name, inSync]));
  };
  const producer = client.producer();
  await producer.send({ topic: 't', body: 'first' });
  for (const { url: at } of [one, behind]) {
    const there = await clientOf(at);
    await until(async () => (await stored(there, 't').catch(() => 0)) === 1);
  }
  await behind.kill('SIGKILL');
  await producer.send({ topic: 't', body: 'second' });
  const there = await clientOf(one.url);
  await until(async () => (await stored(there, 't')) === 2);
  await until(async () => {
    const inSync = await status();
    return inSync.get('a-slave-1') === true && inSync.get('a-slave-2') === false;
  });
  await a.kill('SIGKILL');
  await behind.start([...flags, '--role', 'slave', '--master', a.url]);
  return { one, behind };
}

it('refuses one that lacks log, or may lack it, by the name of who has it, and takes the furthest', {
  timeout: 240_000,
}, async () => {
  const { one, behind } = await orphans();
  let refused: unknown = null;
  await until(async () => {
    refused = await ask(behind.url, 'promote');
    // On a machine that stands still for a moment it is as if it had not answered.
    return !/does not answer at /.test((refused as { message: string }).message);
  });
  expect(refused).toMatchObject({
    code: 'NOT_FURTHEST',
    message: expect.stringMatching(/^'a-slave-1' has the log up to \d+, \d+ bytes more than this one$/),
    details: { furthest: 'a-slave-1' },
  });
  await one.pause();
  expect(await ask(behind.url, 'promote')).toMatchObject({
    code: 'NOT_FURTHEST',
    message: expect.stringMatching(/^'a-slave-1' was in sync when this one was not, and does not answer at /),
  });
  one.goOn();
  expect(await ask(one.url, 'promote')).toEqual({ epoch: 1_024, lacks: null });
});

it('promotes it when that is said, and says what is lost', { timeout: 240_000 }, async () => {
  const { behind } = await orphans();
  expect(await ask(behind.url, 'promote', { force: true })).toEqual({
    epoch: 1_024,
    lacks: expect.stringMatching(/^'a-slave-1' has the log up to \d+, \d+ bytes more than this one$/),
  });
});

it('refuses one that its master had said to be out of sync, and one that has taken nothing yet', {
  timeout: 240_000,
}, async () => {
  const ns = keep(await openNameServer({ port: 0 }));
  const flags = ['--name-server', ns.url];
  const a = await node('a').start(flags);
  const client = await clientOf(a.url);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  const slave = await node('a-slave').start([...flags, '--role', 'slave']);
  const there = await clientOf(slave.url);
  await client.producer().send({ topic: 't', body: 'first' });
  await until(async () => (await stored(there, 't').catch(() => 0)) === 1);
  await slave.kill('SIGKILL');
  await client.producer().send({ topic: 't', body: 'second' });
  await until(async () => {
    const answer = (await ask(ns.url, 'clusterStatus')) as NameServerMethods['clusterStatus']['result'];
    return answer.brokers.some(({ name, inSync }) => name === 'a-slave' && inSync === false);
  });
  await a.kill('SIGKILL');
  const fresh = await node('a-slave-2').start([...flags, '--role', 'slave']);
  expect(await ask(fresh.url, 'promote')).toMatchObject({
    code: 'NOT_FURTHEST',
    message: expect.stringContaining('has taken no log from a master yet'),
    details: { furthest: null },
  });
  await fresh.kill('SIGTERM');
  await slave.start([...flags, '--role', 'slave']);
  const why = 'its master said last that this one is not in sync: it may lack what was acked since';
  expect(await ask(slave.url, 'promote')).toMatchObject({ code: 'NOT_FURTHEST', message: why });
  expect(await ask(slave.url, 'promote', { force: true })).toEqual({ epoch: 1_024, lacks: why });
});
