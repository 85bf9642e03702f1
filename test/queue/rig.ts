/** A lane on one thread: ring, queue table and index stage, and what has gone through them. */

import {
  createProducerMemory,
  createQueueTableMemory,
  createResultMemory,
  IndexEntry,
  IndexFiles,
  IndexStage,
  LANE,
  QUEUE_STATE,
  QueueIndex,
  QueueTable,
  ResultRing,
} from '../../engine/queue/index.js';
import { createRingMemory, Ring, RingWriter } from '../../engine/ring/index.js';
import { masterTerm } from '../../engine/term/term.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  writeUint16,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';
import { MemoryDisk } from './memory-disk.js';

export const SEATS = 4;

export interface RigOptions {
  lane?: number;
  ringBytes?: number;
  spanBytes?: number;
  maxQueues?: number;
  maxProducers?: number;
  arenaBlocks?: number;
  blocksPerFile?: number;
  startPosition?: number;
  disk?: MemoryDisk;
  clock?: () => number;
}

export interface BatchFacts {
  topicId: number;
  queueId: number;
  count?: number;
  /** Bytes, header included. */
  length?: number;
  producerId?: number;
  producerEpoch?: number;
  sequence?: number;
  attributes?: number;
  bornTime?: number;
  bodyCrc?: number;
}

export interface PlainEntry {
  baseOffset: number;
  position: number;
  slots: number;
  count: number;
}

export class Rig {
  readonly ring: Ring;
  readonly table: QueueTable;
  readonly disk: MemoryDisk;
  readonly files: IndexFiles;
  readonly producers: SharedArrayBuffer;
  readonly resultMemory: SharedArrayBuffer;
  readonly stage: IndexStage;
  readonly index: QueueIndex;
  readonly results: ResultRing[] = [];
  readonly writers: RingWriter[] = [];
  /** Stamped headers of all that was indexed, with their positions: what a recovery would read. */
  readonly log: { header: Uint8Array; position: number }[] = [];
  readonly options: RigOptions;
  #logged: number;

  constructor(options: RigOptions = {}) {
    this.options = options;
    this.ring = new Ring(
      createRingMemory({
        ringBytes: options.ringBytes ?? 64 * 1024,
        spanBytes: options.spanBytes ?? 4096,
        maxThreads: SEATS,
        startPosition: options.startPosition ?? 0,
      }),
    );
    this.#logged = this.ring.indexed();
    this.table = new QueueTable(
      createQueueTableMemory({
        maxQueues: options.maxQueues ?? 64,
        maxSeats: SEATS,
        arenaBlocks: options.arenaBlocks ?? 64,
      }),
    );
    this.disk = options.disk ?? new MemoryDisk();
    this.files = this.openFiles();
    this.producers = createProducerMemory(options.maxProducers ?? 16);
    this.resultMemory = createResultMemory(SEATS);
    this.stage = this.openStage();
    this.index = new QueueIndex(this.table, this.files);
    for (let seat = 0; seat < SEATS; seat++) {
      this.results.push(new ResultRing(this.resultMemory, seat));
      this.writers.push(new RingWriter(this.ring, seat));
    }
  }

  openFiles(): IndexFiles {
    return new IndexFiles({ disk: this.disk, dir: 'queues', blocksPerFile: this.options.blocksPerFile ?? 8 });
  }

  /** Another thread's index stage. */
  openStage(maxBatches?: number, table: QueueTable = this.table): IndexStage {
    return new IndexStage({
      ring: this.ring,
      lane: this.options.lane ?? LANE.log,
      table,
      files: this.openFiles(),
      producers: this.producers,
      results: this.resultMemory,
      clock: this.options.clock ?? (() => 1_000),
      term: masterTerm(3),
      policy: 'async',
      ...(maxBatches === undefined ? {} : { maxBatches }),
    });
  }

