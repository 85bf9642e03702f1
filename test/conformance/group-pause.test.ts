/** Groups that are paused: they get nothing, are told, and go on where they were, also after a restart. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { connect, openBroker } from '../../broker/index.js';
import { ask } from '../replica/nodes.js';
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
      const messages = await consumer.poll({ max: 10, waitMs: 10_000 });
      got += messages.length;
      await Promise.all(messages.map((message) => message.ack()));
    }
    expect(await first.admin().pauseGroup({ group, topic })).toEqual({
      paused: false,
      pausedTopics: [topic],
    });
    await vi.waitFor(() => expect(said).toEqual(['paused']), { timeout: 10_000 });
    await vi.waitFor(
      async () => {
        const { queues, pausedTopics, members } = await first.admin().describeGroup(group);
        expect(pausedTopics).toEqual([topic]);
        expect([members, queues.map(({ memberId }) => memberId)]).toEqual([1, [null, null]]);
      },
      { timeout: 15_000 },
    );
    await first.producer().send({ topic, body: 'later' });
    expect(await consumer.poll({ max: 1, waitMs: 100 })).toEqual([]);
    await first.close();
    await rig.backEnd.restart();
    const client = await rig.client();
    const told: string[] = [];
    const other = client.consumer({ topic, group, onWarning: ({ type }) => told.push(type) });
    expect(await other.poll({ max: 1, waitMs: 100 })).toEqual([]);
    await vi.waitFor(() => expect(told).toEqual(['paused']), { timeout: 10_000 });
    // A pause of all topics is another one.
    expect(await client.admin().resumeGroup({ group })).toEqual({ paused: false, pausedTopics: [topic] });
    expect(await client.admin().resumeGroup({ group, topic })).toEqual({ paused: false, pausedTopics: [] });
    const [message] = await other.poll({ max: 1, waitMs: 10_000 });
    expect(message?.body).toEqual(new TextEncoder().encode('later'));
    await vi.waitFor(() => expect(told).toEqual(['paused', 'resumed']), { timeout: 10_000 });
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
    timeout: 20_000,
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
  await vi.waitFor(async () => expect((await now.describeGroup('billing')).paused).toBe(true), {
    timeout: 20_000,
  });
  const consumer = client.consumer({ topic: 'orders', group: 'billing', onWarning: () => undefined });
  expect(await consumer.poll({ max: 1, waitMs: 200 })).toEqual([]);
  await now.resumeGroup({ group: 'billing' });
  const [message] = await consumer.poll({ max: 1, waitMs: 10_000 });
  expect(message?.offset).toBe(0);
});
