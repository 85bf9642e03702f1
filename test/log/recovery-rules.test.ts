/** Each rule of recovery (engine/log/log-scan.ts) by itself, on a simulated disk. */
import { describe, expect, it } from 'vitest';
import { keepSegmentsFrom, verifyDir } from '../../engine/log/index.js';
import { WORD } from '../../engine/ring/index.js';
import { LOG_DIR } from '../simulation/log-machine.js';
import {
  append,
  BATCH_BYTES,
  BODY,
  damage,
  flipBit,
  makeMachine,
  positions,
  recover,
  SEGMENT,
  SPAN,
  segmentPath,
} from './log-setup.js';

describe('an untouched log', () => {
  it('comes back whole, from its beginning or from a checkpoint', () => {
    const machine = makeMachine();
    append(machine, 40);
    const all = positions(machine.history);
    expect(recover(machine)).toMatchObject({
      startPosition: 0,
      endPosition: 40 * BATCH_BYTES,
      damage: [],
      seen: all,
    });
    const position = 30 * BATCH_BYTES;
    expect(recover(machine, { position, flushed: position, epoch: 1 }).seen).toEqual(all.slice(30));
  });

  it('that is empty begins where the checkpoint says', () => {
    const machine = makeMachine();
    expect(recover(machine)).toMatchObject({ endPosition: 0, damage: [], lastEpoch: 0 });
    expect(recover(machine, { position: 64, flushed: 64, epoch: 9 })).toMatchObject({
      endPosition: 64,
      lastEpoch: 9,
    });
  });

  it('is not read before the checkpoint', () => {
    const machine = makeMachine();
    append(machine, 40);
    flipBit(machine, 5 * BATCH_BYTES);
    const position = 20 * BATCH_BYTES;
    expect(recover(machine, { position, flushed: position, epoch: 1 })).toMatchObject({ damage: [] });
  });
});

describe('a tail that was never flushed', () => {
  it('is cut at the first bad batch, also when good ones lie behind it', () => {
    const machine = makeMachine({ stage: { flush: 'async', zeroAheadBytes: 0, minFreeBytes: 0 } });
    append(machine, 4);
    machine.stage.flushAll();
    append(machine, 8);
    flipBit(machine, 6 * BATCH_BYTES + 100);
    expect(recover(machine)).toMatchObject({ endPosition: 6 * BATCH_BYTES, damage: [] });
  });

  it('is cut where the file ends', () => {
    const machine = makeMachine();
    append(machine, 4);
    const fd = machine.disk.open(segmentPath(0), 'write');
    machine.disk.truncate(fd, 3 * BATCH_BYTES + 40);
    expect(recover(machine)).toMatchObject({ endPosition: 3 * BATCH_BYTES, damage: [] });
    machine.open();
    expect(machine.disk.size(segmentPath(0))).toBe(SEGMENT);
  });
});

describe('bad bytes below the flushed watermark', () => {
  it('in a body are reported where they are; nothing is cut, and the header is still shown', () => {
    const machine = makeMachine();
    append(machine, 40);
    flipBit(machine, 10 * BATCH_BYTES + 150);
    const result = recover(machine);
    expect(result.damage).toEqual([
      {
        position: 2560,
        bytes: 256,
        file: '0000000000000000.seg',
        what: 'the body does not match its checksum',
      },
    ]);
    expect(result.endPosition).toBe(40 * BATCH_BYTES);
    expect(result.damagedBodies).toEqual([2560]);
    expect(result.seen).toHaveLength(39);
  });

  it('in a header are reported, and recovery goes on at the next good batch', () => {
    const machine = makeMachine();
    append(machine, 40);
    flipBit(machine, 10 * BATCH_BYTES);
    flipBit(machine, 20 * BATCH_BYTES + 60);
    const result = recover(machine);
    expect(result.damage.map(({ position, bytes }) => [position, bytes])).toEqual([
      [2560, 256],
      [5120, 256],
    ]);
    expect(result.damage[1]?.file).toBe('0000000000001000.seg');
    expect(result.seen).toEqual(
      positions(machine.history).filter((position) => position !== 2560 && position !== 5120),
    );
  });

  it('are damage when only the checkpoint says that they were flushed', () => {
    const machine = makeMachine();
    append(machine, 8);
    flipBit(machine, 7 * BATCH_BYTES + 8);
    expect(recover(machine)).toMatchObject({ endPosition: 7 * BATCH_BYTES, damage: [] });
    const flushed = 8 * BATCH_BYTES;
    const result = recover(machine, { position: 0, flushed, epoch: 1 });
    expect(result.damage).toMatchObject([{ position: 7 * BATCH_BYTES, bytes: BATCH_BYTES }]);
    expect(result.endPosition).toBe(flushed);
  });

  it('are found when a whole stretch over several spans is gone', () => {
    const machine = makeMachine();
    append(machine, 40);
    damage(machine, 2 * SPAN + BATCH_BYTES, (bytes) => bytes.fill(0, 0, SPAN));
    const result = recover(machine);
    expect(result.damage).toEqual([
      { position: 2304, bytes: SPAN, file: '0000000000000000.seg', what: 'zeros where a batch should be' },
    ]);
    expect(result.seen).toHaveLength(36);
  });

  it('at the flushed end, with an unflushed hole behind: the one is damage, the other is cut', () => {
    const machine = makeMachine({ stage: { flush: 'async', zeroAheadBytes: 0, minFreeBytes: 0 } });
    append(machine, 8);
    machine.stage.flushAll();
    append(machine, 8);
    flipBit(machine, 7 * BATCH_BYTES);
    flipBit(machine, 8 * BATCH_BYTES);
    const result = recover(machine);
    expect(result.damage).toMatchObject([{ position: 7 * BATCH_BYTES, bytes: BATCH_BYTES }]);
    expect(result.endPosition).toBe(8 * BATCH_BYTES);
  });
});

