/** Both disks do the same, so that what is shown on the simulated one holds on the real one; and the simulated one loses what it should. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Disk, isShortage, NodeDisk, readWholeFile, replaceFile } from '../../engine/disk/index.js';
import { Random } from '../simulation/random.js';
import { SECTOR_BYTES, SimulatedDisk } from '../simulation/simulated-disk.js';

const temporary = mkdtempSync(join(tmpdir(), 'ringmq-disk-'));
afterAll(() => rmSync(temporary, { recursive: true }));

const withCode = (code: string): unknown => expect.objectContaining({ code });

describe.each<[string, Disk, string]>([
  ['NodeDisk', new NodeDisk(), join(temporary, 'd')],
  ['SimulatedDisk', new SimulatedDisk(new Random(1)), 'd'],
])('%s', (_name, disk, dir) => {
  it('creates, writes, reads to the end of the file and no further', () => {
    disk.mkdir(dir);
    disk.mkdir(dir);
    const fd = disk.create(`${dir}/a`);
    expect(() => disk.create(`${dir}/a`)).toThrow(withCode('EEXIST'));
    disk.write(fd, Uint8Array.of(9, 1, 2, 3, 9), 1, 3, 2);
    const target = new Uint8Array(8).fill(7);
    expect(disk.read(fd, target, 1, 7, 0)).toBe(5);
    expect([...target]).toEqual([7, 0, 0, 1, 2, 3, 7, 7]);
    expect(disk.read(fd, target, 0, 8, 100)).toBe(0);
    disk.truncate(fd, 4);
    disk.truncate(fd, 6);
    expect(disk.size(`${dir}/a`)).toBe(6);
    expect([...(readWholeFile(disk, `${dir}/a`, 6) as Uint8Array)]).toEqual([0, 0, 1, 2, 0, 0]);
    expect(() => readWholeFile(disk, `${dir}/a`, 5)).toThrow(withCode('EFBIG'));
    disk.fdatasync(fd);
    disk.fsyncDir(dir);
    disk.close(fd);
  });

  it('renames over what is there, removes, lists', () => {
    replaceFile(disk, dir, 'b', Uint8Array.of(1));
    replaceFile(disk, dir, 'b', Uint8Array.of(2));
    disk.rename(`${dir}/b`, `${dir}/a`);
    expect(disk.readdir(dir)).toEqual(['a']);
    expect([...(readWholeFile(disk, `${dir}/a`, 6) as Uint8Array)]).toEqual([2]);
    disk.unlink(`${dir}/a`);
    expect(disk.readdir(dir)).toEqual([]);
    expect(readWholeFile(disk, `${dir}/a`, 6)).toBeUndefined();
    expect(disk.space(dir).free).toBeGreaterThan(0);
  });

  it('says what is missing by its errno', () => {
    expect(() => disk.open(`${dir}/none`, 'read')).toThrow(withCode('ENOENT'));
    expect(() => disk.size(`${dir}/none`)).toThrow(withCode('ENOENT'));
    expect(() => disk.unlink(`${dir}/none`)).toThrow(withCode('ENOENT'));
    expect(() => disk.readdir(`${dir}/none/more`)).toThrow(withCode('ENOENT'));
  });
});

describe('errors for want of room, descriptors or memory', () => {
  it('are not those of a failed sync', () => {
    const error = (code: string, syscall: string): Error => Object.assign(new Error(code), { code, syscall });
    expect(isShortage(error('ENOSPC', 'write'))).toBe(true);
    expect(isShortage(error('EDQUOT', 'ftruncate'))).toBe(true);
    expect(isShortage(error('ENOSPC', 'fdatasync'))).toBe(false);
    expect(isShortage(error('EDQUOT', 'fsync'))).toBe(false);
    for (const code of ['EMFILE', 'ENFILE', 'ENOMEM']) {
      expect(isShortage(error(code, 'open'))).toBe(true);
      expect(isShortage(error(code, 'fsync'))).toBe(false);
    }
    expect(isShortage(error('EIO', 'write'))).toBe(false);
    expect(isShortage(new Error('ENOSPC'))).toBe(false);
  });
});

describe('a simulated power cut', () => {
  /** Which of ten sectors, each written twice, have which content afterwards. */
  function contents(seed: number, sync: boolean): number[] {
    const disk = new SimulatedDisk(new Random(seed));
    disk.mkdir('d');
    const fd = disk.create('d/a');
    disk.truncate(fd, 10 * SECTOR_BYTES);
    disk.fdatasync(fd);
    disk.fsyncDir('d');
    for (const value of [1, 2]) {
      disk.write(fd, new Uint8Array(10 * SECTOR_BYTES).fill(value), 0, 10 * SECTOR_BYTES, 0);
    }
    if (sync) {
      disk.fdatasync(fd);
    }
    disk.cutPower();
    const bytes = readWholeFile(disk, 'd/a', 1e6) as Uint8Array;
    return Array.from({ length: 10 }, (_, i) => {
      const sector = bytes.subarray(i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES);
      expect(new Set(sector).size).toBe(1);
      return sector[0] as number;
    });
  }

  it('keeps what was synced, and of the rest any sectors, of any age, the same ones for the same seed', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      expect(contents(seed, true)).toEqual(new Array(10).fill(2));
      const once = contents(seed, false);
      expect(contents(seed, false)).toEqual(once);
      seen.add(once.join(''));
    }
    expect(seen).toContain('0000000000');
    expect(seen).toContain('2222222222');
    expect([...seen].some((mix) => /[12].*0.*[12]/.test(mix) && mix.includes('1') && mix.includes('2'))).toBe(
      true,
    );
  });

  it('loses names that were not synced, and gives back the ones taken away', () => {
    const kept = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const disk = new SimulatedDisk(new Random(seed));
      disk.mkdir('d');
      disk.create('d/a');
      disk.fsyncDir('d');
      disk.rename('d/a', 'd/b');
      disk.create('d/c');
      disk.cutPower();
      kept.add(disk.readdir('d').join());
    }
    expect([...kept].sort()).toEqual(['a', 'b', 'b,c']);
  });
});
