import { describe, expect, it } from 'vitest';
import { InSync } from '../../engine/replica/in-sync.js';
import { ReplicaRow } from '../../engine/replica/replica-row.js';
import { REPLICA_WORD, REPLICAS_BYTES, replicaRow } from '../../engine/term/replica-layout.js';
import { ReplicaMarks } from '../../engine/term/replica-marks.js';

const LIMITS = { maxLagBytes: 1_000, maxLagMs: 100 };

describe('a slave is in sync', () => {
  it('while it keeps up, however busy the log is', () => {
    const slave = new InSync(LIMITS);
    let end = 0;
    for (let now = 0; now < 2_000; now += 10) {
      end += 500;
      // It never has all there is, but always what there was a moment ago.
      expect(slave.heard(end - 500, end, now), `${now}`).toBe(now > 0);
    }
  });

  it('not when too many bytes behind', () => {
    const slave = new InSync(LIMITS);
    expect(slave.heard(5_000, 5_000, 0)).toBe(true);
    expect(slave.stillIs(6_000, 1)).toBe(true);
    expect(slave.stillIs(6_001, 1)).toBe(false);
  });

  it('not when it has lacked something for too long, though it moves', () => {
    const slave = new InSync(LIMITS);
    slave.heard(1_000, 1_000, 0);
    for (let now = 10; now <= 100; now += 10) {
      expect(slave.heard(1_000 + now / 10, 1_900, now)).toBe(true);
    }
    expect(slave.heard(1_011, 1_900, 110)).toBe(false);
    expect(slave.heard(1_900, 1_900, 120)).toBe(true);
  });

  it('not when it was silent for too long, though it had everything', () => {
    const slave = new InSync(LIMITS);
    slave.heard(1_000, 1_000, 0);
    expect(slave.stillIs(1_000, 100)).toBe(true);
    expect(slave.stillIs(1_000, 101)).toBe(false);
  });
});

function marksOf(options: {
  minInSync: number;
  onMissingSlave?: 'refuse' | 'degrade';
  controller?: string;
}): ReplicaMarks {
  const marks = new ReplicaMarks(new SharedArrayBuffer(REPLICAS_BYTES));
  marks.setUp({ replication: 'sync', onMissingSlave: 'refuse', ...options }, 10);
  return marks;
}

function rowOf(marks: ReplicaMarks, row: number): ReplicaRow {
  const link = Atomics.add(marks.words, replicaRow(row) + REPLICA_WORD.link, 1) + 1;
  const made = new ReplicaRow(marks, row, link, LIMITS, (bytes) => (bytes / 64) | 0);
  // It had everything while there was nothing.
  made.heard(0, 0, 0, 0);
  return made;
}

