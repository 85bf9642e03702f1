/** What is committed at a slave: the higher counts, an operator's word outweighs it, and nothing of it is lost on the way. */
import { describe, expect, test } from 'vitest';
import { HeldKeeper } from '../../engine/data/held-keeper.js';
import { NodeDisk } from '../../engine/disk/index.js';
import { decodeHeld } from '../../engine/meta/held-codec.js';
import { countingPairs, type HeldEntry } from '../../engine/meta/held-offsets.js';
import { type ControlRecord, MetaState } from '../../engine/meta/index.js';
import { ORDERS } from './orders-topic.js';
import { tempDir } from './temp-dir.js';

class Slave {
  readonly state = new MetaState();
  readonly held: HeldKeeper;

  constructor(dir: string, records: readonly ControlRecord[] = []) {
    for (const record of [ORDERS, ...records]) {
      this.state.apply(record);
    }
    this.held = new HeldKeeper(this.state, new NodeDisk(), dir, true);
    this.state.onApplied = (record) => this.held.applied(record);
  }

  commit(group: string, queueId: number, offset: number): void {
    this.held.add(group, 1, queueId, offset);
    this.state.offsets.set(group, 1, 4, queueId, offset);
  }

  committed(group: string, queueId: number): number {
    return this.state.offsets.get(group, 1, queueId);
  }

  entries(): readonly HeldEntry[] {
    return this.held.next()?.entries ?? [];
  }
}

const offsets = (group: string, ...pairs: number[]): ControlRecord => ({
  type: 'offsets',
  group,
  topicId: 1,
  pairs,
});
const resets = (group: string, ...pairs: number[]): ControlRecord => ({
  type: 'resets',
  group,
  topicId: 1,
  pairs,
});

/** What a master with this state would commit of it. */
function counts(entries: readonly HeldEntry[], records: readonly ControlRecord[]): number[][] {
  const master = new MetaState();
  for (const record of [ORDERS, ...records]) {
    master.apply(record);
  }
  return entries.map((entry) => countingPairs(master, entry));
}

describe('held offsets', () => {
  test('outlast an end of the slave, and stay above what older commits of its master say', async () => {
    const dir = tempDir();
    const slave = new Slave(dir, [offsets('g', 0, 10)]);
    slave.commit('g', 0, 50);
    slave.commit('g', 0, 60);
    slave.commit('h', 2, 7);
    await slave.held.settled();
    // Not closed: as a kill leaves it.
    const again = new Slave(dir, [offsets('g', 0, 20)]);
    expect([again.committed('g', 0), again.committed('h', 2)]).toEqual([60, 7]);
    again.state.apply(offsets('g', 0, 30));
    expect(again.committed('g', 0)).toBe(60);
    again.state.apply(offsets('g', 0, 70));
    expect(again.committed('g', 0)).toBe(70);
  });

  test('are forgotten once the log that took them in is there, and not if they were committed anew meanwhile', async () => {
    const dir = tempDir();
    const slave = new Slave(dir);
    slave.commit('g', 0, 50);
    slave.commit('g', 1, 5);
    const piece = slave.held.next();
    expect(decodeHeld(piece?.bytes as Uint8Array)).toEqual(piece?.entries);
    slave.held.taken(piece as NonNullable<typeof piece>, 640);
    expect(slave.held.next()).toBeNull();
    slave.commit('g', 1, 6);
    slave.held.reached(576);
    expect(slave.held.count).toBe(2);
    slave.held.reached(640);
    expect(slave.entries()).toMatchObject([{ queues: [1, 6, 0] }]);
    // Over another link all that is left is handed over again.
    slave.held.taken(slave.held.next() as NonNullable<typeof piece>, 6400);
    slave.held.linkIsNew();
    expect(slave.entries()).toMatchObject([{ queues: [1, 6, 0] }]);
    slave.held.taken(slave.held.next() as NonNullable<typeof piece>, 6400);
    slave.held.reached(6400);
    await slave.held.settled();
    expect(new Slave(dir).held.count).toBe(0);
  });

  test('count for nothing after a reset that their slave did not know of, and count after one that it knew', () => {
    const slave = new Slave(tempDir(), [offsets('g', 0, 10, 1, 10), resets('g', 1, 1_000)]);
    slave.commit('g', 0, 50);
    slave.commit('g', 1, 50);
    const entries = slave.entries();
    const before = [offsets('g', 0, 10, 1, 10)];
    expect(counts(entries, [...before, resets('g', 1, 1_000)])).toEqual([[0, 50, 1, 50]]);
    expect(counts(entries, [...before, resets('g', 0, 2_000, 1, 1_000)])).toEqual([[1, 50]]);
    expect(counts(entries, [...before, resets('g', 1, 1_001)])).toEqual([[0, 50]]);
    // And at the slave, once its master's log tells it.
    slave.state.apply(resets('g', 0, 2_000));
    slave.state.apply(offsets('g', 0, 3));
    expect([slave.committed('g', 0), slave.committed('g', 1)]).toEqual([3, 50]);
    expect(slave.held.count).toBe(1);
  });

  test('bring back no group and no topic that was deleted; a group that was new at the slave is new at its master', () => {
    const slave = new Slave(tempDir(), [offsets('known', 0, 10)]);
    slave.commit('known', 0, 50);
    slave.commit('fresh', 0, 20);
    const entries = slave.entries();
    expect(counts(entries, [])).toEqual([[], [0, 20]]);
    expect(
      counts(entries, [
        { type: 'topicDeleted', topic: 'orders', topicId: 1, createdTime: 5, deletedTime: 9 },
      ]),
    ).toEqual([[], []]);
    const another = { ...ORDERS, createdTime: 6 } as ControlRecord;
    const master = new MetaState();
    master.apply(another);
    expect(entries.map((entry) => countingPairs(master, entry))).toEqual([[], []]);
    slave.state.apply({ type: 'groupDeleted', group: 'known' });
    slave.state.apply({ type: 'groupDeleted', group: 'fresh' });
    expect([slave.committed('known', 0), slave.committed('fresh', 0)]).toEqual([-1, 20]);
    slave.state.apply({ type: 'topicDeleted', topic: 'orders', topicId: 1, createdTime: 5, deletedTime: 9 });
    expect(slave.held.count).toBe(0);
  });

  test('are handed over in parts, and a master reads none that do not hold together', () => {
    const slave = new Slave(tempDir());
    for (let i = 0; i < 200; i++) {
      slave.commit('g'.repeat(200) + i, i % 4, i);
    }
    let handed = 0;
    for (let piece = slave.held.next(); piece !== null; piece = slave.held.next()) {
      expect(piece.bytes.length).toBeLessThan(65_536);
      handed += piece.entries.length;
      slave.held.taken(piece, 64);
    }
    expect(handed).toBe(200);
    for (const bad of [[0xc1], [0x80], [0x91, 0xc0], [0x91, 0x80], []]) {
      expect(() => decodeHeld(Uint8Array.from(bad))).toThrow(expect.objectContaining({ code: 'BAD_FRAME' }));
    }
  });

  test('an end of the file that was not written whole is passed over', async () => {
    const dir = tempDir();
    const slave = new Slave(dir);
    slave.commit('g', 0, 50);
    await slave.held.settled();
    const disk = new NodeDisk();
    const size = disk.size(`${dir}/held`);
    slave.commit('g', 0, 60);
    await slave.held.settled();
    const fd = disk.open(`${dir}/held`, 'write');
    disk.truncate(fd, size + 9);
    disk.close(fd);
    expect(new Slave(dir).committed('g', 0)).toBe(50);
  });
});
