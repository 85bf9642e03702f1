/**
 * Control records as bytes: a MessagePack array of maps, which is the body of a control batch and a part of a
 * state snapshot. What is read was written by a broker and has the right checksum; it is checked all the
 * same, because it may come from another machine, and because a wrong number would be stored again.
 */
import { Packr } from 'msgpackr';
import {
  type Grant,
  grantFault,
  limitFault,
  MAX_AUDIT_TEXT,
  MAX_GRANTS,
  MAX_NAME_BYTES,
  MAX_QUEUES_PER_TOPIC,
  MAX_ROLES_PER_USER,
  MAX_SETS_PER_TOPIC,
  NAME_PATTERN,
  RingMQError,
  USER_LIMITS,
  type UserLimit,
} from '../../native-free/wire/index.js';
import type { ControlRecord } from './control-records.js';

/** One control batch has no more records; another one follows. */
export const MAX_RECORDS_IN_BATCH = 65_535;
/** Queues in one record of offsets that is written; more of them make several records. */
const PAIRS_IN_RECORD = 1024;
/** A queue id and an offset take no more, and what stands around the pairs takes no more. */
const PAIR_BYTES = 14;
const AROUND_PAIRS_BYTES = 512;
/** A name of a broker, of a topic or of a group: topics and groups may have one of the broker's own kind. */
const MAX_STORED_NAME = 2 * MAX_NAME_BYTES;
/** A right, or `role`, and a resource, or a name. */
const MAX_GONE_TEXT = 256;
const MAX_PAIRS = 2 * MAX_QUEUES_PER_TOPIC;
const ARRAY_HEAD_BYTES = 3;
const MAX_PACKED_TOGETHER = 128;

const AUDIT_TEXTS = [
  'user',
  'address',
  'connection',
  'method',
  'resource',
  'details',
  'result',
  'code',
] as const;

const packr = new Packr({ useRecords: false, copyBuffers: true });

/** An array of records, and how many there are. */
export interface EncodedRecords {
  bytes: Uint8Array;
  count: number;
}

/** `records` as one array. @throws RingMQError INTERNAL with more than {@link MAX_RECORDS_IN_BATCH} */
export function encodeRecords(records: readonly ControlRecord[]): Uint8Array {
  if (records.length > MAX_RECORDS_IN_BATCH) {
    throw new RingMQError('INTERNAL', `${records.length} control records are too many for one batch`);
  }
  return packr.pack(records);
}

/** `records`, in their order, as arrays of at most `maxBytes` each (at least 1,024); long ones are made into several. */
export function encodeInPieces(records: Iterable<ControlRecord>, maxBytes: number): EncodedRecords[] {
  const whole = asOnePiece(records, maxBytes);
  if (whole !== null) {
    return [whole];
  }
  const pieces: EncodedRecords[] = [];
  let parts: Uint8Array[] = [];
  let bytes = ARRAY_HEAD_BYTES;
  const seal = (): void => {
    if (parts.length > 0) {
      pieces.push({ bytes: asArray(parts, bytes), count: parts.length });
      parts = [];
      bytes = ARRAY_HEAD_BYTES;
    }
  };
  for (const record of records) {
    for (const part of cut(record, maxBytes)) {
      const packed = packr.pack(part);
      if (bytes + packed.length > maxBytes || parts.length === MAX_RECORDS_IN_BATCH) {
        seal();
      }
      parts.push(packed);
      bytes += packed.length;
    }
  }
  seal();
  return pieces;
}

/**
 * What {@link encodeRecords} made. `count`: how many there must be; null where nobody has said.
 * @throws RingMQError LOG_CORRUPT unless it is `count` records that may be applied; of a type that is not
 * known it may be that a newer version has written it.
 */
