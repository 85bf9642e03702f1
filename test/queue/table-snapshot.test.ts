import { describe, expect, it } from 'vitest';
import { LANE, QueueIndex, trimIndex } from '../../engine/queue/index.js';
import { fc } from '../properties.js';
import { MemoryDisk } from './memory-disk.js';
import { Rig } from './rig.js';

const TOPIC = 5;
const QUEUES = 4;

interface Sent {
  queue: number;
  count: number;
  producerId: number;
  /** How far back the sequence goes: 0 = the next. */
  back: number;
}

function openQueues(rig: Rig, firstSlot = 0): void {
  for (let queue = 0; queue < QUEUES; queue++) {
    rig.table.open(firstSlot + queue, TOPIC, queue, LANE.log);
  }
}

function sendAll(rig: Rig, sends: Sent[], sequences: Map<number, number>): void {
  for (const { queue, count, producerId, back } of sends) {
    const next = (sequences.get(producerId) ?? 0) + (back === 0 ? 1 : 0);
    sequences.set(producerId, next);
    rig.publish(1, { topicId: TOPIC, queueId: queue, count, producerId, sequence: Math.max(next - back, 0) });
    rig.run();
  }
}

/** What a broker does at a start: queues from meta, tables from the snapshot, then the log from there on. */
function recover(rig: Rig, bytes: Uint8Array | null, log: Rig['log'], firstSlot = 0): Rig {
  const disk = new MemoryDisk();
  for (const [name, file] of rig.disk.files) {
    disk.files.set(name, file.slice());
  }
  const startPosition = rig.ring.toBytes(rig.ring.indexed());
  const fresh = new Rig({ ...rig.options, disk, startPosition });
  openQueues(fresh, firstSlot);
  const facts = bytes === null ? null : fresh.stage.restoreTables(bytes);
  if (facts === null) {
    fresh.files.deleteAll();
  }
  for (const { header, position } of log) {
    if (position >= (facts?.position ?? 0)) {
      fresh.stage.replay(header, position);
    }
  }
  return fresh;
}

const sends = (max: number) =>
  fc.array(
    fc.record({
      queue: fc.nat(QUEUES - 1),
      count: fc.integer({ min: 1, max: 5 }),
      producerId: fc.nat(4),
      back: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 80 })),
    }),
    { maxLength: max },
  );

const options = { maxQueues: 16, maxProducers: 3, blocksPerFile: 2 };

