import { describe, expect, it } from 'vitest';
import { IndexEntry, LANE, QueueIndex, trimIndex } from '../../engine/queue/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import { fc } from '../properties.js';
import { type PlainEntry, Rig, type RigOptions } from './rig.js';

const TOPIC = 7;

/** Appends batches to queues 0 … n - 1 in the order given, and keeps the simple model: an array of entries a queue. */
function fill(
  rig: Rig,
  queues: number,
  batches: { queue: number; count: number; slots: number }[],
): PlainEntry[][] {
  const model: PlainEntry[][] = Array.from({ length: queues }, () => []);
  for (const { queue, count, slots } of batches) {
    const facts = { topicId: TOPIC, queueId: queue, count, length: slots * 64 };
    let at = rig.publish(1, facts);
    if (at === null) {
      rig.run();
      at = rig.publish(1, facts);
    }
    rig.run();
    const entries = model[queue] as PlainEntry[];
    const last = entries.at(-1);
    entries.push({
      baseOffset: last === undefined ? 0 : last.baseOffset + last.count,
      position: rig.ring.toBytes(at as number),
      slots,
      count,
    });
  }
  return model;
}

function rigWith(queues: number, options: RigOptions = {}): Rig {
  const rig = new Rig({ maxQueues: Math.max(queues, 8), ...options });
  for (let queue = 0; queue < queues; queue++) {
    rig.table.open(queue, TOPIC, queue, options.lane ?? LANE.log);
  }
  return rig;
}

function expectSeek(
  index: QueueIndex,
  slot: number,
  offset: number,
  model: PlainEntry[],
  entry: IndexEntry,
): void {
  const wanted = model.find((candidate) => candidate.baseOffset + candidate.count > offset);
  const found = index.find(slot, offset, entry);
  expect(found).toBe(wanted !== undefined);
  if (wanted !== undefined) {
    const { baseOffset, position, slots, count } = entry;
    expect({ baseOffset, position, slots, count }).toEqual(wanted);
  }
}

const batch = (queues: number) =>
  fc.record({
    queue: fc.nat(queues - 1),
    count: fc.integer({ min: 1, max: 9 }),
    slots: fc.integer({ min: 2, max: 6 }),
  });

