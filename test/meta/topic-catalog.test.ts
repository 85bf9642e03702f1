import { join } from 'node:path';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { NodeDisk } from '../../engine/disk/node-disk.js';
import { MetaStore } from '../../engine/meta/meta-store.js';
import { fromRuns, toRuns } from '../../engine/meta/slot-pool.js';
import { type CatalogTopic, TopicCatalog, type TopicParams } from '../../engine/meta/topic-catalog.js';
import { tempDir } from './temp-dir.js';

function openStore(dir: string): MetaStore {
  return MetaStore.open(new NodeDisk(), dir, {
    now: () => 1,
    defaults: { spanBytes: 4096, segmentBytes: 65_536 },
  });
}

function openCatalog(maxQueues = 64): {
  store: MetaStore;
  catalog: TopicCatalog;
  reopen(max?: number): TopicCatalog;
} {
  const dir = join(tempDir(), 'meta');
  const make = (from: MetaStore, max: number): TopicCatalog =>
    new TopicCatalog(from, { now: () => 77, maxQueues: max });
  const store = openStore(dir);
  return { store, catalog: make(store, maxQueues), reopen: (max = maxQueues) => make(openStore(dir), max) };
}

/** A topic whose queues nobody has to open. */
function create(
  catalog: TopicCatalog,
  params: TopicParams,
  options: { internal?: boolean } = {},
): CatalogTopic {
  const made = catalog.reserve(params, options);
  try {
    catalog.publish(made);
  } catch (error) {
    catalog.abandon(made);
    throw error;
  }
  return made;
}

function remove(catalog: TopicCatalog, gone: CatalogTopic): void {
  catalog.remove(gone);
  catalog.freeSlots(gone);
}

const topic = (name: string, queues = 4, memory = false) => ({ topic: name, queues, memory });

describe('TopicCatalog', () => {
  test('keeps topics, their ids and their slots over a restart', () => {
    const { catalog, reopen } = openCatalog();
    create(catalog, topic('b', 3));
    const first = create(catalog, topic('a', 2, true));
    remove(catalog, catalog.require('b'));
    const third = create(catalog, topic('c', 5));
    expect(first).toMatchObject({ topicId: 2, queues: 2, memory: true, createdTime: 77 });
    expect([...third.slots]).toEqual([0, 1, 2, 5, 6]);
    const again = reopen();
    expect(again.list()).toEqual([first, third]);
    expect(again.freeQueues).toBe(64 - 7);
    expect(again.byName('b')).toBeUndefined();
    expect(again.byId(3)).toEqual(third);
  });

  test('never gives an id out twice, not even that of the last topic, deleted before a restart', () => {
    const { catalog, reopen } = openCatalog();
    create(catalog, topic('a'));
    remove(catalog, create(catalog, topic('b')));
    expect(create(catalog, topic('b')).topicId).toBe(3);
    remove(catalog, catalog.require('b'));
    expect(create(reopen(), topic('b')).topicId).toBe(4);
  });

  test('refuses names, queue counts and topics that cannot be', () => {
    const { catalog } = openCatalog();
    const code = (run: () => unknown): string => {
      try {
        run();
        return 'none';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    for (const name of ['', 'a b', 'ä', '%DLQ%a', 'x'.repeat(128), 'a\n']) {
      expect(code(() => create(catalog, topic(name)))).toBe('BAD_ARGUMENT');
    }
    for (const queues of [0, -1, 1.5, Number.NaN, 16_385]) {
      expect(code(() => create(catalog, topic('a', queues)))).toBe('BAD_ARGUMENT');
    }
    expect(create(catalog, topic('%DLQ%a'), { internal: true }).topic).toBe('%DLQ%a');
    expect(code(() => create(catalog, topic('a%'), { internal: true }))).toBe('BAD_ARGUMENT');
    create(catalog, topic('a', 4));
    expect(() => create(catalog, topic('a', 4))).toThrow(
      expect.objectContaining({ code: 'TOPIC_EXISTS', details: expect.objectContaining({ queues: 4 }) }),
    );
    expect(() => create(catalog, topic('big', 57))).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_QUEUES', details: { value: 57, free: 56, limit: 64 } }),
    );
    expect(create(catalog, topic('big', 56)).queues).toBe(56);
    expect(code(() => catalog.require('nope'))).toBe('TOPIC_NOT_FOUND');
  });

  test('a reserved topic is not seen, and gives everything back when abandoned', () => {
    const { catalog } = openCatalog();
    const reserved = catalog.reserve(topic('a'));
    expect([catalog.byName('a'), catalog.freeQueues]).toEqual([undefined, 60]);
    expect(() => catalog.reserve(topic('a'))).toThrow(expect.objectContaining({ code: 'TOPIC_EXISTS' }));
    catalog.abandon(reserved);
    expect(catalog.freeQueues).toBe(64);
    expect(create(catalog, topic('a')).topic).toBe('a');
  });

  test('slots of a removed topic are not handed out before they are freed', () => {
    const { catalog } = openCatalog(8);
    const a = create(catalog, topic('a', 4));
    catalog.remove(a);
    expect(() => create(catalog, topic('b', 5))).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_QUEUES' }),
    );
    catalog.freeSlots(a);
    expect(() => catalog.freeSlots(a)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect([...create(catalog, topic('b', 5)).slots]).toEqual([0, 1, 2, 3, 4]);
  });

  test('refuses to open with fewer queues allowed than are stored', () => {
    const { catalog, reopen } = openCatalog();
    create(catalog, topic('a', 10));
    expect(() => reopen(9)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  property.prop([fc.uniqueArray(fc.nat(200))])('slots survive being written as runs', (slots) => {
    const sorted = Int32Array.from(slots).sort();
    expect(fromRuns(toRuns(sorted))).toEqual(sorted);
  });

  property.prop(
    [fc.array(fc.record({ name: fc.nat(5), queues: fc.integer({ min: 1, max: 9 }) }), { maxLength: 30 })],
    {
      numRuns: 20,
    },
  )('no slot ever belongs to two topics', (steps) => {
    const { catalog, reopen, store } = openCatalog(24);
    for (const { name, queues } of steps) {
      const existing = catalog.byName(`t${name}`);
      if (existing !== undefined) {
        remove(catalog, existing);
      } else if (queues <= catalog.freeQueues) {
        create(catalog, topic(`t${name}`, queues));
      }
      const slots = catalog.list().flatMap((each) => [...each.slots]);
      expect(new Set(slots).size).toBe(slots.length);
      expect(catalog.freeQueues).toBe(24 - slots.length);
    }
    store.close();
    expect(reopen().list()).toEqual(catalog.list());
  });
});