describe('the watermark of sync replication', () => {
  it('is what enough slaves have, and never more than the master has', () => {
    const marks = marksOf({ minInSync: 2 });
    expect(marks.refuses()).toBe(true);
    expect(marks.watermark('received', 100)).toBe(10);
    rowOf(marks, 0).heard(64 * 90, 64 * 20, 64 * 100, 0);
    expect(marks.watermark('received', 100)).toBe(10);
    rowOf(marks, 1).heard(64 * 95, 64 * 95, 64 * 100, 0);
    expect(marks.refuses()).toBe(false);
    expect(marks.watermark('received', 100)).toBe(90);
    expect(marks.watermark('flushed', 100)).toBe(20);
    // Another thread has been told 90 already.
    expect(marks.watermark('received', 50)).toBe(90);
    rowOf(marks, 2).heard(64 * 98, 0, 64 * 100, 0);
    expect(marks.watermark('received', 100)).toBe(95);
    expect(marks.countAt('received', 91)).toBe(2);
  });

  it('counts with a controller those slaves alone that it has in the set, and as many as it says', () => {
    const marks = marksOf({ minInSync: 1, controller: 'etcd://127.0.0.1:1' });
    rowOf(marks, 0).heard(64 * 90, 0, 64 * 100, 0);
    rowOf(marks, 1).heard(64 * 95, 0, 64 * 100, 0);
    expect(marks.refuses()).toBe(true);
    expect(marks.watermark('received', 100)).toBe(10);
    marks.setRule(0b01, 1);
    expect(marks.refuses()).toBe(false);
    expect(marks.watermark('received', 100)).toBe(90);
    marks.setRule(0b11, 2);
    expect(marks.watermark('received', 100)).toBe(90);
    expect(marks.reached).toBe(90);
    marks.setRule(0b10, 1);
    expect(marks.watermark('received', 100)).toBe(95);
  });

  it('goes on with fewer slaves only once the controller has that, where it may', () => {
    const marks = marksOf({ minInSync: 1, onMissingSlave: 'degrade', controller: 'etcd://127.0.0.1:1' });
    expect(marks.refuses()).toBe(false);
    expect(marks.watermark('received', 100)).toBe(10);
    marks.setRule(0, 0);
    expect(marks.watermark('received', 100)).toBe(100);
  });

  it('counts a slave once, whatever its older connection says', () => {
    const marks = marksOf({ minInSync: 2 });
    const older = rowOf(marks, 0);
    older.heard(64 * 100, 64 * 100, 64 * 100, 0);
    const newer = rowOf(marks, 0);
    newer.heard(64 * 40, 64 * 40, 64 * 100, 0);
    expect(older.isReplaced).toBe(true);
    older.heard(64 * 100, 64 * 100, 64 * 100, 1);
    expect(marks.inSyncCount()).toBe(0);
    newer.heard(64 * 100, 64 * 100, 64 * 100, 2);
    older.gone();
    expect(marks.inSyncCount()).toBe(1);
    expect(marks.watermark('received', 100)).toBe(10);
  });

  it('stays where it was when slaves go', () => {
    const marks = marksOf({ minInSync: 1 });
    const row = rowOf(marks, 0);
    row.heard(64 * 80, 0, 64 * 80, 0);
    expect(marks.watermark('received', 100)).toBe(80);
    row.gone();
    expect(marks.watermark('received', 100)).toBe(80);
    expect(marks.refuses()).toBe(true);
  });

  it('goes on with those that are left where that was said', () => {
    const marks = marksOf({ minInSync: 2, onMissingSlave: 'degrade' });
    expect(marks.refuses()).toBe(false);
    rowOf(marks, 0).heard(64 * 60, 0, 64 * 70, 0);
    expect(marks.watermark('received', 120)).toBe(60);
    const alone = marksOf({ minInSync: 2, onMissingSlave: 'degrade' });
    expect(alone.watermark('received', 100)).toBe(100);
  });

  it('is never more than the master has', () => {
    const marks = marksOf({ minInSync: 1 });
    rowOf(marks, 0).heard(64 * 90, 64 * 90, 64 * 100, 0);
    expect(marks.watermark('received', 50)).toBe(50);
  });

  it('is right for a thread that has not looked for hundreds of gigabytes', () => {
    const marks = marksOf({ minInSync: 1 });
    const idle = new ReplicaMarks(marks.words.buffer as SharedArrayBuffer);
    const row = rowOf(marks, 0);
    expect(idle.watermark('received', 10)).toBe(10);
    const stepBytes = 2 ** 34;
    for (let end = 640; end < 2 ** 39; end += stepBytes) {
      row.heard(end, end, end, 0);
      expect(marks.watermark('received', (end / 64) | 0)).toBe((end / 64) | 0);
    }
    const end = 2 ** 39;
    row.heard(end, end, end, 0);
    expect(idle.watermark('received', (end / 64) | 0)).toBe((end / 64) | 0);
  });

  it('of a slave that was promoted, alone, is what it had then, as far as that is written, or on its disk', () => {
    const marks = marksOf({ minInSync: 1 });
    marks.inherit(60);
    // The disk hangs.
    expect([marks.watermark('received', 40), marks.watermark('flushed', 20)]).toEqual([40, 20]);
    marks.keepUp(80, 20);
    expect([marks.watermark('received', 80), marks.watermark('flushed', 20)]).toEqual([60, 20]);
    expect(marks.watermark('flushed', 100)).toBe(60);
    expect(marks.refuses()).toBe(true);
    // One that follows it does not have all of that yet.
    const row = rowOf(marks, 0);
    row.heard(64 * 30, 64 * 30, 64 * 30, 0);
    expect([marks.watermark('received', 100), marks.watermark('flushed', 100)]).toEqual([60, 60]);
    row.heard(64 * 90, 64 * 70, 64 * 90, 1);
    expect([marks.watermark('received', 100), marks.watermark('flushed', 100)]).toEqual([90, 70]);
  });

  it('does not take what was inherited for more, hundreds of gigabytes later', () => {
    const marks = marksOf({ minInSync: 1 });
    marks.inherit(60);
    const row = rowOf(marks, 0);
    for (let end = 6_400; end < 2 ** 39; end += 2 ** 34) {
      row.heard(end, end, end, 0);
      marks.keepUp((end / 64) | 0, (end / 64) | 0);
      const ahead = (end / 64 + 1_000) | 0;
      expect(marks.watermark('received', ahead)).toBe((end / 64) | 0);
      expect(marks.watermark('flushed', ahead)).toBe((end / 64) | 0);
    }
  });

  it('is right for what waits for disks after hundreds of gigabytes that did not', () => {
    const marks = marksOf({ minInSync: 1 });
    const row = rowOf(marks, 0);
    let end = 640;
    for (; end < 2 ** 38 - 2 ** 34; end += 2 ** 34) {
      row.heard(end, end, end, 0);
      expect(marks.watermark('received', (end / 64) | 0)).toBe((end / 64) | 0);
      marks.keepUp((end / 64) | 0, (end / 64) | 0);
    }
    // The slave has it in memory alone: nothing that is to be on its disk is acked.
    row.heard(end, end - 6_400, end, 0);
    expect(marks.watermark('flushed', (end / 64) | 0)).toBe((end / 64 - 100) | 0);
  });
});
