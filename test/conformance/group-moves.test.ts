/** Where groups go on: reset, copied from another group, moved behind messages; and how late they are. */
import { expect, test } from 'vitest';
import { describeEach, EACH_AND_CLUSTER, numbers, take } from './rig.js';

describeEach('groups that are moved', EACH_AND_CLUSTER, (rig) => {
  async function readTwo() {
    const client = await rig.client();
    const admin = client.admin();
    const [topic, group] = [rig.name('t'), rig.name('g')];
    await admin.createTopic({ topic, queues: 1 });
    for (const body of numbers(5)) {
      await client.producer().send({ topic, body }, rig.placed({ queueId: 0 }));
    }
    const { queueStates } = await admin.describeTopic(topic);
    const place = queueStates.find(({ maxOffset }) => maxOffset === 5);
    const brokerSet = place?.brokerSet;
    const consumer = client.consumer({ topic, group });
    for (const message of await take(consumer, 2)) {
      await message.ack();
    }
    await consumer.close();
    const position = async (of = group) =>
      (await admin.describeGroup(of)).queues.find(
        (queue) => queue.maxOffset === 5 && queue.brokerSet === brokerSet,
      );
    return { client, admin, topic, group, position, where: brokerSet === undefined ? {} : { brokerSet } };
  }

  test('say how old the oldest message is that waits', async () => {
    const { position, admin, group, topic } = await readTwo();
    const before = await position();
    expect(before).toMatchObject({ lag: 3, memberId: null, state: null, sinceCommitMs: null });
    expect(before?.lagMs).toBeGreaterThan(0);
    expect(before?.lagMs).toBeLessThan(60_000);
    await admin.resetOffset({ group, topic, to: 'latest' });
    expect(await position()).toMatchObject({ lag: 0, lagMs: 0 });
  });

  test('are not moved by a dry run, which says what would be', async () => {
    const { admin, topic, group, position } = await readTwo();
    const planned = await admin.resetOffset({ group, topic, to: 'earliest', dryRun: true });
    expect(planned).toContainEqual(expect.objectContaining({ queueId: 0, before: 2, offset: 0 }));
    expect(await position()).toMatchObject({ committedOffset: 2 });
    const done = await admin.resetOffset({ group, topic, to: 'earliest' });
    expect(done).toContainEqual(expect.objectContaining({ queueId: 0, before: 2, offset: 0 }));
    expect(await position()).toMatchObject({ committedOffset: 0 });
  });

  test('go on where another one does', async () => {
    const { admin, topic, group, position } = await readTwo();
    const to = rig.name('g');
    const planned = await admin.copyOffsets({ from: group, to, topic, dryRun: true });
    expect(planned).toContainEqual(expect.objectContaining({ queueId: 0, before: null, offset: 2 }));
    await expect(admin.describeGroup(to)).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' });
    await admin.copyOffsets({ from: group, to, topic });
    expect(await position(to)).toMatchObject({ committedOffset: 2, lag: 3 });
    await expect(admin.copyOffsets({ from: 'not-there', to, topic })).rejects.toMatchObject({
      // Over a cluster one set has no such group, and the other no such topic.
      code: expect.stringMatching(/^(GROUP|TOPIC)_NOT_FOUND$/),
    });
  });

  test('pass over messages, also while a member holds the queue', async () => {
    const { client, admin, topic, group, position, where } = await readTwo();
    const skip = { group, topic, queueId: 0, count: 1, ...where };
    expect(await admin.skipMessages({ ...skip, dryRun: true })).toMatchObject({ before: 2, offset: 3 });
    expect(await position()).toMatchObject({ committedOffset: 2 });
    expect(await admin.skipMessages(skip)).toMatchObject({ before: 2, offset: 3 });
    const consumer = client.consumer({ topic, group });
    const [third] = await consumer.poll({ max: 1, waitMs: 100_000 });
    expect(third?.offset).toBe(3);
    // It has the message and does not settle it: the group is to go on behind it.
    expect(await admin.skipMessages(skip)).toMatchObject({ before: 3, offset: 4 });
    let next: number | undefined;
    while (next !== 4) {
      const [message] = await consumer.poll({ max: 1, waitMs: 100_000 });
      next = message?.offset;
    }
    expect(await position()).toMatchObject({ committedOffset: 4, state: 'ok' });
    await consumer.close();
    expect(await admin.skipMessages({ ...skip, count: 100 })).toMatchObject({ offset: 5 });
  });
});