  /** Puts a batch into the ring without indexing it; its ring position, or null when the ring is full. */
  publish(seat: number, facts: BatchFacts): number | null {
    const length = facts.length ?? BATCH_HEADER_BYTES;
    const writer = this.writers[seat] as RingWriter;
    if (!writer.claim(length)) {
      return null;
    }
    writeBatch(this.ring.bytes, writer.place, { ...facts, length });
    writer.publish();
    return writer.position;
  }

  /** Runs the stage, takes what it indexed into `log`, and gives the ring back (log lane). */
  run(stage: IndexStage = this.stage): void {
    stage.tryRun(0);
    this.collect();
  }

  collect(): void {
    const { ring } = this;
    while (((ring.indexed() - this.#logged) | 0) > 0) {
      const at = ring.place(this.#logged);
      const header = ring.bytes.slice(at, at + BATCH_HEADER_BYTES);
      this.log.push({ header, position: ring.toBytes(this.#logged) });
      const length = new DataView(header.buffer).getUint32(0, true);
      this.#logged = (this.#logged + Math.ceil(length / 64)) | 0;
    }
    if ((this.options.lane ?? LANE.log) === LANE.log) {
      ring.setWritten(ring.indexed());
      ring.setFlushed(ring.indexed());
      ring.free(ring.indexed());
    }
  }

  /** All results of a seat that wait. */
  takeResults(
    seat: number,
  ): { status: number; flags: number; baseOffset: number; position: number; at: number }[] {
    const ring = this.results[seat] as ResultRing;
    const taken = [];
    while (ring.next()) {
      taken.push({
        status: ring.status,
        flags: ring.flags,
        baseOffset: ring.baseOffset,
        position: ring.position,
        at: ring.ringPosition,
      });
    }
    return taken;
  }

  /** Every entry of a queue that can be found, from `from` on. */
  entries(slot: number, from = 0, index: QueueIndex = this.index): PlainEntry[] {
    const entry = new IndexEntry();
    const found: PlainEntry[] = [];
    for (let offset = from; index.find(slot, offset, entry); offset = entry.baseOffset + entry.count) {
      const { baseOffset, position, slots, count } = entry;
      found.push({ baseOffset, position, slots, count });
    }
    return found;
  }

  /** What is known of every open queue. */
  state(): unknown {
    const { table } = this;
    const index = new QueueIndex(table, this.openFiles());
    const queues = [];
    for (let slot = 0; slot < table.usedSlots; slot++) {
      if (table.state(slot) === QUEUE_STATE.open) {
        queues.push({
          topicId: table.topicId(slot),
          queueId: table.queueId(slot),
          next: table.nextOffset(slot),
          min: table.minOffset(slot),
          tail: table.tailPosition(slot),
          entries: this.entries(slot, 0, index),
        });
      }
    }
    return queues;
  }
}

export function writeBatch(bytes: Uint8Array, at: number, facts: BatchFacts & { length: number }): void {
  bytes.fill(0, at, at + BATCH_HEADER_BYTES);
  writeUint32(bytes, at + BATCH.length, facts.length);
  bytes[at + BATCH.version] = BATCH_VERSION;
  bytes[at + BATCH.type] = BATCH_TYPE.data;
  writeUint16(bytes, at + BATCH.attributes, facts.attributes ?? 0);
  writeUint32(bytes, at + BATCH.bodyCrc, facts.bodyCrc ?? 0);
  writeUint32(bytes, at + BATCH.recordCount, facts.count ?? 1);
  writeUint64(bytes, at + BATCH.bornTime, facts.bornTime ?? 0);
  writeUint64(bytes, at + BATCH.producerId, facts.producerId ?? 0);
  writeUint32(bytes, at + BATCH.producerEpoch, facts.producerEpoch ?? 0);
  writeUint32(bytes, at + BATCH.sequence, facts.sequence ?? 0);
  writeUint32(bytes, at + BATCH.topicId, facts.topicId);
  writeUint32(bytes, at + BATCH.queueId, facts.queueId);
}
