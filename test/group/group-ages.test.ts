/** How long groups have been without members is written down so that it can be read again. */
import { Packr } from 'msgpackr';
import { expect, it } from 'vitest';
import { GroupAges } from '../../engine/group/group-ages.js';
import type { GroupOffsets } from '../../engine/group/offsets.js';
import type { ControlRecord } from '../../engine/meta/control-records.js';
import { decodeRecords, encodeRecords } from '../../engine/meta/record-codec.js';

const packr = new Packr({ useRecords: false });

function agesOf(written: ControlRecord[]): GroupAges {
  const offsets = {
    groups: () => new Set(['billing']),
    lasts: () => true,
    drop: () => {},
  } as unknown as GroupOffsets;
  const store = {
    state: { idleMs: new Map<string, number>(), createdGroups: new Map<string, number>() },
    appendLater: (record: ControlRecord) => written.push(record),
  };
  return new GroupAges(
    { store, offsets, groupRetentionMs: 7 * 86_400_000, hasMembers: () => false, onDeleted: () => {} },
    1_000.25,
  );
}

it('by a clock that has parts of a millisecond, when the broker stops and every hour', () => {
  const written: ControlRecord[] = [];
  const ages = agesOf(written);
  ages.step(3_700_000.875);
  ages.step(3_800_000.9375);
  ages.close();
  expect(written).toEqual([
    { type: 'groupIdle', group: 'billing', idleMs: 3_699_000 },
    { type: 'groupIdle', group: 'billing', idleMs: 100_000 },
  ]);
  expect(decodeRecords(encodeRecords(written), written.length)).toEqual(written);
});

it('and is read where a part of a millisecond was written', () => {
  const before = [{ type: 'groupIdle', group: 'billing', idleMs: 60_012.345 }];
  expect(decodeRecords(packr.pack(before), 1)).toEqual([{ ...before[0], idleMs: 60_012 }]);
  for (const idleMs of [-1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, '5']) {
    expect(() => decodeRecords(packr.pack([{ ...before[0], idleMs }]), 1)).toThrow(/bad idleMs/);
  }
});
