/** The persist worker works when a step brings it further, and sleeps when none would: it takes no core for nothing. */
import { describe, expect, it } from 'vitest';
import { BackgroundSync, SYNC_STATE, SYNC_WORD, SYNC_WORDS_BYTES } from '../../engine/disk/index.js';
import { hasLogWork } from '../../engine/persist/log-work.js';
import { WORD } from '../../engine/ring/index.js';
import { LogMachine } from '../simulation/log-machine.js';
import { Random } from '../simulation/random.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';

const KIB = 1024;
/** Together they are more than a stage syncs by itself under sync flush. */
const LARGE = { bodyBytes: 60 * KIB, count: 5 } as const;

function rigOf(flush: 'sync' | 'async') {
  const memory = new SharedArrayBuffer(SYNC_WORDS_BYTES);
  const words = new Int32Array(memory);
  const background = new BackgroundSync(memory);
  const machine = new LogMachine(new SimulatedDisk(new Random(1)), {
    segmentBytes: 1024 * KIB,
    // A step writes up to the end of a span, and what it wrote is one group.
    spanBytes: 512 * KIB,
    ringBytes: 1024 * KIB,
    stage: { flush, flushIntervalMs: 500, zeroAheadBytes: 0, minFreeBytes: 0, background },
  });
  machine.open();
  return {
    machine,
    background,
    hasWork: () => hasLogWork(machine.ring, { flush, isSyncUnderWay: background.busy, leftToOthersBytes: 0 }),
    put(bodyBytes: number, kind: 'plain' | 'sync' = 'plain') {
      machine.produce(bodyBytes, kind);
      machine.index();
    },
    /** As a slave does in each turn while its master's sends wait for its disk. */
    wantAll: () => Atomics.store(machine.ring.control, WORD.syncWanted, machine.ring.indexed()),
    /** The sync thread is done. */
    endSync: () => Atomics.store(words, SYNC_WORD.state, SYNC_STATE.done),
  };
}

describe('under sync flush', () => {
  it('there is none while all is written and being synced, though somebody wants it on the disk', () => {
    const { machine, background, hasWork, put, wantAll, endSync } = rigOf('sync');
    for (let i = 0; i < LARGE.count; i++) {
      put(LARGE.bodyBytes);
    }
    wantAll();
    expect(hasWork()).toBe(true);
    expect(machine.stage.step()).toBe(true);
    expect(background.busy).toBe(true);
    expect(hasWork()).toBe(false);
    expect(machine.stage.step()).toBe(false);

    // What comes meanwhile is written, and waits for the sync after this one.
    put(160);
    wantAll();
    expect(hasWork()).toBe(true);
    expect(machine.stage.step()).toBe(true);
    expect(hasWork()).toBe(false);
    expect(machine.stage.step()).toBe(false);

    endSync();
    expect(machine.stage.step()).toBe(true);
    expect(machine.ring.flushed()).toBe(machine.ring.indexed());
    expect(hasWork()).toBe(false);
  });
});

describe('under async flush', () => {
  it('what somebody wants on the disk is synced at once', () => {
    const { machine, hasWork, put } = rigOf('async');
    put(160);
    expect(machine.stage.step()).toBe(true);
    expect(hasWork()).toBe(false);
    put(160, 'sync');
    expect(hasWork()).toBe(true);
    expect(machine.stage.step()).toBe(true);
    expect(machine.ring.flushed()).toBe(machine.ring.indexed());
    expect(hasWork()).toBe(false);
  });
});
