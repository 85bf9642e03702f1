import { describe, expect, test } from 'vitest';
import { EpochHistory, MAX_EPOCHS_KEPT } from '../../engine/meta/epoch-history.js';
import { type ControlRecord, MetaState } from '../../engine/meta/index.js';
import { MAX_TOMBSTONES, TOMBSTONE_MS, TopicTombstones } from '../../engine/meta/topic-tombstones.js';
import { fc, test as property } from '../properties.js';

function stateOf(records: Iterable<ControlRecord>): MetaState {
  const state = new MetaState();
  for (const record of records) {
    state.apply(record);
  }
  return state;
}

/** In an order of their own: that of maps says nothing. */
function textOf(state: MetaState): string[] {
  return [...state.records()].map((record) => JSON.stringify(record)).sort();
}

/** Topic ids are given out once, so a topic's records are in the order of its life. */
const someRecord = fc.oneof(
  fc.tuple(fc.nat(5), fc.nat(3), fc.nat(9)).map(
    ([topic, more, said]): ControlRecord => ({
      ...(said > 4 ? { retentionMs: said } : {}),
      type: 'topicCreated',
      topic: `t${topic}`,
      topicId: 0,
      queues: 3 + more,
      memory: false,
      createdTime: 1,
    }),
  ),
  fc.nat(5).map(
    (topicId): ControlRecord => ({
      type: 'topicDeleted',
      topic: '',
      topicId,
      createdTime: 1,
      deletedTime: 2,
    }),
  ),
  fc
    .tuple(
      fc.constantFrom('offsets', 'starts', 'expired', 'resets'),
      fc.nat(3),
      fc.nat(8),
      fc.nat(2),
      fc.nat(99),
    )
    .map(
      ([type, group, topicId, queueId, value]): ControlRecord => ({
        type: type as 'offsets',
        group: `g${group}`,
        topicId,
        pairs: [queueId, value],
      }),
    ),
  fc
    .tuple(fc.nat(8), fc.nat(3), fc.nat(99))
    .map(([topicId, queueId, end]): ControlRecord => ({ type: 'queueEnds', topicId, pairs: [queueId, end] })),
  fc.tuple(fc.nat(8), fc.nat(3), fc.nat(99)).map(
    ([topicId, queueId, begin]): ControlRecord => ({
      type: 'queueBegins',
      topicId,
      pairs: [queueId, begin],
    }),
  ),
  fc
    .tuple(fc.nat(3), fc.nat(8))
    .map(([group, topicId]): ControlRecord => ({ type: 'startsDropped', group: `g${group}`, topicId })),
  fc.nat(3).map((group): ControlRecord => ({ type: 'groupCreated', group: `g${group}`, createdTime: 1 })),
  fc.nat(3).map((group): ControlRecord => ({ type: 'groupDeleted', group: `g${group}` })),
  fc.tuple(fc.nat(3), fc.nat(4), fc.boolean()).map(
    ([group, topicId, paused]): ControlRecord => ({
      type: 'groupPaused',
      group: `g${group}`,
      topicId,
      paused,
    }),
  ),
  fc
    .tuple(fc.nat(3), fc.nat(9))
    .map(([group, idleMs]): ControlRecord => ({ type: 'groupIdle', group: `g${group}`, idleMs })),
);

/** As a broker writes them: it creates no name that it has, and only has it grow, deletes only what it has, and commits only on that. */
function asWritten(records: readonly ControlRecord[]): ControlRecord[] {
  const topics = new Map<string, number>();
  const queues = new Map<number, number>();
  let next = 1;
  let said = 0;
  return records.flatMap((record): ControlRecord[] => {
    if (record.type === 'topicCreated') {
      const known = topics.get(record.topic);
      if (known !== undefined) {
        const grows = record.queues > (queues.get(known) ?? 0);
        queues.set(known, Math.max(record.queues, queues.get(known) ?? 0));
        // Its retention is said anew, at a later time than before.
        return grows || record.retentionMs !== undefined
          ? [{ ...record, topicId: known, retentionSetTime: ++said }]
          : [];
      }
      topics.set(record.topic, next);
      queues.set(next, record.queues);
      return [{ ...record, topicId: next++ }];
    }
    if (record.type === 'topicDeleted') {
      const [topic, topicId] = [...topics][record.topicId % Math.max(1, topics.size)] ?? [];
      if (topic === undefined || topicId === undefined) {
        return [];
      }
      topics.delete(topic);
      return [{ ...record, topic, topicId }];
    }
    // Numbers on a topic that is not there are not taken.
    return 'pairs' in record && ![...topics.values()].includes(record.topicId) ? [] : [record];
  });
}

