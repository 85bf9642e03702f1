/** Groups that are paused: they get nothing, are told, and go on where they were, also after a restart. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { connect, openBroker } from '../../broker/index.js';
import { ask, until } from '../replica/nodes.js';
import { describeEach, EACH, numbers, type Rig } from './rig.js';

describeEach('groups that are paused', EACH, paused, {});

function paused(rig: Rig): void {
  test('get nothing until they are resumed, whoever is a member, and also after a restart', async () => {
    const [topic, group] = [rig.name('t'), rig.name('g')];
    const first = await rig.client();
    await first.admin().createTopic({ topic, queues: 2 });
    const said: string[] = [];
    const consumer = first.consumer({ topic, group, onWarning: ({ type }) => said.push(type) });
    await first.producer().sendBatch(numbers(4).map((body) => ({ topic, body })));
    let got = 0;
    while (got < 4) {
      const messages = await consumer.poll({ max: 10, waitMs: 100_000 });
      got += messages.length;
      await Promise.all(messages.map((message) => message.ack()));
    }
    expect(await first.admin().pauseGroup({ group, topic })).toEqual({
      paused: false,
      pausedTopics: [topic],
    });
    await until(() => said.length > 0);
    expect(said).toEqual(['paused']);
    const described = () => first.admin().describeGroup(group);
    await until(async () => (await described()).queues.every(({ memberId }) => memberId === null));
    const { pausedTopics, members, queues } = await described();
    expect({ pausedTopics, members, queues: queues.length }).toEqual({
      pausedTopics: [topic],
      members: 1,
      queues: 2,
    });
    await first.producer().send({ topic, body: 'later' });
    expect(await consumer.poll({ max: 1, waitMs: 100 })).toEqual([]);
    await first.close();
    await rig.backEnd.restart();
    const client = await rig.client();
    const told: string[] = [];
    const other = client.consumer({ topic, group, onWarning: ({ type }) => told.push(type) });
    expect(await other.poll({ max: 1, waitMs: 100 })).toEqual([]);
    await until(() => told.length > 0);
    expect(told).toEqual(['paused']);
    // A pause of all topics is another one.
    expect(await client.admin().resumeGroup({ group })).toEqual({ paused: false, pausedTopics: [topic] });
    expect(await client.admin().resumeGroup({ group, topic })).toEqual({ paused: false, pausedTopics: [] });
    const [message] = await other.poll({ max: 1, waitMs: 100_000 });
    expect(message?.body).toEqual(new TextEncoder().encode('later'));
    await until(() => told.length > 1);
    expect(told).toEqual(['paused', 'resumed']);
    await expect(client.admin().pauseGroup({ group: 'not-there' })).rejects.toMatchObject({
      code: 'GROUP_NOT_FOUND',
    });
  });
}

test('a slave that becomes the master has the pause, and lets the group go on once it is resumed there', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-pause-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const common = { ringBytes: 2 ** 24, memoryRingBytes: 2 ** 25, cluster: 'pauses', brokerSet: 'a' } as const;
  const master = await openBroker({
    ...common,
    dataDir: join(dir, 'a'),
    name: 'a',
    replication: 'sync',
    minInSync: 1,
    // A pause of the machine is no slave that is gone.
    inSyncMaxLagMs: 600_000,
  });
  const { url } = await master.listen({ port: 0, listener: 'ws' });
  const slave = await openBroker({
    ...common,
    dataDir: join(dir, 'b'),
    name: 'a-slave',
    role: 'slave',
    master: url,
  });
  onTestFinished(() => slave.close());
  const { url: slaveUrl } = await slave.listen({ port: 0, listener: 'ws' });
  const admin = master.client().admin();
  await vi.waitFor(() => admin.createTopic({ topic: 'orders', queues: 1, ifNotExists: true }), {
    timeout: 110_000,
    interval: 100,
  });
  await admin.createGroup({ group: 'billing' });
  await admin.pauseGroup({ group: 'billing' });
  await master.client().producer().send({ topic: 'orders', body: 'kept' });
  await master.close();
  const client = await connect(slaveUrl);
  onTestFinished(() => client.close());
  expect(await ask(slaveUrl, 'promote', { force: true })).toMatchObject({ epoch: expect.any(Number) });
  const now = client.admin();
  await until(async () => (await now.describeGroup('billing')).paused);
  const consumer = client.consumer({ topic: 'orders', group: 'billing', onWarning: () => undefined });
  expect(await consumer.poll({ max: 1, waitMs: 200 })).toEqual([]);
  await now.resumeGroup({ group: 'billing' });
  const [message] = await consumer.poll({ max: 1, waitMs: 100_000 });
  expect(message?.offset).toBe(0);
});
