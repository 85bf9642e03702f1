import {
  cpSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NodeDisk } from '../../engine/disk/node-disk.js';
import { MetaStore } from '../../engine/meta/meta-store.js';
import { FaultyDisk } from './faulty-disk.js';
import { tempDir } from './temp-dir.js';

const DEFAULTS = { spanBytes: 4096, segmentBytes: 65_536 };
const TOPIC = { type: 'topicCreated', queues: 4, memory: false, createdTime: 5, slots: [0, 4] } as const;

function open(dir: string, compactBytes?: number): MetaStore {
  return MetaStore.open(new NodeDisk(), dir, {
    now: () => 1_700_000_000_000,
    defaults: DEFAULTS,
    ...(compactBytes === undefined ? {} : { compactBytes }),
  });
}

function logOf(dir: string): string {
  const names = readdirSync(dir).filter((name) => name.endsWith('.log'));
  expect(names).toHaveLength(1);
  return join(dir, names[0] as string);
}

/** A store with two topics and some offsets, as a killed process leaves it: nothing was closed. */
function killedStore(dir: string): { syncedBytes: number; log: string } {
  const store = open(dir);
  store.appendDurably({ ...TOPIC, topic: 'orders', topicId: 1 });
  store.appendNumber('offsets', 'billing', 1, 0, 10);
  store.sync();
  store.appendDurably({ ...TOPIC, topic: 'bills', topicId: 2, slots: [4, 4] });
  const syncedBytes = store.logBytes;
  store.appendNumber('offsets', 'billing', 1, 0, 20);
  store.appendNumber('offsets', 'billing', 1, 3, 7);
  store.appendNumber('offsets', 'audit', 2, 1, 300);
  store.flush();
  return { syncedBytes, log: logOf(dir) };
}

describe('MetaStore', () => {
  test('makes an identity once and raises the epoch at every open', () => {
    const dir = join(tempDir(), 'meta');
    const first = open(dir);
    expect(first.created).toBe(true);
    expect(first.brokerId).toMatch(/^[0-9a-f]{16}$/);
    expect([first.epoch, first.spanBytes, first.segmentBytes]).toEqual([1, 4096, 65_536]);
    first.close();
    const second = MetaStore.open(new NodeDisk(), dir, {
      now: () => 0,
      defaults: { spanBytes: 1, segmentBytes: 2 },
    });
    expect(second.created).toBe(false);
    expect([second.brokerId, second.epoch, second.spanBytes, second.segmentBytes]).toEqual([
      first.brokerId,
      2,
      4096,
      65_536,
    ]);
    second.close();
  });

  test('raises the epoch above what it is told, on disk before it returns', () => {
    const dir = join(tempDir(), 'meta');
    const killed = open(dir);
    killed.raiseEpochAbove(0);
    expect(killed.epoch).toBe(1);
    killed.raiseEpochAbove(7);
    expect(killed.epoch).toBe(8);
    const store = open(dir);
    expect(store.epoch).toBe(9);
    store.close();
  });

  test('a killed process loses nothing that was flushed', () => {
    const dir = join(tempDir(), 'meta');
    killedStore(dir);
    const store = open(dir);
    expect([...store.state.topics.values()].map((topic) => topic.topic)).toEqual(['orders', 'bills']);
    expect(store.state.offsets.get('billing', 1, 0)).toBe(20);
    expect(store.state.offsets.get('billing', 1, 3)).toBe(7);
    expect(store.state.offsets.get('billing', 1, 1)).toBe(-1);
    expect(store.state.offsets.get('audit', 2, 1)).toBe(300);
    store.close();
  });

  test('a record is in the state only when it is durable, and offsets at once', () => {
    const store = open(join(tempDir(), 'meta'));
    store.appendDurably({ ...TOPIC, topic: 'orders', topicId: 1 });
    expect(store.hasUnsynced).toBe(false);
    store.appendNumber('offsets', 'billing', 1, 0, 10);
    expect(store.state.offsets.get('billing', 1, 0)).toBe(10);
    expect([store.hasUnwritten, store.hasUnsynced]).toEqual([true, true]);
    store.flush();
    expect([store.hasUnwritten, store.hasUnsynced]).toEqual([false, true]);
    store.sync();
    expect(store.hasUnsynced).toBe(false);
    store.close();
    expect(() => store.flush()).toThrow(expect.objectContaining({ code: 'BROKER_CLOSED' }));
  });

  test('deleting a topic forgets its offsets, and its id is not given out again', () => {
    const dir = join(tempDir(), 'meta');
    const store = open(dir);
    store.appendDurably({ ...TOPIC, topic: 'orders', topicId: 1 });
    store.appendNumber('offsets', 'billing', 1, 0, 10);
    store.appendDurably({ type: 'topicDeleted', topicId: 1 });
    expect(store.state.offsets.hasGroup('billing')).toBe(false);
    store.close();
    for (let i = 0; i < 2; i++) {
      const again = open(dir);
      expect(again.state.topics.size).toBe(0);
      expect(again.state.nextTopicId).toBe(2);
      expect(again.state.offsets.groupCount).toBe(0);
      again.close();
    }
  });

  test('offsets on a memory topic end with the process', () => {
    const dir = join(tempDir(), 'meta');
    const store = open(dir);
    store.appendDurably({ ...TOPIC, topic: 'live', topicId: 1, memory: true });
    store.appendNumber('offsets', 'billing', 1, 0, 10);
    expect(store.state.offsets.get('billing', 1, 0)).toBe(10);
    expect(store.hasUnwritten).toBe(false);
    store.close();
    const again = open(dir);
    expect(again.state.offsets.get('billing', 1, 0)).toBe(-1);
    again.close();
  });

  test('the log is replaced by a snapshot when it has grown', () => {
    const dir = join(tempDir(), 'meta');
    const store = open(dir, 2_000);
    store.appendDurably({ ...TOPIC, topic: 'orders', topicId: 1 });
    let highest = 0;
    for (let offset = 1; offset <= 1_000; offset++) {
      store.appendNumber('offsets', 'billing', 1, offset % 4, offset);
      store.flush();
      highest = Math.max(highest, store.logBytes);
    }
    expect(highest).toBeLessThan(2_200);
    expect(readdirSync(dir).filter((name) => name.endsWith('.log'))).toHaveLength(1);
    // Not closed: as a killed process leaves it.
    const again = open(dir);
    expect([0, 1, 2, 3].map((queueId) => again.state.offsets.get('billing', 1, queueId))).toEqual([
      1000, 997, 998, 999,
    ]);
    again.close();
    store.close();
  });

  test('holds 16,384 queues of one group in one record', () => {
    const dir = join(tempDir(), 'meta');
    const store = open(dir);
    store.appendDurably({ ...TOPIC, topic: 'wide', topicId: 1, queues: 16_384, slots: [0, 16_384] });
    for (let queueId = 0; queueId < 16_384; queueId++) {
      store.appendNumber('offsets', 'billing', 1, queueId, 2 ** 40 + queueId);
    }
    store.close();
    const again = open(dir);
    expect(again.state.offsets.get('billing', 1, 16_383)).toBe(2 ** 40 + 16_383);
    again.close();
  });
});

