/** A control batch is stamped in its place among the messages, and is in no queue. */
import { describe, expect, it } from 'vitest';
import { headerIsValid } from '../../engine/batch/header.js';
import { controlBatches } from '../../engine/meta/control-batch.js';
import { LANE } from '../../engine/queue/index.js';
import type { RingWriter } from '../../engine/ring/index.js';
import { BATCH, BATCH_TYPE, readUint32, readUint64 } from '../../native-free/wire/index.js';
import { Rig } from './rig.js';

function publishControl(rig: Rig, seat: number): number {
  const writer = rig.writers[seat] as RingWriter;
  const [batch] = controlBatches([{ type: 'groupDeleted', group: 'billing' }], 4096, 5);
  const bytes = batch as Uint8Array;
  expect(writer.claim(bytes.length)).toBe(true);
  rig.ring.bytes.set(bytes, writer.place);
  writer.publish();
  return writer.position;
}

describe('a control batch', () => {
  it('has its place and its result, and no offset', () => {
    const rig = new Rig();
    rig.table.open(0, 7, 0, LANE.log);
    rig.publish(0, { topicId: 7, queueId: 0, count: 3 });
    const at = publishControl(rig, 1);
    rig.publish(0, { topicId: 7, queueId: 0, count: 2 });
    rig.run();

    const [result] = rig.takeResults(1);
    expect(result).toMatchObject({ status: 0, flags: 0, baseOffset: 0, position: rig.ring.toBytes(at), at });
    expect(rig.takeResults(0).map(({ baseOffset }) => baseOffset)).toEqual([0, 3]);
    const { header, position } = rig.log[1] as (typeof rig.log)[0];
    expect(header[BATCH.type]).toBe(BATCH_TYPE.control);
    expect(headerIsValid(header, 0, position)).toBe(true);
    expect(readUint32(header, BATCH.epoch)).toBe(3);
    expect(readUint64(header, BATCH.storeTime)).toBe(1_000);
    expect(rig.entries(0).map(({ baseOffset, count }) => [baseOffset, count])).toEqual([
      [0, 3],
      [3, 2],
    ]);
  });

  it('changes nothing in the tables when the log is replayed', () => {
    const rig = new Rig();
    rig.table.open(0, 7, 0, LANE.log);
    publishControl(rig, 1);
    rig.publish(0, { topicId: 7, queueId: 0, count: 3 });
    publishControl(rig, 1);
    rig.run();
    const again = new Rig();
    again.table.open(0, 7, 0, LANE.log);
    for (const { header, position } of rig.log) {
      again.stage.replay(header, position);
    }
    expect(again.state()).toEqual(rig.state());
  });
});
