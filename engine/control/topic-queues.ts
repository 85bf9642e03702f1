/** What the control plane does to queues: opening, closing and asking about rows of the queue table. */
import { BATCH, BATCH_HEADER_BYTES, RingMQError, readUint64 } from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { type OpenedDir, OwnedDisk } from '../disk/index.js';
import { throwUnlessDamage } from '../lane/damage.js';
import type { LogReader } from '../log/index.js';
import type { CatalogTopic } from '../meta/index.js';
import {
  HELD_MS,
  IndexEntry,
  IndexFiles,
  openSlots,
  type QueueIndex,
  type QueueTable,
  trimIndex,
} from '../queue/index.js';
import type { Ring, RingReader } from '../ring/index.js';
import type { UnreadMessage } from './retention-watch.js';

/** Time of a batch that is not there any more: before anything that is, and before any time that may be asked for. */
const GONE = -1;

/** What of its thread it uses. */
export interface TopicQueuesDeps {
  readonly queueTable: QueueTable;
  readonly queueIndex: QueueIndex;
  readonly logReader: LogReader;
  readonly log: RingAsRead & {
    /** Position behind the last batch that may be read. */
    committed(): number;
  };
  readonly memory: RingAsRead;
  /** A pin may have kept a ring's gate from moving: its owner should look again. */
  gateIsHeldBack(isLog: boolean): void;
}

/** A lane, as far as reading its ring goes. */
interface RingAsRead {
  readonly ring: Ring;
  readonly reader: RingReader;
}

export class TopicQueues {
  readonly #deps: TopicQueuesDeps;
  readonly #files: IndexFiles;
  readonly #header = new Uint8Array(BATCH_HEADER_BYTES);
  readonly #entry = new IndexEntry();

  constructor(deps: TopicQueuesDeps, dir: OpenedDir) {
    this.#deps = deps;
    this.#files = new IndexFiles({ disk: new OwnedDisk(dir), dir: `${dir.path}/queues` });
  }

