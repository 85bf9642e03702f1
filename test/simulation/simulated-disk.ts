/**
 * A disk in memory that can lose power. What is written is seen at once by every reader, as in a page cache;
 * what survives a power cut is decided then: of each 512-byte sector the last synced content or any later
 * one, sector by sector, so writes are torn and reordered; of a file's size the synced or the present one; of
 * a directory's changes since its last sync some first part.
 */
import type { Disk, DiskSpace } from '../../engine/disk/disk.js';
import type { Random } from './random.js';

export const SECTOR_BYTES = 512;

/** Thrown in the middle of a call when the machine or the process "dies" there. Not a disk error: nobody handles it. */
export class SimulatedCrash extends Error {}

interface Inode {
  bytes: Uint8Array;
  size: number;
  durable: Uint8Array;
  durableSize: number;
  /** Contents a sector has had since the last sync, oldest first. */
  pending: Map<number, Uint8Array[]>;
  /** Sectors that take up room. */
  allocated: Set<number>;
}

interface Directory {
  entries: Map<string, Inode>;
  durable: Map<string, Inode>;
  changes: ((entries: Map<string, Inode>) => void)[];
}

export class SimulatedDisk implements Disk {
  /** Asked before every call that changes something; an errno makes it fail (a write is done by half first). */
  fault: ((call: string, path: string) => string | null) | null = null;
  /** Bytes that files may take up. */
  capacityBytes = Number.MAX_SAFE_INTEGER;
  /** The so-manieth changing call from now on throws {@link SimulatedCrash}, half done; 0 = none. */
  crashAfterCalls = 0;
  syncs = 0;
  readonly #random: Random;
  readonly #directories = new Map<string, Directory>();
  readonly #open = new Map<number, { inode: Inode; path: string }>();
  #nextFd = 3;

  constructor(random: Random) {
    this.#random = random;
  }

  open(path: string, _mode: 'read' | 'write'): number {
    return this.#openInode(path, this.#inode(path, 'open'));
  }

  create(path: string): number {
    this.#before('create', path);
    const directory = this.#directory(path, 'create');
    const name = nameOf(path);
    if (directory.entries.has(name)) {
      throw errno('EEXIST', 'open', path);
    }
    const inode: Inode = {
      bytes: new Uint8Array(0),
      size: 0,
      durable: new Uint8Array(0),
      durableSize: 0,
      pending: new Map(),
      allocated: new Set(),
    };
    change(directory, (entries) => entries.set(name, inode));
    return this.#openInode(path, inode);
  }

  close(fd: number): void {
    this.#file(fd, 'close');
    this.#open.delete(fd);
  }

  truncate(fd: number, bytes: number): void {
    const { inode, path } = this.#file(fd, 'ftruncate');
    this.#before('ftruncate', path);
    if (bytes < inode.size) {
      inode.bytes.fill(0, bytes, inode.size);
      inode.durable.fill(0, bytes);
      for (const sector of inode.pending.keys()) {
        if (sector * SECTOR_BYTES >= bytes) {
          inode.pending.delete(sector);
        }
      }
    }
    grow(inode, bytes);
    inode.size = bytes;
  }

  read(fd: number, target: Uint8Array, at: number, length: number, filePosition: number): number {
    const { inode, path } = this.#file(fd, 'read');
    if (at < 0 || at + length > target.length) {
      throw new RangeError('a read beyond its buffer');
    }
    const code = this.fault?.('read', path) ?? null;
    if (code !== null) {
      throw errno(code, 'read', path);
    }
    const count = Math.max(0, Math.min(length, inode.size - filePosition));
    target.set(inode.bytes.subarray(filePosition, filePosition + count), at);
    return count;
  }

  write(fd: number, bytes: Uint8Array, at: number, length: number, filePosition: number): void {
    const { inode, path } = this.#file(fd, 'write');
    if (at < 0 || at + length > bytes.length) {
      throw new RangeError('a write beyond its buffer');
    }
    const code = this.fault?.('write', path) ?? null;
    if (code !== null) {
      this.#put(inode, bytes, at, length >> 1, filePosition);
      throw errno(code, 'write', path);
    }
    if (this.#diesNow()) {
      this.#put(inode, bytes, at, this.#random.below(length + 1), filePosition);
      throw new SimulatedCrash('in a write');
    }
    const room = this.#roomFor(inode, filePosition, length);
    this.#put(inode, bytes, at, room, filePosition);
    if (room < length) {
      throw errno('ENOSPC', 'write', path);
    }
  }

