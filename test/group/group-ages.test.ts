/** How long groups have been without members is written down so that it can be read again. */
import { setTimeout as delay } from 'node:timers/promises';
import { Packr } from 'msgpackr';
import { expect, it } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { GroupAges } from '../../engine/group/group-ages.js';
import type { GroupOffsets } from '../../engine/group/offsets.js';
import type { ControlRecord } from '../../engine/meta/control-records.js';
import { decodeRecords, encodeRecords } from '../../engine/meta/record-codec.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';

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

it('so that a broker starts again that was stopped with a group whose members had gone', async () => {
  const dataDir = makeDirectory();
  try {
    // Ages grow four times a second then.
    const options = { dataDir, groupRetentionMs: 2_000 };
    const broker = await openBroker(options);
    const client = broker.client();
    await client.admin().createTopic({ topic: 'orders', queues: 1 });
    await client.producer().send({ topic: 'orders', body: '1' });
    const consumer = client.consumer({ group: 'billing', topic: 'orders', from: 'earliest' });
    for (const message of await consumer.poll({ max: 1, waitMs: 10_000 })) {
      await message.ack();
    }
    await consumer.close();
    await delay(600);
    await broker.close();
    const again = await openBroker(options);
    const topics = await again.client().admin().listTopics();
    await again.close();
    expect(topics.map(({ topic }) => topic)).toEqual(['orders']);
  } finally {
    removeDirectory(dataDir);
  }
});
