/** Where a group begins to read a queue. */
import { describe, expect, test } from 'vitest';
import { RingMQError } from '../../native-free/wire/index.js';
import { GroupHarness } from './group-harness.js';

describe('start positions', () => {
  test.each([
    ['earliest', 100],
    ['latest', 1_000],
    [{ offset: 250 }, 250],
    [{ offset: 5 }, 100],
    [{ offset: 5_000 }, 1_000],
  ] as const)('%j', (from, offset) => {
    const harness = new GroupHarness();
    harness.minOffset = 100;
    const member = harness.join('g', harness.addTopic(1, 1), { from });
    harness.run();
    expect(member.holdings.get(0)?.offset).toBe(offset);
    expect(harness.offsets.committed('g', 1, 0)).toBe(null);
    expect(harness.offsets.position('g', 1, 0)).toBe(offset);
    expect(harness.persists).toBe(1);
  });

  test('a group that only came and went is gone, and who comes next begins where it wants to', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 1);
    harness.join('g', topic, { from: 'latest' });
    harness.run();
    expect(harness.offsets.hasGroup('g')).toBe(true);
    harness.membersOf('g', topic)[0]?.leave();
    expect(harness.offsets.hasGroup('g')).toBe(false);
    const next = harness.join('g', topic, { from: 'earliest' });
    harness.run();
    expect(next.holdings.get(0)?.offset).toBe(0);
  });

  test('"latest" holds for the next owner, and when the connection is lost before anything is committed', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 1);
    const first = harness.join('g', topic, { from: 'latest' });
    const second = harness.join('g', topic, { from: 'latest' });
    harness.run();
    harness.maxOffset = 2_000;
    first.leave();
    harness.run();
    expect(second.holdings.get(0)?.offset).toBe(1_000);
    second.lose();
    const third = harness.join('g', topic, { from: 'latest' });
    harness.run();
    expect(third.holdings.get(0)?.offset).toBe(1_000);
  });

  test('the first commit makes the group last, with where it began on every queue', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 2);
    const member = harness.join('g', topic, { from: 'latest' });
    harness.run();
    expect(member.commit(0, 1_000)).toEqual([]);
    harness.maxOffset = 2_000;
    member.leave();
    const next = harness.join('g', topic, { from: 'latest' });
    harness.run();
    expect([...next.holdings.values()].map((each) => each.offset)).toEqual([1_000, 1_000]);
  });

  test('"latest" is chosen once: it holds when the broker restarts before anything is read', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 1);
    harness.join('g', topic, { from: 'latest' });
    harness.run();
    harness.maxOffset = 2_000;
    harness.restart();
    const again = harness.join('g', topic, { from: 'latest' });
    harness.run();
    expect(again.holdings.get(0)?.offset).toBe(1_000);
  });

  test('a committed offset that retention has passed begins at the first one stored', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 1);
    harness.offsets.reset('g', 1, 0, 30);
    harness.minOffset = 200;
    const member = harness.join('g', topic, { from: 'latest' });
    harness.run();
    expect(member.holdings.get(0)?.offset).toBe(200);
    expect(member.events.at(-1)).toEqual({ event: 'expired', queues: [{ queueId: 0, from: 30, to: 200 }] });
    expect(harness.offsets.expired('g', 1, 0)).toBe(170);
    member.leave();
    const next = harness.join('g', topic);
    harness.run();
    expect(next.events.map(({ event }) => event)).toEqual(['assign']);
    expect(harness.offsets.expired('g', 1, 0)).toBe(170);
  });

  test('what a member finds gone while it reads is counted, if it holds the queue, and is not waited for', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 1);
    harness.offsets.reset('g', 1, 0, 30);
    const member = harness.join('g', topic);
    harness.run();
    const generation = member.holdings.get(0)?.generation as number;
    harness.minOffset = 200;
    const gone = { queueId: 0, from: 120, to: 200 };
    harness.coordinator.held.expired(member.key, { ...gone, generation: generation - 1 });
    expect(harness.offsets.expired('g', 1, 0)).toBe(0);
    harness.coordinator.held.expired(member.key, { ...gone, generation });
    expect(harness.offsets.expired('g', 1, 0)).toBe(80);
    expect(harness.offsets.committed('g', 1, 0)).toBe(200);
  });

  test('a time is looked up, for a few queues at once, and the queue follows when it is known', async () => {
    const harness = new GroupHarness();
    const member = harness.join('g', harness.addTopic(1, 100), { from: { time: 77 } });
    harness.run();
    await harness.turn();
    expect(member.events).toEqual([]);
    expect(harness.lookups).toHaveLength(32);
    expect(harness.lookups[0]?.time).toBe(77);
    harness.lookups.shift()?.answer(600);
    await harness.turn();
    expect(member.holdings.get(0)?.offset).toBe(600);
    expect(harness.lookups).toHaveLength(32);
  });

  test('a look-up that fails puts the member out, and the next one tries for itself', async () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 2);
    const a = harness.join('g', topic, { from: { time: 1 } });
    const b = harness.join('g', topic, { from: 'latest' });
    harness.run();
    await harness.turn();
    harness.lookups.shift()?.fail(new RingMQError('LOG_CORRUPT', 'bad block'));
    await harness.turn();
    expect(a.ended).toBe('LOG_CORRUPT');
    await harness.checkAtRest('g', topic);
    expect(b.queues()).toEqual([0, 1]);
  });

  test('a member that leaves during the look-up leaves the queue to the next', async () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 1);
    const a = harness.join('g', topic, { from: { time: 1 } });
    const b = harness.join('g', topic, { from: 'latest' });
    harness.run();
    await harness.turn();
    a.leave();
    harness.run();
    expect(b.queues()).toEqual([]);
    harness.lookups.shift()?.answer(300);
    await harness.turn();
    expect(b.holdings.get(0)?.offset).toBe(300);
  });

  test('of queues that come later: at 0 for who has begun on the others, wherever it wanted to begin', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 2);
    const members = [
      harness.join('begun', topic, { from: 'latest' }),
      harness.join('begun', topic, { from: 'latest' }),
    ];
    harness.run();
    const before = members.map((member) => member.queues());
    harness.growTopic(topic, 6);
    const late = harness.join('late', { ...topic, queues: 6 }, { from: 'latest' });
    harness.run();
    expect(members.map((member) => member.queues().length)).toEqual([3, 3]);
    // Nobody gives anything back for that.
    for (const [i, member] of members.entries()) {
      expect(member.queues()).toEqual(expect.arrayContaining(before[i] as number[]));
      expect(member.revoked()).toEqual([]);
      for (const [queueId, { offset }] of member.holdings) {
        expect([queueId, offset]).toEqual([queueId, queueId < 2 ? 1_000 : 0]);
      }
    }
    expect([...late.holdings.values()].map(({ offset }) => offset)).toEqual(Array(6).fill(1_000));
  });

  test('of a group that had not begun when the queues came: where it wants to', () => {
    const harness = new GroupHarness();
    const topic = harness.addTopic(1, 2);
    const member = harness.join('g', topic, { from: 'latest' });
    harness.growTopic(topic, 4);
    harness.run();
    expect([...member.holdings.values()].map(({ offset }) => offset)).toEqual(Array(4).fill(1_000));
  });

  test('more queues than groups may share are refused, before there are any', () => {
    const harness = new GroupHarness({ maxGroupQueues: 10 });
    const topic = harness.addTopic(1, 4);
    harness.join('a', topic);
    harness.join('b', topic);
    harness.coordinator.requireQueues(topic, 1);
    expect(() => harness.coordinator.requireQueues(topic, 2)).toThrow(RingMQError);
    harness.coordinator.requireQueues(harness.addTopic(2, 1), 100);
    harness.growTopic(topic, 5);
    harness.run();
    expect(() => harness.join('c', harness.addTopic(3, 1))).toThrow('maxGroupQueues');
  });
});