describe('MetaStore and groups', () => {
  const all = (store: MetaStore) => [...store.state.records()].filter(({ type }) => type !== 'epoch');

  test('keeps where they began, what they lost, which were asked for and how long they were idle', () => {
    const dir = join(tempDir(), 'meta');
    const store = open(dir);
    store.appendDurably({ ...TOPIC, topic: 'orders', topicId: 1 });
    store.appendNumber('starts', 'new', 1, 0, 5);
    store.appendNumber('starts', 'gone', 1, 2, 6);
    store.appendLater({ type: 'startsDropped', group: 'gone', topicId: 1 });
    store.appendNumber('starts', 'gone', 1, 3, 7);
    store.appendNumber('offsets', 'billing', 1, 0, 10);
    store.appendNumber('expired', 'billing', 1, 0, 573);
    store.appendLater({ type: 'groupIdle', group: 'billing', idleMs: 1_000 });
    store.appendNumber('offsets', 'old', 1, 0, 1);
    store.appendLater({ type: 'groupDeleted', group: 'old' });
    store.appendDurably({ type: 'groupCreated', group: 'made', createdTime: 77 });
    const before = all(store);
    expect([...store.state.starts.entriesOf('gone')]).toEqual([{ group: 'gone', topicId: 1, pairs: [3, 7] }]);
    expect(
      before.map((record) => ('group' in record ? `${record.type} ${record.group}` : '')).filter(Boolean),
    ).toEqual([
      'offsets billing',
      'starts new',
      'starts gone',
      'expired billing',
      'groupCreated made',
      'groupIdle billing',
    ]);
    // As after SIGKILL, and again from a snapshot.
    const again = open(dir);
    expect(all(again)).toEqual(before);
    again.close();
    expect(all(open(dir))).toEqual(before);
  });

  test('keeps a bounded number of records waiting while the disk is full, and loses none of it', () => {
    const dir = join(tempDir(), 'meta');
    const disk = new FaultyDisk();
    const openFaulty = () =>
      MetaStore.open(disk, dir, { now: () => 0, defaults: { spanBytes: 4096, segmentBytes: 65_536 } });
    const store = openFaulty();
    store.appendDurably({ ...TOPIC, topic: 'orders', topicId: 1 });
    disk.writeFault = 'ENOSPC';
    for (let i = 0; i < 20_000; i++) {
      store.appendNumber('offsets', `g${i % 7}`, 1, 0, i);
      store.appendLater({ type: 'groupIdle', group: `g${i % 7}`, idleMs: i });
    }
    expect(() => store.sync()).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    disk.writeFault = null;
    store.sync();
    expect(store.hasUnwritten).toBe(false);
    expect(all(openFaulty())).toEqual(all(store));
    expect(store.state.offsets.get('g0', 1, 0)).toBeGreaterThan(19_000);
  });
});

