import { describe, expect, it } from 'vitest';
import { CHECKPOINT_FILE, readCheckpoint, writeCheckpoint } from '../../engine/log/index.js';
import { fc, test } from '../properties.js';
import { Random } from '../simulation/random.js';
import { SimulatedCrash, SimulatedDisk } from '../simulation/simulated-disk.js';

const DIR = 'data';
const FIRST = { position: 64, flushed: 128, epoch: 3, derived: { queues: 7, name: 'a' } };
const SECOND = { position: 2 ** 40, flushed: 2 ** 40 + 64, epoch: 4, derived: {} };

function makeDisk(seed = 1): SimulatedDisk {
  const disk = new SimulatedDisk(new Random(seed));
  disk.mkdir(DIR);
  return disk;
}

describe('the checkpoint', () => {
  it('comes back as it was written; none is null', () => {
    const disk = makeDisk();
    expect(readCheckpoint(disk, DIR)).toBeNull();
    writeCheckpoint(disk, DIR, FIRST);
    writeCheckpoint(disk, DIR, SECOND);
    expect(readCheckpoint(disk, DIR)).toEqual(SECOND);
    expect(disk.readdir(DIR)).toEqual([CHECKPOINT_FILE]);
  });

  it('is the old one or the new one after a power cut at any call', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const disk = makeDisk(seed);
      writeCheckpoint(disk, DIR, FIRST);
      disk.crashAfterCalls = 1 + (seed % 6);
      let done = false;
      try {
        writeCheckpoint(disk, DIR, SECOND);
        done = true;
      } catch (error) {
        expect(error).toBeInstanceOf(SimulatedCrash);
      }
      disk.cutPower();
      const found = readCheckpoint(disk, DIR);
      expect(done ? [SECOND] : [FIRST, SECOND]).toContainEqual(found);
    }
  });

  it('is not written when it makes no sense', () => {
    const disk = makeDisk();
    for (const wrong of [{ flushed: 0 }, { position: 63 }, { epoch: -1 }, { position: Number.NaN }]) {
      expect(() => writeCheckpoint(disk, DIR, { ...FIRST, ...wrong })).toThrow(/is not written/);
    }
  });

  test.prop([fc.nat(), fc.integer({ min: 1, max: 255 })])(
    'with any byte changed is refused by name',
    (at, change) => {
      const disk = makeDisk();
      writeCheckpoint(disk, DIR, FIRST);
      disk.corrupt(`${DIR}/${CHECKPOINT_FILE}`, (bytes) => {
        const place = at % bytes.length;
        bytes[place] = (bytes[place] as number) ^ change;
      });
      expect(() => readCheckpoint(disk, DIR)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
    },
  );

  test.prop([fc.uint8Array({ maxLength: 200 })])('of any bytes is read or refused', (content) => {
    const disk = makeDisk();
    const fd = disk.create(`${DIR}/${CHECKPOINT_FILE}`);
    disk.write(fd, content, 0, content.length, 0);
    expect(() => readCheckpoint(disk, DIR)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
  });
});