export function decodeRecords(bytes: Uint8Array, count: number | null): ControlRecord[] {
  let found: unknown;
  try {
    found = packr.unpack(bytes);
  } catch (error) {
    throw corrupt(`it is no MessagePack: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!Array.isArray(found) || found.length !== (count ?? found.length)) {
    throw corrupt(`it is no list of ${count ?? 'any'} records`);
  }
  for (const record of found) {
    checkRecord(record);
  }
  return found as ControlRecord[];
}

/** A few records, which are packed faster together; null when they may not fit. */
function asOnePiece(records: Iterable<ControlRecord>, maxBytes: number): EncodedRecords | null {
  if (!Array.isArray(records) || records.length === 0 || records.length > MAX_PACKED_TOGETHER) {
    return null;
  }
  for (const record of records as ControlRecord[]) {
    if ('pairs' in record && record.pairs.length > MAX_PACKED_TOGETHER) {
      return null;
    }
  }
  const bytes = packr.pack(records);
  return bytes.length <= maxBytes ? { bytes, count: records.length } : null;
}

/** A record of many queues as several. */
function cut(record: ControlRecord, maxBytes: number): ControlRecord[] {
  if (!('pairs' in record)) {
    return [record];
  }
  const queues = Math.min(PAIRS_IN_RECORD, Math.floor((maxBytes - AROUND_PAIRS_BYTES) / PAIR_BYTES));
  if (record.pairs.length <= 2 * queues) {
    return [record];
  }
  const parts: ControlRecord[] = [];
  for (let at = 0; at < record.pairs.length; at += 2 * queues) {
    parts.push({ ...record, pairs: record.pairs.slice(at, at + 2 * queues) });
  }
  return parts;
}

/** MessagePack's array of 16 bits of length, around maps that are packed. */
function asArray(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const array = new Uint8Array(bytes);
  array[0] = 0xdc;
  array[1] = parts.length >>> 8;
  array[2] = parts.length;
  let at = ARRAY_HEAD_BYTES;
  for (const part of parts) {
    array.set(part, at);
    at += part.length;
  }
  return array;
}

type Fields = Record<string, unknown>;

function checkRecord(value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw corrupt('a record is no map');
  }
  const record = value as Fields;
  switch (record['type']) {
    case 'epoch':
      whole(record, 'epoch', 1, 0xffffffff);
      whole(record, 'position');
      whole(record, 'time');
      name(record, 'name');
      return;
    case 'topicIds':
      whole(record, 'nextTopicId', 1, 2 ** 32);
      return;
    case 'topicCreated':
      name(record, 'topic');
      topicId(record);
      whole(record, 'queues', 1, MAX_QUEUES_PER_TOPIC);
      whole(record, 'createdTime');
      if (typeof record['memory'] !== 'boolean') {
        throw corrupt(`a '${String(record['type'])}' record has no memory`);
      }
      sets(record);
      optional(record, 'retentionMs', 1);
      optional(record, 'retentionSetTime', 0);
      return;
    case 'topicDeleted':
    case 'topicTombstone':
      name(record, 'topic');
      topicId(record);
      whole(record, 'createdTime');
      whole(record, 'deletedTime');
      return;
    case 'offsets':
    case 'starts':
    case 'expired':
    case 'resets':
      name(record, 'group');
      topicId(record);
      pairs(record);
      return;
    case 'queueEnds':
    case 'queueBegins':
      topicId(record);
      pairs(record);
      return;
    case 'startsDropped':
      name(record, 'group');
      topicId(record);
      return;
    case 'groupCreated':
      name(record, 'group');
      whole(record, 'createdTime');
      return;
    case 'groupDeleted':
      name(record, 'group');
      return;
    case 'groupPaused':
      name(record, 'group');
      whole(record, 'topicId', 0, 0xffffffff);
      if (typeof record['paused'] !== 'boolean') {
        throw corrupt("a 'groupPaused' record does not say whether it is");
      }
      return;
    case 'groupIdle':
      name(record, 'group');
      // Brokers once wrote parts of a millisecond.
      if (typeof record['idleMs'] === 'number') {
        record['idleMs'] = Math.floor(record['idleMs']);
      }
      whole(record, 'idleMs');
      return;
    case 'user':
      name(record, 'name');
      whole(record, 'changedTime');
      scram(record);
      names(record, 'roles', MAX_ROLES_PER_USER);
      grants(record);
      userLimits(record);
      accessTimes(record);
      return;
    case 'role':
      name(record, 'name');
      whole(record, 'changedTime');
      grants(record);
      accessTimes(record);
      return;
    case 'principalGone':
      name(record, 'name');
      whole(record, 'changedTime');
      return;
    case 'audit':
      whole(record, 'number', 1);
      whole(record, 'time');
      whole(record, 'count', 1);
      for (const field of AUDIT_TEXTS) {
        text(record, field);
      }
      return;
    default:
      throw corrupt(
        `a record has the unknown type '${String(record['type']).slice(0, 64)}'; was it written by a newer version?`,
      );
  }
}

function topicId(record: Fields): void {
  whole(record, 'topicId', 1, 0xffffffff);
}

function whole(record: Fields, field: string, least = 0, most = Number.MAX_SAFE_INTEGER): void {
  const value = record[field];
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    throw corrupt(`a '${String(record['type'])}' record has a bad ${field}`);
  }
}

function optional(record: Fields, field: string, least: number): void {
  if (record[field] !== undefined) {
    whole(record, field, least);
  }
}

function name(record: Fields, field: string): void {
  const value = record[field];
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_STORED_NAME) {
    throw corrupt(`a '${String(record['type'])}' record has a bad ${field}`);
  }
}

function text(record: Fields, field: string): void {
  const value = record[field];
  if (typeof value !== 'string' || value.length > MAX_AUDIT_TEXT) {
    throw corrupt(`a '${String(record['type'])}' record has a bad ${field}`);
  }
}

function sets(record: Fields): void {
  const value = record['sets'];
  const isList = Array.isArray(value) && value.length <= MAX_SETS_PER_TOPIC;
  if (
    value !== undefined &&
    !(isList && value.every((each) => typeof each === 'string' && NAME_PATTERN.test(each)))
  ) {
    throw corrupt(`a '${String(record['type'])}' record has bad sets`);
  }
}

function names(record: Fields, field: string, most: number): void {
  const value = record[field];
  const isList = Array.isArray(value) && value.length <= most;
  if (!isList || !value.every((each) => typeof each === 'string' && NAME_PATTERN.test(each))) {
    throw corrupt(`a '${String(record['type'])}' record has bad ${field}`);
  }
}

function grants(record: Fields): void {
  const value = record['grants'];
  const isList = Array.isArray(value) && value.length <= MAX_GRANTS;
  if (!isList || !value.every((each: Partial<Grant> | null) => isGrant(each))) {
    throw corrupt(`a '${String(record['type'])}' record has bad grants`);
  }
}

/** What most users have none of. */
function userLimits(record: Fields): void {
  const { limits = {}, limitTimes = {} } = record;
  for (const [limit, value] of Object.entries(limits as Fields)) {
    const time = (limitTimes as Fields)[limit];
    const isTime = Number.isSafeInteger(time) && (time as number) >= 0;
    if (!isUserLimit(limit) || limitFault(limit, value) !== null || !isTime) {
      throw corrupt(`a '${String(record['type'])}' record has bad limits`);
    }
  }
}

function isUserLimit(name: string): name is UserLimit {
  return (USER_LIMITS as readonly string[]).includes(name);
}

/** What older brokers do not say. */
function accessTimes(record: Fields): void {
  for (const field of ['createdTime', 'since', 'scramTime', 'forgotten']) {
    if (record[field] !== undefined) {
      whole(record, field, field === 'since' ? -1 : 0);
    }
  }
  const gone = record['gone'] ?? [];
  const isText = (each: unknown): boolean => typeof each === 'string' && each.length <= MAX_GONE_TEXT;
  if (!Array.isArray(gone) || gone.length > MAX_GRANTS || !gone.every(isText)) {
    throw corrupt(`a '${String(record['type'])}' record has bad ends`);
  }
  timesOf(record, 'goneTimes', gone);
  timesOf(record, 'grantTimes', record['grants']);
  timesOf(record, 'roleTimes', record['roles'] ?? []);
}

/** One for each. */
function timesOf(record: Fields, field: string, of: unknown): void {
  const times = record[field];
  const isTime = (each: unknown): boolean => Number.isSafeInteger(each) && (each as number) >= 0;
  const isList = Array.isArray(times) && times.length === (of as unknown[]).length;
  if (times !== undefined && !(isList && times.every(isTime))) {
    throw corrupt(`a '${String(record['type'])}' record has bad ${field}`);
  }
}

function isGrant(value: Partial<Grant> | null): boolean {
  const { right, resource } = value ?? {};
  return typeof right === 'string' && typeof resource === 'string' && grantFault(right, resource) === null;
}

function scram(record: Fields): void {
  const { salt, iterations, storedKey, serverKey } = (record['scram'] ?? {}) as Fields;
  const areKeys = [salt, storedKey, serverKey].every((key) => typeof key === 'string' && key.length <= 64);
  if (!areKeys || !Number.isSafeInteger(iterations)) {
    throw corrupt(`a '${String(record['type'])}' record has a bad scram`);
  }
}

function pairs(record: Fields): void {
  const value = record['pairs'];
  if (!Array.isArray(value) || value.length % 2 !== 0 || value.length > MAX_PAIRS) {
    throw corrupt(`a '${String(record['type'])}' record has bad pairs`);
  }
  for (const number of value as unknown[]) {
    if (!Number.isSafeInteger(number) || (number as number) < 0) {
      throw corrupt(`a '${String(record['type'])}' record has bad pairs`);
    }
  }
}

function corrupt(what: string): RingMQError {
  return new RingMQError('LOG_CORRUPT', `control records cannot be read: ${what}`);
}