  fdatasync(fd: number): void {
    const { inode, path } = this.#file(fd, 'fdatasync');
    const code = this.fault?.('fdatasync', path) ?? null;
    if (code !== null) {
      // As in real kernels: the pages count as clean from now on, and are not on the disk.
      inode.pending.clear();
      throw errno(code, 'fdatasync', path);
    }
    if (this.#diesNow()) {
      throw new SimulatedCrash('in an fdatasync');
    }
    this.syncs++;
    for (const [sector, contents] of inode.pending) {
      inode.durable.set(contents.at(-1) as Uint8Array, sector * SECTOR_BYTES);
    }
    inode.pending.clear();
    inode.durableSize = inode.size;
  }

  fsyncDir(path: string): void {
    this.#before('fsync', path);
    const directory = this.#directories.get(path);
    if (directory === undefined) {
      throw errno('ENOENT', 'open', path);
    }
    directory.durable = new Map(directory.entries);
    directory.changes = [];
  }

  rename(from: string, to: string): void {
    this.#before('rename', from);
    const inode = this.#inode(from, 'rename');
    const directory = this.#directory(from, 'rename');
    if (this.#directory(to, 'rename') !== directory) {
      throw new Error('renames stay in their directory here');
    }
    change(directory, (entries) => {
      entries.delete(nameOf(from));
      entries.set(nameOf(to), inode);
    });
  }

  unlink(path: string): void {
    this.#before('unlink', path);
    this.#inode(path, 'unlink');
    change(this.#directory(path, 'unlink'), (entries) => entries.delete(nameOf(path)));
  }

  mkdir(path: string): void {
    if (this.#directories.has(path)) {
      return;
    }
    this.#directories.set(path, { entries: new Map(), durable: new Map(), changes: [] });
  }

  readdir(path: string): string[] {
    const directory = this.#directories.get(path);
    if (directory === undefined) {
      throw errno('ENOENT', 'scandir', path);
    }
    return [...directory.entries.keys()];
  }

  size(path: string): number {
    return this.#inode(path, 'stat').size;
  }

  space(_path: string): DiskSpace {
    return { free: this.#freeBytes(), total: this.capacityBytes };
  }

  /** Files that the code under test has not closed. */
  get openFiles(): number {
    return this.#open.size;
  }

  /** The process dies: open files are gone, everything written stays. */
  kill(): void {
    this.#open.clear();
    this.crashAfterCalls = 0;
  }

  /** The power goes: what was not synced is there in parts. */
  cutPower(): void {
    this.kill();
    const random = this.#random;
    for (const directory of this.#directories.values()) {
      const entries = new Map(directory.durable);
      const kept = random.below(directory.changes.length + 1);
      for (const apply of directory.changes.slice(0, kept)) {
        apply(entries);
      }
      directory.entries = entries;
      directory.durable = new Map(entries);
      directory.changes = [];
      // Often nothing or everything has landed; in between lie the interesting cases.
      const landing = random.pick([0, 1, 0.5, random.next()]);
      for (const inode of new Set(entries.values())) {
        settle(inode, random, landing);
      }
    }
  }

  /** Changes bytes behind everybody's back, durably: what a failing medium or a careless hand does. */
  corrupt(path: string, changeBytes: (bytes: Uint8Array) => void): void {
    const inode = this.#inode(path, 'open');
    const bytes = inode.bytes.subarray(0, inode.size);
    changeBytes(bytes);
    inode.durable.set(bytes);
    inode.pending.clear();
  }

  #before(call: string, path: string): void {
    const code = this.fault?.(call, path) ?? null;
    if (code !== null) {
      throw errno(code, call, path);
    }
    if (this.#diesNow()) {
      throw new SimulatedCrash(`in a ${call}`);
    }
  }

  #diesNow(): boolean {
    return this.crashAfterCalls > 0 && --this.crashAfterCalls === 0;
  }

