/**
 * What a batch's records must be, for the broker before it stores them and for the client before it reads
 * them: one set of rules, so that nothing is stored which a consumer then refuses.
 *
 * A finding is a number, so that looking costs no object: 0 says that all is well, anything else is for
 * {@link describeRecordsFault}.
 */
import { BATCH_HEADER_BYTES, readUint16, readUint32 } from '../wire/batch-layout.js';
import {
  MAX_ATTRIBUTES_BYTES,
  MAX_BATCH_RECORDS,
  MAX_BODY_BYTES,
  MAX_KEYS_COUNT,
  MAX_PROPERTIES_COUNT,
  MAX_PROPERTY_NAME_BYTES,
  MAX_TAG_BYTES,
} from '../wire/limits.js';
import {
  ATTRIBUTE_KIND,
  PROPERTY_TYPE,
  RECORD,
  RECORD_FLAG,
  RECORD_HEADER_BYTES,
} from '../wire/record-layout.js';
import { isUtf8 } from './utf8.js';

/** What may be wrong, by its number. */
const FAULTS = [
  '',
  'an impossible number of records',
  'fewer records than it says',
  'bytes behind the last record',
  'a record of impossible length',
  'unknown record flags',
  'a body where there is none',
  `a body of more than ${MAX_BODY_BYTES} bytes`,
  `a tag of more than ${MAX_TAG_BYTES} bytes`,
  'a tag that is not UTF-8',
  `more than ${MAX_ATTRIBUTES_BYTES} bytes of tag and attributes`,
  'malformed attributes',
  'an attribute of unknown kind',
  'a key, a property name or a property value that is not UTF-8',
  `more than ${MAX_KEYS_COUNT} keys`,
  'two sharding keys',
  `more than ${MAX_PROPERTIES_COUNT} properties`,
  `a property name of more than ${MAX_PROPERTY_NAME_BYTES} bytes`,
  'two properties of one name',
  'a property value of unknown type',
  'a boolean that is neither 0 nor 1',
] as const;

/** Positions in {@link FAULTS}. */
const FAULT = {
  count: 1,
  missing: 2,
  behind: 3,
  length: 4,
  flags: 5,
  noBody: 6,
  bodyTooLarge: 7,
  tagTooLong: 8,
  tagText: 9,
  attributesTooLarge: 10,
  malformed: 11,
  kind: 12,
  text: 13,
  keys: 14,
  shardingKeys: 15,
  properties: 16,
  nameTooLong: 17,
  nameTwice: 18,
  type: 19,
  boolean: 20,
} as const;

/** A record's number stands above its fault. */
const FAULT_BITS = 5;

/** What the walk over records needs, in constants of its own: those are compiled in, while imported ones are looked up with every use. */
const { length: LENGTH_AT, flags: PARTS_AT } = RECORD;
const HEADER_BYTES = RECORD_HEADER_BYTES;
const HAS_BODY = RECORD_FLAG.hasBody;
/** The second word's value of a record with a body and nothing else: flags, tag bytes and attribute bytes in one. */
const PLAIN = RECORD_FLAG.hasBody;
const MAX_PLAIN_BYTES = RECORD_HEADER_BYTES + MAX_BODY_BYTES;

/** Keys of the records that were looked at last. */
let keysSeen = 0;

/** Whether a record of the batch that {@link recordsFault} or {@link recordsFaultInView} has passed last has a key. */
export function hadKeys(): boolean {
  return keysSeen > 0;
}

/**
 * Looks at all records of a batch of `count` whose header stands at `at` and which ends at `end`. A few
 * nanoseconds a record, and no object: a view makes the walk a third faster, and that of a batch of one record
 * four times as dear.
 * @returns 0, or what {@link describeRecordsFault} explains.
 */
export function recordsFault(bytes: Uint8Array, batchAt: number, end: number, count: number): number {
  keysSeen = 0;
  if (count === 0 || count > MAX_BATCH_RECORDS) {
    return FAULT.count;
  }
  let at = batchAt + BATCH_HEADER_BYTES;
  for (let record = 0; record < count; record++) {
    const left = end - at;
    if (left < HEADER_BYTES) {
      return (record << FAULT_BITS) | FAULT.missing;
    }
    const length = readUint32(bytes, at + LENGTH_AT);
    if (length < HEADER_BYTES || length > left) {
      return (record << FAULT_BITS) | FAULT.length;
    }
    const parts = readUint32(bytes, at + PARTS_AT);
    if (parts !== PLAIN || length > MAX_PLAIN_BYTES) {
      const fault = recordFault(bytes, at, length, parts);
      if (fault !== 0) {
        return (record << FAULT_BITS) | fault;
      }
    }
    at += length;
  }
  return at === end ? 0 : FAULT.behind;
}

/** {@link recordsFault} through a view of the same bytes, which who reads whole frames has anyway, and many records are worth. */
export function recordsFaultInView(
  bytes: Uint8Array,
  view: DataView,
  batchAt: number,
  end: number,
  count: number,
): number {
  keysSeen = 0;
  if (count === 0 || count > MAX_BATCH_RECORDS) {
    return FAULT.count;
  }
  let at = batchAt + BATCH_HEADER_BYTES;
  for (let record = 0; record < count; record++) {
    const left = end - at;
    if (left < HEADER_BYTES) {
      return (record << FAULT_BITS) | FAULT.missing;
    }
    const length = view.getUint32(at + LENGTH_AT, true);
    if (length < HEADER_BYTES || length > left) {
      return (record << FAULT_BITS) | FAULT.length;
    }
    const parts = view.getUint32(at + PARTS_AT, true);
    if (parts !== PLAIN || length > MAX_PLAIN_BYTES) {
      const fault = recordFault(bytes, at, length, parts);
      if (fault !== 0) {
        return (record << FAULT_BITS) | fault;
      }
    }
    at += length;
  }
  return at === end ? 0 : FAULT.behind;
}

