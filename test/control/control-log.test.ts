/** How records get into the log: gathered, in order, and with a full ring or disk. */
import { describe, expect, test } from 'vitest';
import { ControlLog } from '../../engine/control/control-log.js';
import { type ControlRecord, MetaState } from '../../engine/meta/index.js';
import { ORDERS } from '../meta/orders-topic.js';
import { FakeLog } from './fake-log.js';

const failing = (code: string) => expect.objectContaining({ code });

async function opened(): Promise<{ log: FakeLog; control: ControlLog }> {
  const log = new FakeLog();
  const control = new ControlLog({
    state: new MetaState(),
    writer: log,
    spanBytes: 4096,
    later: (run) => void setImmediate(run),
  });
  control.beginEpoch(1, 0, 'a');
  await control.append([ORDERS]);
  return { log, control };
}

/** What a restart would know is what this one knows. */
function expectSame(log: FakeLog, control: ControlLog): void {
  // In an order of their own: that of maps says nothing.
  const textOf = (state: MetaState) => [...state.records()].map((record) => JSON.stringify(record)).sort();
  expect(textOf(log.recover())).toEqual(textOf(control.state));
}

/** Whether it has been settled, without waiting for it. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  for (let i = 0; i < 6; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return (await Promise.race([promise.catch(() => {}), 'pending'])) === 'pending';
}

describe('records', () => {
  test('begin with the epoch; what a turn commits is one batch with the last of each queue', async () => {
    const { log, control } = await opened();
    expect(log.records()[0]).toMatchObject({ type: 'epoch', epoch: 1, position: 0, name: 'a' });
    const before = log.batches.length;
    for (let i = 0; i < 50; i++) {
      control.appendNumber('offsets', 'billing', 1, i % 2, i);
      control.appendNumber('starts', 'audit', 1, 3, i);
    }
    expect(control.state.offsets.get('billing', 1, 1)).toBe(49);
    await Promise.all([control.settled(), control.settled()]);
    expect(log.batches.length - before).toBe(1);
    expect(log.records().slice(-2)).toEqual([
      { type: 'offsets', group: 'billing', topicId: 1, pairs: [0, 48, 1, 49] },
      { type: 'starts', group: 'audit', topicId: 1, pairs: [3, 49] },
    ]);
    await control.settled();
    expect(log.batches.length - before).toBe(1);
    expectSame(log, control);
  });

  test('are applied, by who reads them, in the order in which they were taken', async () => {
    const { log, control } = await opened();
    control.appendNumber('offsets', 'billing', 1, 0, 10);
    control.appendNumber('expired', 'billing', 1, 0, 3);
    const deleted = control.append([{ type: 'groupDeleted', group: 'billing' }]);
    control.appendNumber('offsets', 'billing', 1, 2, 20);
    await deleted;
    control.appendNumber('starts', 'new', 1, 0, 5);
    control.appendNumber('expired', 'new', 1, 0, 5);
    control.appendLater({ type: 'startsDropped', group: 'new', topicId: 1 });
    control.appendNumber('starts', 'new', 1, 1, 7);
    control.appendNumber('starts', 'kept', 1, 0, 5);
    control.appendNumber('expired', 'kept', 1, 0, 9);
    control.appendNumber('offsets', 'kept', 1, 0, 6);
    control.appendLater({ type: 'startsDropped', group: 'kept', topicId: 1 });
    control.appendLater({ type: 'groupIdle', group: 'kept', idleMs: 1_000 });
    control.appendNumber('offsets', 'old', 1, 0, 1);
    control.appendLater({ type: 'groupDeleted', group: 'old' });
    control.appendNumber('offsets', 'again', 1, 0, 1);
    control.appendLater({ type: 'groupDeleted', group: 'again' });
    control.appendNumber('offsets', 'again', 1, 1, 2);
    control.appendNumber('offsets', 'nobody', 7, 0, 2);
    control.appendNumber('offsets', 'nobody', 1, 4, 2);
    await control.settled();
    expectSame(log, control);
    expect([...log.recover().offsets.groups()]).toEqual(['billing', 'kept', 'again']);
    await control.append([
      { type: 'topicDeleted', topic: 'orders', topicId: 1, createdTime: 5, deletedTime: 6 },
    ]);
    control.appendNumber('offsets', 'billing', 1, 2, 30);
    await control.settled();
    expectSame(log, control);
    expect(log.recover().tombstones.get('orders')).toMatchObject({ createdTime: 5, deletedTime: 6 });
  });

  test('of memory topics end with the process', async () => {
    const { log, control } = await opened();
    await control.append([{ ...ORDERS, topic: 'live', topicId: 2, memory: true } as ControlRecord]);
    control.appendNumber('offsets', 'billing', 2, 0, 10);
    expect(control.state.offsets.get('billing', 2, 0)).toBe(10);
    await control.settled();
    expect(log.recover().offsets.get('billing', 2, 0)).toBe(-1);
  });

  test('of 16,384 queues go in batches that fit a small span', async () => {
    const { log, control } = await opened();
    await control.append([{ ...ORDERS, topic: 'wide', topicId: 2, queues: 16_384 } as ControlRecord]);
    for (let queueId = 0; queueId < 16_384; queueId++) {
      control.appendNumber('offsets', 'billing', 2, queueId, 2 ** 40 + queueId);
    }
    await control.settled();
    expect(Math.max(...log.batches.map((batch) => batch.length))).toBeLessThanOrEqual(4096);
    expectSame(log, control);
  });
});

describe('a full ring', () => {
  test('makes records wait, in their order, and nothing of them is lost', async () => {
    const { log, control } = await opened();
    log.ringFull = true;
    control.appendNumber('offsets', 'billing', 1, 0, 10);
    const first = control.settled();
    const deleted = control.append([{ type: 'groupDeleted', group: 'billing' }]);
    for (let i = 0; i < 1_000; i++) {
      control.appendNumber('offsets', 'billing', 1, 1, i);
      await (i % 100 === 0 ? new Promise((resolve) => setImmediate(resolve)) : null);
    }
    const second = control.settled();
    expect(await isPending(Promise.race([first, deleted, second]))).toBe(true);
    expect(control.flush()).toBe(false);
    log.giveRoom();
    await Promise.all([first, deleted, second]);
    expectSame(log, control);
    // Two commits, as the first was in line when the ring was found full, and the deletion.
    expect(
      log
        .records()
        .slice(2)
        .map(({ type }) => type),
    ).toEqual(['offsets', 'groupDeleted', 'offsets']);
  });
});

describe('a full disk', () => {
  test('refuses topics, keeps offsets and says so, and has them in the log once there is room', async () => {
    const { log, control } = await opened();
    log.full = true;
    const known = [...control.state.records()];
    await expect(control.append([{ type: 'groupCreated', group: 'made', createdTime: 1 }])).rejects.toThrow(
      failing('DISK_FULL'),
    );
    expect([...control.state.records()]).toEqual(known);
    for (let i = 0; i < 20_000; i++) {
      control.appendNumber('offsets', `g${i % 7}`, 1, 0, i);
      control.appendLater({ type: 'groupIdle', group: `g${i % 7}`, idleMs: i });
    }
    await expect(control.settled()).rejects.toThrow(failing('DISK_FULL'));
    control.tick();
    expect(control.heldUpBy).toMatchObject({ code: 'DISK_FULL' });
    await expect(control.drained(1_000)).rejects.toThrow(failing('DISK_FULL'));
    log.makeRoom();
    control.tick();
    await control.settled();
    expect(control.heldUpBy).toBe(null);
    expectSame(log, control);
    expect(log.recover().offsets.get('g0', 1, 0)).toBeGreaterThan(19_000);
  });

  test('found full with a batch on its way: who commits is told, who creates waits for it', async () => {
    const { log, control } = await opened();
    control.appendNumber('offsets', 'billing', 1, 0, 10);
    const committed = control.settled();
    const created = control.append([{ type: 'groupCreated', group: 'made', createdTime: 1 }]);
    log.full = true;
    const refused = expect(committed).rejects.toThrow(failing('DISK_FULL'));
    control.tick();
    await refused;
    expect(await isPending(created)).toBe(true);
    log.makeRoom();
    await created;
    expectSame(log, control);
  });

  test('does not let the names of deleted groups grow without end', async () => {
    const { log, control } = await opened();
    log.full = true;
    for (let i = 0; i < 70_000; i++) {
      control.appendLater({ type: 'groupDeleted', group: `g${i}` });
    }
    log.makeRoom();
    control.tick();
    await control.settled();
    const deleted = log.records().filter(({ type }) => type === 'groupDeleted');
    expect(deleted).toHaveLength(65_536);
    expect(deleted.at(-1)).toEqual({ type: 'groupDeleted', group: 'g69999' });
  });
});

describe('a disk that has failed, and a log that is closed', () => {
  test('refuse all that waits and all that comes', async () => {
    const { log, control } = await opened();
    control.appendNumber('offsets', 'billing', 1, 0, 10);
    const waiting = [control.settled(), control.append([{ type: 'groupDeleted', group: 'x' }])];
    log.failed = true;
    for (const each of await Promise.allSettled(waiting)) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'DISK_FAILED' } });
    }
    await expect(control.settled()).rejects.toThrow(failing('DISK_FAILED'));
    await control.drained(1_000);

    const other = (await opened()).control;
    other.appendNumber('offsets', 'billing', 1, 0, 10);
    const late = expect(other.settled()).rejects.toThrow(failing('BROKER_CLOSED'));
    other.close();
    await late;
    await expect(other.append([ORDERS])).rejects.toThrow(failing('BROKER_CLOSED'));
  });
});

describe('a snapshot of the state', () => {
  test('counts only once all that it has is on disk in the log', async () => {
    const { log, control } = await opened();
    control.appendNumber('offsets', 'billing', 1, 0, 10);
    expect(control.flush()).toBe(true);
    const { end } = log;
    const snapshot = control.snapshot(0);
    expect(snapshot.isCovered(Number.MAX_SAFE_INTEGER)).toBe(false);
    await control.settled();
    control.appendNumber('offsets', 'billing', 1, 0, 11);
    await control.settled();
    expect(snapshot.isCovered(end)).toBe(false);
    expect(snapshot.isCovered(log.end)).toBe(true);
  });
});
