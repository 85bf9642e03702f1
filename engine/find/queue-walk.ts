/** A way through one queue, batch by batch: where each lies is asked of the queue index. */
import { BATCH, RingMQError, readUint64, SLOT_BYTES } from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { throwUnlessDamage } from '../lane/damage.js';
import { HELD_MS, IndexEntry, type QueueIndex, type QueueTable } from '../queue/index.js';
import { type BatchSource, headerAt } from './batch-source.js';
import type { FindPage } from './find-page.js';
import type { FindCursor, TopicRequest } from './find-request.js';

/** Time of a batch that is not there any more: before any that is. */
const GONE = -1;

/** What a walk goes by. */
export interface WalkDeps {
  readonly queueTable: QueueTable;
  readonly queueIndex: QueueIndex;
  readonly source: BatchSource;
  /** The offset behind what cannot be read from `offset` on; `offset` itself where it can. */
  behindDamage(slot: number, offset: number): number;
}

/** Used by one call at a time. */
const ENTRY = new IndexEntry();

export class QueueWalk {
  readonly queueId: number;
  /** Of the next message. */
  offset = 0;
  /** The batch that has it. */
  position = 0;
  baseOffset = 0;
  count = 0;
  bytes = 0;
  readonly #deps: WalkDeps;
  readonly #request: TopicRequest;
  readonly #page: FindPage;
  readonly #slot: number;
  #end = Number.POSITIVE_INFINITY;

  constructor(deps: WalkDeps, request: TopicRequest, page: FindPage, number: number) {
    this.#deps = deps;
    this.#request = request;
    this.#page = page;
    this.#slot = request.slots[number] as number;
    this.queueId = request.firstQueueId + number;
  }

  /** Goes to the first batch that is wanted. False: there is none. */
  begin(cursor: FindCursor | null): boolean {
    const { queueTable, source } = this.#deps;
    this.#checkTopic();
    const { fromTime, toTime, offset } = this.#request;
    const lowest = Math.max(cursor?.position ?? 0, source.oldest());
    if (queueTable.tailPosition(this.#slot) <= lowest) {
      return false;
    }
    this.offset = queueTable.minOffset(this.#slot);
    if (cursor !== null) {
      this.#goTo((slot) => this.#deps.queueIndex.findByPosition(slot, cursor.position, ENTRY));
    } else if (offset !== null) {
      this.offset = Math.max(this.offset, offset);
    } else if (fromTime !== null) {
      this.#goTo((slot) => this.#byTime(slot, fromTime));
    }
    if (toTime !== null) {
      const first = this.offset;
      this.#goTo((slot) => this.#byTime(slot, toTime + 1));
      this.#end = this.offset;
      this.offset = first;
    }
    if (!this.next()) {
      return false;
    }
    // The damage may be such that the place could not be searched for.
    while (cursor !== null && this.position < cursor.position) {
      if (!this.skip()) {
        return false;
      }
    }
    if (cursor !== null && this.position === cursor.position) {
      this.offset = Math.max(this.offset, this.baseOffset + cursor.index + 1);
      return this.offset < this.baseOffset + this.count || this.skip();
    }
    return true;
  }

  /** Goes behind the batch. False: there is no further one. */
  skip(): boolean {
    this.offset = this.baseOffset + this.count;
    return this.next();
  }

  /** The batch was not there any more. */
  skipGone(): boolean {
    const { queueIndex, source } = this.#deps;
    const behind = this.baseOffset + this.count;
    this.offset = behind;
    this.#goTo((slot) => Math.max(behind, queueIndex.findByPosition(slot, source.oldest(), ENTRY)));
    return this.next();
  }

  /** Finds the batch that has `offset`, or the first behind it. False: there is none. */
  next(): boolean {
    const { queueTable, queueIndex } = this.#deps;
    const { memory, committed } = this.#request;
    const entry = ENTRY;
    while (this.offset < this.#end) {
      this.#checkTopic();
      try {
        if (!queueIndex.find(this.#slot, this.offset, entry)) {
          return false;
        }
      } catch (error) {
        throwUnlessDamage(error);
        this.#page.tellDamage(this.queueId, this.offset, (error as Error).message);
        const behind = this.#deps.behindDamage(this.#slot, this.offset);
        if (behind <= this.offset) {
          return false;
        }
        this.offset = behind;
        continue;
      }
      if (entry.position + entry.slots * SLOT_BYTES > committed) {
        return false;
      }
      if (entry.baseOffset > this.offset) {
        if (!memory && !entry.below && this.offset >= queueTable.minOffset(this.#slot)) {
          const last = entry.baseOffset - 1;
          this.#page.tellDamage(this.queueId, this.offset, `offsets ${this.offset} to ${last} are not there`);
        }
        this.offset = entry.baseOffset;
      }
      this.position = entry.position;
      this.baseOffset = entry.baseOffset;
      this.count = entry.count;
      this.bytes = entry.slots * SLOT_BYTES;
      return this.offset < this.#end;
    }
    return false;
  }

  /** How many of the batch's records are wanted, from its first on. */
  get wanted(): number {
    return Math.min(this.count, this.#end - this.baseOffset);
  }

  #byTime(slot: number, time: number): number {
    return this.#deps.queueIndex.findByTime(
      slot,
      time,
      Date.now() + HELD_MS,
      (position) => this.#timeAt(position),
      ENTRY,
    );
  }

  #timeAt(position: number): number {
    const header = headerAt(this.#deps.source, position);
    if (header === null) {
      return GONE;
    }
    if (!headerIsValid(header, 0, position)) {
      throw new RingMQError('LOG_CORRUPT', `no whole batch at log position ${position}`, {
        details: { position },
      });
    }
    return readUint64(header, BATCH.storeTime);
  }

  /** Where the place cannot be searched for, for damage, the walk stays where it is. */
  #goTo(find: (slot: number) => number): void {
    try {
      this.offset = Math.max(this.offset, find(this.#slot));
    } catch (error) {
      throwUnlessDamage(error);
      this.#page.tellDamage(this.queueId, null, (error as Error).message);
    }
  }

  /** A slot may have gone to another topic meanwhile. */
  #checkTopic(): void {
    const { topic, topicId } = this.#request;
    if (this.#deps.queueTable.topicId(this.#slot) !== topicId) {
      throw new RingMQError('TOPIC_NOT_FOUND', `the topic '${topic}' was deleted meanwhile`, {
        details: { topic },
      });
    }
  }
}
