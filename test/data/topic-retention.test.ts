/** What a topic's own retention takes is given out to nobody any more, by whatever way it is asked for, over restarts too. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Client } from '../../native-free/client/index.js';
import { makeDirectory, readSome, removeDirectory, sendNumbers, withBroker } from '../faults/small-broker.js';

const HOUR_MS = 3_600_000;
let dataDir: string;
beforeEach(() => {
  dataDir = makeDirectory();
});
afterEach(() => removeDirectory(dataDir));

async function firstOffset(client: Client, topic: string): Promise<number | undefined> {
  return (await client.admin().describeTopic(topic)).queueStates[0]?.minOffset;
}

it('readers, groups, finds and lag begin behind it; other topics keep theirs', async () => {
  const old: string[] = [];
  await withBroker(dataDir, async ({ client }) => {
    const admin = client.admin();
    for (const topic of ['t', 'other']) {
      await admin.createTopic({ topic, queues: 1 });
      await sendNumbers(client, topic, 0, 5);
    }
    const { messageId } = await client.producer().send({ topic: 't', body: 'old', keys: ['k'] });
    old.push(messageId);
    expect(await readSome(client, 't', 2, 'billing')).toHaveLength(2);
    expect((await admin.findMessages({ id: messageId })).messages).toHaveLength(1);
    expect(await admin.setTopicRetention({ topic: 't', retentionMs: 1_000 })).toMatchObject({
      retentionMs: 1_000,
    });
    await expect.poll(() => firstOffset(client, 't'), { timeout: 60_000 }).toBe(6);
    // From here on nothing grows old while it is looked at.
    await admin.setTopicRetention({ topic: 't', retentionMs: null });
    await client.producer().send({ topic: 't', body: 'new', keys: ['k'] });
    expect(await firstOffset(client, 'other')).toBe(0);
    expect((await admin.findMessages({ id: messageId })).messages).toEqual([]);
    for (const search of [{ key: 'k' }, {}]) {
      const { messages } = await admin.findMessages({ topic: 't', ...search });
      expect(messages.map(({ offset }) => offset)).toEqual([6]);
    }
    const { queues } = await admin.describeGroup('billing');
    expect(queues[0]).toMatchObject({ lag: 1 });
    expect((await readSome(client, 't', 1, 'billing'))[0]?.text()).toBe('new');
    expect((await admin.describeGroup('billing')).queues[0]).toMatchObject({ lag: 0, expired: 4 });
    await admin.setTopicRetention({ topic: 't', retentionMs: HOUR_MS });
  });
  await withBroker(dataDir, async ({ client }) => {
    expect(await client.admin().describeTopic('t')).toMatchObject({
      retentionMs: HOUR_MS,
      queueStates: [{ minOffset: 6, maxOffset: 7 }],
    });
    expect((await client.admin().findMessages({ id: old[0] })).messages).toEqual([]);
    expect((await readSome(client, 't', 1))[0]?.text()).toBe('new');
    expect(await client.admin().growTopic({ topic: 't', queues: 2 })).toMatchObject({ retentionMs: HOUR_MS });
  });
});
