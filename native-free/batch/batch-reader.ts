/**
 * Reads batches out of deliver frames. Everything that comes from outside is checked before it is used:
 * lengths against what is there, records against their batch, attributes against their record. After {@link
 * checkRecords} has passed, reading cannot fail.
 */
import { crc32 } from '#checksum';
import {
  ATTRIBUTE_KIND,
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  MAX_BATCH_RECORDS,
  PAD_HEADER_BYTES,
  PROPERTY_TYPE,
  RingMQError,
  readUint32,
  readUint64,
  setOwn,
  slotAligned,
} from '../wire/index.js';
import type { PropertyValue } from './outgoing-message.js';
import { describeRecordsFault, propertyValueEnd, recordsFaultInView } from './record-check.js';
import type { RecordSource } from './record-source.js';
import { readUtf8 } from './text.js';

/** A batch's header as numbers. One object is filled again and again by {@link readHeader}. */
export class BatchHeader {
  /** Place of the batch in its bytes. */
  at = 0;
  length = 0;
  isPad = false;
  recordCount = 0;
  baseOffset = 0;
  position = 0;
  storeTime = 0;
  bornTime = 0;
  topicId = 0;
  queueId = 0;
  bodyCrc = 0;
}

function badBatch(what: string, details: Record<string, unknown>): RingMQError {
  return new RingMQError('BAD_BATCH', `the batch is malformed: ${what}`, { details });
}

/**
 * Reads the header at `at` into `header` and returns where the next batch begins (may be past `end`: there is
 * none then). Throws `BAD_BATCH` if what lies between `at` and `end` cannot hold the batch it claims to be.
 */
export function readHeader(bytes: Uint8Array, at: number, end: number, header: BatchHeader): number {
  const left = end - at;
  if (left < PAD_HEADER_BYTES) {
    throw badBatch('its header is cut off', { at, bytes: left });
  }
  const length = readUint32(bytes, at + BATCH.length);
  const type = bytes[at + BATCH.type] as number;
  if (bytes[at + BATCH.version] !== BATCH_VERSION) {
    throw badBatch('unknown version', { at, version: bytes[at + BATCH.version] });
  }
  header.at = at;
  header.length = length;
  header.isPad = type === BATCH_TYPE.pad;
  if (header.isPad) {
    if (length < PAD_HEADER_BYTES || length > left) {
      throw badBatch('a pad of impossible length', { at, length });
    }
    return at + slotAligned(length);
  }
  if (type !== BATCH_TYPE.data) {
    throw badBatch('unknown type', { at, type });
  }
  if (length < BATCH_HEADER_BYTES || length > left) {
    throw badBatch('impossible length', { at, length, bytes: left });
  }
  header.recordCount = readUint32(bytes, at + BATCH.recordCount);
  header.baseOffset = readUint64(bytes, at + BATCH.baseOffset);
  header.position = readUint64(bytes, at + BATCH.position);
  header.storeTime = readUint64(bytes, at + BATCH.storeTime);
  header.bornTime = readUint64(bytes, at + BATCH.bornTime);
  header.topicId = readUint32(bytes, at + BATCH.topicId);
  header.queueId = readUint32(bytes, at + BATCH.queueId);
  header.bodyCrc = readUint32(bytes, at + BATCH.bodyCrc);
  if (header.recordCount === 0 || header.recordCount > MAX_BATCH_RECORDS) {
    throw badBatch('impossible record count', { at, recordCount: header.recordCount });
  }
  if (header.baseOffset + header.recordCount > Number.MAX_SAFE_INTEGER) {
    throw badBatch('impossible offset', { at, baseOffset: header.baseOffset });
  }
  return at + slotAligned(length);
}

/** True if the records are what the producer sent. */
export function bodyIsIntact(bytes: Uint8Array, header: BatchHeader): boolean {
  return crc32(bytes, header.at + BATCH_HEADER_BYTES, header.at + header.length) === header.bodyCrc;
}

/** Looks at all records of a batch whose header was read. Throws `BAD_BATCH`, naming the record. */
export function checkRecords({ bytes, view }: RecordSource, header: BatchHeader): void {
  const end = header.at + header.length;
  const found = recordsFaultInView(bytes, view, header.at, end, header.recordCount);
  if (found !== 0) {
    const { what, record } = describeRecordsFault(found);
    throw badBatch(what, record === null ? {} : { record });
  }
}

/** The optional parts of a record, decoded. */
export interface RecordAttributes {
  keys: string[];
  shardingKey: string | undefined;
  properties: Record<string, PropertyValue>;
}

/** Decodes attributes that {@link checkRecords} has passed. Byte properties are copies. */
export function readAttributes(bytes: Uint8Array, start: number, end: number): RecordAttributes {
  const found: RecordAttributes = { keys: [], shardingKey: undefined, properties: {} };
  let at = start;
  while (at < end) {
    const kind = bytes[at] as number;
    const textAt = at + 2;
    at = textAt + (bytes[at + 1] as number);
    const text = readUtf8(bytes, textAt, at);
    if (kind === ATTRIBUTE_KIND.key) {
      found.keys.push(text);
    } else if (kind === ATTRIBUTE_KIND.shardingKey) {
      found.shardingKey = text;
    } else {
      const valueAt = at;
      at = propertyValueEnd(bytes, valueAt, end);
      setOwn(found.properties, text, readValue(bytes, valueAt, at));
    }
  }
  return found;
}

function readValue(bytes: Uint8Array, at: number, end: number): PropertyValue {
  switch (bytes[at]) {
    case PROPERTY_TYPE.number:
      return new DataView(bytes.buffer, bytes.byteOffset + at + 1, 8).getFloat64(0, true);
    case PROPERTY_TYPE.boolean:
      return bytes[at + 1] !== 0;
    case PROPERTY_TYPE.string:
      return readUtf8(bytes, at + 3, end);
    default:
      // Not `slice`: on a Node Buffer that would be a view.
      return new Uint8Array(bytes.subarray(at + 3, end));
  }
}
