/** The persist stage: what is synced when, what an inline step may do, and what faults lead to. */
import { describe, expect, it } from 'vitest';
import { BackgroundSync, SYNC_STATE, SYNC_WORD, SYNC_WORDS_BYTES } from '../../engine/disk/index.js';
import { FULL, PERSIST_WORD } from '../../engine/log/index.js';
import { WORD } from '../../engine/ring/index.js';
import { append, BATCH_BYTES, BODY, makeMachine, recover, SEGMENT, SPAN } from './log-setup.js';

const MIB = 1024 * 1024;
const ASYNC = {
  flush: 'async',
  flushIntervalMs: 500,
  flushBytes: 4 * SPAN,
  zeroAheadBytes: 0,
  minFreeBytes: 0,
} as const;
const ZEROED = { flush: 'sync', zeroAheadBytes: 64 * 1024, minFreeBytes: 0 } as const;

describe('sync flush', () => {
  it('syncs once for all that came together', () => {
    const machine = makeMachine();
    const before = machine.disk.syncs;
    for (let i = 0; i < 4; i++) {
      machine.produce(BODY);
    }
    machine.index();
    expect(machine.stage.step()).toBe(true);
    expect(machine.flushed()).toBe(4 * BATCH_BYTES);
    expect(machine.disk.syncs - before).toBe(1);
    expect(machine.stage.step()).toBe(false);
  });

  it('goes on over segments', () => {
    const machine = makeMachine();
    append(machine, 100);
    expect(machine.flushed()).toBe(100 * BATCH_BYTES);
    expect(machine.files.bases).toHaveLength(7);
  });
});

describe('async flush', () => {
  it('syncs when the interval is over, counted from the oldest write', () => {
    const machine = makeMachine({ stage: ASYNC });
    append(machine, 1);
    machine.now += 300;
    append(machine, 1);
    expect(machine.written()).toBe(2 * BATCH_BYTES);
    expect(machine.flushed()).toBe(0);
    expect(machine.stage.nextDueMs()).toBe(200);
    machine.now += 200;
    machine.settle();
    expect(machine.flushed()).toBe(2 * BATCH_BYTES);
  });

  it('syncs when enough is written', () => {
    const machine = makeMachine({ stage: ASYNC });
    append(machine, 15);
    expect(machine.flushed()).toBe(0);
    append(machine, 1);
    expect(machine.flushed()).toBe(16 * BATCH_BYTES);
  });

  it('syncs at once when somebody waits for it', () => {
    const machine = makeMachine({ stage: ASYNC });
    append(machine, 2);
    machine.produce(BODY, 'sync');
    machine.settle();
    expect(machine.flushed()).toBe(3 * BATCH_BYTES);
  });

  it('syncs when the clock has gone back', () => {
    const machine = makeMachine({ stage: ASYNC });
    append(machine, 1);
    machine.now -= 100_000;
    machine.settle();
    expect(machine.flushed()).toBe(BATCH_BYTES);
  });
});

describe('an inline step', () => {
  it('writes and syncs into blocks that exist', () => {
    const machine = makeMachine({ stage: ZEROED });
    machine.settle();
    machine.produce(BODY);
    machine.index();
    expect(machine.inline.stepInline()).toBe(true);
    expect(machine.flushed()).toBe(BATCH_BYTES);
  });

  it('leaves holes, the next segment and a failed disk to the worker', () => {
    const holes = makeMachine();
    holes.produce(BODY);
    holes.index();
    expect(holes.inline.stepInline()).toBe(false);
    const machine = makeMachine({ stage: ZEROED });
    machine.settle();
    append(machine, SEGMENT / BATCH_BYTES);
    machine.produce(BODY);
    machine.index();
    expect(machine.inline.stepInline()).toBe(false);
    machine.settle();
    machine.produce(BODY);
    machine.index();
    machine.disk.fault = (call) => (call === 'write' ? 'EIO' : null);
    expect(machine.inline.stepInline()).toBe(false);
    expect(machine.fatal()).toBe(5);
  });

  it('on an async broker syncs only for who waits', () => {
    const machine = makeMachine({ stage: { ...ASYNC, zeroAheadBytes: 8192 } });
    machine.settle();
    machine.produce(BODY);
    machine.index();
    expect(machine.inline.stepInline()).toBe(true);
    expect([machine.written(), machine.flushed()]).toEqual([BATCH_BYTES, 0]);
    machine.produce(BODY, 'sync');
    machine.index();
    expect(machine.inline.stepInline()).toBe(true);
    expect(machine.flushed()).toBe(2 * BATCH_BYTES);
  });
});