describe('MetaStore and a torn end', () => {
  test('opens at every truncation of the log and keeps all that was synced', () => {
    const root = tempDir();
    const original = join(root, 'meta');
    const { syncedBytes, log } = killedStore(original);
    const logBytes = statSync(log).size;
    for (let bytes = syncedBytes; bytes <= logBytes; bytes++) {
      const dir = join(root, `cut-${bytes}`);
      cpSync(original, dir, { recursive: true });
      truncateSync(logOf(dir), bytes);
      const store = open(dir);
      expect(store.state.topics.size).toBe(2);
      expect([10, 20]).toContain(store.state.offsets.get('billing', 1, 0));
      expect([-1, 300]).toContain(store.state.offsets.get('audit', 2, 1));
      expect(store.epoch).toBe(2);
      store.close();
    }
  });

  test('opens with garbage and zeroes behind the last record, and they never come back', () => {
    for (const tail of [Buffer.alloc(300), Buffer.alloc(300, 0xab), Buffer.from([20, 0, 0, 0, 1, 2, 3, 4])]) {
      const dir = join(tempDir(), 'meta');
      const { log } = killedStore(dir);
      writeFileSync(log, Buffer.concat([readFileSync(log), tail]));
      for (let i = 0; i < 2; i++) {
        const store = open(dir);
        expect(store.state.offsets.get('billing', 1, 0)).toBe(20);
        store.close();
      }
    }
  });

  test('starts anew where the first open was cut off before its snapshot', () => {
    const dir = join(tempDir(), 'meta');
    open(dir).close();
    unlinkSync(join(dir, 'snapshot'));
    const store = open(dir);
    expect([store.created, store.epoch]).toEqual([true, 1]);
    store.close();
  });
});

describe('MetaStore and damage', () => {
  /** Opens the store with other bytes in one of its files; the error's code, or null. An open that fails changes nothing. */
  function codeWith(dir: string, path: string, bytes: Uint8Array): string | null {
    const original = readFileSync(path);
    writeFileSync(path, bytes);
    try {
      open(dir).close();
      return null;
    } catch (error) {
      expect((error as Error).message).toContain(path);
      expect((error as { details: unknown }).details).toMatchObject({ file: path });
      return (error as { code: string }).code;
    } finally {
      writeFileSync(path, original);
    }
  }

  function flipped(bytes: Uint8Array, at: number): Uint8Array {
    const copy = Uint8Array.from(bytes);
    copy[at] = (copy[at] as number) ^ (1 << (at % 8));
    return copy;
  }

  test('finds every flipped bit in what a log mark says was on disk', () => {
    const dir = join(tempDir(), 'meta');
    const store = open(dir);
    store.appendDurably({ ...TOPIC, topic: 'orders', topicId: 1 });
    const markedBytes = store.logBytes;
    store.appendNumber('offsets', 'billing', 1, 0, 10);
    store.flush();
    const log = logOf(dir);
    const bytes = readFileSync(log);
    for (let at = 0; at < markedBytes; at++) {
      expect(codeWith(dir, log, flipped(bytes, at))).toBe('LOG_CORRUPT');
    }
    store.close();
  });

  test('finds every flipped bit and every cut in a snapshot', () => {
    const dir = join(tempDir(), 'meta');
    killedStore(dir);
    open(dir).close();
    const snapshot = join(dir, 'snapshot');
    const bytes = readFileSync(snapshot);
    for (let at = 0; at < bytes.length; at++) {
      expect(codeWith(dir, snapshot, flipped(bytes, at))).toBe('LOG_CORRUPT');
      expect(codeWith(dir, snapshot, bytes.subarray(0, at))).toBe('LOG_CORRUPT');
    }
    expect(codeWith(dir, snapshot, bytes)).toBe(null);
  });

  test('refuses to start without the snapshot or the log', () => {
    const root = tempDir();
    const noSnapshot = join(root, 'a');
    killedStore(noSnapshot);
    unlinkSync(join(noSnapshot, 'snapshot'));
    expect(() => open(noSnapshot)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
    const noLog = join(root, 'b');
    unlinkSync(killedStore(noLog).log);
    expect(() => open(noLog)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
  });
});
