/**
 * Retired index blocks of the log lane, in `queues/<first block id, 16 hex digits>.idx`. A block's id says
 * where it lies: file floor(id / blocksPerFile), at (id mod blocksPerFile) × 512. Ids begin at 1, so the
 * first 512 bytes of the first file are unused. Blocks are written once, in the order of their ids, by
 * whoever holds the index role, and read by any thread. The files are derived from the log: what is lost is
 * rebuilt by reading it.
 */
import { crc32 } from 'node:zlib';
import { RingMQError } from '../../native-free/wire/errors.js';
import type { Disk } from '../disk/disk.js';
import { diskErrorCode } from '../disk/disk.js';
import {
  BLOCK_BYTES,
  BLOCK_ENTRIES,
  BLOCK_WORD,
  ENTRIES_AT,
  ENTRY_DOUBLES,
  ENTRY_F,
} from './index-block-layout.js';

/** 64 MiB a file. */
export const DEFAULT_BLOCKS_PER_FILE = 131_072;
/** Files one thread keeps open; the one used longest ago is closed for the next. */
const MAX_OPEN_FILES = 8;

/** What a block store answers. */
export const BLOCK_READ = { ok: 0, gone: 1, damaged: 2 } as const;

/** Where retired blocks live. */
export interface BlockStore {
  /** Stores the block `words` / 512 bytes of the store's {@link BlockStore.buffer}. @throws the disk's errors */
  write(id: number): void;
  /** Brings a block into {@link BlockStore.buffer}. One of {@link BLOCK_READ}. */
  read(id: number): number;
  /** The 64 doubles of the block to write, or read last. */
  readonly buffer: Float64Array;
}

/** What of a `Disk` the index needs. */
export type IndexDisk = Pick<
  Disk,
  | 'open'
  | 'create'
  | 'close'
  | 'read'
  | 'write'
  | 'fdatasync'
  | 'fsyncDir'
  | 'unlink'
  | 'mkdir'
  | 'readdir'
  | 'size'
>;

export interface IndexFilesOptions {
  disk: IndexDisk;
  /** The `queues/` directory; made when missing. */
  dir: string;
  /** Blocks a file holds; fixed for a data directory. Default 131,072 (64 MiB). */
  blocksPerFile?: number;
}

export class IndexFiles implements BlockStore {
  readonly buffer: Float64Array;
  readonly #disk: IndexDisk;
  readonly #dir: string;
  readonly #blocksPerFile: number;
  readonly #open = new Map<number, number>();
  /** The block id, then the block: what the checksum covers, so that one call over one view makes it. */
  readonly #sealed: Uint8Array;
  readonly #sealedId: Float64Array;
  readonly #words: Int32Array;
  #lastFile = -1;
  #lastFd = -1;

  constructor(options: IndexFilesOptions) {
    this.#disk = options.disk;
    this.#dir = options.dir;
    this.#blocksPerFile = options.blocksPerFile ?? DEFAULT_BLOCKS_PER_FILE;
    const memory = new ArrayBuffer(8 + BLOCK_BYTES);
    this.#sealed = new Uint8Array(memory);
    this.#sealedId = new Float64Array(memory, 0, 1);
    this.buffer = new Float64Array(memory, 8, BLOCK_BYTES / 8);
    this.#words = new Int32Array(memory, 8, BLOCK_BYTES / 4);
    this.#disk.mkdir(this.#dir);
  }

  write(id: number): void {
    this.#words[BLOCK_WORD.crc] = 0;
    this.#sealedId[0] = id;
    this.#words[BLOCK_WORD.crc] = crc32(this.#sealed);
    const fd = this.#fd(this.#fileOf(id), true);
    this.#disk.write(fd, this.#sealed, 8, BLOCK_BYTES, this.#placeOf(id));
  }