describe('queue index', () => {
  it('finds what the model finds, seeking anywhere in any order', () => {
    fc.assert(
      fc.property(
        fc.array(batch(3), { minLength: 1, maxLength: 400 }),
        fc.array(fc.tuple(fc.nat(2), fc.double({ min: 0, max: 1.05, noNaN: true })), { maxLength: 60 }),
        (batches, seeks) => {
          const rig = rigWith(3, { blocksPerFile: 4 });
          const model = fill(rig, 3, batches);
          const entry = new IndexEntry();
          for (const [queue, part] of seeks) {
            const next = rig.table.nextOffset(queue);
            expectSeek(rig.index, queue, Math.floor(part * next), model[queue] as PlainEntry[], entry);
          }
          for (let queue = 0; queue < 3; queue++) {
            expect(rig.entries(queue)).toEqual(model[queue]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('follows one queue forward at about two blocks read for each one used, and seeks in O(log n)', () => {
    const rig = rigWith(2, { blocksPerFile: 1024 });
    const count = 40_000;
    const model = fill(
      rig,
      1,
      Array.from({ length: count }, () => ({ queue: 0, count: 3, slots: 2 })),
    );
    const forward = new QueueIndex(rig.table, rig.openFiles());
    expect(rig.entries(0, 0, forward)).toEqual(model[0]);
    expect(forward.blockReads).toBeLessThan((count / 20) * 2);
    const entry = new IndexEntry();
    for (let i = 0; i < 200; i++) {
      const seek = new QueueIndex(rig.table, rig.openFiles());
      const offset = Math.floor((i / 200) * count * 3);
      expect(seek.find(0, offset, entry)).toBe(true);
      expect(entry.baseOffset).toBe(offset - (offset % 3));
      expect(seek.blockReads).toBeLessThan(30);
    }
  });

  it('keeps two readers of one queue, far apart, apart', () => {
    const rig = rigWith(1);
    const model = fill(
      rig,
      1,
      Array.from({ length: 2_000 }, (_, i) => ({ queue: 0, count: 1 + (i % 4), slots: 2 })),
    )[0] as PlainEntry[];
    const entry = new IndexEntry();
    for (let i = 0; i < 1_000; i++) {
      for (const wanted of [model[i], model[1_000 + i]] as PlainEntry[]) {
        expect(rig.index.find(0, wanted.baseOffset, entry)).toBe(true);
        expect(entry.position).toBe(wanted.position);
      }
    }
  });

  it('holds 10,000 queues, each with its own tail', () => {
    const queues = 10_000;
    const rig = rigWith(queues, { ringBytes: 4 << 20, blocksPerFile: 4096 });
    for (let round = 0; round < 3; round++) {
      for (let queue = 0; queue < queues; queue++) {
        if (rig.publish(1, { topicId: TOPIC, queueId: queue, count: queue % 5 }) === null) {
          rig.run();
          rig.publish(1, { topicId: TOPIC, queueId: queue, count: queue % 5 });
        }
      }
    }
    rig.run();
    for (let queue = 0; queue < queues; queue++) {
      expect(rig.table.nextOffset(queue)).toBe(3 * (queue % 5));
    }
    expect(rig.disk.files.size).toBe(0);
  });

  it('passes over what was stored while the clock was ahead', () => {
    let clock = 1_000_000;
    const rig = rigWith(1, { clock: () => clock });
    const times = new Map<number, number>();
    const stored: { offset: number; time: number }[] = [];
    const store = (batches: number): void => {
      for (let i = 0; i < batches; i++) {
        const at = rig.publish(1, { topicId: TOPIC, queueId: 0, count: 1 }) as number;
        rig.run();
        times.set(rig.ring.toBytes(at), rig.table.lastStoreTime(LANE.log));
        stored.push({ offset: stored.length, time: rig.table.lastStoreTime(LANE.log) });
        clock += 10;
      }
    };
    store(30);
    clock += 1e12;
    store(77);
    clock -= 1e12;
    store(40);
    const now = clock;
    const timeOf = (position: number) => times.get(position) as number;
    const entry = new IndexEntry();
    for (let time = 999_990; time <= now; time += 7) {
      // What was stored by a wrong clock counts as stored with what came next.
      const after = stored.findIndex((batch) => batch.time <= now && batch.time >= time);
      const isAcross = after === 107;
      const wanted = after < 0 ? stored.length : isAcross ? 30 : after;
      const exact = isAcross && time > (stored[29]?.time ?? 0) ? [30, 107] : [wanted];
      expect(exact).toContain(rig.index.findByTime(0, time, now, timeOf, entry));
    }
  });

  it('finds by time and by position as the model does', () => {
    let now = 100;
    const rig = rigWith(2, { clock: () => now });
    const times = new Map<number, number>();
    const model: PlainEntry[] = [];
    for (let i = 0; i < 300; i++) {
      now += i % 7 === 0 ? 10 : 0;
      const at = rig.publish(1, { topicId: TOPIC, queueId: i % 3 === 0 ? 1 : 0, count: 2 }) as number;
      rig.run();
      const position = rig.ring.toBytes(at);
      times.set(position, now);
      if (i % 3 !== 0) {
        model.push({ baseOffset: model.length * 2, position, slots: 2, count: 2 });
      }
    }
    const entry = new IndexEntry();
    const timeOf = (position: number) => times.get(position) as number;
    expect(rig.index.findByTime(0, now + 1, now, timeOf, entry)).toBe(rig.table.nextOffset(0));
    for (let time = 90; time <= now; time += 5) {
      const wanted = model.find((candidate) => timeOf(candidate.position) >= time);
      expect(rig.index.findByTime(0, time, now, timeOf, entry)).toBe(
        wanted?.baseOffset ?? rig.table.nextOffset(0),
      );
    }
    for (let position = 0; position < rig.table.tailPosition(0) + 200; position += 64) {
      const wanted = model.find((candidate) => candidate.position >= position);
      expect(rig.index.findByPosition(0, position, entry)).toBe(
        wanted?.baseOffset ?? rig.table.nextOffset(0),
      );
    }
  });

  it('says when an offset is below the queue’s first, and gives the first', () => {
    const rig = rigWith(1);
    fill(
      rig,
      1,
      Array.from({ length: 100 }, () => ({ queue: 0, count: 2, slots: 2 })),
    );
    rig.table.setMinOffset(0, 151);
    const entry = new IndexEntry();
    expect(rig.index.find(0, 3, entry)).toBe(true);
    expect(entry.below).toBe(true);
    expect(entry.baseOffset).toBe(150);
    expect(rig.index.find(0, 152, entry)).toBe(true);
    expect(entry.below).toBe(false);
    rig.table.setMinOffset(0, 10);
    expect(rig.table.minOffset(0)).toBe(151);
  });

  it('trims with the log: what is above stays, files below go once a snapshot says so', () => {
    fc.assert(
      fc.property(
        fc.array(batch(3), { minLength: 200, maxLength: 500 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (batches, part) => {
          const rig = rigWith(3, { blocksPerFile: 4 });
          const model = fill(rig, 3, batches);
          const cut = Math.floor(((rig.log.at(-1)?.position ?? 0) * part) / 64) * 64;
          trimIndex(rig.table, rig.index, rig.files, cut);
          const snapshot = rig.stage.snapshotTables(0);
          rig.files.deleteBelow(snapshot?.firstBlock ?? 0);
          const index = new QueueIndex(rig.table, rig.openFiles());
          for (let queue = 0; queue < 3; queue++) {
            const kept = (model[queue] as PlainEntry[]).filter((entry) => entry.position >= cut);
            expect(rig.entries(queue)).toEqual(kept);
            expect(rig.entries(queue, 0, index)).toEqual(kept);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('trims all other queues when a block of one cannot be read, and says so once', () => {
    const rig = rigWith(3, { blocksPerFile: 4 });
    // Queue 0 is filled first, so that the first files have nothing but its blocks.
    const order = [0, 1, 2].flatMap((queue) => Array.from({ length: 210 }, () => queue));
    const model = fill(
      rig,
      3,
      order.map((queue) => ({ queue, count: 1, slots: 2 })),
    );
    // The last block of the first file, which says whether the file is needed, and the last of queue 0's.
    for (const id of [3, 9]) {
      const file = rig.disk.files.get(rig.files.pathOf(id)) as Uint8Array;
      const at = (id % 4) * 512 + 100;
      file[at] = (file[at] as number) ^ 1;
    }
    const cut = (model[2] as PlainEntry[])[50]?.position as number;
    let error: unknown;
    try {
      trimIndex(rig.table, rig.index, rig.files, cut);
    } catch (caught) {
      error = caught;
    }
    expect(isRingMQError(error) && error.code).toBe('LOG_CORRUPT');
    expect([1, 2].map((queue) => rig.table.minOffset(queue))).toEqual([210, 50]);
    rig.files.deleteBelow(rig.stage.snapshotTables(0)?.firstBlock ?? 0);
    expect([...rig.disk.files.keys()][0]).not.toBe('queues/0000000000000000.idx');
    expect(rig.entries(2)).toEqual((model[2] as PlainEntry[]).slice(50));
    // What could not be read is not needed any more.
    trimIndex(rig.table, rig.index, rig.files, cut);
    expect(rig.table.minOffset(0)).toBe(210);
  });

  it('reports a damaged or missing block and never passes over it', () => {
    for (const harm of ['flip', 'cut', 'remove'] as const) {
      const rig = rigWith(1);
      fill(
        rig,
        1,
        Array.from({ length: 200 }, () => ({ queue: 0, count: 1, slots: 2 })),
      );
      const name = 'queues/0000000000000000.idx';
      const file = rig.disk.files.get(name) as Uint8Array;
      if (harm === 'flip') {
        file[2 * 512 + 100] = (file[2 * 512 + 100] as number) ^ 4;
      } else if (harm === 'cut') {
        rig.disk.files.set(name, file.slice(0, 1000));
      } else {
        rig.disk.files.delete(name);
      }
      const index = new QueueIndex(rig.table, rig.openFiles());
      let error: unknown;
      try {
        rig.entries(0, 20, index);
      } catch (thrown) {
        error = thrown;
      }
      expect(isRingMQError(error) && error.code).toBe('LOG_CORRUPT');
      expect(String(error)).toContain(name);
    }
  });

  it('a slot opened for another queue shows nothing of the last one', () => {
    const rig = rigWith(1);
    fill(
      rig,
      1,
      Array.from({ length: 100 }, () => ({ queue: 0, count: 1, slots: 2 })),
    );
    const entry = new IndexEntry();
    expect(rig.index.find(0, 5, entry)).toBe(true);
    rig.table.close(0);
    rig.table.open(0, TOPIC + 1, 0, LANE.log);
    expect(rig.index.find(0, 5, entry)).toBe(false);
    for (let i = 0; i < 50; i++) {
      rig.publish(1, { topicId: TOPIC + 1, queueId: 0, count: 4 });
      rig.run();
    }
    expect(rig.index.find(0, 5, entry)).toBe(true);
    expect(entry.baseOffset).toBe(4);
  });
});

describe('memory lane', () => {
  it('finds what the arena still has, and moves up from what it has not', () => {
    fc.assert(
      fc.property(fc.array(batch(3), { minLength: 100, maxLength: 600 }), (batches) => {
        const rig = rigWith(3, { lane: LANE.memory, arenaBlocks: 8 });
        const model = fill(rig, 3, batches);
        const entry = new IndexEntry();
        const index = new QueueIndex(rig.table, rig.openFiles());
        for (let queue = 0; queue < 3; queue++) {
          const entries = model[queue] as PlainEntry[];
          const found = rig.entries(queue, 0, index);
          expect(found).toEqual(entries.slice(entries.length - found.length));
          // The tail at least is always there.
          expect(found.length).toBeGreaterThanOrEqual(entries.length % 20);
          if (found.length > 0 && found.length < entries.length) {
            new QueueIndex(rig.table, rig.openFiles()).find(queue, 0, entry);
            expect(entry.below).toBe(true);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('frees its ring as writers need it, and not below a hold', () => {
    const rig = rigWith(1, { lane: LANE.memory, ringBytes: 16 * 1024, spanBytes: 1024 });
    const facts = { topicId: TOPIC, queueId: 0, length: 1024 };
    for (let i = 0; i < 100; i++) {
      expect(rig.publish(1, facts)).not.toBeNull();
      rig.run();
    }
    const kept = (rig.ring.head() - rig.ring.gate()) | 0;
    expect(kept).toBeGreaterThan(128);
    expect(kept).toBeLessThanOrEqual(192);
  });
});
