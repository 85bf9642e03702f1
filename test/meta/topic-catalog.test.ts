import { describe, expect, test } from 'vitest';
import { MetaState } from '../../engine/meta/meta-state.js';
import { type CatalogTopic, TopicCatalog, type TopicParams } from '../../engine/meta/topic-catalog.js';
import { fc, test as property } from '../properties.js';

function openCatalog(maxQueues = 64): {
  catalog: TopicCatalog;
  state: MetaState;
  reopen(max?: number): TopicCatalog;
} {
  const state = new MetaState();
  const make = (max: number): TopicCatalog => new TopicCatalog(state, { now: () => 77, maxQueues: max });
  return { catalog: make(maxQueues), state, reopen: (max = maxQueues) => make(max) };
}

/** A topic whose queues nobody has to open. */
function create(
  { catalog, state }: { catalog: TopicCatalog; state: MetaState },
  params: TopicParams,
  options: { internal?: boolean } = {},
): CatalogTopic {
  const made = catalog.reserve(params, options);
  const { topicId, queues, memory, createdTime } = made;
  state.apply({ type: 'topicCreated', topic: made.topic, topicId, queues, memory, createdTime });
  catalog.publish(made);
  return made;
}

function remove(
  { catalog, state }: { catalog: TopicCatalog; state: MetaState },
  { topic, topicId, createdTime, ...gone }: CatalogTopic,
): void {
  state.apply({ type: 'topicDeleted', topic, topicId, createdTime, deletedTime: 78 });
  const shown = catalog.byId(topicId) as CatalogTopic;
  expect(shown.slots).toEqual(gone.slots);
  catalog.remove(shown);
  catalog.freeSlots(shown);
}

const topic = (name: string, queues = 4, memory = false) => ({ topic: name, queues, memory });