describe('the ring', () => {
  it('is freed only as claims need it, and stays a cache of the tail', () => {
    const machine = makeMachine();
    append(machine, 40);
    const slots = machine.ring.ringBytes / 64;
    expect(machine.ring.gate()).toBe(0);
    append(machine, 400);
    const claimable = (machine.ring.gate() + slots - machine.ring.head()) | 0;
    expect(claimable).toBeGreaterThanOrEqual(slots / 4);
    expect(claimable).toBeLessThanOrEqual(slots / 4 + slots / 16);
  });

  it.each([2, 4, 8])(
    'of %i spans always has room for the next batch, with what it leaves of a span',
    (spans) => {
      const machine = makeMachine({ ringBytes: spans * SPAN });
      // A third of a span and a bit: two to a span, and every second claim takes the rest of one with it.
      for (let i = 0; i < 40; i++) {
        machine.settle();
        expect(machine.produce(SPAN / 3), `batch ${i}`).toBe(true);
      }
      // And the largest there are, none of which leaves room for another.
      for (let i = 0; i < 40; i++) {
        machine.settle();
        expect(machine.produce(SPAN / 2), `large batch ${i}`).toBe(true);
      }
    },
  );
});

describe('a failed fdatasync', () => {
  it('ends the log at once and is never tried again', () => {
    const machine = makeMachine();
    append(machine, 3);
    machine.disk.fault = (call) => (call === 'fdatasync' ? 'EIO' : null);
    machine.produce(BODY);
    machine.settle();
    expect(machine.fatal()).toBe(5);
    expect(machine.flushed()).toBe(3 * BATCH_BYTES);
    machine.disk.fault = null;
    const { syncs } = machine.disk;
    machine.produce(BODY);
    machine.settle();
    expect(machine.stage.flushAll()).toBe(false);
    expect(machine.inline.stepInline()).toBe(false);
    expect(machine.disk.syncs).toBe(syncs);
    expect(machine.flushed()).toBe(3 * BATCH_BYTES);
    // What was acked is there; what the kernel dropped was not acked.
    machine.disk.cutPower();
    expect(recover(machine).endPosition).toBeGreaterThanOrEqual(3 * BATCH_BYTES);
  });

  it('for want of room is no full disk either', () => {
    const machine = makeMachine();
    machine.disk.fault = (call) => (call === 'fdatasync' ? 'ENOSPC' : null);
    machine.produce(BODY);
    machine.settle();
    expect(machine.fatal()).toBe(28);
    expect(machine.full()).toBe(0);
  });

  it('while space is zeroed ahead ends the log, too', () => {
    const machine = makeMachine({ stage: ZEROED });
    machine.disk.fault = (call) => (call === 'fdatasync' ? 'EIO' : null);
    machine.settle();
    expect(machine.fatal()).toBe(5);
  });
});

