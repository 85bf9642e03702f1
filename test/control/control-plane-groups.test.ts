/** Groups, as the control plane answers for them. */
import { describe, expect, test } from 'vitest';
import { failing, withTopic } from './control-harness.js';

describe('groups', () => {
  test('a join is answered before its queues come', async () => {
    const harness = await withTopic();
    const { memberId } = await harness.join('c');
    expect(memberId).toMatch(/^m-[0-9a-f]{16}$/);
    expect(harness.eventsOf('c')).toEqual([]);
    await harness.turn();
    expect(harness.assigned('c').map(({ queueId, offset }) => [queueId, offset])).toEqual([
      [0, 10],
      [1, 10],
      [2, 10],
      [3, 10],
    ]);
  });

  test('a commit that was answered survives SIGKILL; all of a turn are one batch', async () => {
    const harness = await withTopic(1);
    await harness.join('c');
    await harness.turn();
    const queue = harness.firstAssigned('c');
    const before = harness.log.batches.length;
    const commits = Array.from({ length: 20 }, (_, i) =>
      harness.call('commit', { consumer: 1, offsets: [{ ...queue, offset: 20 + i }] }, 'c'),
    );
    expect((await Promise.all(commits)).every((result) => result.fenced.length === 0)).toBe(true);
    expect(harness.log.batches.length - before).toBe(1);
    harness.open();
    await harness.join('d', { from: 'latest' });
    await harness.turn();
    expect(harness.assigned('d')[0]?.offset).toBe(39);
    expect(harness.assigned('d')[0]?.generation).toBeGreaterThan(queue.generation);
  });

  test('a consumer that is gone leaves', async () => {
    const harness = await withTopic();
    await harness.join('c', {}, 1);
    await harness.join('d', {}, 1);
    await harness.join('e', {}, 11);
    harness.plane.callerGone(1, 'c');
    expect((await harness.call('describeGroup', { group: 'g' })).members).toBe(2);
    harness.plane.callerGone(1, 'd');
    await harness.turn();
    expect(harness.assigned('e')).toHaveLength(4);
    await harness.call('leave', { consumer: 1 }, 'e', 11);
    await expect(harness.call('leave', { consumer: 1 }, 'e', 11)).rejects.toThrow(failing('NOT_A_MEMBER'));
    await expect(harness.call('commit', { consumer: 1, offsets: [] }, 'e', 11)).rejects.toThrow(
      failing('NOT_A_MEMBER'),
    );
  });

  test('queues pass from one member to another: revoke, release, assign', async () => {
    const harness = await withTopic(2);
    await harness.join('c');
    await harness.turn();
    await harness.join('d');
    await harness.turn();
    const revoke = harness.eventsOf('c').at(-1);
    expect(revoke).toMatchObject({ event: 'revoke', queues: [{ queueId: 1 }] });
    expect(harness.eventsOf('d')).toEqual([]);
    await harness.call(
      'released',
      { consumer: 1, queues: revoke?.event === 'revoke' ? revoke.queues : [] },
      'c',
    );
    await harness.turn();
    expect(harness.assigned('d').map((queue) => queue.queueId)).toEqual([1]);
  });

  test('a revoke that is not answered ends after 10 s', async () => {
    const harness = await withTopic(2);
    await harness.join('c');
    await harness.turn();
    await harness.join('d');
    await harness.turn();
    harness.time += 10_000;
    harness.plane.tick();
    await harness.turn();
    expect(harness.assigned('d').map((queue) => queue.queueId)).toEqual([1]);
  });

  test('are listed and described, with and without members', async () => {
    const harness = await withTopic(2);
    const { memberId } = await harness.join('c', { from: { time: 40 } });
    await harness.turn();
    expect((await harness.call('listGroups', {})).groups).toEqual([
      { group: 'g', topics: ['orders'], topicCount: 1, members: 1 },
    ]);
    const described = await harness.call('describeGroup', { group: 'g' });
    expect(described.memberIds).toEqual([memberId]);
    expect(described.queues[1]).toEqual({
      topic: 'orders',
      queueId: 1,
      committedOffset: null,
      maxOffset: 100,
      lag: 60,
      lagMs: null,
      expired: 0,
      memberId,
      sinceCommitMs: 0,
      state: 'ok',
    });
    harness.plane.callerGone(1, 'c');
    const left = await harness.call('describeGroup', { group: 'g' });
    expect([left.members, left.queues[1]?.memberId, left.queues[1]?.lag]).toEqual([0, null, 60]);
    await expect(harness.call('describeGroup', { group: 'h' })).rejects.toThrow(
      failing('GROUP_NOT_FOUND', "'h'"),
    );
    await expect(harness.join('c', { group: '%g' })).rejects.toThrow(failing('BAD_ARGUMENT'));
    await expect(harness.join('c', { topic: 'nope' })).rejects.toThrow(failing('TOPIC_NOT_FOUND'));
  });

  test('a member is slow once a message of a minute ago waits, and stuck if it has committed nothing since', async () => {
    const harness = await withTopic(1);
    const states = async (): Promise<unknown[]> => {
      const [queue] = (await harness.call('describeGroup', { group: 'g' })).queues;
      return [queue?.state, queue?.lagMs, queue?.sinceCommitMs];
    };
    harness.storeTime = harness.time;
    await harness.join('c', { from: 'earliest' });
    await harness.turn();
    expect(await states()).toEqual(['ok', 0, 0]);
    const [{ queueId, generation } = { queueId: 0, generation: 0 }] = harness.assigned('c');
    const commit = (offset: number) =>
      harness.call('commit', { consumer: 1, offsets: [{ queueId, generation, offset }] }, 'c');
    harness.time += 50_000;
    await commit(20);
    harness.time += 10_000;
    expect(await states()).toEqual(['slow', 60_000, 10_000]);
    harness.time += 50_000;
    expect(await states()).toEqual(['stuck', 110_000, 60_000]);
    // What was committed before is no step further.
    await commit(20);
    expect((await states())[0]).toBe('stuck');
    await commit(21);
    expect((await states())[0]).toBe('slow');
    await commit(100);
    expect((await states())[0]).toBe('ok');
  });

  test('offsets are reset, backwards too, when nobody is at work', async () => {
    const harness = await withTopic(2);
    const reset = (to: 'earliest' | 'latest' | { time: number } | { offset: number }) =>
      harness.call('resetOffset', { group: 'g', topic: 'orders', to });
    await expect(reset('earliest')).rejects.toThrow(failing('GROUP_NOT_FOUND'));
    await harness.join('c', { from: 'latest' });
    await harness.turn();
    await expect(reset('earliest')).rejects.toThrow(failing('GROUP_BUSY', '1 member'));
    harness.plane.callerGone(1, 'c');
    expect((await reset('earliest')).queues).toEqual([
      { queueId: 0, before: 100, offset: 10 },
      { queueId: 1, before: 100, offset: 10 },
    ]);
    expect((await reset({ time: 55 })).queues[0]).toEqual({ queueId: 0, before: 10, offset: 55 });
    expect((await reset({ offset: 3 })).queues[0]).toEqual({ queueId: 0, before: 55, offset: 10 });
    harness.open();
    await harness.join('d', { from: 'latest' });
    await harness.turn();
    expect(harness.assigned('d').map((queue) => queue.offset)).toEqual([10, 10]);
  });

  test('offsets of one queue are reset, and the others stay', async () => {
    const harness = await withTopic(3);
    await harness.call('createGroup', { group: 'g' });
    const reset = (to: { offset: number }, queueId: number) =>
      harness.call('resetOffset', { group: 'g', topic: 'orders', to, queueId });
    await harness.call('resetOffset', { group: 'g', topic: 'orders', to: { offset: 30 } });
    expect((await reset({ offset: 51 }, 1)).queues).toEqual([{ queueId: 1, before: 30, offset: 51 }]);
    const { queues } = await harness.call('describeGroup', { group: 'g' });
    expect(queues.map((queue) => queue.committedOffset)).toEqual([30, 51, 30]);
    await expect(reset({ offset: 51 }, 3)).rejects.toThrow(failing('QUEUE_NOT_FOUND', '0 to 2'));
  });

  test('a group made by a call stays without members or commits, until a call deletes it', async () => {
    const harness = await withTopic(1);
    expect(await harness.call('createGroup', { group: 'g' })).toEqual({
      group: 'g',
      topics: [],
      topicCount: 0,
      members: 0,
    });
    await expect(harness.call('createGroup', { group: 'g' })).rejects.toThrow(failing('GROUP_EXISTS'));
    await harness.call('createGroup', { group: 'g', ifNotExists: true });
    await expect(harness.call('createGroup', { group: 'a b' })).rejects.toThrow(failing('BAD_ARGUMENT'));
    harness.time += 100 * 86_400_000;
    harness.plane.tick();
    harness.open();
    await harness.join('c', { from: 'latest' });
    await harness.turn();
    // It lasts, so that where it begins is committed at once.
    expect((await harness.call('describeGroup', { group: 'g' })).queues[0]?.committedOffset).toBe(100);
    await expect(harness.call('deleteGroup', { group: 'g' })).rejects.toThrow(
      failing('GROUP_BUSY', '1 member'),
    );
    await harness.call('leave', { consumer: 1 }, 'c');
    await harness.call('deleteGroup', { group: 'g' });
    harness.open();
    await expect(harness.call('deleteGroup', { group: 'g' })).rejects.toThrow(failing('GROUP_NOT_FOUND'));
    expect((await harness.call('listGroups', {})).groups).toEqual([]);
  });

  test('a group without members is deleted at its age, over restarts, and that is told; never while it has members', async () => {
    const harness = await withTopic(1);
    const day = 86_400_000;
    for (const group of ['busy', 'idle']) {
      await harness.join(group, { group });
      await harness.turn();
      const queue = harness.firstAssigned(group);
      await harness.call('commit', { consumer: 1, offsets: [{ ...queue, offset: 50 }] }, group);
    }
    await harness.call('leave', { consumer: 1 }, 'idle');
    const pass = (days: number) => {
      for (let hours = 0; hours < days * 24; hours++) {
        harness.time += day / 24;
        harness.plane.tick();
      }
    };
    pass(4);
    harness.plane.close();
    await harness.turn();
    // What passes while no broker runs is nobody's fault.
    harness.time += 30 * day;
    harness.open();
    await harness.join('busy', { group: 'busy' });
    pass(2.9);
    expect((await harness.call('listGroups', {})).groups.map((each) => each.group)).toEqual(['busy', 'idle']);
    expect(harness.warnings).toEqual([]);
    pass(0.2);
    expect((await harness.call('listGroups', {})).groups.map((each) => each.group)).toEqual(['busy']);
    expect(harness.warnings).toEqual(['1 consumer group without members for 7 days deleted: idle']);
    await harness.turn();
    harness.open();
    expect((await harness.call('listGroups', {})).groups.map((each) => each.group)).toEqual(['busy']);
  });

  test('where a group began that never committed is kept over a crash, for ten minutes', async () => {
    const harness = await withTopic(1);
    await harness.join('c', { from: 'latest' });
    await harness.turn();
    harness.queue = { minOffset: 10, maxOffset: 130 };
    harness.open();
    await harness.join('d', { from: 'latest' });
    await harness.turn();
    expect(harness.assigned('d')[0]?.offset).toBe(100);
    harness.plane.callerGone(1, 'd');
    for (let minutes = 0; minutes < 10; minutes++) {
      expect((await harness.call('listGroups', {})).groups).toHaveLength(1);
      harness.time += 60_000;
      harness.plane.tick();
    }
    harness.time += 60_000;
    harness.plane.tick();
    expect((await harness.call('listGroups', {})).groups).toEqual([]);
    expect(harness.warnings).toEqual([]);
  });

  test('at start, commits beyond what is left of a queue are taken back', async () => {
    const harness = await withTopic(1);
    await harness.join('c', { from: 'latest' });
    await harness.turn();
    harness.queue = { minOffset: 10, maxOffset: 60 };
    harness.open();
    harness.queue = { minOffset: 10, maxOffset: 200 };
    await harness.join('d');
    await harness.turn();
    expect(harness.assigned('d')[0]?.offset).toBe(60);
  });

  test('a full disk refuses a commit for now, not the consumers', async () => {
    const harness = await withTopic(1);
    harness.log.full = true;
    await harness.join('c');
    await harness.turn();
    const queue = harness.firstAssigned('c');
    const commit = () => harness.call('commit', { consumer: 1, offsets: [{ ...queue, offset: 50 }] }, 'c');
    await expect(commit()).rejects.toThrow(failing('DISK_FULL'));
    harness.time += 1_000;
    harness.plane.tick();
    expect(harness.fatal).toEqual([]);
    harness.log.makeRoom();
    expect(await commit()).toEqual({ fenced: [] });
    harness.open();
    expect((await harness.call('describeGroup', { group: 'g' })).queues[0]?.committedOffset).toBe(50);
  });
});