  /** From the queue with the number `from` on. */
  open(topic: CatalogTopic, from: number): void {
    openSlots(this.#deps.queueTable, topic, from);
  }

  /**
   * From the queue with the number `from` on. Readers compare the slot's topic id with theirs at each read, so
   * the slots are free at once.
   */
  close(topic: CatalogTopic, from: number): void {
    for (const slot of topic.slots.subarray(from)) {
      this.#deps.queueTable.close(slot);
    }
  }

  state(topic: CatalogTopic, queueId: number): { minOffset: number; maxOffset: number } {
    const slot = topic.slots[queueId] as number;
    const { queueTable, queueIndex, memory } = this.#deps;
    const maxOffset = queueTable.nextOffset(slot);
    if (!topic.memory) {
      return { minOffset: queueTable.minOffset(slot), maxOffset };
    }
    // The ring's gate moves without a look at the queues.
    const gate = memory.ring.toBytes(memory.ring.gate());
    return { minOffset: Math.min(queueIndex.findByPosition(slot, gate, this.#entry), maxOffset), maxOffset };
  }

  /** Whether the index says that the batch with this offset lies there; also of one that the queue does not have any more. */
  isIndexed(topic: CatalogTopic, queueId: number, offset: number, position: number): boolean {
    const slot = topic.slots[queueId];
    if (topic.memory || slot === undefined || offset < this.#deps.queueTable.minOffset(slot)) {
      return true;
    }
    const found = orNull(() => this.#deps.queueIndex.find(slot, offset, this.#entry) && this.#entry.position);
    return found === position;
  }

  /** First offset stored at or after `time`, ms since 1970; the queue's end if there is none. */
  findByTime(topic: CatalogTopic, queueId: number, time: number): number {
    const slot = topic.slots[queueId] as number;
    const storeTime = topic.memory
      ? (position: number) => this.#timeInRing(this.#deps.memory, position) ?? GONE
      : (position: number) => this.#timeInLog(position);
    return this.#deps.queueIndex.findByTime(slot, time, Date.now() + HELD_MS, storeTime, this.#entry);
  }

  /** The next message from `offset` on, as retention sees it; null if there is none, or if the log does not tell. */
  unread(topic: CatalogTopic, queueId: number, offset: number): UnreadMessage | null {
    const { queueTable, queueIndex, log } = this.#deps;
    const slot = topic.slots[queueId] as number;
    const from = Math.max(offset, queueTable.minOffset(slot));
    return orNull(() => {
      if (topic.memory || from >= queueTable.nextOffset(slot) || !queueIndex.find(slot, from, this.#entry)) {
        return null;
      }
      const { position } = this.#entry;
      const bytesToEnd = log.ring.toBytes(log.committed()) - position;
      return { ageMs: Math.max(0, Date.now() - this.#timeInLog(position)), bytesToEnd };
    });
  }

  /**
   * Behind all of the queue that was stored before `before`, as far as it is committed; null: that is where it begins.
   * No time later than `latest` is believed. What is damaged counts as stored with the next batch that is not;
   * where the index cannot be read now, it is left to another time.
   */
  beginAfter(topic: CatalogTopic, queueId: number, before: number, latest: number): number | null {
    const { queueTable, queueIndex, log } = this.#deps;
    const slot = topic.slots[queueId] as number;
    const min = queueTable.minOffset(slot);
    const isIts = queueTable.topicId(slot) === topic.topicId && queueTable.queueId(slot) === queueId;
    if (topic.memory || !isIts || min >= queueTable.nextOffset(slot)) {
      return null;
    }
    const committed = log.ring.toBytes(log.committed());
    const timeOf = (position: number): number =>
      position >= committed ? latest : this.#timeUnlessDamaged(position);
    return orNull(() => {
      // As a rule nothing is due, and one look says so.
      const isYoung = (time: number): boolean => time >= before && time <= latest;
      if (!queueIndex.find(slot, min, this.#entry) || isYoung(timeOf(this.#entry.position))) {
        return null;
      }
      const begin = queueIndex.findByTime(slot, before, latest, timeOf, this.#entry);
      return begin > min ? begin : null;
    });
  }

  /** When the next message from `offset` on was stored, ms since 1970; null if there is none, or if nobody can tell. */
  unreadTime(topic: CatalogTopic, queueId: number, offset: number): number | null {
    const { queueIndex, memory } = this.#deps;
    const { minOffset, maxOffset } = this.state(topic, queueId);
    const from = Math.max(offset, minOffset);
    const slot = topic.slots[queueId] as number;
    return orNull(() => {
      if (from >= maxOffset || !queueIndex.find(slot, from, this.#entry)) {
        return null;
      }
      const { position } = this.#entry;
      const time = topic.memory ? this.#timeInRing(memory, position) : this.#timeInLog(position);
      return time === GONE ? null : time;
    });
  }

  /** The log as a whole: its size, and when the oldest message in it was stored (null: it is empty, or does not tell). */
  logState(): { logBytes: number; oldestTime: number | null } {
    const { log, logReader } = this.#deps;
    const start = logReader.oldestPosition;
    const end = log.ring.toBytes(log.committed());
    const oldestTime = end <= start ? null : orNull(() => this.#timeInLog(start));
    return { logBytes: Math.max(0, end - start), oldestTime: oldestTime === GONE ? null : oldestTime };
  }

  /** Retention has taken the log below `position`: queues begin later, index files that name nothing above it go. */
  trim(position: number): void {
    trimIndex(this.#deps.queueTable, this.#deps.queueIndex, this.#files, position);
  }

  /** The last thing. */
  closeFiles(): void {
    this.#files.close();
  }

  /** Infinity, which nobody believes, where it cannot be read. */
  #timeUnlessDamaged(position: number): number {
    try {
      return this.#timeInLog(position);
    } catch (error) {
      throwUnlessDamage(error);
      return Number.POSITIVE_INFINITY;
    }
  }

  #timeInLog(position: number): number {
    const { log, logReader } = this.#deps;
    const inRing = this.#timeInRing(log, position);
    if (inRing !== null) {
      return inRing;
    }
    const header = this.#header;
    const read = logReader.read(position, header.length, header, 0);
    if (position < logReader.oldestPosition) {
      return GONE; // Retention took it, and the queues have not heard.
    }
    if (read < header.length || !headerIsValid(header, 0, position)) {
      throw new RingMQError('LOG_CORRUPT', `no whole batch at log position ${position}`, {
        details: { position },
      });
    }
    return readUint64(header, BATCH.storeTime);
  }

  /** Store time of the batch at `position`; null: the ring has moved on. */
  #timeInRing({ ring, reader }: RingAsRead, position: number): number | null {
    let time: number | null = null;
    if (reader.pinBytes(position)) {
      time = readUint64(ring.bytes, ring.place(ring.toSlots(position)) + BATCH.storeTime);
      reader.unpin();
    }
    if (ring.isHeldBack()) {
      this.#deps.gateIsHeldBack(ring === this.#deps.log.ring);
    }
    return time;
  }
}

/** For what is only told: damage and disk errors are for those who read. */
function orNull<T>(look: () => T | null): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
