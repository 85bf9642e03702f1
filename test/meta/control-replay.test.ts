/** What a replay keeps of the topics that it has seen made stays small on a slave that follows for years. */

import { describe, expect, it } from 'vitest';
import { ControlReplay } from '../../engine/data/control-replay.js';
import { IdRanges } from '../../engine/data/id-ranges.js';
import { type ControlRecord, controlBatches, MetaState, TopicCatalog } from '../../engine/meta/index.js';
import { BATCH, BATCH_HEADER_BYTES, writeUint32 } from '../../native-free/wire/index.js';
import { fc, test as property } from '../properties.js';

function openReplay() {
  const state = new MetaState();
  const catalog = new TopicCatalog(state, { now: () => 1, maxQueues: 64 });
  const replay = new ControlReplay({
    ...{ state, catalog, openQueues: () => undefined },
    closeQueues: (topic) => catalog.freeSlots(topic),
  });
  const apply = (...records: ControlRecord[]): void => {
    for (const batch of controlBatches(records, 1024 * 1024, 1)) {
      replay.apply(batch, 0, batch.subarray(BATCH_HEADER_BYTES));
    }
  };
  const sees = (topicId: number): void => {
    const header = new Uint8Array(BATCH_HEADER_BYTES);
    writeUint32(header, BATCH.topicId, topicId);
    replay.sees(header);
  };
  const created = (topicId: number): ControlRecord => ({
    ...{
      type: 'topicCreated',
      topic: `t${topicId}`,
      topicId,
      queues: 1,
      memory: false,
      createdTime: topicId,
    },
  });
  const deleted = (topicId: number): ControlRecord => ({
    ...{ type: 'topicDeleted', topic: `t${topicId}`, topicId, createdTime: topicId, deletedTime: topicId },
  });
  return { replay, apply, sees, created, deleted };
}

describe('topics that come and go', () => {
  it('leave nothing that grows with them, and none of them is missing', () => {
    const { replay, apply, sees, created, deleted } = openReplay();
    for (let id = 1; id <= 20_000; id++) {
      apply(created(id), deleted(id));
    }
    expect(replay.keptCount).toBe(1);
    sees(1);
    sees(20_000);
    expect(replay.warning).toBeNull();
  });

  it('and one among them that was never made is missing all the same', () => {
    const { replay, apply, sees, created, deleted } = openReplay();
    apply(created(1), created(2), deleted(1), created(4));
    sees(3);
    sees(4);
    sees(5);
    expect(replay.warning).toMatch(/ids 3, 5 is missing/);
  });
});

describe('ids as ranges', () => {
  property.prop([fc.array(fc.integer({ min: 0, max: 60 }))])(
    'have what was added, and nothing else',
    (ids) => {
      const ranges = new IdRanges();
      const all = new Set(ids);
      for (const id of ids) {
        ranges.add(id);
      }
      const has = Array.from({ length: 62 }, (_, id) => ranges.has(id));
      expect(has).toEqual(Array.from({ length: 62 }, (_, id) => all.has(id)));
      expect(ranges.count).toBe(has.filter((is, id) => is && !has[id - 1]).length);
    },
  );

  it('are a bounded number of them, whatever comes', () => {
    const ranges = new IdRanges();
    for (let id = 0; id < 10_000; id++) {
      ranges.add(id * 2);
    }
    expect(ranges.count).toBe(1_024);
    expect([ranges.has(19_998), ranges.has(19_997), ranges.has(0)]).toEqual([true, false, true]);
  });
});
