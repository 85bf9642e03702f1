/** A message as a consumer sees it: a small object over the bytes that arrived, decoded when asked. */

import { type RecordAttributes, readAttributes } from '../../batch/batch-reader.js';
import type { RecordSource } from '../../batch/record-source.js';
import { readUtf8 } from '../../batch/text.js';
import { RECORD, RECORD_FLAG, RECORD_HEADER_BYTES, RingMQError } from '../../wire/index.js';
import type { ConsumedMessage, PropertyValue } from '../types.js';
import { ACK_COUNTS, ACK_TOO_LATE, type BatchInfo } from './batch-info.js';

/** Where a record's parts are, in constants of its own: those are compiled in, while imported ones are looked up with every use. */
const { length: LENGTH_AT, bornDelta: BORN_DELTA_AT, flags: FLAGS_AT, tagBytes: TAG_BYTES_AT } = RECORD;
const ATTRIBUTES_BYTES_AT = RECORD.attributesBytes;
const HEADER_BYTES = RECORD_HEADER_BYTES;

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

  get brokerSet(): string | undefined {
    return this.#batch.brokerSet;
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
    const { topic, brokerSet, queueId, offset, tag, keys, properties, shardingKey, bodyLength } = this;
    const place = brokerSet === undefined ? { topic } : { topic, brokerSet };
    const { messageId } = this;
    return { ...place, queueId, offset, messageId, tag, keys, shardingKey, properties, bodyLength };
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