describe('segment files', () => {
  it('missing in the middle are damage', () => {
    const machine = makeMachine();
    append(machine, 80);
    machine.disk.unlink(segmentPath(SEGMENT));
    machine.disk.unlink(segmentPath(2 * SEGMENT));
    const result = recover(machine);
    expect(result.damage).toEqual([
      {
        position: SEGMENT,
        bytes: 2 * SEGMENT,
        file: '0000000000001000.seg',
        what: 'the segment file is missing',
      },
    ]);
    expect(result.endPosition).toBe(80 * BATCH_BYTES);
    expect(result.seen).toHaveLength(48);
  });

  it('cut short are damage up to the next file', () => {
    const machine = makeMachine();
    append(machine, 40);
    const fd = machine.disk.open(segmentPath(0), 'write');
    machine.disk.truncate(fd, 5 * BATCH_BYTES);
    const result = recover(machine);
    expect(result.damage).toMatchObject([
      { position: 1280, bytes: SEGMENT - 1280, what: 'the segment file is cut short' },
    ]);
    expect(result.seen).toHaveLength(29);
  });

  it('missing at the end are damage when the checkpoint knows of them', () => {
    const machine = makeMachine();
    append(machine, 20);
    machine.disk.unlink(segmentPath(SEGMENT));
    const flushed = 20 * BATCH_BYTES;
    const result = recover(machine, { position: 0, flushed, epoch: 1 });
    expect(result.damage).toMatchObject([{ position: SEGMENT, bytes: flushed - SEGMENT }]);
    expect(result.endPosition).toBe(flushed);
  });
});

describe('stale bytes', () => {
  it('of an earlier epoch behind a cut never come back', () => {
    const machine = makeMachine({ stage: { flush: 'async', zeroAheadBytes: 0, minFreeBytes: 0 } });
    append(machine, 2);
    machine.stage.flushAll();
    append(machine, 6);
    damage(machine, 3 * BATCH_BYTES, (bytes) => bytes.fill(0, 0, BATCH_BYTES));
    machine.disk.kill();
    expect(machine.open().endPosition).toBe(3 * BATCH_BYTES);
    append(machine, 1);
    // Position 4 still has a batch of the first life: whole, and right in everything but its epoch.
    machine.disk.kill();
    expect(recover(machine)).toMatchObject({ endPosition: 4 * BATCH_BYTES, damage: [] });
  });

  it('of a recycled segment never come back', () => {
    const machine = makeMachine({ retentionBytes: SEGMENT, retentionMs: 0 });
    append(machine, 40);
    machine.writeCheckpoint();
    keepSegmentsFrom(machine.ring.control, WORD.spare, 40 * BATCH_BYTES, SEGMENT);
    while (machine.retention.step() !== null) {}
    append(machine, 20);
    expect(machine.files.current.allocated).toBe(true);
    const end = machine.written();
    machine.disk.kill();
    const result = recover(machine, machine.checkpoint());
    expect(result).toMatchObject({ endPosition: end, damage: [], startPosition: 2 * SEGMENT });
  });
});

describe('a disk that cannot read', () => {
  it('is damage below the watermark, and refuses to open where the end cannot be told', () => {
    const machine = makeMachine();
    append(machine, 40);
    machine.disk.fault = (call, path) => (call === 'read' && path.endsWith('1000.seg') ? 'EIO' : null);
    const result = recover(machine);
    expect(result.damage).toMatchObject([{ position: SEGMENT, bytes: SEGMENT }]);
    machine.disk.fault = (call, path) => (call === 'read' && path.endsWith('2000.seg') ? 'EIO' : null);
    expect(() => recover(machine)).toThrow(/EIO/);
  });
});

describe('verifyDir', () => {
  it('counts, and finds what is wrong without changing anything', () => {
    const machine = makeMachine();
    append(machine, 40);
    machine.produce(BODY, 'abort');
    append(machine, 1);
    const options = { segmentBytes: SEGMENT, spanBytes: SPAN };
    expect(verifyDir(machine.disk, LOG_DIR, options)).toMatchObject({
      segments: 3,
      batches: 41,
      records: 41,
      bytes: 42 * BATCH_BYTES,
      damage: [],
    });
    flipBit(machine, 3 * BATCH_BYTES + 200);
    let changes = 0;
    machine.disk.fault = (call) => {
      if (call !== 'read') {
        changes++;
      }
      return null;
    };
    const report = verifyDir(machine.disk, LOG_DIR, options);
    expect(report.damage).toMatchObject([{ position: 768, file: '0000000000000000.seg' }]);
    expect(report.batches).toBe(41);
    expect(changes).toBe(0);
  });
});
