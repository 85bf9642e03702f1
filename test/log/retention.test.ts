import { describe, expect, it } from 'vitest';
import { lastStoreTime, MAX_SPARE_SEGMENTS } from '../../engine/log/index.js';
import { LOG_DIR, type LogMachine } from '../simulation/log-machine.js';
import {
  append,
  BATCH_BYTES,
  flipBit,
  makeMachine,
  recover,
  SEGMENT,
  SPAN,
  segmentPath,
} from './log-setup.js';

const HOUR = 3_600_000;
const PER_SEGMENT = SEGMENT / BATCH_BYTES;

function retireAll(machine: LogMachine): number {
  let count = 0;
  while (machine.retention.step() !== null) {
    count++;
  }
  return count;
}

describe('retention', () => {
  it('by age goes by the last batch of a segment, and never takes the current one', () => {
    const machine = makeMachine({ retentionMs: HOUR });
    append(machine, PER_SEGMENT - 1);
    machine.now += HOUR;
    append(machine, PER_SEGMENT);
    machine.writeCheckpoint();
    machine.now += HOUR;
    expect(retireAll(machine)).toBe(0);
    machine.now += 1;
    expect(retireAll(machine)).toBe(1);
    machine.now += 100 * HOUR;
    expect(retireAll(machine)).toBe(0);
    expect(machine.files.bases[0]).toBe(SEGMENT);
  });

  it('of what was stored while the clock was ahead goes by what came after', () => {
    const machine = makeMachine({ retentionMs: HOUR });
    append(machine, PER_SEGMENT);
    machine.now += 100_000 * HOUR;
    append(machine, 3 * PER_SEGMENT);
    machine.now -= 100_000 * HOUR;
    append(machine, 2 * PER_SEGMENT + 1);
    machine.writeCheckpoint();
    expect(retireAll(machine)).toBe(0);
    machine.now += HOUR + 1;
    expect(retireAll(machine)).toBe(6);
  });

  it('of what was stored while the clock was ahead, and nothing since, goes by how long it has been known', () => {
    const machine = makeMachine({ retentionMs: HOUR });
    machine.now += 100_000 * HOUR;
    append(machine, 3 * PER_SEGMENT + 1);
    machine.now -= 100_000 * HOUR;
    machine.writeCheckpoint();
    expect(retireAll(machine)).toBe(0);
    machine.now += HOUR + 1;
    expect(retireAll(machine)).toBe(1);
  });

  it('by bytes keeps so many, the current segment counted whole', () => {
    const machine = makeMachine({ retentionMs: 0, retentionBytes: 3 * SEGMENT });
    append(machine, 8 * PER_SEGMENT + 1);
    machine.writeCheckpoint();
    expect(retireAll(machine)).toBe(6);
    expect(machine.files.bases).toEqual([6 * SEGMENT, 7 * SEGMENT, 8 * SEGMENT]);
  });

  it('takes nothing that the checkpoint needs', () => {
    const machine = makeMachine({ retentionMs: 0, retentionBytes: SEGMENT });
    append(machine, 2 * PER_SEGMENT + 3);
    expect(retireAll(machine)).toBe(0);
    machine.writeCheckpoint();
    append(machine, 3 * PER_SEGMENT);
    expect(retireAll(machine)).toBe(2);
  });

  it('recycles a few files and deletes the others', () => {
    const machine = makeMachine({ retentionMs: 0, retentionBytes: SEGMENT });
    append(machine, 6 * PER_SEGMENT);
    machine.writeCheckpoint();
    retireAll(machine);
    const spares = (): number => machine.disk.readdir(LOG_DIR).filter((name) => name.endsWith('.old')).length;
    expect(spares()).toBe(MAX_SPARE_SEGMENTS);
    append(machine, PER_SEGMENT);
    expect(spares()).toBe(MAX_SPARE_SEGMENTS - 1);
    expect(machine.files.current.allocated).toBe(true);
  });

  it('goes in order, also across a power cut', () => {
    for (let calls = 1; calls < 12; calls++) {
      const machine = makeMachine({ retentionMs: 0, retentionBytes: SEGMENT });
      append(machine, 6 * PER_SEGMENT + 1);
      machine.writeCheckpoint();
      machine.disk.crashAfterCalls = calls;
      expect(() => {
        while (machine.retention.step() !== null) {}
        machine.disk.crashAfterCalls = 1;
        machine.writeCheckpoint();
      }).toThrow('in a');
      machine.disk.cutPower();
      expect(recover(machine)).toMatchObject({
        damage: [],
        endPosition: (6 * PER_SEGMENT + 1) * BATCH_BYTES,
      });
    }
  });

  it('does not take a damaged segment for an old one', () => {
    const machine = makeMachine({ retentionMs: HOUR });
    append(machine, 2 * PER_SEGMENT + 1);
    machine.writeCheckpoint();
    for (let span = 0; span < SEGMENT; span += SPAN) {
      flipBit(machine, span);
    }
    expect(lastStoreTime(machine.disk, machine.files, SPAN, 0)).toBe(0);
    expect(retireAll(machine)).toBe(0);
    machine.now += HOUR + 1;
    expect(retireAll(machine)).toBe(2);
  });

  it('is not stopped by a file that somebody has removed', () => {
    const machine = makeMachine({ retentionMs: HOUR });
    append(machine, 3 * PER_SEGMENT);
    machine.writeCheckpoint();
    machine.disk.unlink(segmentPath(0));
    machine.now += HOUR + 1;
    expect(retireAll(machine)).toBe(2);
  });
});

describe('a reader', () => {
  it('reads across segments, and nothing that retention has taken, even from a file it has open', () => {
    const machine = makeMachine({ retentionMs: 0, retentionBytes: SEGMENT });
    append(machine, 3 * PER_SEGMENT + 1);
    const target = new Uint8Array(3 * SEGMENT);
    expect(machine.reader.read(BATCH_BYTES, 2 * SEGMENT, target, 10)).toBe(2 * SEGMENT);
    const stored = machine.history.slice(1, 2 * PER_SEGMENT + 1).map((batch) => batch.bytes);
    expect(Buffer.compare(target.subarray(10, 10 + 2 * SEGMENT), Buffer.concat(stored))).toBe(0);
    machine.writeCheckpoint();
    retireAll(machine);
    append(machine, 2 * PER_SEGMENT);
    expect(machine.reader.read(BATCH_BYTES, BATCH_BYTES, target, 0)).toBe(0);
    expect(machine.reader.read(3 * SEGMENT, BATCH_BYTES, target, 0)).toBe(BATCH_BYTES);
  });

  it('says how much is there when a file is missing or short', () => {
    const machine = makeMachine();
    append(machine, 3 * PER_SEGMENT);
    machine.disk.unlink(segmentPath(SEGMENT));
    const target = new Uint8Array(2 * SEGMENT);
    expect(machine.reader.read(BATCH_BYTES, 2 * SEGMENT, target, 0)).toBe(SEGMENT - BATCH_BYTES);
    expect(machine.reader.read(SEGMENT, 64, target, 0)).toBe(0);
  });

  it('keeps few files open, and none after close', () => {
    const machine = makeMachine();
    append(machine, 20 * PER_SEGMENT);
    const before = machine.disk.openFiles;
    const target = new Uint8Array(64);
    for (let i = 0; i < 20; i++) {
      machine.reader.read(i * SEGMENT, 64, target, 0);
    }
    expect(machine.disk.openFiles - before).toBe(8);
    machine.reader.close();
    expect(machine.disk.openFiles).toBe(before);
  });
});
