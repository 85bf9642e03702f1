/** Messages and batches as a consumer sees them: small objects over the bytes that arrived, decoded when asked. */

import { type BatchHeader, type RecordAttributes, readAttributes } from '../../batch/batch-reader.js';
import type { RecordSlab } from '../../batch/record-slab.js';
import { FrameSource, type RecordSource } from '../../batch/record-source.js';
import { readUtf8 } from '../../batch/text.js';
import {
  BATCH_HEADER_BYTES,
  RECORD,
  RECORD_FLAG,
  RECORD_HEADER_BYTES,
  RingMQError,
} from '../../wire/index.js';
import { messageId, messageIdPrefix } from '../message-id.js';
import type { ConsumedMessage, MessageBatch, PropertyValue } from '../types.js';

/** Where a record's parts are, in constants of its own: those are compiled in, while imported ones are looked up with every use. */
const { length: LENGTH_AT, bornDelta: BORN_DELTA_AT, flags: FLAGS_AT, tagBytes: TAG_BYTES_AT } = RECORD;
const ATTRIBUTES_BYTES_AT = RECORD.attributesBytes;
const HEADER_BYTES = RECORD_HEADER_BYTES;

const ACK_COUNTS = Promise.resolve(true);
const ACK_TOO_LATE = Promise.resolve(false);

/** The consumer's hold on a queue. */
export interface QueueClaim {
  /** Marks offsets as done; false: the queue has gone. Each offset at most once. */
  ack(start: number, end: number): boolean;
  readonly held: boolean;
  /** It is to stay: no other member is to have it. */
  readonly isActive: boolean;
  /** Nothing of it is to be handed out for now. */
  readonly isPaused: boolean;
}

/** What is known of a delivered batch without its bytes, and which of its records are acked. Outlives the bytes. */
export class BatchInfo {
  readonly topic: string;
  readonly queueId: number;
  readonly baseOffset: number;
  readonly recordCount: number;
  readonly storeTime: number;
  readonly bornTime: number;
  readonly #brokerId: string;
  readonly #memory: boolean;
  readonly #position: number;
  readonly hold: QueueClaim;
  /** Index of the first record that was handed out with this object. */
  readonly #from: number;
  #idPrefix = '';
  /** One byte a record, 1 = done; made when records are acked one by one. */
  #done: Uint8Array | null = null;
  #allDone = false;

  constructor(
    header: BatchHeader,
    from: number,
    topic: string,
    memory: boolean,
    brokerId: string,
    hold: QueueClaim,
  ) {
    this.topic = topic;
    this.queueId = header.queueId;
    this.baseOffset = header.baseOffset;
    this.recordCount = header.recordCount;
    this.storeTime = header.storeTime;
    this.bornTime = header.bornTime;
    this.#position = header.position;
    this.#memory = memory;
    this.#brokerId = brokerId;
    this.hold = hold;
    this.#from = from;
  }

  /** Its queue is this consumer's still. */
  get held(): boolean {
    return this.hold.held;
  }

