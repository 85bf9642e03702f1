import { describe, expect, test } from 'vitest';
import { GroupHarness } from './group-harness.js';

const failing = (code: string) => expect.objectContaining({ code });

describe('members and queues', () => {
  test('a lone member gets every queue, a second one half of them, after the first let go', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 4);
    const a = harness.join('g', topic);
    harness.run();
    expect(a.events).toHaveLength(1);
    expect(a.queues()).toEqual([0, 1, 2, 3]);
    const b = harness.join('g', topic);
    harness.run();
    expect(a.events[1]).toMatchObject({ event: 'revoke', queues: [{ queueId: 2 }, { queueId: 3 }] });
    expect(b.events).toEqual([]);
    a.release();
    harness.run();
    expect([a.queues(), b.queues()]).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test('queues of a member that leaves go to the others at once, and stay where they are otherwise', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 6);
    const members = [1, 2, 3].map(() => harness.join('g', topic));
    harness.run();
    expect(members.map((each) => each.queues())).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    members[1]?.leave();
    harness.run();
    expect([members[0]?.queues(), members[2]?.queues()]).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
  });

  test('a member that does not answer a revoke loses the queue after 10 s, and may not commit on it then', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 2);
    const a = harness.join('g', topic);
    harness.run();
    const generation = a.holdings.get(1)?.generation ?? 0;
    const b = harness.join('g', topic);
    harness.run();
    expect(harness.coordinator.nextDeadline()).toBe(10_000);
    expect(a.commit(1, 40)).toEqual([]);
    harness.time = 9_999;
    harness.coordinator.expire();
    harness.run();
    expect(b.queues()).toEqual([]);
    harness.time = 10_000;
    harness.coordinator.expire();
    harness.run();
    expect(b.events).toEqual([
      { event: 'assign', queues: [{ queueId: 1, generation: expect.any(Number), offset: 40 }] },
    ]);
    expect(a.commit(1, 50, generation)).toEqual([1]);
    expect(harness.offsets.committed('g', 1, 1)).toBe(40);
    expect(harness.coordinator.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test('more members than queues: some wait, and take over', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 1);
    const a = harness.join('g', topic);
    const b = harness.join('g', topic);
    harness.run();
    expect([a.queues(), b.queues()]).toEqual([[0], []]);
    a.leave();
    harness.run();
    expect(b.queues()).toEqual([0]);
  });

  test('a member that comes back over another connection takes its own place', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 4);
    const a = harness.join('g', topic, { memberId: 'me' });
    const b = harness.join('g', topic);
    harness.run();
    const again = harness.join('g', topic, { memberId: 'me' });
    expect(a.ended).toBe('NOT_A_MEMBER');
    harness.run();
    expect([again.memberId, again.queues(), b.queues()]).toEqual(['me', [0, 1], [2, 3]]);
    expect(() => a.commit(0, 1)).toThrow(failing('NOT_A_MEMBER'));
  });

  test('groups, and topics of one group, do not touch each other', () => {
    const harness = new GroupHarness();
    const [one, two] = [harness.addTopic(1, 2), harness.addTopic(2, 2)];
    const members = [
      harness.join('g', one),
      harness.join('g', two, { filter: 'paid' }),
      harness.join('h', one, { filter: 'x' }),
    ];
    harness.run();
    for (const member of members) {
      expect(member.queues()).toEqual([0, 1]);
    }
    expect(harness.coordinator.liveTopicsOf('g')).toEqual([1, 2]);
    harness.coordinator.endTopic(1, 'TOPIC_NOT_FOUND', 'deleted');
    expect(members.map((member) => member.ended)).toEqual(['TOPIC_NOT_FOUND', null, 'TOPIC_NOT_FOUND']);
    expect(harness.coordinator.liveGroups()).toEqual(['g']);
  });
});

describe('commits', () => {
  test('never move backwards, and are refused queue by queue', () => {
    const harness = new GroupHarness();
    const member = harness.join('g', harness.addTopic(1, 2));
    harness.run();
    const generation = member.holdings.get(0)?.generation as number;
    expect(
      harness.coordinator.held.commit(member.key, [
        { queueId: 0, generation, offset: 90 },
        { queueId: 1, generation, offset: 90 },
        { queueId: 0, generation, offset: 80 },
      ]),
    ).toEqual([1]);
    expect(harness.offsets.committed('g', 1, 0)).toBe(90);
    expect(harness.offsets.committed('g', 1, 1)).toBe(0);
  });

  test('beyond the end, or on a queue there is not, nothing of them is kept', () => {
    const harness = new GroupHarness();
    const member = harness.join('g', harness.addTopic(1, 2));
    harness.run();
    const good = { queueId: 0, generation: member.holdings.get(0)?.generation as number, offset: 9 };
    const { coordinator } = harness;
    expect(() => coordinator.held.commit(member.key, [good, { ...good, queueId: 2 }])).toThrow(
      expect.objectContaining({ code: 'QUEUE_NOT_FOUND', details: { value: 2, limit: 2 } }),
    );
    expect(() => coordinator.held.commit(member.key, [good, { ...good, offset: 1_001 }])).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT', details: { value: 1_001, limit: 1_000 } }),
    );
    expect(harness.offsets.committed('g', 1, 0)).toBe(null);
  });

  test('are cut to the ends of queues that a power cut has shortened', () => {
    const harness = new GroupHarness();
    harness.addTopic(1, 2);
    harness.offsets.reset('g', 1, 0, 70);
    harness.offsets.reset('g', 1, 1, 40);
    expect(harness.offsets.cutToEnds(() => 50)).toBe(1);
    expect([0, 1].map((queueId) => harness.offsets.committed('g', 1, queueId))).toEqual([50, 40]);
  });
});