describe('TopicCatalog', () => {
  test('has the topics of a state, with their ids, and slots of its own', () => {
    const opened = openCatalog();
    const { catalog, reopen } = opened;
    create(opened, topic('b', 3));
    const first = create(opened, topic('a', 2, true));
    remove(opened, catalog.require('b'));
    const third = create(opened, topic('c', 5));
    expect(first).toMatchObject({ topicId: 2, queues: 2, memory: true, createdTime: 77 });
    expect([...third.slots]).toEqual([0, 1, 2, 5, 6]);
    const again = reopen();
    expect(again.list().map(({ topic: name }) => name)).toEqual(['a', 'c']);
    expect(again.byId(2)).toEqual({ ...first, slots: Int32Array.of(0, 1) });
    expect(again.freeQueues).toBe(64 - 7);
    expect(again.byName('b')).toBeUndefined();
    expect(again.byId(3)).toEqual({ ...third, slots: Int32Array.of(2, 3, 4, 5, 6) });
  });

  test('makes a topic newer than those of its name that were deleted, though the clock was set back', () => {
    const opened = openCatalog();
    const { catalog } = opened;
    remove(opened, create(opened, { ...topic('a'), createdTime: 500 }));
    expect(create(opened, topic('a')).createdTime).toBe(501);
    remove(opened, catalog.require('a'));
    catalog.leastCreatedTime = (name) => (name === 'a' ? 9_000 : 0);
    expect(create(opened, topic('a')).createdTime).toBe(9_000);
    remove(opened, catalog.require('a'));
    expect(() => catalog.reserve({ ...topic('a'), createdTime: 9_000 })).toThrow('was deleted here');
    expect(create(opened, { ...topic('a'), createdTime: 9_001 }).createdTime).toBe(9_001);
    expect(create(opened, topic('b')).createdTime).toBe(77);
  });

  test('remembers of a name the deletion of its newest topic, in whatever order they are told', () => {
    const state = new MetaState();
    const gone = (createdTime: number, deletedTime: number) =>
      state.apply({ type: 'topicTombstone', topic: 'a', topicId: 1, createdTime, deletedTime });
    gone(5, 100);
    gone(7, 50);
    gone(6, 200);
    expect(state.tombstones.get('a')).toMatchObject({ createdTime: 7, deletedTime: 50 });
  });

  test('keeps the sets that a topic belongs to', () => {
    const opened = openCatalog();
    const made = opened.catalog.reserve({ ...topic('a'), sets: ['east', 'west'] });
    expect(made.sets).toEqual(['east', 'west']);
    const { topicId, queues, memory, createdTime } = made;
    const record = { topic: 'a', topicId, queues, memory, createdTime, sets: ['east', 'west'] };
    opened.state.apply({ type: 'topicCreated', ...record });
    expect(opened.reopen().byName('a')?.sets).toEqual(['east', 'west']);
    expect([...opened.state.records()]).toContainEqual({ type: 'topicCreated', ...record });
  });

  test('never gives an id out twice, not even that of the last topic, deleted before a restart', () => {
    const opened = openCatalog();
    const { catalog, reopen } = opened;
    create(opened, topic('a'));
    remove(opened, create(opened, topic('b')));
    expect(create(opened, topic('b')).topicId).toBe(3);
    remove(opened, catalog.require('b'));
    expect(create({ ...opened, catalog: reopen() }, topic('b')).topicId).toBe(4);
  });

  test('refuses names, queue counts and topics that cannot be', () => {
    const opened = openCatalog();
    const { catalog } = opened;
    const code = (run: () => unknown): string => {
      try {
        run();
        return 'none';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    for (const name of ['', 'a b', 'ä', '%DLQ%a', 'x'.repeat(128), 'a\n']) {
      expect(code(() => create(opened, topic(name)))).toBe('BAD_ARGUMENT');
    }
    for (const queues of [0, -1, 1.5, Number.NaN, 16_385]) {
      expect(code(() => create(opened, topic('a', queues)))).toBe('BAD_ARGUMENT');
    }
    expect(create(opened, topic('%DLQ%a'), { internal: true }).topic).toBe('%DLQ%a');
    expect(code(() => create(opened, topic('a%'), { internal: true }))).toBe('BAD_ARGUMENT');
    create(opened, topic('a', 4));
    expect(() => create(opened, topic('a', 4))).toThrow(
      expect.objectContaining({ code: 'TOPIC_EXISTS', details: expect.objectContaining({ queues: 4 }) }),
    );
    expect(() => create(opened, topic('big', 57))).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_QUEUES', details: { value: 57, free: 56, limit: 64 } }),
    );
    expect(create(opened, topic('big', 56)).queues).toBe(56);
    expect(code(() => catalog.require('nope'))).toBe('TOPIC_NOT_FOUND');
  });

  test('a reserved topic is not seen, and gives everything back when abandoned', () => {
    const opened = openCatalog();
    const { catalog } = opened;
    const reserved = catalog.reserve(topic('a'));
    expect([catalog.byName('a'), catalog.freeQueues]).toEqual([undefined, 60]);
    expect(() => catalog.reserve(topic('a'))).toThrow(expect.objectContaining({ code: 'TOPIC_EXISTS' }));
    catalog.abandon(reserved);
    expect(catalog.freeQueues).toBe(64);
    expect(create(opened, topic('a')).topic).toBe('a');
  });

  test('slots of a removed topic are not handed out before they are freed', () => {
    const opened = openCatalog(8);
    const { catalog } = opened;
    const a = create(opened, topic('a', 4));
    catalog.remove(a);
    expect(() => create(opened, topic('b', 5))).toThrow(expect.objectContaining({ code: 'TOO_MANY_QUEUES' }));
    catalog.freeSlots(a);
    expect(() => catalog.freeSlots(a)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect([...create(opened, topic('b', 5)).slots]).toEqual([0, 1, 2, 3, 4]);
  });

  test('refuses to open with fewer queues allowed than are stored', () => {
    const opened = openCatalog();
    const { reopen } = opened;
    create(opened, topic('a', 10));
    expect(() => reopen(9)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  property.prop(
    [fc.array(fc.record({ name: fc.nat(5), queues: fc.integer({ min: 1, max: 9 }) }), { maxLength: 30 })],
    {
      numRuns: 20,
    },
  )('no slot ever belongs to two topics', (steps) => {
    const opened = openCatalog(24);
    const { catalog, reopen } = opened;
    for (const { name, queues } of steps) {
      const existing = catalog.byName(`t${name}`);
      if (existing !== undefined) {
        remove(opened, existing);
      } else if (queues <= catalog.freeQueues) {
        create(opened, topic(`t${name}`, queues));
      }
      const slots = catalog.list().flatMap((each) => [...each.slots]);
      expect(new Set(slots).size).toBe(slots.length);
      expect(catalog.freeQueues).toBe(24 - slots.length);
    }
    const withoutSlots = (topics: readonly CatalogTopic[]) =>
      topics.map((each) => ({ ...each, slots: null }));
    expect(withoutSlots(reopen().list())).toEqual(withoutSlots(catalog.list()));
    expect(reopen().freeQueues).toBe(catalog.freeQueues);
  });
});
