/** A batch as a consumer sees it: the records of it that are handed out, and what goes over them. */

import type { BatchHeader } from '../../batch/batch-reader.js';
import type { RecordSlab } from '../../batch/record-slab.js';
import { FrameSource, type RecordSource } from '../../batch/record-source.js';
import { BATCH_HEADER_BYTES, RECORD } from '../../wire/index.js';
import type { ConsumedMessage, MessageBatch } from '../types.js';
import { ACK_COUNTS, ACK_TOO_LATE, type BatchInfo } from './batch-info.js';
import { Message } from './message.js';

/** A constant of its own: it is compiled in, while an imported one is looked up with every use. */
const { length: LENGTH_AT } = RECORD;

/** The records of a batch that are handed out: all from `from` on, or those of `matched` (pairs of index and place). */
export class ReceivedBatch implements MessageBatch {
  readonly info: BatchInfo;
  readonly source: RecordSource;
  readonly bytes: number;
  readonly length: number;
  readonly #frame: FrameSource | null;
  #isAcked = false;
  /** Messages that were begun with and put back. */
  #cursor: Iterator<ConsumedMessage, undefined> | null = null;
  readonly #firstIndex: number;
  readonly #firstAt: number;
  readonly #matched: readonly number[] | null;

  constructor(
    info: BatchInfo,
    source: RecordSource,
    header: BatchHeader,
    firstIndex: number,
    firstAt: number,
    matched: readonly number[] | null,
  ) {
    this.info = info;
    this.source = source;
    this.#frame = source instanceof FrameSource ? source : null;
    this.#frame?.hold();
    this.bytes = header.length;
    this.#firstIndex = firstIndex;
    this.#firstAt = firstAt;
    this.#matched = matched;
    this.length = matched === null ? header.recordCount - firstIndex : matched.length / 2;
  }

  get topic(): string {
    return this.info.topic;
  }

  get brokerSet(): string | undefined {
    return this.info.brokerSet;
  }

  get queueId(): number {
    return this.info.queueId;
  }

  get baseOffset(): number {
    return this.info.baseOffset;
  }

  get storeTime(): number {
    return this.info.storeTime;
  }

  ack(): Promise<boolean> {
    this.letGo();
    return this.info.ackAll() ? ACK_COUNTS : ACK_TOO_LATE;
  }

  [Symbol.iterator](): Iterator<ConsumedMessage, undefined> {
    if (this.#matched !== null) {
      return new MatchIterator(this.info, this.source, this.#matched, null);
    }
    return new RecordIterator(this.info, this.source, this.#firstAt, this.#firstIndex, null);
  }

  /** Nobody looks at its bytes any more. */
  letGo(): void {
    if (!this.#isAcked) {
      this.#isAcked = true;
      this.#frame?.letGo();
    }
  }

  /** {@link owned} is to go on with these. */
  putBack(messages: Iterator<ConsumedMessage, undefined>): void {
    this.#cursor = messages;
  }

  /** As iterating, but each message has bytes of its own, copied into `slab`. */
  owned(slab: RecordSlab): Iterator<ConsumedMessage, undefined> {
    if (this.#cursor !== null) {
      return this.#cursor;
    }
    if (this.#matched !== null) {
      return new MatchIterator(this.info, this.source, this.#matched, slab);
    }
    return new RecordIterator(this.info, this.source, this.#firstAt, this.#firstIndex, slab);
  }
}

function makeMessage(
  info: BatchInfo,
  source: RecordSource,
  at: number,
  length: number,
  index: number,
  slab: RecordSlab | null,
): Message {
  if (slab === null) {
    return new Message(info, source, at, index);
  }
  const own = slab.copy(source.bytes, at, length);
  return new Message(info, own, slab.at, index);
}

class RecordIterator implements Iterator<ConsumedMessage, undefined> {
  readonly #info: BatchInfo;
  readonly #source: RecordSource;
  readonly #slab: RecordSlab | null;
  readonly #count: number;
  #at: number;
  #index: number;

  constructor(info: BatchInfo, source: RecordSource, at: number, index: number, slab: RecordSlab | null) {
    this.#info = info;
    this.#source = source;
    this.#slab = slab;
    this.#count = info.recordCount;
    this.#at = at;
    this.#index = index;
  }

  next(): IteratorResult<ConsumedMessage, undefined> {
    const index = this.#index;
    if (index >= this.#count) {
      return { value: undefined, done: true };
    }
    const at = this.#at;
    this.#index = index + 1;
    const length = this.#source.view.getUint32(at + LENGTH_AT, true);
    this.#at = at + length;
    return { value: makeMessage(this.#info, this.#source, at, length, index, this.#slab), done: false };
  }
}

class MatchIterator implements Iterator<ConsumedMessage, undefined> {
  readonly #info: BatchInfo;
  readonly #source: RecordSource;
  readonly #matched: readonly number[];
  readonly #slab: RecordSlab | null;
  #next = 0;

  constructor(info: BatchInfo, source: RecordSource, matched: readonly number[], slab: RecordSlab | null) {
    this.#info = info;
    this.#source = source;
    this.#slab = slab;
    this.#matched = matched;
  }

  next(): IteratorResult<ConsumedMessage, undefined> {
    const index = this.#matched[this.#next];
    const at = this.#matched[this.#next + 1];
    if (index === undefined || at === undefined) {
      return { value: undefined, done: true };
    }
    this.#next += 2;
    const length = this.#source.view.getUint32(at + LENGTH_AT, true);
    return { value: makeMessage(this.#info, this.#source, at, length, index, this.#slab), done: false };
  }
}

/** Place of the record number `index` of a batch. */
export function recordAt({ view }: RecordSource, header: BatchHeader, index: number): number {
  let at = header.at + BATCH_HEADER_BYTES;
  for (let i = 0; i < index; i++) {
    at += view.getUint32(at + LENGTH_AT, true);
  }
  return at;
}
