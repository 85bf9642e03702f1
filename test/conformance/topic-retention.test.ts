/** A topic's own retention, as it is set and told. */
import { expect, test } from 'vitest';
import { describeEach, EACH_AND_CLUSTER } from './rig.js';

const HOUR_MS = 3_600_000;

describeEach('retention of a topic', EACH_AND_CLUSTER, (rig) => {
  test('is said when it is made, or later, and taken back', async () => {
    const client = await rig.client();
    const admin = client.admin();
    const topic = rig.name('t');
    expect(await admin.createTopic({ topic, queues: 1, retentionMs: HOUR_MS })).toMatchObject({
      retentionMs: HOUR_MS,
    });
    expect(await admin.setTopicRetention({ topic, retentionMs: 2 * HOUR_MS })).toMatchObject({
      topic,
      retentionMs: 2 * HOUR_MS,
      retentionSetTime: expect.any(Number),
    });
    expect((await admin.describeTopic(topic)).retentionMs).toBe(2 * HOUR_MS);
    const [listed] = (await admin.listTopics()).filter((each) => each.topic === topic);
    expect(listed?.retentionMs).toBe(2 * HOUR_MS);
    expect((await admin.setTopicRetention({ topic, retentionMs: null })).retentionMs).toBeUndefined();
    expect((await admin.describeTopic(topic)).retentionMs).toBeUndefined();
    const { topic: plain } = await rig.topic();
    expect((await admin.describeTopic(plain)).retentionMs).toBeUndefined();
  });

  test('is refused for a memory topic, out of bounds, and where there is no topic', async () => {
    const { client, topic } = await rig.topic({ memory: true });
    const admin = client.admin();
    const refused = { code: 'BAD_ARGUMENT' };
    await expect(admin.setTopicRetention({ topic, retentionMs: HOUR_MS })).rejects.toMatchObject(refused);
    await expect(
      admin.createTopic({ topic: rig.name('t'), memory: true, retentionMs: HOUR_MS }),
    ).rejects.toMatchObject(refused);
    for (const retentionMs of [0, 999, 1_000.5, 315_360_000_001, undefined, '1h']) {
      await expect(
        admin.setTopicRetention({ topic, retentionMs: retentionMs as number }),
      ).rejects.toMatchObject(refused);
    }
    await expect(
      admin.setTopicRetention({ topic: rig.name('none'), retentionMs: HOUR_MS }),
    ).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  });
});
