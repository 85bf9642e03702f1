/**
 * What the broker must know besides the messages: its identity and epoch, its topics, its groups' offsets.
 * A snapshot and a log behind it; layout in meta-file-layout.ts, contents in meta-state.ts.
 *
 * Durability. {@link MetaStore.appendDurably} returns when the record is on disk. Offsets are buffered by {@link MetaStore.appendNumber}, are in the
 * page cache after {@link MetaStore.flush} (so they survive SIGKILL) and on disk after {@link MetaStore.sync}.
 *
 * Every open and every clean close writes a new snapshot and begins an empty log, so a torn end is dropped for good, the
 * epoch is raised in the same step, and after a clean close everything stored is in a file that
 * must be whole. The order makes each step safe to be cut off: the new log is on disk before the
 * snapshot that names it, and the snapshot is whole before it takes the old one's name.
 *
 * A failed write is repeated at the same place; a failed fdatasync is final (a repeated one would lie).
 */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { RingMQError } from '../../native-free/wire/index.js';
import { type Disk, diskErrorCode, isShortage, removeIfThere } from '../disk/disk.js';
import { encodeFrame, META_FORMAT, type MetaFrame } from './meta-file-layout.js';
import { asDiskError, logName, logNames, readMeta, SNAPSHOT_NAME } from './meta-reader.js';
import { type MetaRecord, MetaState, QUEUE_NUMBERS, type QueueNumbers } from './meta-state.js';

export interface MetaStoreOptions {
  /** Milliseconds since 1970. */
  now(): number;
  /** Used once, when the directory is new; from then on what is stored counts. */
  defaults: { spanBytes: number; segmentBytes: number };
  /** Tells whether a file that is open still has its place; without it, it always has. */
  places?: MetaPlaces;
  /** Log size at which a snapshot is written, in bytes; later if the snapshot itself is larger. Default 4 MiB. */
  compactBytes?: number;
}

/** How files are told from what may stand at their path later. */
export interface MetaPlaces {
  /** Never the same for two files that exist at one time. Throws disk errors. */
  identityOf(path: string): string;
  /** Throws a disk error when not that file stands at `path`. */
  checkInPlace(path: string, identity: string): void;
}

const DEFAULT_COMPACT_BYTES = 4 * 1024 * 1024;
/** Records that may wait to be written, while the disk is full above all. */
const MAX_PENDING_RECORDS = 16_384;

/** group → topic id → queue id → number. The last one of a queue replaces those before. */
type PendingNumbers = Map<string, Map<number, Map<number, number>>>;

interface Pending {
  records: MetaRecord[];
  numbers: Record<QueueNumbers, PendingNumbers>;
}

function newPending(): Pending {
  return { records: [], numbers: { offsets: new Map(), starts: new Map(), expired: new Map() } };
}

export class MetaStore {
  /** All that is stored or about to be. Read it; change it only through this store. */
  readonly state = new MetaState();
  /** True if this open made the directory's contents. With message segments beside it that is a sign of loss. */
  readonly created: boolean;
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #compactBytes: number;
  readonly #places: MetaPlaces | undefined;
  /** Of the log and the snapshot in use. */
  #logIdentity = '';
  #snapshotIdentity = '';
  #fd = -1;
  #log = 0;
  /** End of what was written whole; the next write begins here. */
  #end = 0;
  /** End of what is on disk, and the highest such end that a mark in the log names. */
  #syncedEnd = 0;
  #markedEnd = 0;
  /** Log size at which the next snapshot is tried. */
  #compactAt = 0;
  /** What is not written yet: records in their order, then the numbers taken since the last of them. */
  #pending = newPending();
  /** More waits than is kept: a snapshot has it all instead. */
  #wantsSnapshot = false;
  #failure: RingMQError | null = null;
  #closed = false;

  /**
   * Reads what is stored in `dir` (made if missing) and raises the epoch durably.
   * @throws RingMQError LOG_CORRUPT naming file and position, DISK_FULL, DISK_FAILED
   */
  static open(disk: Disk, dir: string, options: MetaStoreOptions): MetaStore {
    try {
      disk.mkdir(dir);
      disk.fsyncDir(dirname(dir));
      return new MetaStore(disk, dir, options);
    } catch (error) {
      throw error instanceof RingMQError ? error : asDiskError(error, `opening ${dir}`);
    }
  }