describe('a full disk', () => {
  it('refuses sends, keeps what is in the ring, and goes on by itself when there is room', () => {
    const machine = makeMachine();
    append(machine, 10);
    machine.disk.capacityBytes = 10 * BATCH_BYTES;
    for (let i = 0; i < 10; i++) {
      machine.produce(BODY);
    }
    machine.settle();
    expect(machine.full()).toBe(FULL.noSpace);
    expect(machine.written()).toBe(10 * BATCH_BYTES);
    expect(machine.stage.nextDueMs()).toBe(100);
    machine.now += 100;
    machine.settle();
    expect(machine.full()).toBe(FULL.noSpace);
    machine.disk.capacityBytes = 1024 * 1024;
    machine.now += 100;
    machine.settle();
    expect(machine.full()).toBe(0);
    expect(machine.flushed()).toBe(20 * BATCH_BYTES);
    expect(machine.fatal()).toBe(0);
    machine.disk.cutPower();
    expect(recover(machine)).toMatchObject({ endPosition: 20 * BATCH_BYTES, damage: [] });
  });

  it.each(['create', 'ftruncate'])('at a new segment (%s) is waited out as well', (failing) => {
    const machine = makeMachine();
    append(machine, 12);
    machine.disk.fault = (call) => (call === failing ? 'EDQUOT' : null);
    for (let i = 0; i < 8; i++) {
      machine.produce(BODY);
    }
    machine.settle();
    expect(machine.full()).toBe(FULL.noSpace);
    machine.disk.fault = null;
    machine.now += 100;
    machine.settle();
    expect([machine.full(), machine.fatal()]).toEqual([0, 0]);
    expect(machine.flushed()).toBe(20 * BATCH_BYTES);
  });

  it.each(['EMFILE', 'ENFILE', 'ENOMEM'])('is no end of the log either when it is %s', (code) => {
    const machine = makeMachine();
    append(machine, 12);
    machine.disk.fault = (call) => (call === 'create' ? code : null);
    for (let i = 0; i < 8; i++) {
      machine.produce(BODY);
    }
    machine.settle();
    expect(machine.full()).toBe(FULL.noSpace | FULL.resources);
    machine.disk.fault = null;
    machine.now += 100;
    machine.settle();
    expect([machine.full(), machine.fatal()]).toEqual([0, 0]);
    expect(machine.flushed()).toBe(20 * BATCH_BYTES);
  });

  it('is noticed while space is zeroed ahead, before a send needs it', () => {
    const machine = makeMachine({ stage: ZEROED });
    machine.disk.capacityBytes = 2048;
    machine.settle();
    expect(machine.full()).toBe(FULL.noSpace);
    machine.disk.capacityBytes = 1024 * 1024;
    machine.now += 100;
    machine.settle();
    expect(machine.full()).toBe(0);
  });

  it('is foreseen: less free than the limit refuses sends, an eighth more lets them in again', () => {
    const machine = makeMachine({ stage: { flush: 'sync', zeroAheadBytes: 0, minFreeBytes: 8192 } });
    machine.disk.capacityBytes = 64 * 1024;
    machine.settle();
    expect(machine.full()).toBe(0);
    machine.disk.capacityBytes = 8000;
    machine.now += 1000;
    machine.settle();
    expect(machine.full()).toBe(FULL.nearly);
    machine.disk.capacityBytes = 8500;
    machine.now += 1000;
    machine.settle();
    expect(machine.full()).toBe(FULL.nearly);
    machine.disk.capacityBytes = 9216;
    machine.now += 1000;
    machine.settle();
    expect(machine.full()).toBe(0);
  });
});

describe('space ahead', () => {
  it('follows use, up to the limit, in bounded pieces', () => {
    const machine = makeMachine({ stage: ZEROED });
    machine.settle();
    const zeroedUpTo = (): number => machine.ring.control[WORD.spare + PERSIST_WORD.zeroedUpTo] as number;
    // The current segment and the next are all there is to zero.
    expect(zeroedUpTo() * 64).toBe(2 * SEGMENT);
    expect(machine.files.next?.base).toBe(SEGMENT);
    append(machine, 20);
    expect(machine.files.current.base).toBe(SEGMENT);
    expect(zeroedUpTo() * 64).toBe(3 * SEGMENT);
  });

  it('is not prepared while the sync thread is at work: the worker would wait for the disk as well, and write nothing', () => {
    const memory = new SharedArrayBuffer(SYNC_WORDS_BYTES);
    const machine = makeMachine({
      segmentBytes: 16 * MIB,
      spanBytes: MIB,
      ringBytes: 2 * MIB,
      stage: { ...ZEROED, zeroAheadBytes: 8 * MIB, background: new BackgroundSync(memory) },
    });
    machine.settle();
    // More than the stage syncs by itself, and than is left ahead.
    for (let i = 0; i < 5; i++) {
      machine.produce(60 * 1024);
    }
    machine.index();
    expect(machine.stage.step()).toBe(true);
    const { syncs } = machine.disk;
    machine.now += 60_000;
    expect(machine.stage.step()).toBe(false);
    expect(machine.disk.syncs).toBe(syncs);
    Atomics.store(new Int32Array(memory), SYNC_WORD.state, SYNC_STATE.done);
    machine.settle();
    expect(machine.flushed()).toBe(machine.written());
    expect(machine.disk.syncs).toBeGreaterThan(syncs);
  });
});
