/**
 * Reads batches out of deliver frames. Everything that comes from outside is checked before it is used: lengths against
 * what is there, records against their batch, attributes against their record. After {@link checkRecords} has passed, reading cannot fail.
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
  RECORD,
  RECORD_FLAG,
  RECORD_HEADER_BYTES,
  RingMQError,
  readUint16,
  readUint32,
  readUint64,
  slotAligned,
} from '../wire/index.js';
import type { PropertyValue } from './outgoing-message.js';
import type { RecordSource } from './record-source.js';
import { readUtf8 } from './text.js';

/** What the walk over records needs, in constants of its own: those are compiled in, while imported ones are looked up with every use. */
const { length: LENGTH_AT, flags: FLAGS_AT } = RECORD;
const HEADER_BYTES = RECORD_HEADER_BYTES;
const HAS_BODY = RECORD_FLAG.hasBody;

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
 * Reads the header at `at` into `header` and returns where the next batch begins (may be past `end`: there is none then).
 * Throws `BAD_BATCH` if what lies between `at` and `end` cannot hold the batch it claims to be.
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

/** Walks all records of a batch whose header was read. Throws `BAD_BATCH`, naming the record. */
export function checkRecords({ bytes, view }: RecordSource, header: BatchHeader): void {
  const end = header.at + header.length;
  let at = header.at + BATCH_HEADER_BYTES;
  for (let record = 0; record < header.recordCount; record++) {
    const left = end - at;
    if (left < HEADER_BYTES) {
      throw badBatch('fewer records than it says', { record });
    }
    const length = view.getUint32(at + LENGTH_AT, true);
    // Flags, a byte; the tag's bytes, a byte; the attributes' bytes, two.
    const parts = view.getUint32(at + FLAGS_AT, true);
    const flags = parts & 0xff;
    const attributesAt = HEADER_BYTES + ((parts >>> 8) & 0xff);
    const head = attributesAt + (parts >>> 16);
    if (length > left || head > length) {
      throw badBatch('a record of impossible length', { record, length });
    }
    if ((flags & ~HAS_BODY) !== 0) {
      throw badBatch('unknown record flags', { record, flags });
    }
    if (flags === 0 && head !== length) {
      throw badBatch('a body where there is none', { record });
    }
    if (head > attributesAt && !attributesAreSound(bytes, at + attributesAt, at + head)) {
      throw badBatch('malformed attributes', { record });
    }
    at += length;
  }
  if (at !== end) {
    throw badBatch('bytes behind the last record', { bytes: end - at });
  }
}

function attributesAreSound(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (end - at < 2) {
      return false;
    }
    const kind = bytes[at] as number;
    at += 2 + (bytes[at + 1] as number);
    if (at > end) {
      return false;
    }
    if (kind === ATTRIBUTE_KIND.property) {
      at = valueEnd(bytes, at, end);
    } else if (kind !== ATTRIBUTE_KIND.key && kind !== ATTRIBUTE_KIND.shardingKey) {
      return false;
    }
  }
  return at === end;
}

/** Where the property value at `at` ends; Infinity if it is malformed or cut off. */
function valueEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) {
    return Number.POSITIVE_INFINITY;
  }
  switch (bytes[at]) {
    case PROPERTY_TYPE.number:
      return at + 9;
    case PROPERTY_TYPE.boolean:
      return at + 2;
    case PROPERTY_TYPE.string:
    case PROPERTY_TYPE.bytes:
      return end - at < 3 ? Number.POSITIVE_INFINITY : at + 3 + readUint16(bytes, at + 1);
    default:
      return Number.POSITIVE_INFINITY;
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
      at = valueEnd(bytes, valueAt, end);
      setProperty(found.properties, text, readValue(bytes, valueAt, at));
    }
  }
  return found;
}

/** A name like `__proto__` must become a property, not the object's prototype. */
function setProperty(properties: Record<string, PropertyValue>, name: string, value: PropertyValue): void {
  if (name === '__proto__') {
    Object.defineProperty(properties, name, { value, enumerable: true, writable: true, configurable: true });
  } else {
    properties[name] = value;
  }
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
