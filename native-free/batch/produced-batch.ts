/** What a batch must be when its producer sends it, beside its records; and what to tell the producer of one that is not. */
import {
  BATCH,
  BATCH_ATTRIBUTE,
  BATCH_ATTRIBUTES_KNOWN,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  RECORD_HEADER_BYTES,
  readUint16,
  readUint32,
} from '../wire/index.js';
import { describeRecordsFault, recordsFault, recordsFaultInView } from './record-check.js';

const BOTH_FLUSHES = BATCH_ATTRIBUTE.syncFlush | BATCH_ATTRIBUTE.asyncFlush;
/** The upper half of 2⁵³: times from there on are no exact doubles. */
const BORN_TIME_HIGH_LIMIT = 2 ** 21;

/** What is wrong with the header of `bytes`, which are to be exactly one batch; null: nothing. */
export function producedHeaderFault(bytes: Uint8Array): string | null {
  const { length } = bytes;
  if (length < BATCH_HEADER_BYTES + RECORD_HEADER_BYTES || readUint32(bytes, BATCH.length) !== length) {
    return 'impossible length';
  }
  if (bytes[BATCH.version] !== BATCH_VERSION) {
    return 'unknown version';
  }
  if (bytes[BATCH.type] !== BATCH_TYPE.data) {
    return 'not a batch of messages';
  }
  const attributes = readUint16(bytes, BATCH.attributes);
  if ((attributes & ~BATCH_ATTRIBUTES_KNOWN) !== 0) {
    return 'unknown batch attributes';
  }
  if ((attributes & BOTH_FLUSHES) === BOTH_FLUSHES) {
    return 'both flush policies at once';
  }
  if (readUint32(bytes, BATCH.bornTime + 4) >= BORN_TIME_HIGH_LIMIT) {
    return 'a born time of 2^53 or more';
  }
  return null;
}

/** A walk over so many records is worth a view, which makes it a third faster. */
const RECORDS_WORTH_VIEW = 64;

/** 0 when the records of a batch whose header is sound may be stored; else for `describeRecordsFault`. */
export function producedRecordsFault(bytes: Uint8Array): number {
  const count = readUint32(bytes, BATCH.recordCount);
  const { length } = bytes;
  if (count < RECORDS_WORTH_VIEW) {
    return recordsFault(bytes, 0, length, count);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  return recordsFaultInView(bytes, view, 0, length, count);
}

/** What a refusal with BAD_BATCH or BAD_CHECKSUM says of the batch: which one it is, and what is wrong with which record. */
export function describeProducedBatch(bytes: Uint8Array): {
  message: string;
  details: Record<string, unknown>;
} {
  const details: Record<string, unknown> = {};
  if (bytes.length >= BATCH_HEADER_BYTES) {
    details['sequence'] = readUint32(bytes, BATCH.sequence);
  }
  const header = producedHeaderFault(bytes);
  const found = header === null ? producedRecordsFault(bytes) : 0;
  let what = header ?? '';
  if (found !== 0) {
    const fault = describeRecordsFault(found);
    what = fault.record === null ? fault.what : `record ${fault.record}: ${fault.what}`;
    if (fault.record !== null) {
      details['record'] = fault.record;
    }
  }
  return { message: what, details };
}