  messageId(index: number): string {
    if (this.#idPrefix === '') {
      this.#idPrefix = messageIdPrefix(this.#brokerId, this.#memory, this.#position);
    }
    return messageId(this.#idPrefix, index);
  }

  /** Records from `start` up to `end` are not handed out (the filter stops them): done as it were. */
  passOver(start: number, end: number): void {
    if (end <= start) {
      return;
    }
    this.#done ??= new Uint8Array(this.recordCount);
    this.#done.fill(1, start, end);
    this.hold.ack(this.baseOffset + start, this.baseOffset + end);
  }

  /** Acks one record; again is harmless. */
  ackRecord(index: number): boolean {
    if (this.#allDone) {
      return this.hold.held;
    }
    this.#done ??= new Uint8Array(this.recordCount);
    if (this.#done[index] === 1) {
      return this.hold.held;
    }
    this.#done[index] = 1;
    return this.hold.ack(this.baseOffset + index, this.baseOffset + index + 1);
  }

  /** Acks what is left of the batch, filtered records included. */
  ackAll(): boolean {
    if (this.#allDone) {
      return this.hold.held;
    }
    this.#allDone = true;
    const done = this.#done;
    if (done === null) {
      return this.hold.ack(this.baseOffset + this.#from, this.baseOffset + this.recordCount);
    }
    this.#done = null;
    let start = this.#from;
    for (let index = this.#from; index <= this.recordCount; index++) {
      if (index < this.recordCount && done[index] === 0) {
        continue;
      }
      if (index > start) {
        this.hold.ack(this.baseOffset + start, this.baseOffset + index);
      }
      start = index + 1;
    }
    return this.hold.held;
  }
}

/** One message. */
export class Message implements ConsumedMessage {
  readonly #batch: BatchInfo;
  readonly #source: RecordSource;
  readonly #at: number;
  readonly #index: number;
  #body: Uint8Array | null | undefined = undefined;
  #attributes: RecordAttributes | undefined = undefined;

  constructor(batch: BatchInfo, source: RecordSource, at: number, index: number) {
    this.#batch = batch;
    this.#source = source;
    this.#at = at;
    this.#index = index;
  }

  get topic(): string {
    return this.#batch.topic;
  }

  get queueId(): number {
    return this.#batch.queueId;
  }

  get offset(): number {
    return this.#batch.baseOffset + this.#index;
  }

  get messageId(): string {
    return this.#batch.messageId(this.#index);
  }

  get storeTime(): number {
    return this.#batch.storeTime;
  }

  get bornTime(): number {
    return this.#batch.bornTime + this.#source.view.getInt32(this.#at + BORN_DELTA_AT, true);
  }

  get tag(): string | undefined {
    const { bytes, view } = this.#source;
    const at = this.#at + HEADER_BYTES;
    const length = view.getUint8(this.#at + TAG_BYTES_AT);
    return length === 0 ? undefined : readUtf8(bytes, at, at + length);
  }

  get keys(): readonly string[] {
    return this.#decoded().keys;
  }

  get shardingKey(): string | undefined {
    return this.#decoded().shardingKey;
  }

  get properties(): Readonly<Record<string, PropertyValue>> {
    return this.#decoded().properties;
  }

  get bodyLength(): number {
    const { view } = this.#source;
    return view.getUint32(this.#at + LENGTH_AT, true) - bodyStart(view, this.#at);
  }

  get body(): Uint8Array | null {
    if (this.#body !== undefined) {
      return this.#body;
    }
    const { view, buffer, base } = this.#source;
    const at = this.#at;
    if ((view.getUint8(at + FLAGS_AT) & RECORD_FLAG.hasBody) === 0) {
      this.#body = null;
      return null;
    }
    const start = bodyStart(view, at);
    const body = new Uint8Array(buffer, base + at + start, view.getUint32(at + LENGTH_AT, true) - start);
    this.#body = body;
    return body;
  }

  text(): string {
    const { bytes, view } = this.#source;
    const at = this.#at;
    return readUtf8(bytes, at + bodyStart(view, at), at + view.getUint32(at + LENGTH_AT, true));
  }

  json<T = unknown>(): T | undefined {
    if (this.body === null) {
      return undefined;
    }
    try {
      return JSON.parse(this.text()) as T;
    } catch (cause) {
      const { topic, queueId, offset } = this;
      throw new RingMQError(
        'BAD_MESSAGE',
        `the message at offset ${offset} of ${topic} queue ${queueId} is no JSON: ${(cause as Error).message}`,
        { cause, details: { topic, queueId, offset, part: 'body' } },
      );
    }
  }

  ack(): Promise<boolean> {
    return this.#batch.ackRecord(this.#index) ? ACK_COUNTS : ACK_TOO_LATE;
  }

  /** What logs and `JSON.stringify` show; the body only by its size. */
  toJSON(): Record<string, unknown> {
    const { topic, queueId, offset, tag, keys, properties, shardingKey, bodyLength, messageId: id } = this;
    return { topic, queueId, offset, messageId: id, tag, keys, shardingKey, properties, bodyLength };
  }

  #decoded(): RecordAttributes {
    if (this.#attributes !== undefined) {
      return this.#attributes;
    }
    const { bytes, view } = this.#source;
    const at = this.#at;
    const start = at + HEADER_BYTES + view.getUint8(at + TAG_BYTES_AT);
    const attributesBytes = view.getUint16(at + ATTRIBUTES_BYTES_AT, true);
    this.#attributes = readAttributes(bytes, start, start + attributesBytes);
    return this.#attributes;
  }
}

/** Where the body of the record at `at` begins, from the record's start. */
function bodyStart(view: DataView, at: number): number {
  // Flags, a byte; the tag's bytes, a byte; the attributes' bytes, two.
  const parts = view.getUint32(at + FLAGS_AT, true);
  return HEADER_BYTES + ((parts >>> 8) & 0xff) + (parts >>> 16);
}

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
