/** What the control plane does to queues: opening, closing and asking about rows of the queue table. */
import { BATCH, BATCH_HEADER_BYTES, RingMQError, readUint64 } from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { NodeDisk } from '../disk/index.js';
import type { CatalogTopic } from '../meta/index.js';
import { IndexEntry, IndexFiles, LANE, trimIndex } from '../queue/index.js';
import type { ThreadParts } from '../thread/thread-parts.js';

/** Time of a batch that is not there any more: before anything that is, and before any time that may be asked for. */
const GONE = -1;

export class TopicQueues {
  readonly #parts: ThreadParts;
  readonly #files: IndexFiles;
  readonly #header = new Uint8Array(BATCH_HEADER_BYTES);
  readonly #entry = new IndexEntry();

  constructor(parts: ThreadParts, dataDir: string) {
    this.#parts = parts;
    this.#files = new IndexFiles({ disk: new NodeDisk(), dir: `${dataDir}/queues` });
  }

  open(topic: CatalogTopic): void {
    for (const [queueId, slot] of topic.slots.entries()) {
      this.#parts.queueTable.open(slot, topic.topicId, queueId, topic.memory ? LANE.memory : LANE.log);
    }
  }

  /** Readers compare the slot's topic id with theirs at each read, so the slots are free at once. */
  close(topic: CatalogTopic): void {
    for (const slot of topic.slots) {
      this.#parts.queueTable.close(slot);
    }
  }

  state(topic: CatalogTopic, queueId: number): { minOffset: number; maxOffset: number } {
    const slot = topic.slots[queueId] as number;
    const { queueTable, queueIndex, memoryRing } = this.#parts;
    const maxOffset = queueTable.nextOffset(slot);
    if (!topic.memory) {
      return { minOffset: queueTable.minOffset(slot), maxOffset };
    }
    // The ring's gate moves without a look at the queues.
    const gate = memoryRing.toBytes(memoryRing.gate());
    return { minOffset: Math.min(queueIndex.findByPosition(slot, gate, this.#entry), maxOffset), maxOffset };
  }

  /** First offset stored at or after `time`, ms since 1970; the queue's end if there is none. */
  findByTime(topic: CatalogTopic, queueId: number, time: number): number {
    const slot = topic.slots[queueId] as number;
    const storeTime = topic.memory
      ? (position: number) => this.#timeInRing(position)
      : (position: number) => this.#timeInLog(position);
    return this.#parts.queueIndex.findByTime(slot, time, storeTime, this.#entry);
  }

  /** Retention has taken the log below `position`: queues begin later, index files that name nothing above it go. */
  trim(position: number): void {
    trimIndex(this.#parts.queueTable, this.#parts.queueIndex, this.#files, position);
  }

  /** The last thing. */
  closeFiles(): void {
    this.#files.close();
  }

  #timeInLog(position: number): number {
    const { logRing, log, logReader } = this.#parts;
    if (position >= logRing.toBytes(logRing.gate()) && log.reader.pin(logRing.toSlots(position))) {
      const time = readUint64(logRing.bytes, logRing.place(logRing.toSlots(position)) + BATCH.storeTime);
      log.reader.unpin();
      return time;
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

  #timeInRing(position: number): number {
    const { memoryRing, memory } = this.#parts;
    if (
      position < memoryRing.toBytes(memoryRing.gate()) ||
      !memory.reader.pin(memoryRing.toSlots(position))
    ) {
      return GONE;
    }
    const time = readUint64(
      memoryRing.bytes,
      memoryRing.place(memoryRing.toSlots(position)) + BATCH.storeTime,
    );
    memory.reader.unpin();
    return time;
  }
}
