/**
 * One broker's log on a simulated disk, on one thread: the real ring, the real persist stage, retention,
 * checkpoints and recovery, and an index stage reduced to the stamp. It remembers what it stamped, so that
 * what comes back after a crash can be compared byte by byte.
 */
import { crc32 } from 'node:zlib';
import { type HeaderStamp, stampHeader } from '../../engine/batch/header.js';
import {
  type BatchVisitor,
  type Checkpoint,
  keepSegmentsFrom,
  LogReader,
  oldestSegmentIn,
  PersistStage,
  type PersistStageOptions,
  type Recovery,
  Retention,
  readCheckpoint,
  recoverLog,
  SegmentFiles,
  writeCheckpoint,
} from '../../engine/log/index.js';
import { createRingMemory, Ring, RingWriter, WORD } from '../../engine/ring/index.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  readUint32,
  slotAligned,
  writeUint32,
} from '../../native-free/wire/index.js';
import type { SimulatedDisk } from './simulated-disk.js';

export const DATA_DIR = 'data';
export const LOG_DIR = 'data/log';

/** What was stamped: a batch or a pad, as it must be in the file. */
export interface Stamped {
  position: number;
  end: number;
  isPad: boolean;
  bytes: Uint8Array;
}

export interface MachineOptions {
  segmentBytes: number;
  spanBytes: number;
  ringBytes: number;
  stage: Pick<
    PersistStageOptions,
    'flush' | 'flushIntervalMs' | 'flushBytes' | 'zeroAheadBytes' | 'minFreeBytes' | 'background'
  >;
  retentionBytes?: number;
  retentionMs?: number;
}