describe('snapshot and replay', () => {
  it('bring back what there was, wherever the snapshot was taken, in other slots too', () => {
    fc.assert(
      fc.property(sends(200), sends(200), fc.boolean(), sends(30), (before, after, useSnapshot, more) => {
        const rig = new Rig(options);
        openQueues(rig);
        const sequences = new Map<number, number>();
        sendAll(rig, before, sequences);
        const snapshot = rig.stage.snapshotTables(0);
        sendAll(rig, after, sequences);
        const fresh = recover(rig, useSnapshot ? (snapshot?.bytes ?? null) : null, rig.log, 9);
        expect(fresh.state()).toEqual(rig.state());
        expect(fresh.table.lastStoreTime(LANE.log)).toBe(rig.table.lastStoreTime(LANE.log));
        // And both go on alike: same offsets, same verdicts.
        rig.takeResults(1);
        const copy = new Map(sequences);
        sendAll(rig, more, sequences);
        sendAll(fresh, more, copy);
        const plain = (result: { status: number; flags: number; baseOffset: number }) => [
          result.status,
          result.flags,
          result.baseOffset,
        ];
        expect(fresh.takeResults(1).map(plain)).toEqual(rig.takeResults(1).map(plain));
      }),
      { numRuns: 60 },
    );
  });

  it('an older checkpoint position than the snapshot’s does no harm: known batches are passed over', () => {
    const rig = new Rig(options);
    openQueues(rig);
    const sequences = new Map<number, number>();
    const all = Array.from({ length: 150 }, (_, i) => ({
      queue: i % QUEUES,
      count: 2,
      producerId: i % 3,
      back: i % 10 === 9 ? 2 : 0,
    }));
    sendAll(rig, all, sequences);
    const snapshot = rig.stage.snapshotTables(0);
    const fresh = new Rig({ ...options, disk: rig.disk });
    openQueues(fresh);
    expect(fresh.stage.restoreTables(snapshot?.bytes as Uint8Array)).toEqual({
      position: snapshot?.position,
      firstBlock: 1,
      nextBlock: snapshot?.nextBlock,
    });
    for (const { header, position } of rig.log) {
      fresh.stage.replay(header, position);
    }
    expect(fresh.state()).toEqual(rig.state());
    const again = { ...fresh.stage.snapshotTables(0), position: snapshot?.position };
    expect(again.nextBlock).toBe(snapshot?.nextBlock);
    expect(again.bytes?.subarray(24)).toEqual(snapshot?.bytes.subarray(24));
  });

  it('a queue whose first batches are gone from the log begins where the log does', () => {
    const rig = new Rig(options);
    openQueues(rig);
    sendAll(
      rig,
      Array.from({ length: 100 }, () => ({ queue: 1, count: 3, producerId: 0, back: 0 })),
      new Map(),
    );
    const fresh = recover(rig, null, rig.log.slice(40));
    expect(fresh.table.minOffset(1)).toBe(120);
    expect(fresh.entries(1)).toEqual(rig.entries(1).slice(40));
  });

  it('a stretch of log that was passed over as damaged leaves a gap, and no wrong answers', () => {
    const rig = new Rig(options);
    openQueues(rig);
    sendAll(
      rig,
      Array.from({ length: 200 }, () => ({ queue: 1, count: 3, producerId: 0, back: 0 })),
      new Map(),
    );
    for (const [from, to] of [
      [30, 50],
      [40, 60],
      [59, 61],
      [10, 190],
    ] as const) {
      const fresh = recover(rig, null, [...rig.log.slice(0, from), ...rig.log.slice(to)]);
      const all = rig.entries(1);
      const wanted = [...all.slice(0, from), ...all.slice(to)];
      for (let offset = 0; offset < 600; offset++) {
        const first = wanted.find((entry) => entry.baseOffset + entry.count > offset);
        expect(fresh.entries(1, offset)[0]).toEqual(first);
      }
    }
  });

  it('says no to a snapshot that is damaged anywhere, or misses an index file, and changes nothing', () => {
    const rig = new Rig(options);
    openQueues(rig);
    sendAll(
      rig,
      Array.from({ length: 120 }, (_, i) => ({ queue: i % 2, count: 1, producerId: i % 3, back: 0 })),
      new Map(),
    );
    const bytes = rig.stage.snapshotTables(0)?.bytes as Uint8Array;
    const fresh = new Rig({ ...options, disk: rig.disk });
    openQueues(fresh);
    const empty = fresh.state();
    for (let at = 0; at < bytes.length; at += 7) {
      const bad = bytes.slice();
      bad[at] = (bad[at] as number) ^ 1;
      expect(fresh.stage.restoreTables(bad)).toBeNull();
      expect(fresh.stage.restoreTables(bytes.slice(0, at))).toBeNull();
    }
    const name = 'queues/0000000000000002.idx';
    const file = rig.disk.files.get(name) as Uint8Array;
    rig.disk.files.delete(name);
    expect(fresh.stage.restoreTables(bytes)).toBeNull();
    rig.disk.files.set(name, file.slice(0, 600));
    expect(fresh.stage.restoreTables(bytes)).toBeNull();
    expect(fresh.state()).toEqual(empty);
    rig.disk.files.set(name, file);
    expect(fresh.stage.restoreTables(bytes)).not.toBeNull();
    expect(fresh.state()).toEqual(rig.state());
  });

  it('a trim between two snapshots leaves the older one whole', () => {
    const rig = new Rig(options);
    openQueues(rig);
    sendAll(
      rig,
      Array.from({ length: 400 }, (_, i) => ({ queue: i % 2, count: 1, producerId: 0, back: 0 })),
      new Map(),
    );
    const old = rig.stage.snapshotTables(0)?.bytes as Uint8Array;
    const cut = rig.log[300]?.position as number;
    trimIndex(rig.table, rig.index, rig.files, cut);
    const trimmed = rig.stage.snapshotTables(0);
    expect(trimmed?.firstBlock).toBeGreaterThan(1);
    const kept = rig.entries(0);
    expect(kept[0]?.baseOffset).toBe(150);

    const fromOld = recover(rig, old, rig.log);
    expect(fromOld.table.nextOffset(0)).toBe(200);
    rig.files.deleteBelow(trimmed?.firstBlock as number);
    const fromNew = recover(rig, trimmed?.bytes as Uint8Array, rig.log);
    expect(fromNew.entries(0)).toEqual(kept);
    expect(new QueueIndex(fromNew.table, fromNew.openFiles()).blockReads).toBe(0);
    expect([...fromNew.disk.files.keys()]).not.toContain('queues/0000000000000000.idx');
  });
});
