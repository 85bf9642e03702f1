import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NodeDisk } from '../../engine/disk/node-disk.js';
import { MetaStore } from '../../engine/meta/meta-store.js';
import { FaultyDisk } from './faulty-disk.js';
import { tempDir } from './temp-dir.js';

const OPTIONS = { now: () => 1, defaults: { spanBytes: 4096, segmentBytes: 65_536 } };

function topic(name: string, topicId: number) {
  return {
    type: 'topicCreated',
    topic: name,
    topicId,
    queues: 4,
    memory: false,
    createdTime: 5,
    slots: [4 * topicId, 4],
  } as const;
}

/** What a process killed now would find. */
function offsetAfterKill(dir: string, group: string, queueId: number): number {
  const again = MetaStore.open(new NodeDisk(), dir, OPTIONS);
  const offset = again.state.offsets.get(group, 1, queueId);
  again.close();
  return offset;
}

describe('MetaStore and a full disk', () => {
  test('refuses a record and keeps offsets until there is room', () => {
    const dir = join(tempDir(), 'meta');
    const disk = new FaultyDisk();
    const store = MetaStore.open(disk, dir, OPTIONS);
    store.appendDurably(topic('orders', 1));
    disk.writeFault = 'ENOSPC';
    store.appendNumber('offsets', 'billing', 1, 0, 10);
    expect(() => store.appendDurably(topic('bills', 2))).toThrow(
      expect.objectContaining({ code: 'DISK_FULL', retryable: true }),
    );
    expect(store.state.topics.has(2)).toBe(false);
    store.appendNumber('offsets', 'billing', 1, 0, 11);
    expect(() => store.flush()).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    expect(store.hasUnwritten).toBe(true);
    disk.writeFault = null;
    store.appendDurably(topic('bills', 2));
    expect(offsetAfterKill(dir, 'billing', 0)).toBe(11);
  });

  test('goes on with the old log where a snapshot finds no room', () => {
    const dir = join(tempDir(), 'meta');
    const disk = new FaultyDisk();
    const store = MetaStore.open(disk, dir, { ...OPTIONS, compactBytes: 300 });
    store.appendDurably(topic('orders', 1));
    disk.syncFault = 'ENOSPC';
    for (let offset = 1; offset < 50; offset++) {
      store.appendNumber('offsets', 'billing', 1, 0, offset);
      store.flush();
    }
    expect(store.logBytes).toBeGreaterThan(1_000);
    disk.syncFault = null;
    for (let offset = 50; offset < 60; offset++) {
      store.appendNumber('offsets', 'billing', 1, 0, offset);
      store.flush();
    }
    expect(store.logBytes).toBeLessThan(1_000);
    expect(offsetAfterKill(dir, 'billing', 0)).toBe(59);
  });

  test.each([0, 1, 2, 3])('goes on with the old log where a snapshot finds %d descriptors', (descriptors) => {
    const dir = join(tempDir(), 'meta');
    const disk = new FaultyDisk();
    const store = MetaStore.open(disk, dir, { ...OPTIONS, compactBytes: 300 });
    store.appendDurably(topic('orders', 1));
    disk.descriptors = descriptors;
    for (let offset = 1; offset < 50; offset++) {
      store.appendNumber('offsets', 'billing', 1, 0, offset);
      store.flush();
    }
    // Two are enough: for the new log and the new snapshot, whose one is there again for the directory.
    expect(store.logBytes > 1_000).toBe(descriptors < 2);
    store.appendDurably(topic('bills', 2));
    store.close();
    disk.descriptors = -1;
    expect(offsetAfterKill(dir, 'billing', 0)).toBe(49);
  });

  test('closes without room for a snapshot, and the log has everything', () => {
    const dir = join(tempDir(), 'meta');
    const disk = new FaultyDisk();
    const store = MetaStore.open(disk, dir, OPTIONS);
    store.appendDurably(topic('orders', 1));
    store.appendNumber('offsets', 'billing', 1, 0, 10);
    store.flush();
    disk.writeFault = 'ENOSPC';
    store.close();
    expect(offsetAfterKill(dir, 'billing', 0)).toBe(10);
  });

  test('says so at open', () => {
    const disk = new FaultyDisk();
    disk.writeFault = 'ENOSPC';
    expect(() => MetaStore.open(disk, join(tempDir(), 'meta'), OPTIONS)).toThrow(
      expect.objectContaining({ code: 'DISK_FULL' }),
    );
  });
});

describe('MetaStore and a failing disk', () => {
  test('stops for good at a failed fdatasync', () => {
    const disk = new FaultyDisk();
    const store = MetaStore.open(disk, join(tempDir(), 'meta'), OPTIONS);
    disk.syncFault = 'EIO';
    const failed = expect.objectContaining({ code: 'DISK_FAILED', retryable: false });
    expect(() => store.appendDurably(topic('orders', 1))).toThrow(failed);
    disk.syncFault = null;
    expect(() => store.appendDurably(topic('orders', 1))).toThrow(failed);
    expect(() => store.flush()).toThrow(failed);
    expect(() => store.sync()).toThrow(failed);
    store.close();
  });

  test('stops for good at a failed write', () => {
    const disk = new FaultyDisk();
    const store = MetaStore.open(disk, join(tempDir(), 'meta'), OPTIONS);
    disk.writeFault = 'EIO';
    const failed = expect.objectContaining({ code: 'DISK_FAILED' });
    expect(() => store.appendDurably(topic('orders', 1))).toThrow(failed);
    disk.writeFault = null;
    expect(() => store.appendDurably(topic('orders', 1))).toThrow(failed);
    store.close();
  });
});

describe('MetaStore and the number of disk calls', () => {
  test('writes all offsets of a turn at once, and syncs only when told', () => {
    const disk = new FaultyDisk();
    const store = MetaStore.open(disk, join(tempDir(), 'meta'), OPTIONS);
    store.appendDurably(topic('orders', 1));
    const { writes, syncs } = disk;
    for (let i = 0; i < 1_000; i++) {
      store.appendNumber('offsets', `group-${i % 10}`, 1, i % 4, i);
    }
    store.flush();
    store.flush();
    expect([disk.writes - writes, disk.syncs - syncs]).toEqual([1, 0]);
    store.sync();
    store.sync();
    expect([disk.writes - writes, disk.syncs - syncs]).toEqual([1, 1]);
    store.close();
  });
});
