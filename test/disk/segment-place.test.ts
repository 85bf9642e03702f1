import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeLogDir, openLogDir, SegmentPlace } from '../../engine/disk/index.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';

let dir: string;
let dirFd: number;
let open: number[];
beforeEach(() => {
  dir = makeDirectory();
  dirFd = openLogDir(dir);
  open = [];
});
afterEach(() => {
  open.map((fd) => closeSync(fd));
  closeLogDir(dirFd);
  removeDirectory(dir);
});

function make(name: string): number {
  const fd = openSync(`${dir}/${name}`, 'wx+');
  open.push(fd);
  return fd;
}

const GONE = { code: 'ESTALE' };

describe.each([
  { of: 'with the directory', noDir: false },
  { of: 'without a descriptor of it', noDir: true },
])('a file of the log, $of', ({ noDir }) => {
  let place: SegmentPlace;
  let fd: number;
  beforeEach(() => {
    // Whatever was changed has settled by the next look: a change more has another time.
    let now = 0;
    place = new SegmentPlace(noDir ? -1 : dirFd, () => (now += 10_000));
    fd = make('one.seg');
    place.check(fd);
    place.check(fd);
  });

  it('that was removed has no name', () => {
    unlinkSync(`${dir}/one.seg`);
    expect(() => place.check(fd)).toThrow(expect.objectContaining(GONE));
    expect(() => place.check(fd)).toThrow(expect.objectContaining(GONE));
  });

  it('that was replaced has none, either', () => {
    writeFileSync(`${dir}/other.seg`, '');
    place.check(fd);
    renameSync(`${dir}/other.seg`, `${dir}/one.seg`);
    expect(() => place.check(fd)).toThrow(expect.objectContaining(GONE));
  });

  it('is where it was when others come and go', () => {
    make('two.seg');
    place.check(fd);
    unlinkSync(`${dir}/two.seg`);
    place.check(fd);
  });

  it('is asked for itself: one that was removed while another was looked after is found', () => {
    const next = make('two.seg');
    place.check(fd);
    unlinkSync(`${dir}/two.seg`);
    place.check(fd);
    expect(() => place.check(next)).toThrow(expect.objectContaining(GONE));
  });
});

it.each([
  ['moved away', () => renameSync(`${dir}/one.seg`, `${dir}/sub/one.seg`)],
  ['called something else', () => renameSync(`${dir}/one.seg`, `${dir}/one.seg.bak`)],
  [
    'kept elsewhere alone',
    () => {
      linkSync(`${dir}/one.seg`, `${dir}/sub/one.seg`);
      unlinkSync(`${dir}/one.seg`);
    },
  ],
])('a file of the log that was %s is not in its place', (_how, change) => {
  mkdirSync(`${dir}/sub`);
  const place = new SegmentPlace(dirFd);
  const fd = make('one.seg');
  place.check(fd);
  change();
  expect(() => place.check(fd)).toThrow(expect.objectContaining(GONE));
});

it('a file of the log may be a link to one elsewhere', () => {
  mkdirSync(`${dir}/sub`);
  writeFileSync(`${dir}/sub/one.seg`, '');
  symlinkSync(`${dir}/sub/one.seg`, `${dir}/one.seg`);
  const place = new SegmentPlace(dirFd);
  const fd = openSync(`${dir}/one.seg`, 'r+');
  open.push(fd);
  place.check(fd);
  unlinkSync(`${dir}/one.seg`);
  expect(() => place.check(fd)).toThrow(expect.objectContaining(GONE));
});

it('a directory may be given another name with all that is in it', () => {
  const place = new SegmentPlace(dirFd);
  const fd = make('one.seg');
  renameSync(dir, `${dir}-moved`);
  dir = `${dir}-moved`;
  place.check(fd);
});

it('a change that may have the time of the one before is found', () => {
  const place = new SegmentPlace(dirFd);
  for (let i = 0; i < 200; i++) {
    const fd = make(`${i}.seg`);
    place.check(fd);
    unlinkSync(`${dir}/${i}.seg`);
    expect(() => place.check(fd)).toThrow(expect.objectContaining(GONE));
  }
});