describe('what is refused', () => {
  test('a filter that differs from that of the members there, until the last of them has left', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 2);
    const a = harness.join('g', topic, { filter: 'paid || refunded' });
    harness.join('g', topic, { filter: 'refunded||paid' }).leave();
    expect(() => harness.join('g', topic, { filter: 'paid' })).toThrow(failing('GROUP_BUSY'));
    expect(() => harness.join('g', topic, { filter: 'a||' })).toThrow(failing('BAD_FILTER'));
    harness.join('g', topic, { filter: 'paid', memberId: a.memberId });
    expect(a.ended).toBe('NOT_A_MEMBER');
    expect(() => harness.join('g', topic, { filter: 'open' })).toThrow(failing('GROUP_BUSY'));
  });

  test('too many members, too many groups, odd names and ids', () => {
    const harness = new GroupHarness({ maxGroups: 2, maxMembersPerGroup: 2 });
    const topic = harness.addTopic(1, 2);
    const members = [harness.join('g', topic), harness.join('g', topic)];
    expect(() => harness.join('g', topic)).toThrow(
      expect.objectContaining({
        code: 'TOO_MANY_MEMBERS',
        retryable: false,
        details: { group: 'g', value: 3, limit: 2 },
      }),
    );
    harness.join('g', topic, { memberId: members[0]?.memberId as string });
    harness.offsets.reset('with-offsets', 1, 0, 4);
    expect(() => harness.join('h', topic)).toThrow(
      expect.objectContaining({
        code: 'TOO_MANY_GROUPS',
        retryable: false,
        details: { group: 'h', value: 3, limit: 2 },
      }),
    );
    harness.join('with-offsets', topic);
    expect(() => harness.join('bad name', topic)).toThrow(failing('BAD_ARGUMENT'));
    expect(() => harness.join('g', topic, { memberId: 'a/b' })).toThrow(failing('BAD_ARGUMENT'));
  });

  test('groups and readers share so many queues, which are free again when they leave', () => {
    const harness = new GroupHarness({ maxGroupQueues: 8 });
    const topic = harness.addTopic(1, 4);
    const first = harness.join('a', topic);
    harness.join('b', topic);
    expect(() => harness.join('c', topic)).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_MEMBERS', details: { value: 12, limit: 8 } }),
    );
    harness.join('a', topic);
    harness.join('a', topic, { memberId: first.memberId }).leave();
    harness.coordinator.endTopic(1, 'TOPIC_NOT_FOUND', 'gone');
    harness.join('c', topic);
    harness.join('d', topic);
    expect(() => harness.join('e', topic)).toThrow(failing('TOO_MANY_MEMBERS'));
  });

  test('many groups at once are settled slice by slice', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 4);
    const members = Array.from({ length: 10 }, (_, i) => harness.join(`g${i}`, topic));
    harness.tickMs = 6;
    let runs = 1;
    while (!harness.coordinator.run()) {
      runs++;
    }
    expect(runs).toBe(10);
    expect(members.every((member) => member.queues().length === 4)).toBe(true);
  });

  test('a group on many queues is settled in pieces, in turn with others, and its members hear of all in one event', () => {
    const harness = new GroupHarness({ queuesAtOnce: 4 });
    const wide = harness.join('wide', harness.addTopic(1, 40));
    const narrow = harness.join('narrow', harness.addTopic(2, 1));
    harness.tickMs = 6;
    harness.runPiece();
    harness.runPiece();
    expect(narrow.queues()).toEqual([0]);
    expect(wide.events).toEqual([]);
    // Who comes in the midst of it changes nothing before it is done.
    const late = harness.join('wide', wide.topic);
    for (let piece = 0; piece < 9; piece++) {
      harness.runPiece();
    }
    expect(wide.events).toMatchObject([{ event: 'assign' }]);
    expect(wide.queues()).toHaveLength(40);
    harness.run();
    wide.release();
    harness.run();
    expect([wide.queues().length, late.queues().length]).toEqual([20, 20]);
  });

  test('at the limit a group that has never committed and has nobody left makes room', () => {
    const harness = new GroupHarness({ maxGroups: 2 });
    const topic = harness.addTopic(1, 1);
    harness.join('lost', topic);
    harness.offsets.reset('with-offsets', 1, 0, 4);
    harness.run();
    expect(() => harness.join('h', topic)).toThrow(failing('TOO_MANY_GROUPS'));
    harness.membersOf('lost', topic)[0]?.lose();
    harness.join('h', topic);
    expect([...harness.offsets.groups()]).toEqual(['with-offsets']);
  });

  test('a consumer that is in a group already, or in none', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 2);
    const { key } = harness.join('g', topic);
    expect(() =>
      harness.coordinator.join({
        key,
        group: 'g',
        topic,
        filter: '*',
        from: 'latest',
        memberId: null,
        send() {},
      }),
    ).toThrow(failing('BAD_REQUEST'));
    expect(harness.coordinator.leave(key)).toBe(true);
    expect(harness.coordinator.leave(key)).toBe(false);
    expect(() => harness.coordinator.held.released(key, [])).toThrow(failing('NOT_A_MEMBER'));
  });
});
