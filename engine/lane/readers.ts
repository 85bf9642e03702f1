/** The readers of one thread: who reads which queue, who waits for what, and when each is called. */
import type { QueueReader, TopicEntry } from '../engine-thread.js';
import type { LogReader } from '../log/index.js';
import type { QueueIndex, QueueTable } from '../queue/index.js';
import type { Lane } from './lane.js';
import { LaneReader, type ReaderHost, type ReadMeter } from './queue-reader.js';

/** What the readers of a thread share. */
export interface ThreadReadersDeps {
  readonly seat: number;
  readonly queueIndex: QueueIndex;
  readonly queueTable: QueueTable;
  readonly logReader: LogReader;
}

export class ThreadReaders implements ReaderHost {
  readonly queueIndex: QueueIndex;
  readonly queueTable: QueueTable;
  readonly logReader: LogReader;
  readonly meter: ReadMeter;
  /** Those of memory topics, for which the ring is held. */
  readonly ofMemory = new Set<LaneReader>();
  /** For {@link LaneReader}. */
  readonly gateIsHeldBack: (isLog: boolean) => void;
  readonly #seat: number;
  readonly #schedule: () => void;
  readonly #bySlot = new Map<number, LaneReader[]>();
  #blocked: LaneReader[] = [];
  readonly #onMoved = (slot: number): void => this.slotMoved(slot);

  /** For {@link LaneReader}. */
  readonly damaged: (reader: LaneReader) => void;

  /** `schedule`: {@link run} is to be called in a turn to come. */
  constructor(
    deps: ThreadReadersDeps,
    meter: ReadMeter,
    schedule: () => void,
    gateIsHeldBack: (isLog: boolean) => void,
    damaged: (reader: LaneReader) => void,
  ) {
    this.meter = meter;
    this.#seat = deps.seat;
    this.queueIndex = deps.queueIndex;
    this.queueTable = deps.queueTable;
    this.logReader = deps.logReader;
    this.#schedule = schedule;
    this.gateIsHeldBack = gateIsHeldBack;
    this.damaged = damaged;
  }

  get isEmpty(): boolean {
    return this.#bySlot.size === 0;
  }

  open(lane: Lane, topic: TopicEntry, queueId: number, offset: number): QueueReader {
    const reader = new LaneReader(this, lane, topic, queueId, offset);
    const list = this.#bySlot.get(reader.slot);
    if (list === undefined) {
      this.#bySlot.set(reader.slot, [reader]);
      this.queueTable.watch(reader.slot, this.#seat);
    } else {
      list.push(reader);
    }
    if (topic.memory) {
      this.ofMemory.add(reader);
    }
    this.#schedule();
    return reader;
  }

  /** For {@link LaneReader.watch}. */
  watch(reader: LaneReader): void {
    if (reader.blockedUntil !== null || this.queueTable.nextOffset(reader.slot) > reader.offset) {
      this.#blocked.push(reader);
    }
    this.#schedule();
  }

  /** For {@link LaneReader.close}. */
  forget(reader: LaneReader): void {
    this.ofMemory.delete(reader);
    const list = this.#bySlot.get(reader.slot);
    const at = list?.indexOf(reader) ?? -1;
    if (list === undefined || at < 0) {
      return;
    }
    list.splice(at, 1);
    if (list.length === 0) {
      this.#bySlot.delete(reader.slot);
      this.queueTable.unwatch(reader.slot, this.#seat);
    }
    if (this.isEmpty) {
      // With nobody to read there may be no turn for long, and what retention deletes meanwhile would stay on
      // the disk.
      this.logReader.close();
    }
    this.#schedule();
  }

  /** Calls those whose queues have moved, and those whose batch is committed now. */
  run(): void {
    this.queueTable.takeMoved(this.#seat, this.#onMoved);
    this.#checkBlocked();
  }

  /** The queue has more, or its topic is gone. */
  slotMoved(slot: number): void {
    const readers = this.#bySlot.get(slot);
    if (readers === undefined) {
      return;
    }
    for (const reader of readers) {
      if (reader.onReadable !== null && reader.blockedUntil === null) {
        this.#tell(reader);
      }
    }
  }

  closeAll(): void {
    for (const list of [...this.#bySlot.values()]) {
      for (const reader of [...list]) {
        reader.close();
      }
    }
  }

  #tell(reader: LaneReader): void {
    const callback = reader.onReadable;
    reader.onReadable = null;
    reader.blockedUntil = null;
    callback?.(reader);
  }

  /** Readers that met a batch which was indexed but not committed. */
  #checkBlocked(): void {
    if (this.#blocked.length === 0) {
      return;
    }
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const reader of blocked) {
      if (reader.onReadable === null) {
        continue;
      }
      if (reader.blockedUntil !== null && ((reader.blockedUntil - reader.lane.committed()) | 0) > 0) {
        this.#blocked.push(reader);
      } else {
        this.#tell(reader);
      }
    }
  }
}