  read(id: number): number {
    const fd = this.#fd(this.#fileOf(id), false);
    if (fd < 0) {
      return BLOCK_READ.gone;
    }
    if (this.#disk.read(fd, this.#sealed, 8, BLOCK_BYTES, this.#placeOf(id)) !== BLOCK_BYTES) {
      return BLOCK_READ.damaged;
    }
    const crc = this.#words[BLOCK_WORD.crc] as number;
    this.#words[BLOCK_WORD.crc] = 0;
    this.#sealedId[0] = id;
    return (crc32(this.#sealed) | 0) === crc ? BLOCK_READ.ok : BLOCK_READ.damaged;
  }

  /** Name of the file that has, or would have, the block. */
  pathOf(id: number): string {
    return this.#path(this.#fileOf(id));
  }

  /** Makes blocks `fromId` ≤ id < `toId` durable. Before a snapshot that names them is. @throws the disk's errors */
  sync(fromId: number, toId: number): void {
    if (fromId >= toId) {
      return;
    }
    for (let file = this.#fileOf(fromId); file <= this.#fileOf(toId - 1); file++) {
      const fd = this.#fd(file, false);
      if (fd >= 0) {
        this.#disk.fdatasync(fd);
      }
    }
    this.#disk.fsyncDir(this.#dir);
  }

  /** Files that should have blocks of `fromId` ≤ id < `toId` and are missing or too short: the index must be rebuilt. */
  missing(fromId: number, toId: number): string[] {
    const missing: string[] = [];
    for (let from = fromId; from < toId; ) {
      const file = this.#fileOf(from);
      const end = Math.min(toId, (file + 1) * this.#blocksPerFile);
      if (this.#sizeOf(file) < this.#placeOf(end - 1) + BLOCK_BYTES) {
        missing.push(this.#path(file));
      }
      from = end;
    }
    return missing;
  }

  /**
   * The first block that is still needed when the log below `minLogPosition` goes, in steps of whole files. A
   * block is retired when its last batch is indexed, so the last block of a file has its highest position;
   * where it cannot be read, that of a later file will do.
   * @throws the disk's errors
   */
  firstNeeded(firstId: number, nextId: number, minLogPosition: number): number {
    const last = ENTRIES_AT + (BLOCK_ENTRIES - 1) * ENTRY_DOUBLES + ENTRY_F.position;
    let first = firstId;
    for (let end = this.#endOf(first); end <= nextId; end = this.#endOf(end)) {
      if (this.read(end - 1) !== BLOCK_READ.ok) {
        continue;
      }
      if ((this.buffer[last] as number) >= minLogPosition) {
        break;
      }
      first = end;
    }
    return first;
  }

  /**
   * Deletes files that have only blocks below `firstId`. Only once a snapshot with that `firstBlock` is
   * durable: an older one would miss them.
   * @throws the disk's errors
   */
  deleteBelow(firstId: number): void {
    this.closeBelow(firstId);
    for (const name of this.#names()) {
      if (this.#endOf(Number.parseInt(name, 16)) <= firstId) {
        this.#disk.unlink(`${this.#dir}/${name}`);
      }
    }
  }

  /** Deletes every index file, before the index is built anew. @throws the disk's errors */
  deleteAll(): void {
    this.close();
    for (const name of this.#names()) {
      this.#disk.unlink(`${this.#dir}/${name}`);
    }
    this.#disk.fsyncDir(this.#dir);
  }

  /** Closes this thread's files below a block id, so that deleted ones give their space back. */
  closeBelow(firstId: number): void {
    for (const [file, fd] of [...this.#open]) {
      if ((file + 1) * this.#blocksPerFile <= firstId) {
        this.#forgetFd(file, fd);
      }
    }
  }

  close(): void {
    for (const [file, fd] of [...this.#open]) {
      this.#forgetFd(file, fd);
    }
  }

  #names(): string[] {
    return this.#disk.readdir(this.#dir).filter((name) => /^[0-9a-f]{16}\.idx$/.test(name));
  }

  /** First id of the file after the one that has `id`. */
  #endOf(id: number): number {
    return (this.#fileOf(id) + 1) * this.#blocksPerFile;
  }

  #fileOf(id: number): number {
    return Math.floor(id / this.#blocksPerFile);
  }

  #placeOf(id: number): number {
    return (id % this.#blocksPerFile) * BLOCK_BYTES;
  }

  #path(file: number): string {
    return `${this.#dir}/${(file * this.#blocksPerFile).toString(16).padStart(16, '0')}.idx`;
  }

  #sizeOf(file: number): number {
    try {
      return this.#disk.size(this.#path(file));
    } catch (error) {
      if (diskErrorCode(error) === 'ENOENT') {
        return -1;
      }
      throw error;
    }
  }

  /** The open file; -1 when there is none and it is not to be made. */
  #fd(file: number, create: boolean): number {
    if (file === this.#lastFile) {
      return this.#lastFd;
    }
    let fd = this.#open.get(file);
    if (fd === undefined) {
      fd = this.#openFile(file, create);
      if (fd < 0) {
        return -1;
      }
      if (this.#open.size >= MAX_OPEN_FILES) {
        const [oldest, oldFd] = this.#open.entries().next().value as [number, number];
        this.#forgetFd(oldest, oldFd);
      }
    } else {
      this.#open.delete(file);
    }
    this.#open.set(file, fd);
    this.#lastFile = file;
    this.#lastFd = fd;
    return fd;
  }

  #openFile(file: number, create: boolean): number {
    const path = this.#path(file);
    try {
      return this.#disk.open(path, 'write');
    } catch (error) {
      if (diskErrorCode(error) !== 'ENOENT') {
        throw error;
      }
    }
    if (!create) {
      return -1;
    }
    try {
      return this.#disk.create(path);
    } catch (error) {
      // A thread that was terminated right after it made the file, or this index step done again.
      if (diskErrorCode(error) === 'EEXIST') {
        return this.#disk.open(path, 'write');
      }
      throw error;
    }
  }

  #forgetFd(file: number, fd: number): void {
    this.#open.delete(file);
    if (this.#lastFile === file) {
      this.#lastFile = -1;
    }
    this.#disk.close(fd);
  }
}

/** An index block that should be there and cannot be read: damage, never passed over in silence. */
export function blockDamaged(path: string, id: number): RingMQError {
  return new RingMQError(
    'LOG_CORRUPT',
    `index block ${id} in ${path} cannot be read; stop the broker and delete that file, and the next start rebuilds the index from the log`,
    { details: { path, block: id } },
  );
}