export class LogMachine {
  readonly disk: SimulatedDisk;
  readonly options: MachineOptions;
  /** Everything of this log's life that is still part of it, in order; recovery shortens it. */
  history: Stamped[] = [];
  now = 1_700_000_000_000;
  epoch = 0;
  ring!: Ring;
  stage!: PersistStage;
  inline!: PersistStage;
  retention!: Retention;
  reader!: LogReader;
  files!: SegmentFiles;
  #writer!: RingWriter;
  readonly #stamp: HeaderStamp = {
    position: 0,
    flushed: 0,
    epoch: 0,
    baseOffset: 0,
    storeTime: 0,
    isPad: false,
  };
  #sequence = 0;

  constructor(disk: SimulatedDisk, options: MachineOptions) {
    this.disk = disk;
    this.options = options;
    disk.mkdir(DATA_DIR);
    disk.mkdir(LOG_DIR);
  }

  /** Recovers and opens, as a broker does. */
  open(visit: BatchVisitor = () => {}): Recovery {
    const { segmentBytes, spanBytes, ringBytes } = this.options;
    const checkpoint = this.checkpoint();
    const recovery = recoverLog(this.disk, LOG_DIR, { segmentBytes, spanBytes, checkpoint }, visit);
    this.epoch = Math.max(this.epoch, recovery.lastEpoch) + 1;
    const startPosition = recovery.endPosition;
    this.ring = new Ring(createRingMemory({ ringBytes, spanBytes, maxThreads: 2, startPosition }));
    this.#writer = new RingWriter(this.ring, 0);
    const now = (): number => this.now;
    const { disk } = this;
    this.files = new SegmentFiles(disk, { dir: LOG_DIR, segmentBytes });
    const common = { ...this.options.stage, ring: this.ring, disk, words: WORD, now };
    this.stage = new PersistStage({ ...common, files: this.files });
    this.inline = new PersistStage({ ...common, files: null });
    this.stage.open();
    const control = this.ring.control;
    const { retentionBytes, retentionMs } = this.options;
    this.retention = new Retention({
      disk,
      files: this.files,
      spanBytes,
      retentionBytes,
      retentionMs,
      control,
      spare: WORD.spare,
      now,
    });
    keepSegmentsFrom(control, WORD.spare, checkpoint?.position ?? 0, segmentBytes);
    const oldestSegment = oldestSegmentIn(control, WORD.spare);
    this.reader = new LogReader(disk, { dir: LOG_DIR, segmentBytes, oldestSegment });
    return recovery;
  }

  checkpoint(): Checkpoint | null {
    return readCheckpoint(this.disk, DATA_DIR);
  }

  /** Puts a batch with a body of `bodyBytes` into the ring; false when that is full. `abort`: claimed and given up. */
  produce(bodyBytes: number, kind: 'plain' | 'sync' | 'abort' | 'control' = 'plain'): boolean {
    const length = BATCH_HEADER_BYTES + bodyBytes;
    const writer = this.#writer;
    if (!writer.claim(length)) {
      return false;
    }
    if (kind === 'abort') {
      writer.abort();
      return true;
    }
    const { place } = writer;
    const { bytes } = this.ring;
    bytes.fill(0, place, place + BATCH_HEADER_BYTES);
    for (let i = place + BATCH_HEADER_BYTES; i < place + length; i++) {
      bytes[i] = (i * 31 + this.#sequence) & 255;
    }
    writeUint32(bytes, place + BATCH.length, length);
    bytes[place + BATCH.version] = BATCH_VERSION;
    bytes[place + BATCH.type] = kind === 'control' ? BATCH_TYPE.control : BATCH_TYPE.data;
    bytes[place + BATCH.attributes] = kind === 'sync' ? 1 : 0;
    writeUint32(bytes, place + BATCH.recordCount, 1);
    writeUint32(bytes, place + BATCH.sequence, this.#sequence++);
    writeUint32(
      bytes,
      place + BATCH.bodyCrc,
      crc32(bytes.subarray(place + BATCH_HEADER_BYTES, place + length)),
    );
    writer.publish();
    return true;
  }

  /** Stamps what is published. */
  index(): void {
    const { ring } = this;
    let position = ring.indexed();
    while (position !== ring.head() && ring.mark(position) !== 0) {
      const place = ring.place(position);
      const length = readUint32(ring.bytes, place + BATCH.length);
      const stamp = this.#stamp;
      stamp.isPad = ring.bytes[place + BATCH.type] === BATCH_TYPE.pad;
      stamp.position = ring.toBytes(position);
      stamp.flushed = ring.toBytes(ring.flushed());
      stamp.epoch = this.epoch;
      stamp.storeTime = this.now;
      const end = (position + slotAligned(length) / 64) | 0;
      if (ring.bytes[place + BATCH.attributes] === 1) {
        Atomics.store(ring.control, WORD.syncWanted, end);
      }
      stampHeader(ring.bytes, place, stamp);
      const kept = stamp.isPad ? 64 : length;
      this.history.push({
        position: stamp.position,
        end: stamp.position + slotAligned(length),
        isPad: stamp.isPad,
        bytes: ring.bytes.slice(place, place + kept),
      });
      ring.clearMark(position);
      position = end;
      ring.setIndexed(position);
    }
  }

  written(): number {
    return this.ring.toBytes(this.ring.written());
  }

  flushed(): number {
    return this.ring.toBytes(this.ring.flushed());
  }

  fatal(): number {
    return Atomics.load(this.ring.control, WORD.fatal);
  }

  full(): number {
    return Atomics.load(this.ring.control, WORD.full);
  }

  /** Steps until nothing more is to be done at this time of the clock. */
  settle(): void {
    this.index();
    let turns = 0;
    while (this.stage.step()) {
      if (++turns > 10_000) {
        throw new Error('the persist stage does not come to rest');
      }
    }
  }

  /** A checkpoint at the flushed watermark. */
  writeCheckpoint(): void {
    const position = this.flushed();
    writeCheckpoint(this.disk, DATA_DIR, { position, flushed: position, epoch: this.epoch, derived: {} });
    keepSegmentsFrom(this.ring.control, WORD.spare, position, this.options.segmentBytes);
  }

  close(): void {
    this.reader.close();
    this.stage.close();
  }
}
