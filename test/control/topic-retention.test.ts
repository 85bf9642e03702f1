/** Topics with a retention of their own: which queues are looked at, and by what time. */
import { expect, it } from 'vitest';
import { TopicRetention } from '../../engine/control/topic-retention.js';
import type { CatalogTopic } from '../../engine/meta/index.js';
import { HELD_MS } from '../../engine/queue/index.js';

const HOUR_MS = 3_600_000;

function topicOf(topicId: number, queues: number, retentionMs: number | null): CatalogTopic {
  return {
    topic: `t${topicId}`,
    topicId,
    queues,
    memory: false,
    createdTime: 1,
    sets: null,
    retentionMs,
    retentionSetTime: 1,
    slots: new Int32Array(queues),
  };
}

function rig(topics: CatalogTopic[], lastStoreTime: number) {
  const clock = { wallMs: lastStoreTime, monotonicMs: 0 };
  const expired: string[] = [];
  const said: number[][] = [];
  /** What becomes of what is said; and where queues begin without what is too old. */
  const set = { isFollower: false, begin: null as number | null, followed: 0, answer: Promise.resolve() };
  const retention = new TopicRetention({
    topics: () => topics,
    topic: (topicId) => topics.find((each) => each.topicId === topicId),
    lastStoreTime,
    wallMs: () => clock.wallMs,
    monotonicMs: () => clock.monotonicMs,
    isFollower: () => set.isFollower,
    say: (records) => {
      said.push(...records.map(({ topicId, pairs }) => [topicId, ...pairs]));
      return set.answer;
    },
    follow: () => {
      set.followed++;
    },
    beginAfter: ({ topic }, queueId, before, latest) => {
      expect(latest - before - (topics.find((each) => each.topic === topic)?.retentionMs ?? 0)).toBe(HELD_MS);
      expired.push(`${topic}/${queueId} ${before}`);
      return set.begin;
    },
  });
  /** All queues of one round. */
  const round = (): string[] => {
    expired.length = 0;
    clock.monotonicMs += 1_000;
    clock.wallMs += 1_000;
    for (let i = 0; i < 10; i++) {
      retention.step(clock.monotonicMs);
    }
    return [...expired];
  };
  /** What one step looks at. */
  const step = (): string[] => {
    expired.length = 0;
    retention.step(clock.monotonicMs);
    return [...expired];
  };
  return { clock, round, step, said, set };
}

it('every queue of those that have one is looked at once a round, and no other', () => {
  const { round } = rig([topicOf(1, 2, 5_000), topicOf(2, 3, null), topicOf(3, 1, 60_000)], 100_000);
  expect(round()).toEqual(['t1/0 96000', 't1/1 96000', 't3/0 41000']);
  expect(round()).toEqual(['t1/0 97000', 't1/1 97000', 't3/0 42000']);
});

it('a clock that is set ahead makes nothing old before it has lasted: an hour, or the retention', () => {
  const { clock, round } = rig([topicOf(1, 1, 600_000), topicOf(2, 1, 24 * HOUR_MS)], 100_000_000);
  round();
  clock.wallMs += 48 * HOUR_MS;
  const before = round();
  expect(before).toEqual([`t1/0 ${100_002_000 - 600_000}`, `t2/0 ${100_002_000 - 24 * HOUR_MS}`]);
  clock.monotonicMs += 600_000;
  clock.wallMs += 600_000;
  const later = round();
  expect(later[0]).toBe(`t1/0 ${clock.wallMs - 600_000}`);
  expect(later[1]).toBe(`t2/0 ${100_603_000 - 24 * HOUR_MS}`);
  clock.monotonicMs += HOUR_MS;
  clock.wallMs += HOUR_MS;
  expect(round()[1]).toBe(`t2/0 ${clock.wallMs - 24 * HOUR_MS}`);
});

it('many queues take several steps, and a new retention counts from the next round', () => {
  const topics = [topicOf(1, 600, 5_000)];
  const { round } = rig(topics, 100_000);
  expect(round()).toHaveLength(600);
  topics[0] = topicOf(1, 600, null);
  expect(round()).toEqual([]);
});

it('a retention that is taken back, or made longer, while its round is under way takes nothing more', () => {
  for (const after of [[], [topicOf(1, 600, null)], [topicOf(1, 600, HOUR_MS)]]) {
    const topics = [topicOf(1, 600, 5_000), topicOf(2, 1, 5_000)];
    const { step } = rig(topics, 100_000);
    expect(step().length).toBeGreaterThan(0);
    topics.splice(0, 1, ...after);
    const rest: string[] = [];
    for (let last = step(); last.length > 0; last = step()) {
      rest.push(...last);
    }
    expect(rest).toEqual(['t2/0 95000']);
  }
});

it('what is too old is said for all queues of a step at once, and gone by when the log has it', async () => {
  const { round, said, set } = rig([topicOf(1, 2, 5_000), topicOf(2, 1, 5_000)], 100_000);
  set.begin = 7;
  let isTaken = (): void => {};
  set.answer = new Promise((resolve) => {
    isTaken = resolve;
  });
  round();
  expect(said).toEqual([
    [1, 0, 7, 1, 7],
    [2, 0, 7],
  ]);
  const { followed } = set;
  expect(round()).toEqual([]);
  expect(set.followed).toBe(followed);
  isTaken();
  await set.answer;
  expect(set.followed).toBe(followed + 1);
});

it('what the log does not take is found again', async () => {
  const { round, said, set } = rig([topicOf(1, 1, 5_000)], 100_000);
  set.begin = 7;
  set.answer = Promise.reject(new Error('the disk is full'));
  round();
  await new Promise(setImmediate);
  round();
  expect(said).toEqual([
    [1, 0, 7],
    [1, 0, 7],
  ]);
});

it('a slave judges nothing, and goes by what the log says', () => {
  const { round, set } = rig([topicOf(1, 1, 5_000)], 100_000);
  set.isFollower = true;
  expect(round()).toEqual([]);
  expect(set.followed).toBeGreaterThan(0);
  set.isFollower = false;
  expect(round()).toHaveLength(1);
});