  private constructor(disk: Disk, dir: string, options: MetaStoreOptions) {
    this.#disk = disk;
    this.#dir = dir;
    this.#places = options.places;
    this.#compactBytes = options.compactBytes ?? DEFAULT_COMPACT_BYTES;
    const log = readMeta(disk, dir, this.state);
    this.created = log === null;
    this.#log = log ?? 0;
    if (log === null) {
      const brokerId = randomBytes(8).toString('hex');
      this.state.apply({ type: 'identity', brokerId, ...options.defaults, createdTime: options.now() });
    }
    this.state.apply({ type: 'epoch', epoch: this.state.epoch + 1 });
    this.#compact();
    this.#removeOtherLogs();
  }

  /** 16 hexadecimal digits, random, made once. */
  get brokerId(): string {
    return this.#identity.brokerId;
  }

  /** Higher at every open, and final once {@link raiseEpochAbove} was called. */
  get epoch(): number {
    return this.state.epoch;
  }

  get spanBytes(): number {
    return this.#identity.spanBytes;
  }

  get segmentBytes(): number {
    return this.#identity.segmentBytes;
  }

  get #identity(): NonNullable<MetaState['identity']> {
    return this.state.identity as NonNullable<MetaState['identity']>;
  }

  /** True if {@link flush} has something to write. */
  get hasUnwritten(): boolean {
    const { records, numbers } = this.#pending;
    return this.#wantsSnapshot || records.length > 0 || QUEUE_NUMBERS.some((kind) => numbers[kind].size > 0);
  }

  /** True if {@link sync} has something to do. */
  get hasUnsynced(): boolean {
    return this.hasUnwritten || this.#syncedEnd < this.#end;
  }

  /** Bytes of the log now. */
  get logBytes(): number {
    return this.#end;
  }

  /**
   * Takes one number of a group on a queue, backwards too. In `state` at once; written with the next {@link flush}. Those on memory
   * topics never are.
   */
  appendNumber(kind: QueueNumbers, group: string, topicId: number, queueId: number, value: number): void {
    const topic = this.state.topics.get(topicId);
    if (topic === undefined || queueId >= topic.queues) {
      return;
    }
    this.state[kind].set(group, topicId, topic.queues, queueId, value);
    if (topic.memory) {
      return;
    }
    const pending = this.#pending.numbers[kind];
    let topics = pending.get(group);
    if (topics === undefined) {
      topics = new Map();
      pending.set(group, topics);
    }
    let queues = topics.get(topicId);
    if (queues === undefined) {
      queues = new Map();
      topics.set(topicId, queues);
    }
    queues.set(queueId, value);
  }

  /** Takes a record that need not be durable at once: in `state` now, written with the next {@link flush}, in order with all else. */
  appendLater(record: MetaRecord): void {
    this.state.apply(record);
    const { records } = this.#pending;
    if (this.#wantsSnapshot || records.length >= MAX_PENDING_RECORDS) {
      this.#pending = newPending();
      this.#wantsSnapshot = true;
      return;
    }
    records.push(...this.#pendingNumbers(), record);
    this.#pending.numbers = newPending().numbers;
  }

  /**
   * Writes the offsets taken since the last time, in one write.
   * @throws RingMQError DISK_FULL (they are kept for the next try), DISK_FAILED, BROKER_CLOSED
   */
  flush(): void {
    this.#checkOpen();
    if (this.#wantsSnapshot) {
      this.#snapshotInstead();
    } else if (this.hasUnwritten) {
      this.#write(null);
      this.#compactIfLarge();
    }
  }

  /** {@link flush}, then fdatasync. @throws RingMQError DISK_FULL, DISK_FAILED, BROKER_CLOSED */
  sync(): void {
    this.flush();
    if (this.#syncedEnd < this.#end) {
      this.#syncFile();
    }
  }

  /**
   * Returns when the record, and all offsets taken before it, are on disk; only then is it in `state`.
   * @throws RingMQError DISK_FULL (nothing was changed), DISK_FAILED, BROKER_CLOSED
   */
  appendDurably(record: MetaRecord): void {
    this.#checkOpen();
    if (this.#wantsSnapshot) {
      this.#snapshotInstead();
    }
    this.#write(record);
    this.#syncFile();
    this.checkInPlace();
    this.state.apply(record);
    this.#compactIfLarge();
  }

  /**
   * Looks whether what is stored still has its place in the directory: what is written to a file that was removed is gone with the process.
   * @throws RingMQError DISK_FAILED; nothing can be written afterwards
   */
  checkInPlace(): void {
    if (this.#places === undefined || this.#failure !== null || this.#closed) {
      return;
    }
    try {
      this.#places.checkInPlace(this.#path(), this.#logIdentity);
      this.#places.checkInPlace(`${this.#dir}/${SNAPSHOT_NAME}`, this.#snapshotIdentity);
    } catch (error) {
      throw this.#failedForGood(error, `looking after ${this.#dir}`);
    }
  }

  /**
   * After recovery: makes sure, durably, that the epoch is higher than any that the log or its checkpoint has. It is, unless this
   * directory was brought back from an older copy; batches of an epoch that the log has passed would be cut as stale.
   * @throws RingMQError DISK_FULL, DISK_FAILED, BROKER_CLOSED
   */
  raiseEpochAbove(lastEpoch: number): void {
    if (this.state.epoch <= lastEpoch) {
      this.appendDurably({ type: 'epoch', epoch: lastEpoch + 1 });
    }
  }

  /** Puts everything in a last snapshot. Nothing can be written afterwards; `state` may still be read. */
  close(): void {
    if (this.#closed) {
      return;
    }
    try {
      if (this.#failure === null && (this.hasUnwritten || this.#end > this.#headerBytes())) {
        this.#compact();
      }
    } catch (error) {
      if (!oldLogGoesOn(error)) {
        throw error instanceof RingMQError ? error : asDiskError(error, `closing ${this.#dir}`);
      }
      // No room, or no descriptor, for a snapshot: the log has it all but what did not fit.
      this.sync();
    } finally {
      this.#closed = true;
      this.#disk.close(this.#fd);
    }
  }

  #checkOpen(): void {
    if (this.#failure !== null) {
      throw this.#failure;
    }
    if (this.#closed) {
      throw new RingMQError('BROKER_CLOSED', 'the meta store is closed');
    }
  }

  #path(): string {
    return `${this.#dir}/${logName(this.#log)}`;
  }

  #headerBytes(): number {
    return encodeFrame({ type: 'log', format: META_FORMAT, log: this.#log }).length;
  }

  /** One write: a mark if one is due, the pending offsets, and `record` last, so that a write cut short has not got it. */
  #write(record: MetaRecord | null): void {
    const frames: MetaFrame[] = [];
    if (this.#markedEnd < this.#syncedEnd) {
      frames.push({ type: 'synced', position: this.#syncedEnd });
    }
    frames.push(...this.#pending.records, ...this.#pendingNumbers());
    if (record !== null) {
      frames.push(record);
    }
    const bytes = concat(frames.map(encodeFrame));
    try {
      this.#disk.write(this.#fd, bytes, 0, bytes.length, this.#end);
    } catch (error) {
      throw this.#failed(error, `writing ${this.#path()}`);
    }
    this.#end += bytes.length;
    this.#markedEnd = this.#syncedEnd;
    this.#pending = newPending();
  }

  *#pendingNumbers(): Generator<MetaRecord> {
    for (const type of QUEUE_NUMBERS) {
      for (const [group, topics] of this.#pending.numbers[type]) {
        for (const [topicId, queues] of topics) {
          yield { type, group, topicId, pairs: [...queues].flat() };
        }
      }
    }
  }

  #syncFile(): void {
    try {
      this.#disk.fdatasync(this.#fd);
    } catch (error) {
      throw this.#failedForGood(error, `fdatasync of ${this.#path()}`);
    }
    this.#syncedEnd = this.#end;
  }

  /** An error for the caller; one that is not about room ends this store. */
  #failed(error: unknown, doing: string): RingMQError {
    const known = error instanceof RingMQError ? error : asDiskError(error, doing);
    if (known.code !== 'DISK_FULL') {
      this.#failure = known;
    }
    return known;
  }

  #failedForGood(error: unknown, doing: string): RingMQError {
    const { message, details } = asDiskError(error, doing);
    this.#failure = new RingMQError('DISK_FAILED', message, { cause: error, details });
    return this.#failure;
  }

  /** So much waited for room on the disk that it was given up; a snapshot has all of it. */
  #snapshotInstead(): void {
    try {
      this.#compact();
    } catch (error) {
      throw this.#failed(error, `writing a snapshot into ${this.#dir}`);
    }
  }

  #compactIfLarge(): void {
    if (this.#end <= this.#compactAt) {
      return;
    }
    try {
      this.#compact();
    } catch (error) {
      if (!oldLogGoesOn(error)) {
        throw this.#failed(error, `writing a snapshot into ${this.#dir}`);
      }
      // The old log goes on; there may be room, or descriptors, later.
      this.#compactAt = this.#end + this.#compactBytes / 4;
    }
  }

  /** Begins a new log behind a new snapshot. While it throws for want of room, the old ones stay in use. */
  #compact(): void {
    const disk = this.#disk;
    const next = this.#log + 1;
    const path = `${this.#dir}/${logName(next)}`;
    const header = encodeFrame({ type: 'log', format: META_FORMAT, log: next });
    const snapshot = this.#snapshot(next);
    removeIfThere(disk, path);
    const fd = createSynced(disk, path, header);
    try {
      disk.fsyncDir(this.#dir);
      const fresh = `${this.#dir}/${SNAPSHOT_NAME}.new`;
      removeIfThere(disk, fresh);
      this.#takeOver(fresh, createSynced(disk, fresh, snapshot));
    } catch (error) {
      disk.close(fd);
      throw error;
    }
    const replaced = this.#fd;
    const replacedPath = this.#path();
    this.#fd = fd;
    this.#log = next;
    if (this.#places !== undefined) {
      this.#logIdentity = this.#places.identityOf(path);
      this.#snapshotIdentity = this.#places.identityOf(`${this.#dir}/${SNAPSHOT_NAME}`);
    }
    this.#end = header.length;
    this.#syncedEnd = header.length;
    this.#markedEnd = header.length;
    this.#compactAt = Math.max(this.#compactBytes, 2 * snapshot.length);
    this.#pending = newPending();
    this.#wantsSnapshot = false;
    if (replaced !== -1) {
      disk.close(replaced);
      removeIfThere(disk, replacedPath);
    }
  }

  /** From the rename on, the old log may not be written any more, so that whatever fails here is final. */
  #takeOver(fresh: string, fd: number): void {
    try {
      this.#disk.rename(fresh, `${this.#dir}/${SNAPSHOT_NAME}`);
      // Not before: the directory's sync takes a descriptor for a moment, and this one is there where no other is.
      this.#disk.close(fd);
      this.#disk.fsyncDir(this.#dir);
    } catch (error) {
      throw this.#failedForGood(error, `replacing the snapshot in ${this.#dir}`);
    }
  }

  #snapshot(log: number): Uint8Array {
    const frames = [encodeFrame({ type: 'snapshot', format: META_FORMAT, log })];
    for (const record of this.state.records()) {
      frames.push(encodeFrame(record));
    }
    frames.push(encodeFrame({ type: 'end', records: frames.length - 1 }));
    return concat(frames);
  }

  #removeOtherLogs(): void {
    for (const name of logNames(this.#disk, this.#dir)) {
      if (name !== logName(this.#log)) {
        removeIfThere(this.#disk, `${this.#dir}/${name}`);
      }
    }
  }
}

/**
 * What kept a snapshot from being written leaves the log that is in use alone: want of room, also told by a sync of the new files, or of a descriptor. Not what comes
 * after the new snapshot has its name, which is an error of ours by then.
 */
function oldLogGoesOn(error: unknown): boolean {
  return isShortage(error) || ['ENOSPC', 'EDQUOT'].includes(diskErrorCode(error) ?? '');
}

/** A new file with these bytes, which are on disk when it returns. Still open. */
function createSynced(disk: Disk, path: string, bytes: Uint8Array): number {
  const fd = disk.create(path);
  try {
    disk.write(fd, bytes, 0, bytes.length, 0);
    disk.fdatasync(fd);
  } catch (error) {
    disk.close(fd);
    throw error;
  }
  return fd;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
