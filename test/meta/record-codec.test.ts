import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { checkBatch } from '../../engine/batch/check.js';
import { controlBatches, recordsOf } from '../../engine/meta/control-batch.js';
import type { ControlRecord, OffsetsRecord } from '../../engine/meta/control-records.js';
import { decodeRecords, encodeRecords } from '../../engine/meta/record-codec.js';
import { BATCH_HEADER_BYTES, ERRORS } from '../../native-free/wire/index.js';

const packr = new Packr({ useRecords: false });

const ALL: ControlRecord[] = [
  { type: 'epoch', epoch: 3, position: 4096, name: 'a', time: 1_700_000_000_000 },
  { type: 'topicIds', nextTopicId: 9 },
  { type: 'topicCreated', topic: 'orders', topicId: 1, queues: 4, memory: false, createdTime: 5 },
  { type: 'topicDeleted', topic: 'orders', topicId: 1, createdTime: 5, deletedTime: 6 },
  { type: 'topicTombstone', topic: 'orders', topicId: 1, createdTime: 5, deletedTime: 6 },
  { type: 'offsets', group: 'billing', topicId: 1, pairs: [0, 2 ** 40, 3, 0] },
  { type: 'starts', group: 'billing', topicId: 1, pairs: [0, 1] },
  { type: 'expired', group: 'billing', topicId: 1, pairs: [0, 1] },
  { type: 'startsDropped', group: 'billing', topicId: 1 },
  { type: 'groupCreated', group: '%DLQ%billing', createdTime: 5 },
  { type: 'groupDeleted', group: 'billing' },
  { type: 'groupIdle', group: 'billing', idleMs: 3_600_000 },
  {
    type: 'topicCreated',
    topic: 'near',
    topicId: 2,
    queues: 4,
    memory: false,
    createdTime: 5,
    sets: ['a', 'b'],
  },
  { type: 'queueEnds', topicId: 1, pairs: [0, 2 ** 40, 3, 0] },
  { type: 'queueBegins', topicId: 1, pairs: [2, 2 ** 40] },
];

function unpack(batches: Uint8Array[]): ControlRecord[] {
  return batches.flatMap((batch) => recordsOf(batch, batch.subarray(BATCH_HEADER_BYTES)));
}

describe('control records', () => {
  it('come back as they were, in one batch', () => {
    expect(decodeRecords(encodeRecords(ALL), ALL.length)).toEqual(ALL);
    const batches = controlBatches(ALL, 8 * 2 ** 20, 77);
    expect(batches).toHaveLength(1);
    expect(unpack(batches)).toEqual(ALL);
  });

  it('that do not fit one batch go on in the next, offsets of many queues also within one record', () => {
    const pairs = Array.from({ length: 16_384 }, (_, queueId) => [queueId, 2 ** 45 + queueId]).flat();
    const records: ControlRecord[] = [
      ...ALL,
      { type: 'offsets', group: 'g'.repeat(127), topicId: 1, pairs },
      ...Array.from(
        { length: 500 },
        (_, i): ControlRecord => ({ type: 'groupDeleted', group: `group-${i}` }),
      ),
    ];
    const batches = controlBatches(records, 4096, 77);
    for (const batch of batches) {
      expect(batch.length).toBeLessThanOrEqual(4096);
    }
    const back = unpack(batches);
    expect(back.filter(({ type }) => type !== 'offsets')).toEqual(
      records.filter(({ type }) => type !== 'offsets'),
    );
    const parts = back.filter((record) => record.type === 'offsets' && record.group.startsWith('ggg'));
    expect(parts.flatMap((record) => (record as OffsetsRecord).pairs)).toEqual(pairs);
    expect(controlBatches([], 4096, 77)).toEqual([]);
  });

  it('are refused when they are anything else', () => {
    const wrong: unknown[] = [
      'no list',
      [1],
      [null],
      [[]],
      [{}],
      [{ type: 'topicsMerged' }],
      [{ ...ALL[0], epoch: 0 }],
      [{ ...ALL[0], name: 7 }],
      [{ ...ALL[1], nextTopicId: -1 }],
      [{ ...ALL[2], queues: 16_385 }],
      [{ ...ALL[2], topic: '' }],
      [{ ...ALL[2], topic: 'x'.repeat(300) }],
      [{ ...ALL[2], memory: 1 }],
      [{ ...ALL[3], topicId: 2 ** 33 }],
      [{ ...ALL[4], deletedTime: 'now' }],
      [{ ...ALL[5], pairs: [0] }],
      [{ ...ALL[5], pairs: [0, -1] }],
      [{ ...ALL[5], pairs: [0, 0.5] }],
      [{ ...ALL[5], pairs: [0, Number.NaN] }],
      [{ ...ALL[6], pairs: new Array(32_770).fill(0) }],
      [{ ...ALL[7], group: undefined }],
      [{ ...ALL[11], idleMs: 1e300 }],
      [{ ...ALL[12], sets: 'a' }],
      [{ ...ALL[12], sets: ['a b'] }],
      [{ ...ALL[12], sets: new Array(65).fill('a') }],
    ];
    for (const value of wrong) {
      expect(() => decodeRecords(packr.pack(value), 1), JSON.stringify(value)).toThrow(
        expect.objectContaining({ code: 'LOG_CORRUPT' }),
      );
    }
    expect(() => decodeRecords(encodeRecords(ALL), 3)).toThrow(/no list of 3 records/);
    expect(() => decodeRecords(encodeRecords(ALL).subarray(0, 40), ALL.length)).toThrow(
      expect.objectContaining({ code: 'LOG_CORRUPT' }),
    );
  });

  it('are nothing that a producer may send', () => {
    const [batch] = controlBatches(ALL, 2 ** 20, 77);
    expect(checkBatch(batch as Uint8Array, true, true)).toBe(ERRORS.BAD_BATCH.wire);
    expect(checkBatch(batch as Uint8Array, false, true)).toBe(ERRORS.BAD_BATCH.wire);
  });
});
