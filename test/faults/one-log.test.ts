/** Topics, groups and commits over a kill, as a program meets them: what was answered is there. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../native-free/client/index.js';
import { HostProcess } from './host-process.js';
import { failureOf, makeDirectory, readSome, removeDirectory, SMALL, sendNumbers } from './small-broker.js';

let dataDir: string;
beforeEach(() => {
  dataDir = makeDirectory();
});
afterEach(() => removeDirectory(dataDir));

it.each(['sync', 'async'] as const)(
  'what was answered before a kill is there after it (%s flush)',
  async (flush) => {
    const host = await HostProcess.start({ ...SMALL, dataDir, flush });
    const client = await connect(host.url);
    const admin = client.admin();
    for (const topic of ['kept', 'deleted', 'again']) {
      await admin.createTopic({ topic, queues: 2 });
    }
    await sendNumbers(client, 'kept', 0, 50);
    await sendNumbers(client, 'again', 0, 5);
    await admin.createGroup({ group: 'made' });
    await admin.createGroup({ group: 'gone' });
    const consumer = client.consumer({ group: 'billing', topic: 'kept' });
    let read = 0;
    for await (const message of consumer) {
      await message.ack();
      if (++read === 20) {
        break;
      }
    }
    await admin.deleteGroup('gone');
    await admin.deleteTopic('deleted');
    await admin.deleteTopic('again');
    await admin.createTopic({ topic: 'again', queues: 1 });
    const fresh = await connect(host.url);
    await sendNumbers(fresh, 'again', 100, 103);
    await fresh.close();
    await host.stop('SIGKILL');
    await client.close().catch(() => {});

    const second = await HostProcess.start({ ...SMALL, dataDir, flush });
    const after = await connect(second.url);
    const topics = await after.admin().listTopics();
    expect(topics.map(({ topic, topicId, queues }) => [topic, topicId, queues])).toEqual([
      ['again', 4, 1],
      ['kept', 1, 2],
    ]);
    expect((await after.admin().listGroups()).map(({ group }) => group)).toEqual(['billing', 'made']);
    expect((await failureOf(after.admin().describeTopic('deleted'))).code).toBe('TOPIC_NOT_FOUND');
    const { queues } = await after.admin().describeGroup('billing');
    expect(queues[0]?.committedOffset).toBe(20);
    expect((await readSome(after, 'kept', 30, 'billing'))[0]?.offset).toBe(20);
    expect((await readSome(after, 'again', 3)).map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(second.events.filter(({ event }) => event !== 'ready')).toEqual([]);
    await after.close();
    await second.stop();
  },
);

it('a topic outlives the segment that its creation is in', async () => {
  const options = {
    ...SMALL,
    dataDir,
    retentionBytes: 2 * SMALL.segmentBytes,
    checkpointBytes: SMALL.segmentBytes,
  };
  const host = await HostProcess.start(options);
  const client = await connect(host.url);
  await client.admin().createTopic({ topic: 'orders', queues: 1 });
  await client.admin().createGroup({ group: 'made' });
  let sent = 0;
  const oldest = async () => (await client.admin().describeTopic('orders')).queueStates[0]?.minOffset ?? 0;
  while ((await oldest()) === 0) {
    await sendNumbers(client, 'orders', sent, sent + 100);
    sent += 100;
  }
  await host.stop('SIGKILL');
  await client.close().catch(() => {});
  const second = await HostProcess.start(options);
  const after = await connect(second.url);
  const { queueStates } = await after.admin().describeTopic('orders');
  expect(queueStates[0]?.maxOffset).toBe(sent);
  expect(queueStates[0]?.minOffset).toBeGreaterThan(0);
  expect((await after.admin().listGroups()).map(({ group }) => group)).toEqual(['made']);
  await after.close();
  await second.stop();
});
