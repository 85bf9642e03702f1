import { describe, expect, it } from 'vitest';
import { headerIsValid } from '../../engine/batch/header.js';
import { LANE } from '../../engine/queue/index.js';
import { WORD } from '../../engine/ring/index.js';
import {
  ACK_FLAG_DUPLICATE,
  BATCH,
  BATCH_ATTRIBUTE,
  BATCH_TYPE,
  ERRORS,
  readUint32,
  readUint64,
} from '../../native-free/wire/index.js';
import { Rig } from './rig.js';

const TOPIC = 5;

function rigWithQueue(lane: number = LANE.log): Rig {
  const rig = new Rig({ lane });
  rig.table.open(3, TOPIC, 2, lane);
  return rig;
}

describe('index stage', () => {
  it('stamps offset, position, epoch, watermark and time, and seals the header', () => {
    let now = 500;
    const rig = new Rig({ startPosition: 2 ** 40 + 128, clock: () => now });
    rig.table.open(3, TOPIC, 2, LANE.log, 40);
    rig.publish(1, { topicId: TOPIC, queueId: 2, count: 4, length: 300 });
    rig.run();
    now = 400;
    rig.publish(1, { topicId: TOPIC, queueId: 2, count: 2 });
    rig.run();
    const [first, second] = rig.log as [(typeof rig.log)[0], (typeof rig.log)[0]];
    expect(first.position).toBe(2 ** 40 + 128);
    expect(second.position).toBe(2 ** 40 + 128 + 320);
    for (const { header, position } of rig.log) {
      expect(headerIsValid(header, 0, position)).toBe(true);
      expect(readUint32(header, BATCH.epoch)).toBe(3);
      expect(readUint64(header, BATCH.flushed)).toBe(position);
      // The clock went back; store times do not.
      expect(readUint64(header, BATCH.storeTime)).toBe(500);
    }
    expect(readUint64(first.header, BATCH.baseOffset)).toBe(40);
    expect(readUint64(second.header, BATCH.baseOffset)).toBe(44);
    expect(rig.table.nextOffset(3)).toBe(46);
    expect(rig.table.tailPosition(3)).toBe(second.position + 128);
  });

  it('answers each seat in the order of its claims', () => {
    const rig = rigWithQueue();
    const wanted: Record<number, number[]> = { 1: [], 2: [] };
    for (let i = 0; i < 60; i++) {
      const seat = 1 + (i % 2);
      rig.publish(seat, { topicId: TOPIC, queueId: 2, count: 1 });
      wanted[seat]?.push(i);
    }
    rig.run();
    for (const seat of [1, 2]) {
      expect(rig.takeResults(seat).map((result) => result.baseOffset)).toEqual(wanted[seat]);
    }
    const touched: number[] = [];
    rig.stage.takeTouched((seat) => touched.push(seat));
    expect(touched).toEqual([1, 2]);
  });

  it('turns what it refuses into a pad of the same length, and says why', () => {
    const rig = rigWithQueue();
    const at = rig.publish(1, { topicId: 99, queueId: 2, length: 400 });
    rig.publish(1, { topicId: TOPIC, queueId: 2 });
    rig.run();
    const [refused, stored] = rig.takeResults(1);
    expect(refused).toEqual({
      status: ERRORS.TOPIC_NOT_FOUND.wire,
      flags: 0,
      baseOffset: 0,
      position: 0,
      at,
    });
    expect(stored?.status).toBe(0);
    const pad = rig.log[0]?.header as Uint8Array;
    expect(pad[BATCH.type]).toBe(BATCH_TYPE.pad);
    expect(readUint32(pad, BATCH.length)).toBe(400);
    expect(headerIsValid(pad, 0, 0)).toBe(true);
    expect(rig.log[1]?.position).toBe(448);
  });

  it('refuses a batch of a queue of the other lane, or closed before its turn', () => {
    const rig = rigWithQueue();
    rig.table.open(4, TOPIC, 3, LANE.memory);
    rig.publish(1, { topicId: TOPIC, queueId: 3 });
    rig.publish(1, { topicId: TOPIC, queueId: 2 });
    rig.table.close(3);
    rig.run();
    expect(rig.takeResults(1).map((result) => result.status)).toEqual([
      ERRORS.TOPIC_NOT_FOUND.wire,
      ERRORS.TOPIC_NOT_FOUND.wire,
    ]);
  });

  it('answers a batch sent again with the first one’s place', () => {
    const rig = rigWithQueue();
    const facts = { topicId: TOPIC, queueId: 2, count: 5, producerId: 77, sequence: 12 };
    rig.publish(1, { topicId: TOPIC, queueId: 2, count: 3 });
    rig.publish(1, facts);
    rig.publish(2, facts);
    rig.run();
    const first = rig.takeResults(1)[1];
    const [again] = rig.takeResults(2);
    expect(again).toMatchObject({ status: 0, flags: ACK_FLAG_DUPLICATE });
    expect(again?.baseOffset).toBe(3);
    expect(again?.position).toBe(first?.position);
    expect(rig.table.nextOffset(3)).toBe(8);
    expect(rig.log[2]?.header[BATCH.type]).toBe(BATCH_TYPE.pad);
  });

  it('asks for a sync up to the end of a batch that wants one', () => {
    const rig = rigWithQueue();
    rig.publish(1, { topicId: TOPIC, queueId: 2, attributes: BATCH_ATTRIBUTE.syncFlush, length: 200 });
    rig.publish(1, { topicId: TOPIC, queueId: 2 });
    rig.run();
    expect(Atomics.load(rig.ring.control, WORD.syncWanted)).toBe(4);
  });

  it('stops while an index block cannot be stored, and loses nothing', () => {
    const rig = rigWithQueue();
    for (let i = 0; i < 30; i++) {
      rig.publish(1, { topicId: TOPIC, queueId: 2, count: 2 });
    }
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    rig.disk.beforeWrite = () => {
      throw full;
    };
    rig.run();
    expect(rig.stage.stalledBy).toBe(full);
    expect(rig.takeResults(1)).toHaveLength(19);
    expect(rig.entries(3)).toHaveLength(19);
    rig.run();
    expect(rig.takeResults(1)).toHaveLength(0);
    rig.disk.beforeWrite = () => {};
    rig.run();
    expect(rig.stage.stalledBy).toBeNull();
    expect(rig.takeResults(1)).toHaveLength(11);
    expect(rig.entries(3).map((entry) => entry.baseOffset)).toEqual(
      Array.from({ length: 30 }, (_, i) => i * 2),
    );
  });

  it('leaves the work to who holds the role', () => {
    const rig = rigWithQueue();
    rig.publish(1, { topicId: TOPIC, queueId: 2 });
    expect(rig.ring.indexRole.tryTake(2)).toBe(true);
    expect(rig.stage.tryRun(1)).toBe(false);
    expect(rig.stage.snapshotTables(1)).toBeNull();
    rig.ring.indexRole.release(2);
    expect(rig.stage.tryRun(1)).toBe(true);
    expect(rig.stage.tryRun(1)).toBe(false);
  });

  it('stops at its bound, says so, and goes on when called again', () => {
    const rig = rigWithQueue();
    const stage = rig.openStage(10);
    for (let i = 0; i < 25; i++) {
      rig.publish(1, { topicId: TOPIC, queueId: 2 });
    }
    const indexed: number[] = [];
    do {
      expect(stage.tryRun(1)).toBe(true);
      expect(rig.ring.indexRole.holder()).toBe(-1);
      indexed.push(rig.table.nextOffset(3));
    } while (stage.hasMore);
    expect(indexed).toEqual([10, 20, 25]);
  });

  it('keeps 8,192 results for a seat, and passes over what an earlier owner left', () => {
    const rig = rigWithQueue();
    for (let i = 0; i < 8192 + 10; i++) {
      if (rig.publish(1, { topicId: TOPIC, queueId: 2 }) === null) {
        rig.run();
        rig.publish(1, { topicId: TOPIC, queueId: 2 });
      }
    }
    rig.run();
    const results = rig.takeResults(1);
    expect(results.map((result) => result.baseOffset)).toEqual(
      Array.from({ length: 8192 }, (_, i) => i + 10),
    );
  });
});