describe('a state', () => {
  test('has a topic with more queues: groups that have begun on it are at 0 on the new ones, others nowhere', () => {
    const topic = {
      type: 'topicCreated',
      topic: 't',
      topicId: 1,
      queues: 2,
      memory: false,
      createdTime: 1,
    } as const;
    const state = stateOf([
      topic,
      { type: 'offsets', group: 'reads', topicId: 1, pairs: [0, 7] },
      { type: 'starts', group: 'began', topicId: 1, pairs: [0, 9, 1, 5] },
      { type: 'groupCreated', group: 'idle', createdTime: 1 },
      { ...topic, queues: 4 },
      { type: 'queueEnds', topicId: 1, pairs: [0, 9, 3, 6] },
      // Of before, applied again.
      topic,
    ]);
    expect(state.topics.get(1)).toMatchObject({ queues: 4 });
    expect([...state.offsets.entries()]).toEqual([{ group: 'reads', topicId: 1, pairs: [0, 7, 2, 0, 3, 0] }]);
    expect([...state.starts.entries()]).toEqual([
      { group: 'began', topicId: 1, pairs: [0, 9, 1, 5, 2, 0, 3, 0] },
    ]);
    expect(state.ends.get(1, 3)).toBe(6);
    expect(textOf(stateOf(state.records()))).toEqual(textOf(state));
  });

  property.prop([fc.array(someRecord, { maxLength: 60 })])(
    'is what its own records make of a new one',
    (given) => {
      const state = stateOf(asWritten(given));
      const again = stateOf(state.records());
      // Numbers of groups that are left without a topic, or an age without a group, are in no record.
      expect(textOf(again)).toEqual(textOf(state));
    },
  );

  property.prop([fc.array(someRecord, { maxLength: 60 }), fc.nat(60), fc.nat(60)])(
    'is the same after a stretch of the log is applied again',
    (given, from, to) => {
      const records = asWritten(given);
      const state = stateOf(records);
      const [first, last] = [Math.min(from, to), Math.max(from, to)];
      // To a state that has all of it, and to one that has some.
      const newer = stateOf([...records, ...records.slice(first)]);
      expect(textOf(newer)).toEqual(textOf(state));
      const between = stateOf([...records.slice(0, last), ...records.slice(first)]);
      expect(textOf(between)).toEqual(textOf(state));
    },
  );

  test('tells of each record that was applied', () => {
    const seen: string[] = [];
    const state = new MetaState();
    state.onApplied = ({ type }) => seen.push(type);
    state.apply({ type: 'groupCreated', group: 'g', createdTime: 1 });
    state.apply({ type: 'groupDeleted', group: 'g' });
    expect(seen).toEqual(['groupCreated', 'groupDeleted']);
  });

  test('refuses what contradicts it, and what it does not know', () => {
    const created: ControlRecord = {
      type: 'topicCreated',
      topic: 'a',
      topicId: 1,
      queues: 1,
      memory: false,
      createdTime: 1,
    };
    const state = stateOf([created, created]);
    const corrupt = expect.objectContaining({ code: 'LOG_CORRUPT' });
    expect(() => state.apply({ ...created, topic: 'b' })).toThrow(corrupt);
    expect(() => state.apply({ type: 'merged' } as unknown as ControlRecord)).toThrow(corrupt);
  });

  test('has one topic of a name, also where the end of the one before was lost, and gives no id out twice', () => {
    const created = (topicId: number): ControlRecord => ({
      type: 'topicCreated',
      topic: 'a',
      topicId,
      queues: 1,
      memory: false,
      createdTime: 1,
    });
    const state = stateOf([
      created(1),
      { type: 'offsets', group: 'g', topicId: 1, pairs: [0, 9] },
      created(4),
    ]);
    expect([...state.topics.keys()]).toEqual([4]);
    expect(state.hasGroup('g')).toBe(false);
    expect(state.nextTopicId).toBe(5);
    state.apply({ type: 'topicDeleted', topic: 'a', topicId: 4, createdTime: 1, deletedTime: 2 });
    expect(stateOf(state.records()).nextTopicId).toBe(5);
  });
});

describe('the history of epochs', () => {
  const start = (epoch: number, position: number) => ({ epoch, position, name: 'a', time: 1 });
  const pairs = (history: EpochHistory) => history.starts.map(({ epoch, position }) => [epoch, position]);

  test('keeps those that are in the log still', () => {
    const history = new EpochHistory();
    for (const [epoch, position] of [
      [1, 0],
      [2, 640],
      [5, 1280],
      [5, 1280],
      [6, 1920],
    ] as const) {
      history.add(start(epoch, position));
    }
    expect([history.last, pairs(history)]).toEqual([
      6,
      [
        [1, 0],
        [2, 640],
        [5, 1280],
        [6, 1920],
      ],
    ]);
    history.trim(1280);
    expect(pairs(history)).toEqual([
      [5, 1280],
      [6, 1920],
    ]);
    history.trim(1900);
    expect(pairs(history)).toEqual([
      [5, 1280],
      [6, 1920],
    ]);
    history.trim(5000);
    expect(pairs(history)).toEqual([[6, 1920]]);
  });

  test('gives up those whose log was given up, and is bounded', () => {
    const history = new EpochHistory();
    for (let epoch = 1; epoch <= MAX_EPOCHS_KEPT + 10; epoch++) {
      history.add(start(epoch, epoch * 64));
    }
    expect(history.starts).toHaveLength(MAX_EPOCHS_KEPT);
    history.cut(20 * 64);
    expect(history.last).toBe(19);
    // Another master's term begins where the one that was known was not to be.
    history.add(start(25, 15 * 64));
    expect(pairs(history).slice(-2)).toEqual([
      [15, 960],
      [25, 960],
    ]);
    history.add(start(17, 970 - 10));
    expect(history.last).toBe(17);
  });
});

test('tombstones of topics: the last deletion of a name, for seven days, and not without end', () => {
  const tombstones = new TopicTombstones();
  const stone = (topic: string, deletedTime: number) => ({ topic, topicId: 1, createdTime: 1, deletedTime });
  tombstones.add(stone('a', 20));
  tombstones.add(stone('a', 10));
  tombstones.add(stone('b', 30));
  expect([...tombstones.values()].map(({ topic, deletedTime }) => [topic, deletedTime])).toEqual([
    ['a', 20],
    ['b', 30],
  ]);
  tombstones.expire(TOMBSTONE_MS + 25);
  expect([...tombstones.values()].map(({ topic }) => topic)).toEqual(['b']);
  for (let i = 0; i < MAX_TOMBSTONES; i++) {
    tombstones.add(stone(`t${i}`, 40));
  }
  expect([tombstones.size, tombstones.get('b')]).toEqual([MAX_TOMBSTONES, undefined]);
});