  #put(inode: Inode, bytes: Uint8Array, at: number, length: number, filePosition: number): void {
    if (length === 0) {
      return;
    }
    grow(inode, filePosition + length);
    inode.bytes.set(bytes.subarray(at, at + length), filePosition);
    inode.size = Math.max(inode.size, filePosition + length);
    const last = Math.floor((filePosition + length - 1) / SECTOR_BYTES);
    for (let sector = Math.floor(filePosition / SECTOR_BYTES); sector <= last; sector++) {
      const content = inode.bytes.slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
      const contents = inode.pending.get(sector);
      if (contents === undefined) {
        inode.pending.set(sector, [content]);
      } else {
        contents.push(content);
      }
      inode.allocated.add(sector);
    }
  }

  /** How much of a write fits: sectors that exist cost nothing. */
  #roomFor(inode: Inode, filePosition: number, length: number): number {
    let free = this.#freeBytes();
    for (let done = 0; done < length; ) {
      const sector = Math.floor((filePosition + done) / SECTOR_BYTES);
      if (!inode.allocated.has(sector)) {
        if (free < SECTOR_BYTES) {
          return done;
        }
        free -= SECTOR_BYTES;
      }
      done = Math.min(length, (sector + 1) * SECTOR_BYTES - filePosition);
    }
    return length;
  }

  #freeBytes(): number {
    if (this.capacityBytes === Number.MAX_SAFE_INTEGER) {
      return this.capacityBytes;
    }
    let used = 0;
    for (const { entries } of this.#directories.values()) {
      for (const inode of entries.values()) {
        used += inode.allocated.size * SECTOR_BYTES;
      }
    }
    return Math.max(0, this.capacityBytes - used);
  }

  #openInode(path: string, inode: Inode): number {
    const fd = this.#nextFd++;
    this.#open.set(fd, { inode, path });
    return fd;
  }

  #file(fd: number, call: string): { inode: Inode; path: string } {
    const file = this.#open.get(fd);
    if (file === undefined) {
      throw errno('EBADF', call, String(fd));
    }
    return file;
  }

  #inode(path: string, call: string): Inode {
    const inode = this.#directory(path, call).entries.get(nameOf(path));
    if (inode === undefined) {
      throw errno('ENOENT', call, path);
    }
    return inode;
  }

  #directory(path: string, call: string): Directory {
    const directory = this.#directories.get(path.slice(0, path.lastIndexOf('/')));
    if (directory === undefined) {
      throw errno('ENOENT', call, path);
    }
    return directory;
  }
}

function change(directory: Directory, apply: (entries: Map<string, Inode>) => void): void {
  apply(directory.entries);
  directory.changes.push(apply);
}

/** Decides what of a file is on the disk. */
function settle(inode: Inode, random: Random, landing: number): void {
  const size = random.chance(0.5) ? inode.size : inode.durableSize;
  for (const [sector, contents] of inode.pending) {
    if (!random.chance(landing)) {
      continue;
    }
    const content = random.chance(0.8) ? contents.at(-1) : random.pick(contents);
    inode.durable.set(content as Uint8Array, sector * SECTOR_BYTES);
  }
  inode.pending.clear();
  inode.durable.fill(0, size);
  inode.bytes = inode.durable.slice();
  inode.size = size;
  inode.durableSize = size;
}

/** Room for `bytes`, in whole sectors. */
function grow(inode: Inode, bytes: number): void {
  const needed = Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
  if (inode.bytes.length >= needed) {
    return;
  }
  const larger = new Uint8Array(needed);
  larger.set(inode.bytes);
  inode.bytes = larger;
  const durable = new Uint8Array(needed);
  durable.set(inode.durable);
  inode.durable = durable;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function errno(code: string, syscall: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), {
    code,
    syscall,
    errno: -(ERRNOS[code] ?? 5),
  });
}

const ERRNOS: Record<string, number> = { ENOENT: 2, EIO: 5, EBADF: 9, EEXIST: 17, ENOSPC: 28, EDQUOT: 122 };