/** What is wrong, and with which record of the batch, counted from 0; null: the batch as a whole. */
export function describeRecordsFault(found: number): { what: string; record: number | null } {
  const fault = found & ((1 << FAULT_BITS) - 1);
  const isOfBatch = fault === FAULT.count || fault === FAULT.behind;
  return { what: FAULTS[fault] ?? 'it is malformed', record: isOfBatch ? null : found >>> FAULT_BITS };
}

/** A record that has more than a body, or less. `parts`: flags, a byte; the tag's bytes, a byte; the attributes' bytes, two. */
function recordFault(bytes: Uint8Array, at: number, length: number, parts: number): number {
  const flags = parts & 0xff;
  const tagBytes = (parts >>> 8) & 0xff;
  const attributesBytes = parts >>> 16;
  const tagAt = at + HEADER_BYTES;
  const attributesAt = tagAt + tagBytes;
  const bodyBytes = length - HEADER_BYTES - tagBytes - attributesBytes;
  if (bodyBytes < 0) {
    return FAULT.length;
  }
  if ((flags & ~HAS_BODY) !== 0) {
    return FAULT.flags;
  }
  if (flags === 0 && bodyBytes > 0) {
    return FAULT.noBody;
  }
  if (bodyBytes > MAX_BODY_BYTES) {
    return FAULT.bodyTooLarge;
  }
  if (tagBytes > MAX_TAG_BYTES) {
    return FAULT.tagTooLong;
  }
  if (!isUtf8(bytes, tagAt, attributesAt)) {
    return FAULT.tagText;
  }
  if (attributesBytes === 0) {
    return 0;
  }
  if (tagBytes + attributesBytes > MAX_ATTRIBUTES_BYTES) {
    return FAULT.attributesTooLarge;
  }
  return attributesFault(bytes, attributesAt, attributesAt + attributesBytes);
}

function attributesFault(bytes: Uint8Array, start: number, end: number): number {
  let keys = 0;
  let shardingKeys = 0;
  let properties = 0;
  let at = start;
  while (at < end) {
    if (end - at < 2) {
      return FAULT.malformed;
    }
    const kind = bytes[at] as number;
    const textAt = at + 2;
    const textEnd = textAt + (bytes[at + 1] as number);
    if (textEnd > end) {
      return FAULT.malformed;
    }
    if (!isUtf8(bytes, textAt, textEnd)) {
      return FAULT.text;
    }
    at = textEnd;
    if (kind === ATTRIBUTE_KIND.key) {
      if (++keys > MAX_KEYS_COUNT) {
        return FAULT.keys;
      }
    } else if (kind === ATTRIBUTE_KIND.shardingKey) {
      if (++shardingKeys > 1) {
        return FAULT.shardingKeys;
      }
    } else if (kind === ATTRIBUTE_KIND.property) {
      if (textEnd - textAt > MAX_PROPERTY_NAME_BYTES) {
        return FAULT.nameTooLong;
      }
      if (properties >= MAX_PROPERTIES_COUNT) {
        return FAULT.properties;
      }
      if (!isNewName(bytes, textAt, textEnd, properties++)) {
        return FAULT.nameTwice;
      }
      const fault = valueFault(bytes, at, end);
      if (fault !== 0) {
        return fault;
      }
      at = propertyValueEnd(bytes, at, end);
    } else {
      return FAULT.kind;
    }
  }
  keysSeen += keys;
  return 0;
}

/** Hashes and places of the names of one record's properties. */
const nameHashes = new Int32Array(MAX_PROPERTIES_COUNT);
const nameStarts = new Int32Array(MAX_PROPERTIES_COUNT);
const nameEnds = new Int32Array(MAX_PROPERTIES_COUNT);
/** Chosen anew in each process: nobody can send names that all have one hash, to make each be compared with all others. */
const seed = Math.floor(Math.random() * 2 ** 32) | 0;

/** Remembers the name as number `index` of its record; false when an earlier one is the same. */
function isNewName(bytes: Uint8Array, start: number, end: number, index: number): boolean {
  let hash = seed ^ (end - start);
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    hash ^= hash >>> 15;
  }
  nameHashes[index] = hash;
  nameStarts[index] = start;
  nameEnds[index] = end;
  for (let other = 0; other < index; other++) {
    if (
      nameHashes[other] === hash &&
      areEqual(bytes, nameStarts[other] as number, nameEnds[other] as number, start, end)
    ) {
      return false;
    }
  }
  return true;
}

function areEqual(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  if (aEnd - a !== bEnd - b) {
    return false;
  }
  for (let i = 0; i < aEnd - a; i++) {
    if (bytes[a + i] !== bytes[b + i]) {
      return false;
    }
  }
  return true;
}

function valueFault(bytes: Uint8Array, at: number, end: number): number {
  const valueEnd = propertyValueEnd(bytes, at, end);
  if (valueEnd > end) {
    return at < end && !isKnownType(bytes[at] as number) ? FAULT.type : FAULT.malformed;
  }
  if (bytes[at] === PROPERTY_TYPE.boolean && (bytes[at + 1] as number) > 1) {
    return FAULT.boolean;
  }
  if (bytes[at] === PROPERTY_TYPE.string && !isUtf8(bytes, at + 3, valueEnd)) {
    return FAULT.text;
  }
  return 0;
}

function isKnownType(type: number): boolean {
  return type >= PROPERTY_TYPE.string && type <= PROPERTY_TYPE.bytes;
}

/** Where the property value at `at` ends; Infinity if it is malformed or cut off before it says its length. */
export function propertyValueEnd(bytes: Uint8Array, at: number, end: number): number {
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
